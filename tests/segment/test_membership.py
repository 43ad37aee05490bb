"""Recomputing: who enters and leaves, intervals, current features, previews and explanations."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from vocative.clock import from_micros
from vocative.errors import AuthorError, UnknownName
from vocative.segment import (
    explain_condition,
    explain_membership,
    list_segments,
    people_data,
    people_where,
    preview_segment,
    recompute,
    segment_members,
    show_segment,
)
from vocative.workspace import Workspace

DAY = timedelta(days=1)
FEATURES = """\
orders: {count: Order Completed}
spend_30d: {sum: revenue, of: Order Completed, window: 30d}
last_order_at: {last: at, of: Order Completed}
"""
SEGMENTS = """\
buyers: {where: "orders > 0", describe: Bought something}
recent: {where: "last_order_at > now() - interval '30 days'"}
lapsed: {where: "in_segment('buyers') and not in_segment('recent')"}
french_buyers: {where: "in_segment('buyers') and in_segment('country:FR')"}
country: {by: country}
"""


@pytest.fixture
def shop(define, known, happened, clock):
    workspace = define(
        features=FEATURES, segments=SEGMENTS, traits="country: {type: text}\nage: {type: integer}\n"
    )
    known("p1", country="FR", age=41)
    known("p2", country="DE")
    known("p3")
    happened(
        {
            "person_id": "p1",
            "name": "Order Completed",
            "at": clock.now() - 10 * DAY,
            "revenue": 40.0,
        },
        {
            "person_id": "p2",
            "name": "Order Completed",
            "at": clock.now() - 50 * DAY,
            "revenue": 9.0,
        },
        {"person_id": None, "name": "Order Completed", "at": clock.now(), "revenue": 1.0},
        {"person_id": "p9", "name": "Order Completed", "at": clock.now(), "revenue": 1.0},
    )
    return workspace


def intervals(workspace, segment):
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT person_id, since_at, until_at FROM memberships WHERE segment = :s"
            " ORDER BY person_id, since_at",
            {"s": segment},
        )
    return [
        (r["person_id"], from_micros(r["since_at"]), r["until_at"] and from_micros(r["until_at"]))
        for r in rows
    ]


def test_recomputing_finds_members(shop, clock):
    report = recompute(shop)
    assert (report.people, report.features, report.segments) == (3, 3, 5)
    assert (report.entered, report.left) == (7, 0)
    assert segment_members(shop, "buyers") == ["p1", "p2"]
    assert segment_members(shop, "recent") == ["p1"]
    assert segment_members(shop, "lapsed") == ["p2"]
    assert segment_members(shop, "country:FR") == ["p1"]
    assert segment_members(shop, "french_buyers") == ["p1"]
    assert intervals(shop, "buyers")[0] == ("p1", clock.now(), None)


def test_recomputing_again_changes_nothing(shop):
    recompute(shop)
    before = intervals(shop, "buyers")
    again = recompute(shop)
    assert (again.entered, again.left) == (0, 0)
    assert intervals(shop, "buyers") == before


def test_time_alone_ends_a_membership_at_its_instant(shop, clock):
    recompute(shop)
    entered = clock.now()
    clock.advance(20 * DAY - timedelta(microseconds=1))
    assert recompute(shop).left == 0
    clock.advance(timedelta(microseconds=1))
    report = recompute(shop)
    assert (report.entered, report.left) == (1, 1)
    assert intervals(shop, "recent") == [("p1", entered, clock.now())]
    assert intervals(shop, "lapsed")[0] == ("p1", clock.now(), None)


def test_who_comes_back_gets_a_second_interval(shop, clock, happened):
    recompute(shop)
    first = clock.now()
    clock.advance(30 * DAY)
    recompute(shop)
    # They left when the time was over, not when somebody looked.
    left = first + 20 * DAY
    clock.advance(DAY)
    happened({"person_id": "p1", "name": "Order Completed", "revenue": 1.0})
    recompute(shop)
    assert intervals(shop, "recent") == [("p1", first, left), ("p1", clock.now(), None)]


def test_a_removed_segment_is_left_by_everyone(shop, define):
    recompute(shop)
    define(
        segments=SEGMENTS.replace("buyers: {where", "buyers_too: {where", 1).replace(
            "'buyers'", "'buyers_too'"
        )
    )
    recompute(shop)
    assert all(until is not None for _, _, until in intervals(shop, "buyers"))
    with pytest.raises(UnknownName, match="buyers_too"):
        segment_members(shop, "buyers")


def test_clocks_that_are_put_back_change_nothing(shop, clock):
    recompute(shop)
    clock.advance(-20 * DAY)
    report = recompute(shop)
    assert report.as_of >= clock.now() + 20 * DAY
    assert (report.entered, report.left, report.differences) == (0, 0, 0)
    for _, since, until in intervals(shop, "recent"):
        assert until is None or until >= since


def test_what_was_kept_is_checked_against_history(shop):
    recompute(shop)
    assert recompute(shop).differences == 0
    with shop.store.transaction() as tx:
        tx.run("DELETE FROM memberships WHERE person_id = 'p1' AND segment = 'buyers'")
    assert recompute(shop).differences == 1
    assert segment_members(shop, "buyers") == ["p1", "p2"]
    assert recompute(shop).differences == 0


def test_segments_are_listed_with_their_sizes(shop, clock):
    before = {found.name: found for found in list_segments(shop)}
    assert list(before) == ["buyers", "recent", "lapsed", "french_buyers", "country"]
    assert before["buyers"].count is None
    assert before["buyers"].computed_at is None
    recompute(shop)
    found = {found.name: found for found in list_segments(shop)}
    assert list(found)[-2:] == ["country:DE", "country:FR"]
    assert found["country:FR"].family == "country"
    assert found["country:FR"].where == "country is FR"
    assert (found["buyers"].count, found["buyers"].share) == (2, 2 / 3)
    assert found["buyers"].computed_at == clock.now()
    assert found["buyers"].describe == "Bought something"


def test_one_segment_shows_people_history_and_query(shop, clock):
    recompute(shop)
    clock.advance(30 * DAY)
    recompute(shop)
    shown = show_segment(shop, "recent")
    assert [size.members for size in shown.sizes] == [1, 0]
    assert shown.sample == []
    assert shown.uses == ["last_order_at"]
    assert "INTERVAL '30' DAY" in shown.sql
    with pytest.raises(UnknownName, match="did you mean 'recent'"):
        show_segment(shop, "recnt")


def test_a_family_value_that_nobody_has_any_more_becomes_empty(shop, known):
    recompute(shop)
    known("p1", country="ES")
    shop.clock.advance(DAY)
    recompute(shop)
    sizes = {found.name: found.count for found in list_segments(shop)}
    assert (sizes["country:FR"], sizes["country:ES"]) == (0, 1)


def test_a_family_with_too_many_values_is_refused(define, known, workspace):
    define(segments="name: {by: nick}\n", traits="nick: {type: text}\n")
    for number in range(1_001):
        known(f"p{number}", nick=f"n{number}")
    with pytest.raises(AuthorError, match="1,001 segments") as refused:
        recompute(workspace)
    assert str(refused.value.where).startswith("segments/test.yaml:1:12")


def test_a_preview_counts_without_recording(shop):
    preview = preview_segment(shop, "spend_30d > 5 or in_segment('lapsed')")
    assert (preview.count, preview.people, preview.sample) == (2, 3, ["p1", "p2"])
    assert preview.share == 2 / 3
    with shop.store.read() as tx:
        assert tx.value("SELECT count(*) FROM memberships") == 0
    assert preview_segment(shop, "orders > 99").sample == []
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        preview_segment(shop, "ordrs > 99")


def test_people_are_found_by_a_condition(shop):
    recompute(shop)
    assert people_where(shop, "orders > 0 and country is not null") == ["p1", "p2"]
    assert people_where(shop, "in_segment('country:DE')") == ["p2"]
    assert people_where(shop, "days_since(first_seen_at) = 400") == ["p1", "p2", "p3"]


def test_a_changed_feature_counts_at_once_in_a_preview(shop, define):
    recompute(shop)
    define(features=FEATURES.replace("window: 30d", "window: 60d"))
    assert preview_segment(shop, "spend_30d > 8").count == 2


def test_data_of_people_for_templates(shop):
    with shop.store.transaction() as tx:
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES ('p1', 'buys', 0.75, '1', 0, '[]')"
        )
    (shop.root / "models").mkdir()
    (shop.root / "models" / "m.yaml").write_text("buys: {predict: Order Completed, within: 30d}\n")
    recompute(shop)
    found = people_data(shop, ["p1", "p3", "nobody"])
    assert set(found) == {"p1", "p3"}
    assert found["p1"]["orders"] == 1
    assert found["p1"]["country"] == "FR"
    assert found["p1"]["age"] == 41
    assert found["p1"]["buys"] == 0.75
    assert found["p3"]["buys"] is None
    assert preview_segment(shop, "score('buys') > 0.7").sample == ["p1"]
    assert [c.values for c in explain_condition(shop, "p1", "score('buys') > 0.7")] == [
        {"score('buys')": 0.75}
    ]


def test_an_explanation_names_each_condition_with_what_it_saw(shop, clock):
    recompute(shop)
    lapsed = explain_membership(shop, "p2", "lapsed")
    assert [(c.text, c.verdict) for c in lapsed] == [
        ("in_segment('buyers')", True),
        ("in_segment('recent')", False),
    ]
    (buyers,) = lapsed[0].because
    assert (buyers.text, buyers.values, buyers.verdict) == ("orders > 0", {"orders": 1}, True)
    (recent,) = lapsed[1].because
    assert recent.values["last_order_at"] == (clock.now() - 50 * DAY).replace(tzinfo=None)
    assert recent.values["now()"] == clock.now().replace(tzinfo=None)
    assert recent.verdict is False


def test_an_unknown_value_is_shown_as_unknown(shop):
    recompute(shop)
    (condition,) = explain_membership(shop, "p3", "recent")
    assert condition.verdict is None
    assert condition.values["last_order_at"] is None


def test_an_explanation_of_a_family_shows_the_value(shop):
    recompute(shop)
    (condition,) = explain_membership(shop, "p1", "country:DE")
    assert (condition.text, condition.values, condition.verdict) == (
        "country is DE",
        {"country": "FR"},
        False,
    )


def test_nobody_has_nothing_to_explain(shop):
    assert explain_membership(shop, "nobody", "buyers") == []
    with pytest.raises(UnknownName):
        explain_membership(shop, "p1", "buyrs")


def test_hostile_names_stay_values(define, known, workspace):
    evil = "x'; DROP TABLE memberships; --"
    define(
        features=f"""a: {{count: "{evil}"}}\n""",
        segments="place: {by: place}\n"
        """odd: {where: "in_segment('place:x''; DROP TABLE memberships; --')"}\n""",
        traits="place: {type: text}\n",
    )
    known('p"1', place=evil)
    recompute(workspace)
    assert segment_members(workspace, f"place:{evil}") == ['p"1']
    assert segment_members(workspace, "odd") == ['p"1']


def test_an_instant_in_the_log_is_utc(shop):
    assert recompute(shop).as_of == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.postgres
def test_memberships_are_the_same_on_postgresql(shop, clock, happened, postgres_url):
    recompute(shop)
    here = intervals(shop, "buyers")
    settings = shop.root / "vocative.yaml"
    settings.write_text(settings.read_text() + f"store: {postgres_url}\n")
    with Workspace(shop.root, clock=clock) as there:
        with shop.store.read() as old, there.store.transaction() as new:
            for table in ("profiles", "history_tail"):
                rows = old.rows(f"SELECT * FROM {table}")
                names = list(rows[0])
                binds = ", ".join(f":{name}" for name in names)
                new.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({binds})", rows)
        recompute(there)
        assert intervals(there, "buyers") == here
        clock.advance(20 * DAY)
        report = recompute(there)
        assert (report.entered, report.left) == (1, 1)
        assert show_segment(there, "recent").sizes[-1].members == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("colour", "red"),
        ("utm.source", "mail"),
        ('"a b"', "spaced"),
        ('"it\'s"', "quoted"),
        ('"dot.ted"', "dotted"),
        ("utm", '{"source":"mail"}'),
        ("flag", "true"),
        ("size", "4.5"),
        ("nothing", None),
        ("missing", None),
    ],
)
def test_any_property_of_an_event_can_be_read_as_text(define, known, happened, path, expected):
    workspace = define(features=f"seen: {{last: '{path.replace(chr(39), chr(39) * 2)}', of: X}}\n")
    text = workspace.root / "features" / "test.yaml"
    text.write_text(text.read_text().replace("last: '", "last: 'properties."))
    known("p1")
    properties = {
        "colour": "red",
        "utm": {"source": "mail"},
        "a b": "spaced",
        "it's": "quoted",
        "dot.ted": "dotted",
        "flag": True,
        "size": 4.5,
        "nothing": None,
    }
    happened(
        {
            "person_id": "p1",
            "name": "X",
            "properties": json.dumps(properties, separators=(",", ":")),
        }
    )
    assert people_data(workspace)["p1"]["seen"] == expected


def test_segments_that_share_others_are_told_once(define, known, workspace):
    levels = "".join(
        f"s{n}: {{where: \"in_segment('s{n - 1}') or not in_segment('s{n - 1}')\"}}\n"
        for n in range(1, 25)
    )
    define(segments="s0: {where: \"country = 'FR'\"}\n" + levels, traits="country: {}\n")
    known("p1", country="FR")
    found = explain_membership(workspace, "p1", "s24")
    depth = 0
    while found:
        assert len(found) <= 2
        found, depth = found[0].because, depth + 1
    assert depth == 25
