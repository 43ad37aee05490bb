"""What is personal and what is not: the split at the door between vault and history.

Traits and properties come in as clients wrote them. Out come the fields for the vault, and the
rest for pseudonymous history. A trait that `traits.yaml` does not declare counts as personal.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vocative.workspace import Trait

REMOVED = "[removed]"
_EMAIL = re.compile(r"[^\s@<>\"',;:/=?&]+@[^\s@<>\"',;:/?&]+\.[^\s@<>\"',;:/?&]+")
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

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

VAULT_NAMES = {
    "email_address": "email",
    "e_mail": "email",
    "mail": "email",
    "phone_number": "phone",
    "mobile": "phone",
    "surname": "last_name",
    "given_name": "first_name",
    "family_name": "last_name",
}


@lru_cache(maxsize=20_000)
def snake(name: str) -> str:
    """`firstName`, `First Name` and `first-name` as `first_name`."""
    spaced = _BOUNDARY.sub("_", name.strip())
    return re.sub(r"[^0-9a-zA-Z]+", "_", spaced).strip("_").lower()


def split_traits(
    traits: Mapping[str, Any], declared: Mapping[str, Trait]
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """(fields for the vault, non-identifying traits for the profile)."""
    vault: dict[str, str | None] = {}
    open_traits: dict[str, Any] = {}
    for written, value in traits.items():
        name = snake(written)
        name = VAULT_NAMES.get(name, name)
        trait = declared.get(name)
        if trait is not None and not trait.personal and name not in PERSONAL_NAMES:
            open_traits[name] = None if value == "" else clean_value(value)
        elif isinstance(value, Mapping):
            for inner, inner_value in value.items():
                vault[f"{name}_{snake(inner)}"] = _text(inner_value)
        elif name:
            vault[name] = _text(value)
    return vault, open_traits


def clean_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without what identifies a person: known names dropped, addresses blotted out."""
    return {
        name: value if value.__class__ in _PLAIN else clean_value(value)
        for name, value in properties.items()
        if not _is_personal(name)
    }


@lru_cache(maxsize=20_000)
def _is_personal(name: str) -> bool:
    return snake(name) in PERSONAL_NAMES


_PLAIN = frozenset({int, float, bool, type(None)})


def clean_value(value: Any) -> Any:
    """A property's value with every e-mail address in it blotted out."""
    if isinstance(value, str):
        text = value if len(value) <= 2_000 else value[:2_000]
        return _EMAIL.sub(REMOVED, text) if "@" in text else _without_query(text)
    if isinstance(value, Mapping):
        return clean_properties(value)
    if isinstance(value, list):
        return [clean_value(element) for element in value]
    return value


def _without_query(text: str) -> str:
    # A page's query string carries ids and addresses more often than meaning.
    return text.partition("?")[0] if text.startswith("http") and "://" in text[:9] else text


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value)[:2_000]
