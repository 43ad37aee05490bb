"""Segments beside each other and over time, from their memberships."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.clock import to_micros
from vocative.errors import AuthorError, UnknownName
from vocative.segment import (
    growth,
    list_segments,
    membership_changes,
    memberships_of,
    overlap,
    recompute,
    show_segment,
)
from vocative.segment.live.changes import Change, close_removed, write_changes
from vocative.segment.plan import build_plan
from vocative.segment.sizes import count_members
from vocative.stores import open_store

SEGMENTS = """\
a: {where: "orders > 0"}
b: {where: "orders > 1"}
c: {where: "orders > 2"}
country: {by: country}
"""
NAMES = ("a", "b", "c", "country:FR")
DAY = timedelta(days=1)


@pytest.fixture
def segmented(define):
    return define(
        features="orders: {count: Order Completed}",
        segments=SEGMENTS,
        traits="country: {type: text}",
    )


def put(workspace, *rows, causes=None):
    """Memberships as (person, segment, since, until or None).

    `causes` are those of changes, by person and whether they entered; None unless told.
    """
    ends = [
        Change(p, s, entered, to_micros(at), (causes or {}).get((p, entered)))
        for p, s, since, until in rows
        for entered, at in ((True, since), (False, until))
        if at is not None
    ]
    write(workspace, sorted(ends, key=lambda change: change.at))


def write(workspace, changes):
    """These changes and no others."""
    with workspace.store.transaction() as tx:
        tx.run("DELETE FROM memberships")
        tx.run("DELETE FROM membership_changes")
        write_changes(tx, changes, 0)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    members=st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(NAMES)), unique=True, max_size=40
    ),
    asked=st.lists(st.sampled_from(NAMES), min_size=2, unique=True),
)
def test_overlap_is_that_of_sets(segmented, clock, members, asked):
    now = clock.now()
    put(segmented, *((f"p{person}", name, now, None) for person, name in members))
    sets = {name: {p for p, s in members if s == name} for name in NAMES}
    found = overlap(segmented, asked)
    assert {one.name: one.members for one in found.segments} == {n: len(sets[n]) for n in asked}
    for one in found.segments:
        others = set().union(*(sets[name] for name in asked if name != one.name))
        assert one.alone == len(sets[one.name] - others)
    assert [(pair.one, pair.other) for pair in found.pairs] == list(combinations(asked, 2))
    for pair in found.pairs:
        both, either = sets[pair.one] & sets[pair.other], sets[pair.one] | sets[pair.other]
        assert (pair.both, pair.either) == (len(both), len(either))
        assert pair.jaccard == (len(both) / len(either) if either else None)
        for part, name in ((pair.of_one, pair.one), (pair.of_other, pair.other)):
            assert part == (len(both) / len(sets[name]) if sets[name] else None)
    assert found.in_all == len(set.intersection(*(sets[name] for name in asked)))
    assert found.in_any == len(set.union(*(sets[name] for name in asked)))


def test_who_left_does_not_overlap(segmented, clock):
    now = clock.now()
    put(segmented, ("p1", "a", now - DAY, now), ("p1", "b", now - DAY, None))
    found = overlap(segmented, ["a", "b"])
    assert [one.members for one in found.segments] == [0, 1]
    assert found.pairs[0].both == 0


@pytest.mark.parametrize("asked", [["a"], ["a", "a"], [], [f"s{n}" for n in range(9)]])
def test_an_overlap_is_of_two_to_eight(segmented, asked):
    with pytest.raises(AuthorError, match="2 to 8 different segments"):
        overlap(segmented, asked)


def test_an_overlap_of_what_is_no_segment(segmented):
    with pytest.raises(UnknownName, match="unknown segment 'd'"):
        overlap(segmented, ["a", "d"])
    with pytest.raises(AuthorError, match="family") as refused:
        overlap(segmented, ["a", "country"])
    assert "country:VALUE" in refused.value.hint


def at(day, hour=12):
    return datetime(2026, 2, day, hour, tzinfo=UTC)


def test_growth_counts_each_day_and_makes_up_nothing_before(segmented, clock):
    put(
        segmented,
        ("p1", "a", at(24), None),
        ("p2", "a", at(24), at(26)),
        ("p3", "a", at(26), None),
        ("p3b", "a", at(26), at(26)),  # ended as it began: never was
        ("p4", "a", at(27), at(28)),
        ("p5", "b", at(25), None),
    )
    clock.at = at(28, 18)
    found = growth(segmented, "a", days=30)
    assert found.recorded_since == at(24)
    assert found.started_with == 2
    assert [(day.on.day, day.entered, day.left, day.members) for day in found.days] == [
        (24, 0, 0, 2),
        (25, 0, 0, 2),
        (26, 1, 1, 2),
        (27, 1, 0, 3),
        (28, 0, 1, 2),
    ]
    last = growth(segmented, "a", days=2)
    assert last.days == found.days[-2:]


def test_whom_another_definition_finds_did_not_enter(segmented, clock):
    put(
        segmented,
        ("p1", "a", at(24), at(26)),
        ("p2", "a", at(24), at(26)),
        ("p3", "a", at(26), None),
        ("p4", "a", at(26), None),
        ("p5", "a", at(26), None),
        ("p6", "a", at(26), at(26)),
        causes={
            **{(f"p{n}", True): "definition" for n in (3, 4, 6)},
            ("p5", True): "e1",
            ("p1", False): "definition",
            ("p2", False): "time",
        },
    )
    clock.at = at(27)

    def days():
        return [
            (day.on.day, day.entered, day.left, day.recounted, day.members)
            for day in growth(segmented, "a").days
        ]

    assert growth(segmented, "a").started_with == 2
    # No other definition was applied: computing anew found what had happened in the meantime.
    assert days() == [(24, 0, 0, 2, 2), (25, 0, 0, 0, 2), (26, 3, 2, 0, 3), (27, 0, 0, 0, 3)]
    redefine(segmented, "feature", "orders", at(26, 11))
    assert days() == [(24, 0, 0, 2, 2), (25, 0, 0, 0, 2), (26, 1, 1, 1, 3), (27, 0, 0, 0, 3)]


def told(workspace, name):
    """Days of a segment's growth, and whether its last is as large as the segment is."""
    days = growth(workspace, name).days
    with workspace.store.read() as tx:
        assert days[-1].members == count_members(tx).get(name, 0)
    return [(day.on.day, day.entered, day.left, day.recounted, day.members) for day in days]


def test_who_comes_and_goes_at_one_instant_did_so_once_or_not_at_all(segmented, clock):
    def change(person, when, *directions):
        return [Change(person, "a", one, to_micros(when), "e") for one in directions]

    write(
        segmented,
        [
            *change("p0", at(24), True),
            *change("p1", at(25), True, False, True),
            *change("p2", at(25), True, False),
            *change("p0", at(26), False, True),
            *change("p1", at(26), False, True, False),
        ],
    )
    clock.at = at(27)
    assert told(segmented, "a") == [
        (24, 0, 0, 1, 1),
        (25, 1, 0, 0, 2),
        (26, 0, 1, 0, 1),
        (27, 0, 0, 0, 1),
    ]
    page = membership_changes(segmented, segment="a")
    assert [(c.person_id, c.change) for c in page.changes[1:4]] == [
        ("p1", "entered"),
        ("p1", "exited"),
        ("p1", "entered"),
    ]
    assert [(one.since_at, one.until_at) for one in memberships_of(segmented, "p1")] == [
        (at(25), at(26))
    ]
    assert [(one.since_at, one.until_at) for one in memberships_of(segmented, "p0")] == [
        (at(26), None),
        (at(24), at(26)),
    ]


def test_whom_a_definition_puts_out_did_not_leave(segmented, clock):
    put(
        segmented,
        ("p1", "a", at(24), None),
        ("p2", "a", at(24), None),
        ("p3", "a", at(24), at(26)),
        ("p1", "gone", at(24), None),
    )
    with segmented.store.transaction() as tx:
        known = build_plan(segmented).segments
        close_removed(tx, {**known, "gone": known["a"]}, to_micros(at(25)))
        assert tx.value("SELECT count(*) FROM memberships WHERE until_at IS NULL") == 3
        close_removed(tx, {"b": known["b"]}, to_micros(at(26)))
        close_removed(tx, {"b": known["b"]}, to_micros(at(27)))
        assert tx.value("SELECT count(*) FROM memberships WHERE until_at IS NULL") == 0
    page = membership_changes(segmented, after=5)
    assert [(c.person_id, c.segment, c.at, c.cause) for c in page.changes] == [
        ("p1", "a", at(26), "definition"),
        ("p2", "a", at(26), "definition"),
        ("p1", "gone", at(26), "definition"),
    ]
    redefine(segmented, "segment", "a", at(26))
    clock.at = at(27)
    assert told(segmented, "a") == [
        (24, 0, 0, 3, 3),
        (25, 0, 0, 0, 3),
        (26, 0, 1, -2, 0),
        (27, 0, 0, 0, 0),
    ]


turns = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4 * 24 * 3)), max_size=30)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=turns, batches=st.integers(1, 4))
def test_changes_make_the_intervals_that_a_set_of_members_had(segmented, moves, batches):
    """Whatever changes together, and however often at one instant."""
    inside, changes, expected = {}, [], {}
    for person, quarter in sorted(moves, key=lambda move: move[1]):
        when = to_micros(at(1)) + quarter // 3
        changes.append(Change(f"p{person}", "a", person not in inside, when, "e"))
        if person in inside:
            expected[person, inside.pop(person)] = when
        else:
            inside[person] = when
            expected[person, when] = None
    size = max(1, len(changes) // batches)
    write(segmented, [])
    with segmented.store.transaction() as tx:
        for start in range(0, len(changes), size):
            write_changes(tx, changes[start : start + size], 0)
    with segmented.store.read() as tx:
        rows = tx.tuples("SELECT person_id, since_at, until_at FROM memberships")
        seen = tx.tuples('SELECT person_id, change, "at" FROM membership_changes ORDER BY seq')
    assert {(int(person[1:]), since): until for person, since, until in rows} == expected
    assert seen == [(c.person_id, "entered" if c.entered else "exited", c.at) for c in changes]


def test_growth_of_what_was_never_computed(segmented):
    found = growth(segmented, "a")
    assert (found.recorded_since, found.days, found.started_with) == (None, [], 0)
    with pytest.raises(UnknownName):
        growth(segmented, "nothing")


def test_an_empty_segment_is_recorded_too(segmented, known, clock):
    known("p1")
    recompute(segmented)
    clock.advance(DAY)
    found = growth(segmented, "c")
    assert found.recorded_since == clock.now() - DAY
    assert [day.members for day in found.days] == [0, 0]


moments = st.integers(0, 40 * 24 * 4).map(
    lambda quarter: datetime(2026, 3, 10, tzinfo=UTC) + timedelta(minutes=15 * quarter, seconds=7)
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    intervals=st.lists(
        st.tuples(moments, st.one_of(st.none(), moments)).filter(
            lambda pair: pair[1] is None or pair[0] < pair[1]
        ),
        min_size=1,
        max_size=12,
    ),
    days=st.integers(1, 50),
    zone=st.sampled_from(["UTC", "Europe/London", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_growth_is_that_of_the_intervals(segmented, clock, intervals, days, zone):
    segmented.settings = segmented.settings.__class__(
        **{name: getattr(segmented.settings, name) for name in segmented.settings.__struct_fields__}
        | {"timezone": zone}
    )
    clock.at = datetime(2026, 4, 25, 3, tzinfo=UTC)
    put(segmented, *((f"p{n}", "a", since, until) for n, (since, until) in enumerate(intervals)))
    local = ZoneInfo(zone)
    since = min(began for began, _ in intervals)
    for day in growth(segmented, "a", days=days).days:
        end = datetime.combine(day.on + DAY, datetime.min.time(), local)
        assert day.members == sum(
            began < end and (ended is None or ended >= end) for began, ended in intervals
        )
        assert day.entered == sum(
            began.astimezone(local).date() == day.on and began > since for began, _ in intervals
        )
        assert day.left == sum(
            ended is not None and ended.astimezone(local).date() == day.on for _, ended in intervals
        )


def redefine(workspace, kind, name, when):
    """Another definition is applied, after the first."""
    rows = [{"revision": 1, "at": 0}, {"revision": 2, "at": to_micros(when)}]
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO definitions (kind, name, revision, body, author, applied_at)"
            " VALUES (:kind, :name, :revision, '{}', 'me', :at)",
            [{"kind": kind, "name": name, **row} for row in rows],
        )


def test_another_definition_is_pointed_out(segmented):
    put(
        segmented,
        ("p1", "a", at(24), None),
        ("p1", "b", at(24), None),
        ("p1", "country:FR", at(24), None),
    )
    redefine(segmented, "segment", "a", at(25))
    redefine(segmented, "feature", "orders", at(26))
    assert growth(segmented, "a").redefined_at == [at(25), at(26)]
    assert growth(segmented, "b").redefined_at == [at(26)]
    assert growth(segmented, "country:FR").redefined_at == []


def test_the_intervals_of_a_person_latest_first(segmented):
    put(
        segmented,
        ("p1", "a", at(20), at(22)),
        ("p1", "a", at(25), None),
        ("p1", "b", at(24), at(26)),
        ("p1", "c", at(24), at(24)),
        ("p2", "b", at(24), None),
    )
    found = memberships_of(segmented, "p1")
    assert [(one.segment, one.since_at, one.until_at) for one in found] == [
        ("a", at(25), None),
        ("b", at(24), at(26)),
        ("a", at(20), at(22)),
    ]
    assert memberships_of(segmented, "p1", limit=1) == found[:1]
    assert memberships_of(segmented, "nobody") == []


@pytest.fixture
def changed(segmented):
    rows = [
        {"p": f"p{n}", "s": "ab"[n % 2], "c": ("entered", "exited")[n % 3 == 2], "n": n}
        for n in range(7)
    ]
    with segmented.store.transaction() as tx:
        tx.run(
            'INSERT INTO membership_changes (person_id, segment, change, "at", recorded_at, cause)'
            " VALUES (:p, :s, :c, :n, :n + 1, NULL)",
            rows,
        )
    return segmented


def test_changes_come_in_order_page_by_page(changed):
    seen, after, pages = [], 0, 0
    while True:
        page = membership_changes(changed, after=after, limit=3)
        seen += page.changes
        pages += 1
        after = page.last
        if page.next is None:
            break
    assert pages == 3
    assert [change.person_id for change in seen] == [f"p{n}" for n in range(7)]
    assert [change.seq for change in seen] == sorted(change.seq for change in seen)
    assert membership_changes(changed, after=after).changes == []
    assert membership_changes(changed, after=after).last == after


def test_changes_of_one_segment(changed):
    page = membership_changes(changed, segment="b")
    assert [change.person_id for change in page.changes] == ["p1", "p3", "p5"]
    assert {change.segment for change in page.changes} == {"b"}
    with pytest.raises(UnknownName):
        membership_changes(changed, segment="d")


def test_places_beyond_every_list(changed):
    assert membership_changes(changed, after=10**30).changes == []
    assert len(membership_changes(changed, after=-(10**30), limit=10**30).changes) == 7


def test_sizes_are_those_of_now_and_say_when_they_changed(segmented, known, happened, clock):
    known("p1", country="FR")
    happened({"person_id": "p1", "name": "Order Completed"})
    recompute(segmented)
    first = clock.now()
    clock.advance(DAY)
    recompute(segmented)
    sizes = {one.name: one for one in list_segments(segmented)}
    assert (sizes["a"].count, sizes["a"].changed_at, sizes["a"].computed_at) == (
        1,
        first,
        clock.now(),
    )
    assert (sizes["b"].count, sizes["b"].changed_at) == (0, None)
    assert sizes["country:FR"].count == 1
    # What enters between two recomputations shows at once.
    put(segmented, ("p1", "a", first, clock.now()), ("p1", "b", clock.now(), None))
    sizes = {one.name: one for one in list_segments(segmented)}
    assert (sizes["a"].count, sizes["a"].changed_at) == (0, clock.now())
    assert (sizes["b"].count, sizes["b"].changed_at) == (1, clock.now())
    assert show_segment(segmented, "b").summary == sizes["b"]


def test_days_are_dates(segmented, clock):
    put(segmented, ("p1", "a", clock.now(), None))
    assert [type(day.on) for day in growth(segmented, "a").days] == [date]


def answers(workspace):
    return (
        overlap(workspace, ["a", "b", "country:FR"]),
        [growth(workspace, name) for name in ("a", "b", "country:FR")],
        memberships_of(workspace, "p1"),
        membership_changes(workspace, limit=2),
        membership_changes(workspace, segment="a"),
        list_segments(workspace),
    )


@pytest.mark.postgres
def test_postgresql_answers_the_same(segmented, clock, postgres_url):
    clock.at = at(27)

    def fill():
        put(
            segmented,
            ("p1", "a", at(24), at(26)),
            ("p1", "b", at(25), None),
            ("p2", "a", at(24), None),
            ("p2", "b", at(25), None),
            ("p2", "country:FR", at(25), None),
            ("p2", "country:FR", at(26), at(26)),
            causes={("p1", True): "definition", ("p1", False): "definition"},
        )
        with segmented.store.transaction() as tx:
            tx.run(
                "INSERT INTO segment_sizes (segment, computed_at, members) VALUES ('b', :at, 2)",
                {"at": to_micros(at(25))},
            )
        redefine(segmented, "segment", "a", at(26, 11))

    fill()
    expected = answers(segmented)
    segmented.__dict__.pop("store").close()
    segmented.__dict__["store"] = open_store(postgres_url)
    fill()
    assert answers(segmented) == expected
