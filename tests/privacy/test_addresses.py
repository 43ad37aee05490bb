"""Addresses as they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.privacy.addresses import email_domain, normal_email


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        (" Ana@Example.COM ", "ana@example.com"),
        ("o'neill+news@example.co.uk", "o'neill+news@example.co.uk"),
        ("José@exámple.com", "josé@exámple.com"),
        ("josé@example.com", "josé@example.com"),  # composed
        ("a.b@shop.test", "a.b@shop.test"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_address_is_trimmed_and_lower_cased(written: str, compared: str) -> None:
    assert normal_email(written) == compared


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "@",
        "ana",
        "ana@",
        "@example.com",
        "ana@example",
        "a b@example.com",
        "ana@exa mple.com",
        "ana@@example.com",
        "ana@example..com",
        "ana@-example.com",
        "ana@example.com, bo@example.com",
        "Ana <ana@example.com>",
        "ana@example.com\r\nBcc: bo@example.com",
        "ana@[127.0.0.1]",
        "ana@" + "x" * 300 + ".com",
        "ana\0@example.com",
    ],
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert normal_email(written) is None


@given(st.text() | st.emails())
def test_comparing_is_settled_after_once(written: str) -> None:
    once = normal_email(written)
    if once is not None:
        assert normal_email(once) == once
        assert once == once.strip().lower()
        assert "@" not in email_domain(once)


ENDS = (
    "com",
    "de",
    "co.uk",
    "x",
    "arpa",
    "shop",
    "example",
    "localx",
    "test",
    "local.shop",
    "onion",
)
plain = st.text("abz09_+-.", min_size=1, max_size=12)


@given(st.builds("{}@{}.{}".format, plain, plain, st.sampled_from(ENDS)))
def test_the_quick_way_agrees_with_the_full_check(written: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(written, check_deliverability=False, test_environment=True)
        expected = checked.normalized.lower()
    except EmailNotValidError:
        expected = None
    assert normal_email(written) == expected
