"""Amounts, dates and counted words as languages write them; items asked for while rendering."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import data, product, text_block

from vocative.compose import TemplateSource, compile_template
from vocative.compose.language.lookups import LOOKUPS
from vocative.errors import AuthorError


def written(expression: str, **more: object) -> str:
    source = TemplateSource.of("t", mjml="<mjml><mj-body></mj-body></mjml>", subject=expression)
    return compile_template(source, language="en").render(data(**more)).subject


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{{ 1234.5 | money: 'EUR', 'de' }}", "1.234,50 €"),
        ("{{ 1234.5 | money: 'JPY', 'ja' }}", "￥1,234"),
        ("{{ 1234.5 | money: 'INR', 'hi' }}", "₹1,234.50"),
        ("{{ 1234567.891 | number: 'fr' }}", "1 234 567,891"),
        ("{{ 1234.5 | number }}", "1,234.5"),
        ("{{ '2026-03-02T23:30:00Z' | date: 'long', 'Europe/Berlin', 'de' }}", "3. März 2026"),
        ("{{ '2026-03-02' | date: 'short', nil, 'en-gb' }}", "02/03/2026"),
        (
            "{{ '2026-03-02T09:05:00Z' | date: 'long time', 'UTC', 'de' }}",
            "2. März 2026, 09:05",
        ),
        ("{{ '2026-03-02T09:05:00Z' | date: 'time', 'UTC', 'en' }}", "9:05 AM"),
        ("{{ '2026-03-02' | date: '%A, %-d. %B', nil, 'de' }}", "Montag, 2. März"),
        ("{{ 1 | pluralise: 'en', one: '# day', other: '# days' }}", "1 day"),
        ("{{ 1200 | pluralise: 'en', one: '# day', other: '# days' }}", "1,200 days"),
        ("{{ 22 | pluralise: 'pl', one: '# dzień', few: '# dni', many: '# dni' }}", "22 dni"),
        ("{{ 0 | pluralise: 'ar', zero: 'none', other: '#' }}", "none"),
        ("{{ 3 | pluralise: locale, one: 'it', other: 'them' }}", "them"),
        ("x{{ nil | money: 'EUR', 'de' }}{{ nil | number }}", "x"),
        ("{{ 3 | money: currency, locale }}", "£3.00"),
        ("{{ '2026-03-02T23:30:00Z' | date: '%H', time_zone }}", "00"),
    ],
)
def test_as_a_language_writes_it(expression: str, expected: str):
    found = written(expression, currency="GBP", time_zone="Europe/Berlin")
    assert found.replace("\xa0", " ").replace("\u202f", " ") == expected


@pytest.mark.parametrize(
    "expression",
    [
        "{{ 'x' | number }}",
        "{{ '1e999999' | number }}",
        "{{ '1e999999' | money: 'EUR', 'de' }}",
        "{{ 'NaN' | money: 'EUR', 'de' }}",
        "{{ 1 | money: 'EUR', 'xx-yy' }}",
        "{{ 1 | pluralise: 'en', singular: 'a' }}",
        "{{ 1 | pluralise: 'pl', few: 'a' }}",
        "{{ 'x' | recommend: 1000 }}",
    ],
)
def test_what_cannot_be_written_is_an_error_without_the_value(expression: str):
    with pytest.raises(AuthorError, match="filter was given a value it cannot use"):
        written(expression, **{LOOKUPS: Shelf()})


@given(amount=st.one_of(st.text(max_size=12), st.floats(), st.integers()), tag=st.text(max_size=8))
def test_any_value_is_written_or_refused(amount: object, tag: str):
    for expression in ("money: 'EUR', tag", "number: tag", "pluralise: tag, other: '#'"):
        try:
            found = written(f"x{{{{ amount | {expression} }}}}", amount=amount, tag=tag)
        except AuthorError:
            continue
        assert len(found) < 120


class Shelf:
    """A catalog of one item, which is recommended as often as asked."""

    def product(self, item_id: str) -> dict | None:
        return product(1) if item_id == "sku-1" else None

    def recommend(self, recommender: str, count: int) -> list[dict]:
        return [product(number) for number in range(count)] if recommender == "similar" else []


ASKING = text_block(
    "{% assign one = 'sku-1' | product %}{{ one.title }}"
    "{% assign more = 'similar' | recommend: 2 %}{% for p in more %} {{ p.id }}{% endfor %}"
    "{% assign gone = 'sku-9' | product %}{% if gone %}{{ gone.title }}{% endif %}"
)


def test_a_template_asks_for_items(render):
    found = render(ASKING, data={LOOKUPS: Shelf()}).text
    assert found == "Copper Watering Can No. 1 sku-0 sku-1\n"
    asking = ASKING.replace("{{ one.title }}", "")
    assert render(asking).html.count("sku") == 0
