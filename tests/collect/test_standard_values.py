"""Countries, currencies, dates and phone numbers come out in one form, or not at all."""

import phonenumbers
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from vocative.collect.standard import (
    country_code,
    currency_code,
    iso_date,
    phone_number,
    standard_form,
)
from vocative.collect.standard.names import LANGUAGES
from vocative.workspace.standards import Standard


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("DE", "DE"),
        (" de ", "DE"),
        ("DEU", "DE"),
        ("276", "DE"),
        ("Deutschland", "DE"),
        ("ALLEMAGNE", "DE"),
        ("Alemania", "DE"),
        ("ドイツ", "DE"),
        ("uk", "GB"),
        ("U.K.", "GB"),
        ("England", "GB"),
        ("The Netherlands", "NL"),
        ("Österreich", "AT"),
        ("Osterreich", "AT"),
        ("Cote d’Ivoire", "CI"),
        ("United States of America", "US"),
        ("Czech Republic", "CZ"),
        ("EU", None),
        ("ZZ", None),
        ("Korea", None),
        ("Yugoslavia", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_countries_are_two_letters(stated: str, code: str | None) -> None:
    assert country_code(stated) == code


def test_every_language_is_understood() -> None:
    for language in LANGUAGES:
        known = Locale.parse(language).territories
        for code in ("DE", "FR", "GB", "US", "JP", "BR", "ZA"):
            assert country_code(known[code]) == code, language


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("EUR", "EUR"),
        ("eur", "EUR"),
        ("€", "EUR"),
        ("£", "GBP"),
        ("zł", "PLN"),
        ("Schweizer Franken", "CHF"),
        ("yen", None),
        ("US$", "USD"),
        ("DEM", "DEM"),
        ("$", None),
        ("¥", None),
        ("kr", None),
        ("XXX", None),
        ("money", None),
    ],
)
def test_currencies_are_three_letters(stated: str, code: str | None) -> None:
    assert currency_code(stated) == code


@pytest.mark.parametrize(
    ("stated", "formats", "date"),
    [
        ("2025-03-04", (), "2025-03-04"),
        ("2025-03-04T22:10:00+02:00", (), "2025-03-04"),
        ("2025-03-04 22:10", (), "2025-03-04"),
        ("03/04/2025", (), None),
        ("03/04/2025", ("%d/%m/%Y",), "2025-04-03"),
        ("03/04/2025", ("%m/%d/%Y",), "2025-03-04"),
        ("31/04/2025", ("%d/%m/%Y",), None),
        ("4.3.2025", ("%d/%m/%Y", "%d.%m.%Y"), "2025-03-04"),
        ("2025-02-30", (), None),
        ("2025-03-04 or so", (), None),
        ("20250304", (), None),
        ("soon", (), None),
    ],
)
def test_dates_are_read_as_declared(
    stated: str, formats: tuple[str, ...], date: str | None
) -> None:
    assert iso_date(stated, formats) == date


@pytest.mark.parametrize(
    ("stated", "region", "number"),
    [
        ("+49 30 123456", None, "+4930123456"),
        ("(030) 12 34 56", "DE", "+4930123456"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("030 123456", None, None),
        ("030 123456", "XX", None),
        ("12", "DE", None),
        ("call me", "DE", None),
        ("0" * 500, "DE", None),
    ],
)
def test_phone_numbers_have_a_country_code(
    stated: str, region: str | None, number: str | None
) -> None:
    assert phone_number(stated, region) == number


def test_an_example_of_every_country_is_read() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        example = phonenumbers.example_number(region)
        if example is None:
            continue  # a region without numbers of its own
        national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        assert phone_number(national, region) == phone_number(e164) == e164, region


@given(
    value=st.one_of(st.text(), st.integers(), st.booleans(), st.floats(), st.lists(st.text())),
    kind=st.sampled_from(["country", "currency", "date", "phone"]),
)
def test_whatever_is_stated_nothing_fails_and_what_is_standard_stays(value, kind) -> None:
    standard = Standard(kind=kind, formats=("%d.%m.%Y",), region="DE")
    found = standard_form(value, standard, country="FR")
    if found is not None:
        assert standard_form(found, standard) == found
