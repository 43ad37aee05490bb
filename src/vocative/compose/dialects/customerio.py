"""Customer.io: Liquid over a customer, the event or trigger behind a message, and snippets."""

import re
from typing import ClassVar

from vocative.compose.dialects._liquid_family import LiquidFamily, printing, refusing
from vocative.compose.dialects._liquid_rules import ZONE, nearly, renamed
from vocative.compose.dialects._liquid_walk import Walk
from vocative.compose.dialects._tags import BraceTag
from vocative.compose.dialects._tokens import Token, read_path, tokens_of

_PREFERENCES = 'preferences_url | default: ""'
_ADDRESS = re.compile(r"(?:https?:|mailto:|tel:)[^\s\"'<>{}%]+\Z", re.IGNORECASE)


def _link(walk: Walk, tag: BraceTag) -> None:
    """`{% cio_link url:"…" %}`: the address itself; tracking is added to links anyway."""
    tokens = tokens_of(tag.rest, tag.rest_start)
    for index, token in enumerate(tokens[:-2]):
        value = tokens[index + 2]
        if token.text in ("url", "link", "href") and tokens[index + 1].is_mark(":"):
            if value.kind == "string" and _ADDRESS.match(value.text):
                walk.translation.writer.literal(value.text, tag.start)
                walk.differs(tag, "the link is tracked as every other link is")
                return
            if value.kind == "word":
                path = walk.values.path(read_path(tokens, index + 2)[0])
                walk.write(tag, f'{path} | default: ""', output=True)
                walk.differs(tag, "the link is tracked as every other link is")
                return
    walk.refuse(tag, "this link has no address", 'write its address: <a href="https://…">')


class CustomerIo(LiquidFamily):
    """Liquid as in Customer.io."""

    title = "Customer.io Liquid"
    people = frozenset(("customer",))
    prefixes: ClassVar = {"event": "event", "trigger": "trigger", "journey": "journey"}
    names: ClassVar = {
        "campaign.name": "campaign.name",
        "broadcast.name": "campaign.name",
        "newsletter.name": "campaign.name",
        "now": '"now"',
    }
    filters: ClassVar = {
        "base64": renamed("base64_encode"),
        "cgi_escape": renamed("url_encode"),
        "currency": nearly(
            "money",
            "the amount is printed without a symbol unless a currency follows",
            arguments=False,
        ),
        "date": renamed("date"),
        "format_number": nearly("group_digits", "thousands are grouped", arguments=False),
        "hexdigest": renamed("sha256"),
        "rounded_currency": nearly(
            "money", "the amount is printed with its decimals", arguments=False
        ),
        "timezone": ZONE,
        "titlecase": renamed("title_case"),
        "url_escape": renamed("url_encode"),
    }
    own_tags: ClassVar = {
        "cio_link": _link,
        "manage_subscription_preferences_url": printing(_PREFERENCES),
        "unsubscribe": printing("unsubscribe_url"),
        "unsubscribe_url": printing("unsubscribe_url"),
        "view_in_browser_url": printing("view_url"),
        "random": refusing("chance is a campaign's, not a template's", "use variants"),
    }

    def own_output(self, walk: Walk, tag: BraceTag, tokens: list[Token]) -> bool:
        """Snippets, and the place where a layout puts the message."""
        if not tokens or tokens[0].kind != "word":
            return False
        names = read_path(tokens, 0)[0].names
        if names[0] == "snippets" and len(names) > 1:
            walk.inline(names[1], tag, "snippet")
        elif names == ("content",):
            walk.inline("content", tag, "message")
        else:
            return False
        return True
