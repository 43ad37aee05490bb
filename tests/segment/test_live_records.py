"""What is kept of a person's facts comes back as it was, whatever order they came in."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.segment.live.groups import DAY, Column, Group, Kind, RunningTotal, Total
from vocative.segment.live.record import CHUNK, Record
from vocative.sql.nodes import FieldRef
from vocative.sql.types import Type

PRICE = FieldRef(name="price", type=Type.NUMBER)
NAME = FieldRef(name="category", type=Type.TEXT)


def group(*, horizon=None, newest=0, ordered=True):
    return Group(
        relation="events",
        events=("A",),
        condition=None,
        features=(),
        totals=(RunningTotal(total=Total.COUNT), RunningTotal(total=Total.LAST, value=NAME)),
        columns=(Column(kind=Kind.NUMBERS, value=PRICE), Column(kind=Kind.TEXTS, value=NAME)),
        horizon=horizon,
        newest=newest,
        ordered=ordered,
    )


class Disk:
    """The chunks of one record, as the store keeps them."""

    def __init__(self):
        self.chunks = {}
        self.written = 0

    def write(self, of, record, now):
        body = record.packed(of, now)
        for number in record.dropped:
            del self.chunks[number]
        self.chunks.update(record.sealing)
        self.written += len(msgspec.msgpack.encode(body)) + sum(
            len(chunk) for _, chunk in record.sealing
        )
        record.sealing = record.dropped = ()
        return body

    def read(self, of, body):
        return Record.unpacked(of, body, lambda: [self.chunks[n] for n in sorted(self.chunks)])


def facts_in(record):
    facts = record.facts
    return list(zip(facts.at, facts.ids, *facts.columns, strict=True))


FACTS = st.lists(
    st.tuples(
        st.integers(0, 50),
        st.integers(0, 2**64 - 1),
        st.sampled_from([0.5, 1.25, 9.0]),
        st.sampled_from(["a", "b", None]),
    ),
    max_size=60,
)


@given(FACTS, st.lists(st.booleans(), min_size=60, max_size=60))
@settings(max_examples=200, deadline=None)
def test_facts_come_back_in_order_however_often_they_are_written(facts, writes):
    of, disk = group(), Disk()
    record = Record.empty(of)
    for (at, number, price, name), write in zip(facts, writes, strict=False):
        record.add(at, number, (price, name))
        if write:
            record = disk.read(of, disk.write(of, record, 100))
    assert facts_in(record) == sorted(facts, key=lambda fact: fact[:2])


def test_one_more_event_of_a_busy_person_rewrites_little():
    of, disk = group(), Disk()
    record = Record.empty(of)
    total = 20 * CHUNK
    for number in range(total):
        record.add(number, number, (1.0, "a"))
        if number % 10 == 0:
            body = disk.write(of, record, number)
    assert len(disk.chunks) >= 15
    again = disk.read(of, disk.write(of, record, total))
    assert facts_in(again) == facts_in(record)
    assert len(body) < 60 * CHUNK
    # Each write holds at most what is not sealed, and every fact is sealed once.
    assert disk.written < (total / 10) * 30 * CHUNK


def test_a_late_fact_of_a_busy_person_falls_into_its_place():
    of, disk = group(), Disk()
    record = Record.empty(of)
    for number in range(2 * CHUNK):
        record.add(10 * number, number, (1.0, "a"))
    record = disk.read(of, disk.write(of, record, 10**6))
    record.add(15, 7, (2.0, "late"))
    record = disk.read(of, disk.write(of, record, 10**6))
    assert facts_in(record)[2] == (15, 7, 2.0, "late")
    assert len(record.facts.at) == 2 * CHUNK + 1


@pytest.mark.parametrize("newest", [0, 3])
def test_what_nobody_can_see_any_more_is_forgotten(newest):
    of, disk = group(horizon=DAY, newest=newest), Disk()
    record = Record.empty(of)
    for number in range(3 * CHUNK):
        record.add(number, number, (1.0, "a"))
    disk.write(of, record, DAY - 1)
    assert len(disk.chunks) == 1
    # The window is open at its older end; a sealed chunk goes as a whole.
    body = disk.write(of, record, DAY + 10)
    assert record.facts.at[0] == 11
    again = disk.read(of, body)
    assert [at for at in again.facts.at if at > 10] == list(record.facts.at)
    far = disk.read(of, disk.write(of, again, 3 * DAY))
    assert len(again.facts.at) == newest
    assert bool(far.sealed) == bool(newest)
    assert set(disk.chunks) == set(far.sealed)


def test_two_records_become_one():
    of = group()
    mine, yours = Record.empty(of), Record.empty(of)
    mine.add(1, 1, (1.0, "a"))
    mine.totals = [1, 1, "01", "a"]
    yours.add(0, 9, (2.0, "b"))
    yours.add(2, 3, (3.0, None))
    yours.totals = [2, 2, "03", "b"]
    mine.join(of, yours)
    assert facts_in(mine) == [(0, 9, 2.0, "b"), (1, 1, 1.0, "a"), (2, 3, 3.0, None)]
    assert mine.totals == [3, 2, "03", "b"]
