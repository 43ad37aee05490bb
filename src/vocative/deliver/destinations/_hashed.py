"""Addresses and phone numbers as advertising systems compare them: normalised, then SHA-256."""

import hashlib
import re

_GOOGLE_MAIL = ("gmail.com", "googlemail.com")
_NO_DIGIT = re.compile(r"\D+")


def hashed_email(address: str) -> str:
    """The SHA-256 of an address without outer spaces, in small letters.

    >>> hashed_email(" Ana@Example.com ") == hashed_email("ana@example.com")
    True
    """
    return _sha256(address.strip().lower())


def hashed_email_for_google(address: str) -> str:
    """The same; of Google's own mail without dots and what stands behind a plus.

    >>> hashed_email_for_google("A.na+news@gmail.com") == hashed_email("ana@gmail.com")
    True
    """
    local, _, domain = address.strip().lower().rpartition("@")
    if domain in _GOOGLE_MAIL:
        local = local.partition("+")[0].replace(".", "")
    return _sha256(f"{local}@{domain}")


def international_digits(phone: str | None) -> str | None:
    """The digits of a number with its country code; None of a number that names none.

    >>> international_digits("+44 20 7946 0018")
    '442079460018'
    >>> international_digits("020 7946 0018")
    """
    stated = (phone or "").strip()
    digits = _NO_DIGIT.sub("", stated)
    # E.164: at most 15 digits, the first no zero.
    if not stated.startswith("+") or not 7 <= len(digits) <= 15 or digits.startswith("0"):
        return None
    return digits


def hashed_digits(digits: str | None, *, plus: bool = False) -> str | None:
    """The SHA-256 of digits, with a plus before them where it is compared so."""
    return None if digits is None else _sha256(f"+{digits}" if plus else digits)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
