"""What SendGrid adds to Handlebars: names of its own, and tags from before it had Handlebars."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

OWN_NAMES = {
    "unsubscribe": "unsubscribe_url",
    "unsubscribe_preferences": "preferences_url",
    "weblink": "view_url",
    "Weblink": "view_url",
    "Sender_Name": "sender_name",
    "Sender_Address": "postal_address",
}
"""SendGrid's names for a message's own pages and sender, and ours."""
ADDRESS_PARTS = frozenset(("Sender_City", "Sender_State", "Sender_Zip", "Sender_Country"))
"""Parts of the sender's address; all of it stands in `postal_address`."""
ALWAYS_THERE = frozenset(("unsubscribe_url", "view_url", "sender_name", "postal_address"))
"""What every message has, so that nothing has to stand in for it."""
_LINKS = {
    "unsubscribe": "unsubscribe_url",
    "unsubscribe_preferences": "preferences_url",
    "weblink": "view_url",
    "asm_group_unsubscribe_raw_url": "unsubscribe_url",
    "asm_group_unsubscribe_url": "unsubscribe_url",
    "asm_global_unsubscribe_raw_url": "unsubscribe_url",
    "asm_global_unsubscribe_url": "unsubscribe_url",
    "asm_preferences_raw_url": "preferences_url",
    "asm_preferences_url": "preferences_url",
}
_LEGACY = re.compile(
    r"""
    \[(?P<link>unsubscribe|weblink|unsubscribe_preferences)\]
  | <%\s*(?P<asm>asm_\w{1,40})\s*%>
  | \[%\s*(?P<field>[\w.\- ]{1,60}?)\s*(?:\|\s*(?P<fallback>[^%\]]{0,200}?)\s*)?%\]
  | (?<![\w-])-(?P<substitution>[A-Za-z_]\w{0,60})-(?![\w-])
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LegacyTag:
    """A tag that is not one of Handlebars."""

    start: int
    end: int
    name: str
    usual: str | None = None
    fallback: str = ""


def find_legacy_tags(text: str, is_mapped: Callable[[str], bool]) -> Iterator[LegacyTag]:
    """SendGrid's older tags in a text, in order.

    Args:
        text: Text between tags of Handlebars.
        is_mapped: Whether the mapping names a field. Words between hyphens are only taken for a
            substitution tag when it does: `-50-` may as well be meant as it stands.
    """
    for found in _LEGACY.finditer(text):
        start, end = found.span()
        link = (found["link"] or found["asm"] or "").lower()
        if link in _LINKS:
            yield LegacyTag(start, end, found[0], _LINKS[link])
        elif found["field"]:
            yield LegacyTag(start, end, found["field"], None, found["fallback"] or "")
        elif found["substitution"]:
            name = next((one for one in (found[0], found["substitution"]) if is_mapped(one)), None)
            if name is not None:
                yield LegacyTag(start, end, name)
