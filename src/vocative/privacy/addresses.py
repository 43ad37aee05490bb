"""E-mail addresses as they are compared and grouped."""

import re

_PLAIN = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    # Names of the root that are kept for something else need the full check.
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\b)[a-z]{2,24}"
)


def normal_email(address: str) -> str | None:
    """The address as it is compared: trimmed and lower-cased; None when it is no address.

    >>> normal_email(" Ana@Example.COM ")
    'ana@example.com'
    """
    # The full check takes 100 µs; of what most addresses look like it would change nothing.
    folded = address.strip().lower()
    if len(folded) <= 200 and _PLAIN.fullmatch(folded) and "--" not in folded:
        return folded
    from email_validator import EmailNotValidError, validate_email

    try:
        # test_environment admits .test names; reserved example domains are ordinary ones here.
        checked = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return checked.normalized.lower()


def email_domain(address: str) -> str:
    """The part after the @."""
    return address.rpartition("@")[2]
