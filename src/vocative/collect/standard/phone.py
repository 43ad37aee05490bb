"""Phone numbers as E.164 writes them: +4930123456."""

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
