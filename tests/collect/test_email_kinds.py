"""Kinds of e-mail addresses: disposable, misspelt, of a role, ordinary."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.collect.addresses import email_kind, meant_email


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ana@shop.example", "ordinary"),
        ("ana@gmail.com", "ordinary"),
        ("ana@yahoo.co.uk", "ordinary"),
        ("ana@outlook.de", "ordinary"),
        ("info@shop.example", "role"),
        ("info+shop@shop.example", "role"),
        ("no-reply@shop.example", "role"),
        ("information.desk@shop.example", "ordinary"),
        ("ana@mailinator.com", "disposable"),
        ("ana@any.mailinator.com", "disposable"),
        ("info@mailinator.com", "disposable"),
        ("ana@gmial.com", "misspelt"),
    ],
)
def test_an_address_is_of_one_kind(address: str, kind: str) -> None:
    assert email_kind(address) == kind


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("ana@gmial.com", "ana@gmail.com"),
        ("ana@gmai.com", "ana@gmail.com"),
        ("ana@gmaill.com", "ana@gmail.com"),
        ("ana@gmsil.com", "ana@gmail.com"),
        ("ana@gmail.con", "ana@gmail.com"),
        ("ana@gmail.co", "ana@gmail.com"),
        ("ana@gmial.con", "ana@gmail.com"),
        ("ana@hotmial.co.uk", "ana@hotmail.co.uk"),
        ("ana@yaho.com", "ana@yahoo.com"),
        ("ana@outlok.de", "ana@outlook.de"),
        ("ana@t-onlin.de", "ana@t-online.de"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(address: str, meant: str) -> None:
    assert meant_email(address) == meant
    assert email_kind(meant) == "ordinary"


@pytest.mark.parametrize(
    "domain",
    "mail.com email.com ymail.com gmx.de gmx.net gmx.at web.de aol.com me.com live.com yahoo.dk"
    " icloud.com mail.ru cloud.com orange.com outlook.fr shop.co example.om proton.me".split(),
)
def test_what_exists_is_no_slip(domain: str) -> None:
    assert meant_email(f"ana@{domain}") is None


def test_every_listed_domain_is_disposable(shared_data: Path) -> None:
    """The installed list is newer than the kept one; few domains were taken off it since."""
    kept = (shared_data / "disposable_domains" / "disposable_email_blocklist.conf").read_text()
    domains = kept.split()
    found = sum(email_kind(f"ana@{domain}") == "disposable" for domain in domains)
    assert len(domains) > 5_000
    assert found / len(domains) > 0.98


@given(st.text())
def test_no_text_fails(text: str) -> None:
    email_kind(text)
    meant = meant_email(text)
    assert meant is None or meant_email(meant) is None
