"""Values in one form, however they were written: countries, currencies, dates, phone numbers.

A value and what is declared of it come in, the standard form goes out. What can be read in two
ways is not read at all: 03/04/2025 is a day in March or in April until its format is declared.
"""

from typing import Any

from vocative.collect.standard.country import country_code
from vocative.collect.standard.currency import currency_code
from vocative.collect.standard.date import iso_date
from vocative.collect.standard.phone import phone_number
from vocative.workspace.standards import Standard

__all__ = ["country_code", "currency_code", "iso_date", "phone_number", "standard_form"]


def standard_form(value: Any, standard: Standard, *, country: str | None = None) -> str | None:
    """The standard form of a value.

    Args:
        value: As it was stated, neither None nor an empty text.
        standard: What it is: an ISO 3166 country, an ISO 4217 currency, an ISO 8601 date or an
            E.164 phone number.
        country: Where the person lives, as an ISO code: a phone number without a country code is
            taken for one from there, before `standard.region` is.

    Returns:
        None when it cannot be read, or can be read in two ways.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    match standard.kind:
        case "country":
            return country_code(text)
        case "currency":
            return currency_code(text)
        case "date":
            return iso_date(text, standard.formats)
        case "phone":
            return phone_number(text, country or standard.region)
