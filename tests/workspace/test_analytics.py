# ruff: noqa: DTZ001 - engines keep naive UTC
"""People and items as an engine sees them: typed, and never a failure for one odd value."""

from datetime import date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.workspace import Trait, Workspace
from vocative.workspace.analytics import _arrow, _zones, fitting, local_zone

KINDS = ["text", "number", "integer", "boolean", "instant", "date"]


@pytest.mark.parametrize(
    ("kind", "stated", "seen"),
    [
        ("text", "FR", "FR"),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("text", ["a", 1], '["a",1]'),
        ("text", "", None),
        ("number", "1.5", 1.5),
        ("number", "nan", None),
        ("number", float("inf"), None),
        ("number", "many", None),
        ("number", 10**400, None),
        ("integer", "7", 7),
        ("integer", 7.0, 7),
        ("integer", 7.5, None),
        ("integer", 2**63, None),
        ("boolean", "True", True),
        ("boolean", False, False),
        ("boolean", "perhaps", None),
        ("instant", "2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5)),
        ("instant", "2026-01-02", datetime(2026, 1, 2)),
        ("instant", 1_767_225_600, datetime(2026, 1, 1)),
        ("instant", 1_767_225_600_000, datetime(2026, 1, 1)),
        ("instant", 10**30, None),
        ("date", "2026-01-02T23:00:00Z", date(2026, 1, 2)),
        ("date", "soon", None),
        ("date", {}, None),
    ],
)
def test_a_trait_has_its_declared_type_or_is_unknown(
    kind: str, stated: object, seen: object
) -> None:
    assert fitting(stated, kind) == seen


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(KINDS), json_values)
def test_no_value_breaks_the_column(kind: str, value: object) -> None:
    import pyarrow as pa

    arrow = _arrow(kind)
    assert len(pa.array([fitting(value, kind)], arrow)) == 1


def test_the_engine_sees_people_with_every_declared_trait(workspace: Workspace) -> None:
    (workspace.root / "traits.yaml").write_text(
        "country: {}\nage: {type: integer}\nfirst_name: {personal: true}\n"
    )
    stated = {"country": "FR", "age": 10**30, "email_domain": "example.com", "undeclared": 1}
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, merged_into)"
            " VALUES (:p, 1000000, 1, :traits, :into)",
            [
                {"p": "p1", "traits": msgspec.json.encode(stated).decode(), "into": None},
                {"p": "p2", "traits": "{}", "into": None},
                {"p": "p3", "traits": "{}", "into": "p1"},
            ],
        )
    assert workspace.traits["age"] == Trait(type="integer")
    with workspace.engine() as engine:
        rows = engine.query("SELECT * FROM people ORDER BY person_id").to_pylist()
    assert rows == [
        {
            "person_id": "p1",
            "first_seen_at": datetime(1970, 1, 1, 0, 0, 1),
            "email_domain": "example.com",
            "email_kind": None,
            "country": "FR",
            "age": None,
            "local_zone": "Europe/London",
        },
        {
            "person_id": "p2",
            "first_seen_at": datetime(1970, 1, 1, 0, 0, 1),
            "email_domain": None,
            "email_kind": None,
            "country": None,
            "age": None,
            "local_zone": "Europe/London",
        },
    ]


@pytest.mark.parametrize(
    "stated", ["Nowhere/Land", "", None, 5, ["Asia/Tokyo"], "localtime", "../etc/passwd", "CEST"]
)
def test_a_zone_that_is_none_is_the_workspaces(stated: object) -> None:
    assert local_zone("Asia/Tokyo", "Europe/London") == "Asia/Tokyo"
    assert local_zone(stated, "Europe/London") == "Europe/London"


def test_the_engine_knows_every_zone(workspace: Workspace) -> None:
    import pyarrow as pa

    with workspace.engine() as engine:
        engine.register("zones", pa.table({"zone": sorted(_zones())}))
        found = engine.query("SELECT timezone(zone, TIMESTAMPTZ '2026-07-01') FROM zones")
    assert found.num_rows > 300


def test_people_have_a_zone_of_their_own(workspace: Workspace) -> None:
    (workspace.root / "traits.yaml").write_text("timezone: {}\n")
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
            " VALUES (:p, 1, 1, :traits)",
            [
                {"p": "p1", "traits": '{"timezone":"Asia/Tokyo"}'},
                {"p": "p2", "traits": '{"timezone":"Asia/Gotham"}'},
            ],
        )
    with workspace.engine() as engine:
        found = engine.rows("SELECT person_id, timezone, local_zone FROM people ORDER BY 1")
    assert found == [
        {"person_id": "p1", "timezone": "Asia/Tokyo", "local_zone": "Asia/Tokyo"},
        {"person_id": "p2", "timezone": "Asia/Gotham", "local_zone": "Europe/London"},
    ]
