"""E-mail addresses as they are compared and grouped."""


def normal_email(address: str) -> str | None:
    """The address as it is compared: trimmed and lower-cased; None when it is no address.

    >>> normal_email(" Ana@Example.COM ")
    'ana@example.com'
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        # test_environment admits .test names; reserved example domains are ordinary ones here.
        checked = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        stripped = address.strip()
        return normal_email(stripped) if stripped != address else None
    return checked.normalized.lower()


def email_domain(address: str) -> str:
    """The part after the @."""
    return address.rpartition("@")[2]
