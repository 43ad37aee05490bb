"""Braze: Liquid with `${…}` for data of the profile, and tags that fetch or give up."""

import re
from typing import ClassVar

from vocative.compose.dialects._liquid_family import LiquidFamily, printing, refusing
from vocative.compose.dialects._liquid_rules import ZONE, nearly, renamed
from vocative.compose.dialects._liquid_walk import Walk
from vocative.compose.dialects._tags import BraceTag
from vocative.compose.dialects._tokens import Token, read_path

_REASON = re.compile(r"""\s*\(\s*(?:"([^"]*)"|'([^']*)')?\s*\)\s*\Z""")
_UNSAID = "message is aborted"
_NO_REASON = "the reason is a text in quotes; whoever comes here gets no message"
_FETCHES = "nothing is fetched while a mail is rendered"
_FETCH_FIX = "bring the data in as traits or as items of the catalog, and print those"
_SUBSCRIBED = "subscription states are kept as consent, not as data of a template"


def _abort(walk: Walk, tag: BraceTag) -> None:
    found = _REASON.match(tag.rest)
    if found is None:
        # Rather no message than one that its author meant to stop.
        walk.refuse(tag, "abort_message is not well-formed", _NO_REASON)
        walk.write(tag, "skip_message")
        return
    reason = (found[1] or found[2] or _UNSAID).strip() or _UNSAID
    quote = "'" if '"' in reason else '"'
    walk.write(tag, f"skip_message {quote}{reason}{quote}")
    walk.carried(tag)


def _connected_content(walk: Walk, tag: BraceTag) -> None:
    saved = re.search(r":save\s+(\w+)", tag.rest)
    if saved:
        walk.values.locals.add(saved[1])
    walk.refuse(tag, _FETCHES, _FETCH_FIX)


def _catalog_items(walk: Walk, tag: BraceTag) -> None:
    walk.values.locals.add("items")
    walk.refuse(
        tag,
        "items are not looked up by a tag here",
        "let the campaign choose products; they are in products",
    )


class Braze(LiquidFamily):
    """Liquid as in Braze."""

    title = "Braze Liquid"
    people = frozenset(("custom_attribute", "user"))
    prefixes: ClassVar = {
        "event_properties": "event",
        "api_trigger_properties": "trigger",
        "canvas_entry_properties": "trigger",
        "context": "trigger",
    }
    names: ClassVar = {
        "email_address": "person.email",
        "phone_number": "person.phone",
        "time_zone": "person.timezone",
        "user_id": "person.user_id",
        "campaign.name": "campaign.name",
        "canvas.name": "campaign.name",
        "set_user_to_unsubscribed_url": "unsubscribe_url",
        "unsubscribe_url": "unsubscribe_url",
        "set_user_to_subscribed_url": "preferences_url",
        "set_user_to_opted_in_url": "preferences_url",
    }
    filters: ClassVar = {
        "base64": renamed("base64_encode"),
        "base64_encode": renamed("base64_encode"),
        "hmac_sha1": renamed("hmac_sha1"),
        "hmac_sha1_hex": renamed("hmac_sha1"),
        "hmac_sha256": renamed("hmac_sha256"),
        "json_escape": nearly("strip", "the value is escaped for HTML, not for JSON"),
        "number_with_delimiter": renamed("group_digits"),
        "sha2": renamed("sha256"),
        "time_zone": ZONE,
        "url_escape": renamed("url_encode"),
        "url_param_escape": renamed("url_encode"),
    }
    own_tags: ClassVar = {
        "abort_message": _abort,
        "connected_content": _connected_content,
        "catalog_items": _catalog_items,
        "catalog_selection_items": _catalog_items,
        "message_extras": refusing("a message has no extras here", "remove the tag"),
        "promotion": printing(
            'offer.code | default: ""', "the code is that of the offer which the campaign chose"
        ),
    }

    def own_output(self, walk: Walk, tag: BraceTag, tokens: list[Token]) -> bool:
        """Content blocks, subscription states and the preference center."""
        if not tokens or tokens[0].kind not in ("word", "sigil"):
            return False
        names = read_path(tokens, 0)[0].names
        if names[0] == "content_blocks" and len(names) > 1:
            walk.inline(names[1], tag, "content block")
        elif names[0] == "preference_center" and len(names) > 1:
            walk.write(tag, 'preferences_url | default: ""', output=True)
            walk.differs(tag, "there is one page of preferences, Vocative's own")
        elif names[0] == "subscribed_state":
            walk.refuse(tag, _SUBSCRIBED, "choose by consent in the campaign's audience")
        elif names[0] in ("set_user_to_subscribed_url", "set_user_to_opted_in_url"):
            walk.write(tag, 'preferences_url | default: ""', output=True)
            walk.differs(tag, "it leads to the page of preferences, where one can subscribe")
        else:
            return False
        return True
