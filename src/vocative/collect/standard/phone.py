"""Phone numbers as E.164 writes them: +4930123456."""

from functools import lru_cache

LONGEST = 60


def phone_number(stated: str, region: str | None = None) -> str | None:
    """The number with its country code; None when it is no number that a phone can have.

    Args:
        stated: As people write it, with or without a country code.
        region: ISO code of the country in which a number without a country code is dialled;
            without one such a number is not read.

    >>> phone_number("(030) 12 34 56", "DE"), phone_number("030 123456")
    ('+4930123456', None)
    """
    import phonenumbers

    if len(stated) > LONGEST:
        return None
    try:
        number = phonenumbers.parse(stated, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1)
def phone_countries() -> frozenset[str]:
    """ISO codes of the countries whose numbers can be read without a country code."""
    import phonenumbers

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


@lru_cache
def phone_example(region: str) -> str:
    """How somebody would write a number of a country.

    Args:
        region: Its ISO code.

    >>> phone_example("DE")
    '+49 30 123456'
    """
    import phonenumbers

    number = phonenumbers.example_number(region)
    if number is None:
        return "+…"
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
