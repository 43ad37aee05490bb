"""An expression about an event as a function of its fact gives what DuckDB gives."""

from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.clock import to_micros
from vocative.engines.base import HISTORY_COLUMNS
from vocative.engines.duckdb import DuckDbEngine
from vocative.segment.catalog import event_catalog
from vocative.sql import Field, Names, Type, check, parse, quote_name, quote_text, to_sql
from vocative.sql.check import Catalog
from vocative.sql.python import event_function

COLUMNS = tuple(HISTORY_COLUMNS["events"])
ITEMS = {"sku-1": (12.5, "shoes"), "sku-2": (None, "hats")}
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def catalog():
    known = event_catalog("events")
    item = {
        "margin": Field(name="margin", kind="column", type=Type.NUMBER),
        "category": Field(name="category", kind="column", type=Type.TEXT),
    }
    return Catalog(
        fields=known.fields, now=False, json_columns=known.json_columns, records={"item": item}
    )


CATALOG = catalog()


def compiled(text, **more):
    node = check(parse(text), CATALOG).node
    records = {"item": ("product_id", ("margin", "category"), ITEMS)}
    return event_function(node, COLUMNS, "properties", records=records, **more)


def fact(**known):
    known.setdefault("at", to_micros(AT))
    return tuple(known.get(name) for name in COLUMNS)


def test_columns_parts_of_properties_and_fields_of_items_are_found():
    order = fact(revenue=80.0, currency="EUR", product_id="sku-1", properties={"size": 42})
    for text, expected in (
        ("revenue > 50 and currency = 'EUR'", True),
        ("revenue * 2", 160.0),
        ("to_number(properties.size) > 41", True),
        ("properties.colour", None),
        ("properties.size.deeper", None),
        ("item.margin", 12.5),
        ("item.category = 'shoes' and item.margin < 13", True),
        ("date_part('hour', at)", 9),
        ("at", to_micros(AT)),
        ("coupon_is_unknown", None),
    ):
        if text != "coupon_is_unknown":
            assert compiled(text)(order) == expected, text


def test_properties_may_be_text_or_missing():
    function = compiled("properties.size = '42'")
    assert function(fact(properties='{"size": 42}')) is True
    assert function(fact(properties=None)) is None
    assert function(fact(properties={})) is None
    assert compiled("properties.size = '42'", truth=True)(fact(properties={})) is False


def test_an_item_that_is_not_in_the_catalog_is_unknown():
    for product_id in (None, "sku-9", "sku-2"):
        assert compiled("item.margin > 1")(fact(product_id=product_id)) is None
        assert compiled("item.margin > 1", truth=True)(fact(product_id=product_id)) is False


def test_no_condition_lets_every_fact_through():
    assert event_function(None, COLUMNS, "properties")(fact()) is True


TEXTS = [
    "revenue > 50",
    "revenue between 10 and 60 or quantity is null",
    "not (category in ('a', 'b') and price >= 2.5)",
    "category ilike 'A%' and (properties.colour = 'red' or to_number(properties.size) > 41)",
    "properties.gift = 'true'",
    "case when price > quantity then category else properties.colour end = 'red'",
    "round(revenue / quantity, 2)",
    "coalesce(price * quantity, revenue, 0)",
    "length(concat(category, coalesce(properties.colour, '')))",
    "properties.nested.deep like '%,2.5%'",
    "date_trunc('week', at) = '2026-03-02'",
]
NUMBERS = st.none() | st.sampled_from([0.0, 1.0, 2.5, 10.0, 50.0, 60.0]) | st.floats(0, 100)
FACTS = st.fixed_dictionaries(
    {
        "at": st.integers(to_micros(AT) - 10**13, to_micros(AT) + 10**13),
        "revenue": NUMBERS,
        "quantity": NUMBERS,
        "price": NUMBERS,
        "category": st.none() | st.sampled_from(["a", "b", "Abc", "red"]),
        "properties": st.fixed_dictionaries(
            {},
            optional={
                "colour": st.none() | st.sampled_from(["red", "blue"]),
                "size": st.sampled_from([41, 42, 42.5, "43", "XL", True, None]),
                "gift": st.booleans(),
                "nested": st.just({"deep": [1, 2.5]}) | st.just("x"),
            },
        ),
    }
)


@pytest.fixture(scope="module")
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        yield opened


def field_sql(ref):
    if not ref.path:
        return quote_name(ref.name)
    path = "$" + "".join(f'."{part}"' for part in ref.path)
    return f"json_extract_string({quote_name(ref.name)}, {quote_text(path)})"


@pytest.mark.parametrize("text", TEXTS)
def test_a_function_of_facts_gives_what_duckdb_gives(engine, text):
    names = Names(field=field_sql, now="now()", segment=str, score=str)
    node = check(parse(text), CATALOG).node
    function = compiled(text)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(FACTS, min_size=1, max_size=30))
    def same(facts):
        columns = {
            name: pa.array([fact_.get(name) for fact_ in facts], pa.float64())
            for name in ("revenue", "quantity", "price")
        }
        columns["category"] = pa.array([f["category"] for f in facts], pa.string())
        columns["at"] = pa.array([f["at"] for f in facts], pa.timestamp("us"))
        columns["properties"] = [msgspec.json.encode(f["properties"]).decode() for f in facts]
        engine.register("facts", pa.table(columns))
        rows = engine.rows(f"SELECT {to_sql(node, names)} AS x FROM facts")
        assert [function(fact(**f)) for f in facts] == [row["x"] for row in rows]

    same()
