"""From what is known of a person to the columns that people are compared by.

In come the fields of the vault and the open traits, under whatever names clients gave them. Out
comes one record in a common spelling: lower case, no accents, no punctuation, dates as
YYYYMMDD, phone numbers as their last nine digits. What says nothing (`n/a`, `unknown`) is absent.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Record = dict[str, str]
"""Column → value; what is not known is absent."""

_PLACES = ("", "address_", "shipping_address_", "billing_address_", "default_address_")
"""Where a part of an address may stand: by itself or inside an object."""
_NOTHING = frozenset(
    "na none null nil unknown unbekannt test tester nobody anonymous anonym guest tbd xxx".split()
)
_HOUSE = re.compile(r"^(\d+[a-z]?)\s+(.+)$|^(.+?)\s+(\d+[a-z]?)$")
_YEAR_FIRST = re.compile(r"^(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:$|[T ])")
_YEAR_LAST = re.compile(r"^(\d{1,2})[-./ ](\d{1,2})[-./ ](\d{4})$")
_PHONE_DIGITS = 9
"""Without country code and trunk zero, which are written or left out as one likes."""


def clean_words(value: str) -> str | None:
    """A name or a line of an address in a common spelling.

    >>> clean_words("  Öster-Straße  ")
    'oster strasse'
    """
    plain = value.casefold()
    if not plain.isascii():
        # Twice: what one step leaves (a bold capital becomes a plain one), the next one folds.
        for _ in range(2):
            plain = unicodedata.normalize("NFKD", plain).casefold()
        plain = "".join(one for one in plain if not unicodedata.combining(one))
    words = " ".join(re.sub(r"[^\w]+|_", " ", plain).split())
    return None if not words or words.replace(" ", "") in _NOTHING else words


def clean_email(value: str) -> str | None:
    """An address in lower case, however it is written otherwise: typing errors count as such."""
    return value.strip().casefold() or None


def clean_phone(value: str) -> str | None:
    """The digits that are the number itself.

    >>> clean_phone("+44 (0)7700 900123") == clean_phone("07700 900123")
    True
    """
    digits = re.sub(r"\D", "", value)
    return digits[-_PHONE_DIGITS:] if len(digits) >= 6 and len(set(digits)) > 1 else None


def clean_date(value: str) -> str | None:
    """A date as YYYYMMDD; of 03/04/1980 the day is taken to come first.

    >>> clean_date("1980-04-03"), clean_date("3.4.1980"), clean_date("04/13/1980")
    ('19800403', '19800403', '19800413')
    """
    text = value.strip()
    if found := _YEAR_FIRST.match(text):
        return "".join(found.groups())
    if found := _YEAR_LAST.match(text):
        day, month, year = found.groups()
        if int(month) > 12 >= int(day):
            day, month = month, day
        return f"{year}{month:0>2}{day:0>2}"
    return None


def clean_code(value: str) -> str | None:
    """A postcode or house number: letters and digits only."""
    words = clean_words(value)
    return None if words is None else words.replace(" ", "")


_SOURCES: dict[str, tuple[Callable[[str], str | None], tuple[str, ...]]] = {
    "first_name": (clean_words, ("first_name",)),
    "last_name": (clean_words, ("last_name",)),
    "email": (clean_email, ("email",)),
    "phone": (clean_phone, ("phone", "telephone", "tel")),
    "birth_date": (clean_date, ("birthday", "birth_date", "date_of_birth", "dob")),
    "street": (clean_words, ("street", "address1", "address_line1", "line1", "address")),
    "street_2": (clean_words, ("street2", "address2", "address_line2", "line2")),
    "city": (clean_words, ("city", "town", "suburb")),
    "postcode": (clean_code, ("postcode", "postal_code", "zip", "zip_code")),
    "region": (clean_words, ("region", "state", "province", "county")),
    "country": (clean_words, ("country", "country_code")),
}
_ADDRESS = frozenset(["phone", "street", "street_2", "city", "postcode", "region", "country"])

COLUMNS = (*_SOURCES, "mailbox", "house")
"""Every column that a record may have."""


def record_of(fields: Mapping[str, Any]) -> Record:
    """The columns by which a person is compared.

    Args:
        fields: What is known, by the names of the vault and of traits.

    Returns:
        Some of COLUMNS, none of them empty.

    >>> record_of({"name": "Ann Lee", "address1": "7 High St", "email": "A.Lee@Shop.example"})
    {'email': 'a.lee@shop.example', 'street': 'high st', 'first_name': 'ann', 'last_name': 'lee', \
'mailbox': 'a.lee', 'house': '7'}
    """
    record: Record = {}
    for column, (clean, names) in _SOURCES.items():
        value = _first(fields, names, clean, _PLACES if column in _ADDRESS else ("",))
        if value is not None:
            record[column] = value
    _split_name(fields, record)
    if "email" in record:
        record["mailbox"] = record["email"].partition("@")[0]
    if found := _HOUSE.match(record.get("street", "")):
        before, after, other_after, other_before = found.groups()
        record["house"] = before or other_before
        record["street"] = after or other_after
    return {column: value for column, value in record.items() if value}


def _first(
    fields: Mapping[str, Any],
    names: tuple[str, ...],
    clean: Callable[[str], str | None],
    places: tuple[str, ...],
) -> str | None:
    for place in places:
        for name in names:
            stated = fields.get(place + name)
            if isinstance(stated, str | int) and (value := clean(str(stated))):
                return value
    return None


def _split_name(fields: Mapping[str, Any], record: Record) -> None:
    """Take first and last name from a full one where they were not stated apart."""
    if "first_name" in record or "last_name" in record:
        return
    whole = _first(fields, ("name", "full_name"), clean_words, ("",))
    first, _, last = (whole or "").rpartition(" ")
    if first:
        record["first_name"], record["last_name"] = first, last
