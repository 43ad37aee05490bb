"""Records: what clients wrote, in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.identify.matching import COLUMNS, COMPARISONS, record_of
from vocative.identify.matching.comparisons import KEYS, PERSONAL
from vocative.identify.matching.records import (
    clean_code,
    clean_date,
    clean_email,
    clean_phone,
    clean_words,
)


@pytest.mark.parametrize(
    ("fields", "record"),
    [
        ({"first_name": " José ", "last_name": "O'Neill"}, ("jose", "o neill")),
        ({"name": "Ann Mary Lee"}, ("ann mary", "lee")),
        ({"name": "Madonna"}, (None, None)),
        ({"name": "Ann Lee", "last_name": "Lee-Smith"}, (None, "lee smith")),
        ({"first_name": "N/A", "last_name": "unknown"}, (None, None)),
    ],
)
def test_names(fields: dict[str, str], record: tuple[str | None, str | None]) -> None:
    found = record_of(fields)
    assert (found.get("first_name"), found.get("last_name")) == record


@pytest.mark.parametrize("prefix", ["", "address_", "shipping_address_", "billing_address_"])
def test_addresses_stand_by_themselves_or_in_an_object(prefix: str) -> None:
    fields = {"street": "12b High Street", "city": "York", "postal_code": "YO1 7HH"}
    assert record_of({prefix + name: value for name, value in fields.items()}) == {
        "house": "12b",
        "street": "high street",
        "city": "york",
        "postcode": "yo17hh",
    }


def test_a_house_number_may_come_last() -> None:
    assert record_of({"street": "Hauptstraße 7"}) == {"street": "hauptstrasse", "house": "7"}


def test_what_is_stated_of_the_person_comes_before_where_parcels_go() -> None:
    assert record_of({"shipping_address_city": "Bath", "city": "York"})["city"] == "york"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1980-04-03", "19800403"),
        ("1980-04-03T00:00:00Z", "19800403"),
        ("19800403", "19800403"),
        ("03.04.1980", "19800403"),
        ("4/13/1980", "19800413"),
        ("spring", None),
        ("", None),
    ],
)
def test_dates(written: str, read: str | None) -> None:
    assert clean_date(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+44 (0)7700 900123", "700900123"),
        ("0049 171 1234567", "711234567"),
        ("0171/1234567", "711234567"),
        ("0000000000", None),
        ("12", None),
    ],
)
def test_phones(written: str, read: str | None) -> None:
    assert clean_phone(written) == read


@given(
    st.dictionaries(st.sampled_from(["name", "email", "street", "dob", "zip", "phone"]), st.text())
)
def test_any_text_gives_a_record_without_empty_values(fields: dict[str, str]) -> None:
    record = record_of(fields)
    assert set(record) <= set(COLUMNS)
    assert all(record.values())


@pytest.mark.parametrize("clean", [clean_words, clean_email, clean_phone, clean_code])
@given(text=st.text())
def test_cleaning_twice_changes_nothing(clean: object, text: str) -> None:
    once = clean(text)  # type: ignore[operator]
    assert once is None or clean(once) in (once, None)  # type: ignore[operator]


def test_what_is_compared_is_a_column() -> None:
    named = {column for key in KEYS.values() for column in key} | PERSONAL | set(COMPARISONS)
    named |= {column for one in COMPARISONS.values() for column in one.columns}
    # The day is made of the date when people are loaded.
    assert named <= {*COLUMNS, "birth_day"}
    assert set(COMPARISONS) >= PERSONAL


@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=lambda one: one.column)
def test_what_is_expected_beforehand_adds_up(comparison: object) -> None:
    steps = comparison.steps  # type: ignore[attr-defined]
    assert sum(share for _, _, share in steps) == pytest.approx(1.0)
    assert [bool(sql) for _, sql, _ in steps] == [True] * (len(steps) - 1) + [False]
