# ruff: noqa: DTZ001 - instants are naive UTC
"""Features and segments from SQL equal a plain-Python reading of the definitions.

Random small histories around the edges of windows: same instants, late facts, refunds, unknown
values, machine opens, people without facts; several instants per person.
"""

import json
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment.facts import history_table
from sql.oracle import evaluate
from vocative.engines.duckdb import DuckDbEngine
from vocative.segment import build_plan, features_sql, point_in_time
from vocative.segment.batch import empty_scores, segment_column, segments_sql
from vocative.segment.batch import groups_of
from vocative.workspace import Workspace

FEATURES = """\
orders: {count: Order Completed}
orders_30d: {count: Order Completed, window: 30d}
orders_1h: {count: Order Completed, window: 1h}
spend: {sum: revenue, of: [Order Completed, Order Refunded]}
spend_30d: {sum: revenue, of: [Order Completed, Order Refunded], window: 30d}
spend_or_nothing: {sum: revenue, of: Order Completed, window: 7d, default: -1}
mean_30d: {avg: revenue, of: Order Completed, window: 30d}
smallest: {min: revenue, of: Order Completed}
largest_7d: {max: revenue, of: Order Completed, window: 7d}
first_order_at: {first: at, of: Order Completed}
last_order_at: {last: at, of: Order Completed}
last_30d_at: {last: at, of: Order Completed, window: 30d}
last_product: {last: product_id, of: [Product Viewed, Order Completed]}
first_product_7d: {first: product_id, of: [Product Viewed, Order Completed], window: 7d}
products: {distinct: product_id, of: [Product Viewed, Order Completed], window: 30d}
top_category: {top: category, of: [Product Viewed, Product Added]}
top_category_7d: {top: category, of: [Product Viewed, Product Added], window: 7d}
viewed: {exists: Product Viewed, window: 30d}
opens: {count: Email Opened, where: "coalesce(properties.verdict, 'human') <> 'machine'"}
last_open_at:
  last: at
  of: Email Opened
  where: "coalesce(properties.verdict, 'human') <> 'machine'"
dear: {count: Product Viewed, where: "price > 20 and category is not null", window: 7d}
worth: {sum: "price * quantity", of: Product Added}
bought_category: {top: category, of: Order Completed, lines: true}
bought_pieces_30d: {sum: quantity, of: Order Completed, lines: true, window: 30d}
per_order: {expr: "spend / nullif(orders, 0)"}
recent: {expr: "days_since(last_order_at)"}
likes: {expr: "coalesce(bought_category, top_category)"}
third: {ntile: 3, of: spend, where: "orders > 0"}
third_by_recency: {ntile: 3, of: last_order_at, order: descending}
rank_word: {expr: "case when third = 3 then 'top' when third is not null then 'rest' end"}
"""

SEGMENTS = """\
buyers: {where: "orders > 0"}
lapsed: {where: "last_order_at < now() - interval '30 days'"}
edge: {where: "last_order_at >= now() - interval '30 days'"}
carts: {where: "spend_30d > 10 or (top_category = 'a' and not viewed)"}
quiet:
  where: >-
    not in_segment('buyers')
    and coalesce(last_open_at, '-infinity') < now() - interval '1 hour'
best: {where: "in_segment('buyers') and rank_word = 'top' and in_segment('likes:b')"}
unknown: {where: "per_order is null"}
french: {where: "country = 'FR'"}
likes: {by: likes}
"""

EDGE = datetime(2026, 3, 2, 9, 30)
STEPS = [
    timedelta(0),
    timedelta(microseconds=1),
    -timedelta(microseconds=1),
    timedelta(hours=1),
    timedelta(hours=1, microseconds=-1),
    timedelta(days=7),
    timedelta(days=7, microseconds=1),
    timedelta(days=30),
    timedelta(days=30, microseconds=-1),
    timedelta(days=200),
    timedelta(days=-5),
]
INSTANTS = st.sampled_from([EDGE - step for step in STEPS])
MONEY = st.none() | st.sampled_from([0.1, 0.2, 0.3, 10.0, 10.004, 25.5, 1e-7, 123456.78])
FACTS = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from(["p1", "p2", "p3", None]),
        "name": st.sampled_from(
            [
                "Order Completed",
                "Order Completed",
                "Order Refunded",
                "Product Viewed",
                "Product Added",
                "Email Opened",
                "Something Else",
            ]
        ),
        "at": INSTANTS,
        "product_id": st.none() | st.sampled_from(["x", "y", "z"]),
        "category": st.none() | st.sampled_from(["a", "b", "c"]),
        "price": MONEY,
        "quantity": st.none() | st.sampled_from([1.0, 2.0]),
        "revenue": MONEY,
        "verdict": st.sampled_from([None, "human", "machine"]),
    }
)
LINES = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from(["p1", "p2", "p3"]),
        "at": INSTANTS,
        "category": st.none() | st.sampled_from(["a", "b", "c"]),
        "quantity": st.none() | st.sampled_from([1.0, 2.0, 0.5]),
    }
)
POPULATION = st.lists(
    st.tuples(st.sampled_from(["p1", "p2", "p3", "p4"]), INSTANTS), min_size=1, max_size=8
)


def facts_of(drawn, lines):
    events = []
    for number, fact in enumerate(drawn):
        event = dict(fact)
        verdict = event.pop("verdict")
        # A late fact has an id and an arrival that say nothing of when it happened.
        event["event_id"] = f"e{(number * 7919) % 1000:04d}"
        event["received_at"] = EDGE + timedelta(days=number)
        event["properties"] = json.dumps({} if verdict is None else {"verdict": verdict})
        event["source"] = "test"
        if event["name"] == "Order Refunded" and event["revenue"] is not None:
            event["revenue"] = -event["revenue"]
        events.append(event)
    rows = [
        {**line, "event_id": f"e{n:04d}", "name": "Order Completed"} for n, line in enumerate(lines)
    ]
    return events, rows


LATER = {
    **dict.fromkeys(["person_id", "product_id", "category", "price", "quantity", "revenue"]),
    "name": "Something Else",
    "at": EDGE,
    "verdict": None,
}
"""Takes the place of a removed fact, so that the others keep their ids."""


# The oracle: one feature of one person at one instant, straight from the definition's keys.


def aggregate(body, facts, as_of):
    key = next(k for k in body if k in AGGREGATES)
    named = body[key] if key in ("count", "exists") else body["of"]
    named = [named] if isinstance(named, str) else named
    window = WINDOWS[body.get("window")]
    seen = [
        fact
        for fact in facts
        if fact["name"] in named
        and fact["at"] <= as_of
        and (window is None or fact["at"] > as_of - window)
        and matches(body.get("where"), fact)
    ]
    seen.sort(key=lambda fact: (fact["at"], fact["event_id"]))
    if key == "count":
        return len(seen)
    if key == "exists":
        return bool(seen)
    values = [(fact["at"], value(body[key], fact)) for fact in seen]
    values = [(at, found) for at, found in values if found is not None]
    if key == "distinct":
        return len({found for _, found in values})
    if not values:
        return body.get("default", 0.0 if key == "sum" else None)
    if key in ("sum", "avg"):
        total = sum(round(abs(v) * 1e6 + 1e-9) * (1 if v > 0 else -1) for _, v in values) / 1e6
        return total if key == "sum" else total / len(values)
    if key == "top":
        counted = {}
        for at, found in values:
            count, latest = counted.get(found, (0, at))
            counted[found] = (count + 1, max(latest, at))
        return max(counted, key=lambda found: (*counted[found], found))
    return {
        "min": lambda: min(v for _, v in values),
        "max": lambda: max(v for _, v in values),
        "first": lambda: values[0][1],
        "last": lambda: values[-1][1],
    }[key]()


AGGREGATES = {"count", "exists", "sum", "avg", "min", "max", "first", "last", "distinct", "top"}
WINDOWS = {
    None: None,
    "1h": timedelta(hours=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


def value(text, fact):
    if text == "price * quantity":
        known = fact["price"] is not None and fact["quantity"] is not None
        return fact["price"] * fact["quantity"] if known else None
    return fact[text]


def matches(where, fact):
    if where is None:
        return True
    if "verdict" in where:
        return json.loads(fact["properties"]).get("verdict", "human") != "machine"
    return fact["price"] is not None and fact["price"] > 20 and fact["category"] is not None


def expected_rows(plan, definitions, events, lines, population):
    rows = {}
    for person, as_of in set(population):
        row = {}
        for name, definition in definitions.items():
            if not AGGREGATES & set(definition.body):
                continue
            facts = lines if definition.body.get("lines") else events
            own = [fact for fact in facts if fact["person_id"] == person]
            row[name] = aggregate(definition.body, own, as_of)
        rows[person, as_of] = row
    for name, feature in plan.features.items():
        body = definitions[name].body
        if "ntile" in body:
            rank_into(rows, name, body)
        elif "expr" in body:
            for (_, as_of), row in rows.items():
                row[name] = evaluate(feature.value, row, as_of)
    return rows


def rank_into(rows, name, body):
    for person, as_of in rows:
        peers = [row for (_, at), row in rows.items() if at == as_of and eligible(row, body)]
        row = rows[person, as_of]
        if not eligible(row, body):
            row[name] = None
            continue
        own = row[body["of"]]
        if body.get("order") == "descending":
            before = sum(peer[body["of"]] > own for peer in peers)
        else:
            before = sum(peer[body["of"]] < own for peer in peers)
        row[name] = 1 + body["ntile"] * before // len(peers)


def eligible(row, body):
    return row[body["of"]] is not None and ("where" not in body or row["orders"] > 0)


def segments_of(plan, row, as_of):
    found = {}

    def member(name):
        base, _, wanted = name.partition(":")
        return (found[base] == wanted) if wanted else found[base]

    for name, segment in plan.segments.items():
        verdict = evaluate(segment.node, row, as_of, member)
        found[name] = verdict if segment.is_family else verdict is True
    return found


def close(found, expected):
    if isinstance(expected, float):
        return found is not None and abs(found - expected) <= 1e-9 * max(1.0, abs(expected))
    return found == expected and (found is None) == (expected is None)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    root = tmp_path_factory.mktemp("parity")
    (root / "vocative.yaml").write_text(
        "{workspace: parity, sender: {email: a@shop.example, name: A}, postal_address: B}"
    )
    (root / "traits.yaml").write_text("country: {type: text}\n")
    for kind, text in (("features", FEATURES), ("segments", SEGMENTS)):
        (root / kind).mkdir()
        (root / kind / "test.yaml").write_text(text)
    with Workspace(root) as workspace:
        yield build_plan(workspace), workspace.definitions("feature")


@pytest.fixture(scope="module")
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        opened.register(
            "people",
            pa.table(
                {
                    "person_id": ["p1", "p2", "p3", "p4"],
                    "first_seen_at": pa.array([datetime(2025, 1, 1)] * 4, pa.timestamp("us")),
                    "email_domain": pa.array([None] * 4, pa.string()),
                    "country": ["FR", "DE", None, "FR"],
                }
            ),
        )
        opened.register("scores", empty_scores())
        yield opened


def given_history(engine, drawn, lines):
    events, rows = facts_of(drawn, lines)
    engine.register("events", history_table("events", events))
    engine.register("order_lines", history_table("order_lines", rows))
    return events, rows


def population_table(population):
    people, instants = zip(*population, strict=True)
    return pa.table({"person_id": people, "as_of": pa.array(instants, pa.timestamp("us"))})


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(FACTS, max_size=25), st.lists(LINES, max_size=6), POPULATION)
def test_features_and_segments_equal_the_oracle(planned, engine, drawn, lines, population):
    plan, definitions = planned
    events, rows = given_history(engine, drawn, lines)
    table = point_in_time(engine, plan, population_table(population))
    expected = expected_rows(plan, definitions, events, rows, population)
    assert table.num_rows == len(expected)
    for row in table.to_pylist():
        wanted = expected[row["person_id"], row["as_of"]]
        for name, feature in plan.features.items():
            assert close(row[name], wanted[name]), (name, row[name], wanted[name])
            assert feature.nullable or row[name] is not None
    engine.register("current_features", table)
    countries = {"p1": "FR", "p2": "DE", "p3": None, "p4": "FR"}
    for row in engine.rows(segments_sql(plan)):
        as_of = row["as_of"]
        wanted = {**expected[row["person_id"], as_of], "country": countries[row["person_id"]]}
        for name, verdict in segments_of(plan, wanted, as_of).items():
            assert row[segment_column(name)] == verdict, name


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(FACTS, max_size=25), st.lists(LINES, max_size=6), POPULATION)
def test_nothing_after_the_instant_leaks(planned, engine, drawn, lines, population):
    plan, _ = planned
    cut = population[0][1]
    table = population_table([(person, at) for person, at in population if at == cut])
    given_history(engine, drawn, lines)
    with_future = point_in_time(engine, plan, table)
    given_history(
        engine,
        [fact if fact["at"] <= cut else LATER for fact in drawn],
        [line for line in lines if line["at"] <= cut],
    )
    without = point_in_time(engine, plan, table)
    order = [("person_id", "ascending")]
    assert with_future.sort_by(order).to_pylist() == without.sort_by(order).to_pylist()


def test_asking_for_some_features_computes_no_others(planned, engine):
    plan, _ = planned
    sql = features_sql(
        plan, "SELECT 'p1' AS person_id, TIMESTAMP '2026-03-02' AS as_of", ["per_order"]
    )
    assert "Product Viewed" not in sql
    assert engine.query(sql).schema.names == ["person_id", "as_of", "per_order"]


def test_features_of_the_same_events_share_a_scan(planned):
    plan, _ = planned
    groups = groups_of(plan.features.values())
    aggregates = [feature for feature in plan.features.values() if feature.aggregate]
    assert sum(len(group.features) for group in groups) == len(aggregates)
    assert len(groups) < len(aggregates) / 2
