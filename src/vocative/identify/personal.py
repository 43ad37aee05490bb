"""What is personal and what is not: the split at the door between vault and history.

Traits and properties come in as clients wrote them. Out come the fields for the vault, and the
rest for pseudonymous history. A trait that `traits.yaml` does not declare counts as personal.
"""

import re
from collections.abc import Mapping, Set
from typing import Any

import msgspec

from vocative.collect.naming import snake, trait_name
from vocative.workspace import Trait

REMOVED = "[removed]"
MAX_TEXT = 2_000
# Bounded repeats: a text made to be slow takes time in proportion to its length.
_EMAIL = re.compile(
    r"[^\s@<>\",;:/=?&%]{0,128}(?:@|%40)[^\s@<>\"',;:/?&%]{1,255}\.[^\W\d_][^\s@<>\"',;:/?&%.]{0,62}",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.])\+\d[\d ()./-]{6,18}\d")
_LINK = re.compile(r"(?:https?://|/|\?)", re.IGNORECASE)

PERSONAL_NAMES = frozenset(
    [
        "email",
        "e_mail",
        "mail",
        "email_address",
        "phone",
        "phone_number",
        "mobile",
        "tel",
        "telephone",
        "first_name",
        "last_name",
        "full_name",
        "customer_name",
        "user_name",
        "username",
        "nick_name",
        "nickname",
        "surname",
        "given_name",
        "family_name",
        "name_on_card",
        "recipient",
        "address",
        "street",
        "address1",
        "address2",
        "address_line1",
        "address_line2",
        "shipping_address",
        "billing_address",
        "postcode",
        "postal_code",
        "zip",
        "zip_code",
        "birthday",
        "birth_date",
        "date_of_birth",
        "dob",
        "ip",
        "ip_address",
        "device_id",
        "advertising_id",
        "idfa",
        "gaid",
        "latitude",
        "longitude",
        "token",
        "password",
        "ssn",
        "iban",
        "card_number",
        "user_id",
        "userid",
        "customer_id",
        "anonymous_id",
        "external_id",
        "message",
        "note",
        "comment",
        "free_text",
    ]
)
"""Property names that never reach history, in snake case."""

_PERSONAL_ENDINGS = tuple(
    f"_{ending}"
    for ending in (
        "email first_name last_name full_name surname phone mobile telephone address street"
        " postcode postal_code zip zip_code birthday birth_date date_of_birth ip ip_address"
        " device_id card_number user_name username password"
    ).split()
)
"""`billing_first_name` and `customer_email` are as personal as what they end with."""

_PEOPLE = frozenset(
    "customer user person profile account buyer contact subscriber member guest owner sender"
    " billing shipping delivery traits".split()
)
"""Names of descriptions of people; as a number (`shipping: 4.90`) they are none."""


def split_traits(
    traits: Mapping[str, Any], declared: Mapping[str, Trait]
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """(fields for the vault, non-identifying traits for the profile)."""
    vault: dict[str, str | None] = {}
    open_traits: dict[str, Any] = {}
    for written, value in traits.items():
        name = trait_name(written)
        trait = declared.get(name)
        if trait is not None and not trait.personal and name not in PERSONAL_NAMES:
            open_traits[name] = None if value == "" else clean_value(value)
        elif isinstance(value, Mapping):
            for inner, inner_value in value.items():
                vault[f"{name}_{snake(inner)}"] = _text(inner_value)
        elif name:
            vault[name] = _text(value)
    return vault, open_traits


def without(properties: Mapping[str, Any], personal: Set[str]) -> dict[str, Any]:
    """Properties without some names, in snake case, however deep they stand."""
    return {
        name: _without_inside(value, personal)
        for name, value in properties.items()
        if snake(name) not in personal
    }


def _without_inside(value: Any, personal: Set[str]) -> Any:
    if isinstance(value, Mapping):
        return without(value, personal)
    if isinstance(value, list):
        return [_without_inside(element, personal) for element in value]
    return value


def clean_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without what identifies a person: known names dropped, addresses blotted out."""
    kept = {}
    known = _MEANINGS.get
    for name, value in properties.items():
        kind = value.__class__
        meaning = known(name)
        if meaning is None:
            meaning = _meaning(name)
        if meaning == _ITEM:
            if kind is str:
                kept[name] = clean_text(value)
            else:
                kept[name] = value if kind in _PLAIN else clean_value(value)
        elif meaning == _PERSON and kind in _NUMBERS:
            kept[name] = value
    return kept


_ITEM, _PERSON, _PERSONAL = 0, 1, 2


_MEANINGS: dict[str, int] = {}
"""Names that came up before; a dict is asked twice as fast as a cache that keeps count."""
_MOST_MEANINGS = 20_000


def _meaning(name: str) -> int:
    if len(_MEANINGS) >= _MOST_MEANINGS:
        _MEANINGS.clear()
    meaning = _MEANINGS[name] = _new_meaning(name)
    return meaning


def _new_meaning(name: str) -> int:
    plain = snake(name)
    if plain in PERSONAL_NAMES or plain.endswith(_PERSONAL_ENDINGS) or clean_text(name) != name:
        return _PERSONAL
    return _PERSON if plain in _PEOPLE else _ITEM


_NUMBERS = frozenset({int, float})
_PLAIN = frozenset({int, float, bool, type(None)})


def clean_value(value: Any) -> Any:
    """A property's value with every e-mail address and phone number in it blotted out."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return clean_properties(value)
    if isinstance(value, list):
        return [clean_value(element) for element in value]
    return value


def clean_text(text: str) -> str:
    """Text of at most 2,000 characters without e-mail addresses, phone numbers and queries."""
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(REMOVED, text)
    if "+" in text:
        text = _PHONE.sub(REMOVED, text)
    if ("?" in text or "#" in text) and _LINK.match(text):
        # What follows a page's address carries ids and names more often than meaning.
        text = re.split("[?#]", text, maxsplit=1)[0]
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT]


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:MAX_TEXT]
