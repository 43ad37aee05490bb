"""The filters that are ours, and what the guard around all of them does."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError

from vocative.clock import FixedClock
from vocative.compose.language.environments import Environment, TextEnvironment, environment
from vocative.compose.language.filters import money, strip_html
from vocative.compose.language.limits import Run

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def render(template: str, kind: type[Environment] = Environment, **data: object) -> str:
    return environment(kind).from_string(template).render_run(data, Run(FixedClock(NOW)))


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1234.5, "GBP", "£1,234.50"),
        (0, "EUR", "€0.00"),
        (2.675, "USD", "$2.68"),
        (-3, "eur", "-€3.00"),
        ("19.9", "CHF", "CHF 19.90"),
        (1_000_000, "JPY", "¥1,000,000"),
        (5, None, "5.00"),
        (None, "GBP", ""),
        (-0.001, "GBP", "£0.00"),
    ],
)
def test_money(amount, currency, shown):
    assert money(amount, currency) == shown


@pytest.mark.parametrize("amount", ["cheap", "nan", float("inf"), [], {}])
def test_money_needs_a_number(amount):
    with pytest.raises(LiquidError):
        render("{{ a | money: 'GBP' }}", a=amount)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9
    )
)
def test_money_says_what_it_is_given(amount):
    assert float(money(amount, "GBP").replace("£", "").replace(",", "")) == pytest.approx(
        float(amount)
    )


@pytest.mark.parametrize(
    ("value", "arguments", "shown"),
    [
        ("2026-01-05T22:30:00Z", "'%d.%m.%Y %H:%M'", "05.01.2026 22:30"),
        ("2026-01-05T23:30:00Z", "'%-d %B', 'Europe/Berlin'", "6 January"),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "'%H:%M', 'America/New_York'", "08:00"),
        (date(2026, 7, 1), "'%A'", "Wednesday"),
        ("March 14, 2016", "'%b %d, %y'", "Mar 14, 16"),
        ("now", "'%Y-%m-%d'", "2026-03-02"),
        ("now", "'%Y-%m-%d', 'Europe/Berlin'", "2026-03-03"),
        (1457913600, "'%F'", "2016-03-14"),
        ("some day", "'%F'", "some day"),
        (None, "'%F'", ""),
    ],
)
def test_dates(value, arguments, shown):
    assert render("{{ a | date: " + arguments + " }}", a=value) == shown


@pytest.mark.parametrize("arguments", ["'%F', 'Mars/Olympus'", "'%F', '../../etc/passwd'"])
def test_time_zones_that_do_not_exist(arguments):
    with pytest.raises(LiquidError, match="time zone"):
        render("{{ '2026-01-05' | date: " + arguments + " }}")


def test_nothing_is_joined_as_nothing():
    assert render("{{ 'a' | append: b | prepend: b }}", b=None) == "a"


def test_filters_for_html_leave_plain_text_alone():
    template = "{{ a | escape | newline_to_br }}"
    assert render(template, TextEnvironment, a="a & b\nc") == "a & b\nc"
    assert render(template, a="a & b\nc") == "a &amp; b<br />\nc"


@given(st.text(alphabet="<>/!-scriptyle abc\n", max_size=200))
def test_tags_are_stripped_as_text_without_them(text):
    stripped = strip_html(text)
    assert strip_html(f"a{text}b").startswith("a")
    if "<" not in text:
        assert stripped == text


def test_stripping_knows_scripts_styles_and_comments():
    assert strip_html("a<b c='d'>e</b><!-- <i> -->f<SCRIPT>x</Script>g<style>y</style>h") == "aefgh"
    assert strip_html("a < b <script>c") == "a c"


def test_a_filter_that_fails_quotes_no_value():
    with pytest.raises(LiquidError) as refused:
        render("{{ a | money }}", a="Ann Smith")
    assert "Ann" not in str(refused.value.message)
