"""The live state of people: one packed row each, decoded only as far as a batch needs it.

A row holds the segments the person is in, a packed record per group, and facts that lie in the
future. Rows that were used lately stay in memory, as many as fit. What a batch changed is written
in the batch's own transaction, or it waits in memory for a few seconds, so that a visit of many
events writes its person once. Then the transaction notes who waits (`unwritten.py`): after a crash,
their rows are brought up to date from history.
"""

from collections import OrderedDict, deque
from collections.abc import Container, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from vocative.segment.live.groups import Group
from vocative.segment.live.record import Record
from vocative.segment.live.unwritten import forget_unwritten, note_unwritten
from vocative.sql.python import NEVER
from vocative.stores import Transaction, in_lists

KEPT_BYTES = 160_000_000
"""About how much memory people may take who stay in it from batch to batch."""
PERSON_BYTES, PACKED_FACTOR, FACT_BYTES = 8_000, 3, 100
"""About how much a person takes, how many times their row's length, and each sealed fact."""
PATIENCE = 3_600_000_000
"""A row's instant of the next change stays as it is when the true one is later, unless it is within
so many microseconds: with every event of a visit something leaves a window a little later, and
moving rows about in an index costs more than looking at a person for nothing now and then."""
WAIT = 4_000_000
"""For how many microseconds a row may wait to be written."""
GRACE = 2_000_000
"""So much longer rows wait when no events come: while some do, they are written with the next step,
in its transaction."""
LEAST_WRITTEN, WRITTEN_FACTOR, SLICE = 20, 1, 500
"""How many rows that have waited a step writes: so many, or as many as begin to wait; and how many
are written at once when no step does."""
MOST_WAITING = 10_000
"""How many rows may wait."""
SOON = 10_000_000
"""Whoever changes by time alone within so many microseconds, and earlier than the row says, does
not wait: it is the row's instant that is looked for."""
_encode = msgspec.msgpack.Encoder().encode
_Body = tuple[int, int, bytes, list[str | None], dict[int, msgspec.Raw], list[Any]]
_decode = msgspec.msgpack.Decoder(_Body).decode
_decode_record = msgspec.msgpack.Decoder(list[Any]).decode


class Person:
    """What the live runner knows of one person."""

    __slots__ = (
        "bits",
        "busy",
        "bytes",
        "dirty",
        "families",
        "held",
        "next_change",
        "packed",
        "person_id",
        "position",
        "records",
        "revision",
        "stored_change",
        "traits",
    )

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        self.position = 0
        """Up to where on the log the row has what concerns the person."""
        self.revision = 0
        """The plan under which the segments were judged; 0: never."""
        self.bits = 0
        """Bit i: in the i-th segment of that plan."""
        self.families: list[str | None] = []
        self.packed: dict[int, msgspec.Raw] = {}
        """Records as rows have them, by number; those looked at are in `records`."""
        self.records: dict[int, Record] = {}
        self.dirty = 0
        """Which records changed: their groups' bits in the program's masks."""
        self.busy = False
        """Whether some record has sealed chunks."""
        self.bytes = 0
        """About how much memory this takes, as it was counted last."""
        self.held: list[Any] = []
        """Facts that lie in the future: (instant, relation, row)."""
        self.next_change = NEVER
        """When time alone changes something, or earlier: then it is looked at for nothing."""
        self.stored_change = NEVER
        """The same as the row has it."""
        self.traits: dict[str, Any] | None = None
        """As generated code wants them; None: not read yet."""


class Rows(NamedTuple):
    """What is written of people; each row begins with the person's id."""

    people: list[tuple[str, int | None, bytes]]
    sealed: list[tuple[str, str, int, bytes]]
    """Chunks that are sealed, and those that are dropped."""
    dropped: list[tuple[str, str, int]]

    def of(self, person_ids: Container[str]) -> "Rows":
        """Those of some people."""
        return Rows(
            [row for row in self.people if row[0] in person_ids],
            [row for row in self.sealed if row[0] in person_ids],
            [row for row in self.dropped if row[0] in person_ids],
        )

    def add(self, more: "Rows") -> None:
        """Take in those of others."""
        self.people.extend(more.people)
        self.sealed.extend(more.sealed)
        self.dropped.extend(more.dropped)


def put(tx: Transaction, rows: Rows) -> None:
    """Write what `People.pack` packed."""
    tx.run(_DROP_CHUNK, rows.dropped)
    tx.run(_SEAL_CHUNK, rows.sealed)
    tx.run(_WRITE, rows.people)


class People:
    """Reads and writes live rows, and keeps those used lately.

    Args:
        groups: By number, as rows name them, in the order of the program.
    """

    def __init__(self, groups: dict[int, Group]) -> None:
        self.groups = groups
        self._numbers = list(groups)
        self._empty = {number: Record.empty(group) for number, group in groups.items()}
        self._kept: OrderedDict[str, Person] = OrderedDict()
        self._bytes = 0
        self._waiting: dict[str, int] = {}
        """Whose row waits to be written → since which position of the log. They are all kept."""
        self._notes: deque[tuple[int, int, list[str]]] = deque()
        """What is noted of them: (position, instant, who began to wait then)."""

    @property
    def waiting(self) -> bool:
        """Whether some row waits to be written."""
        return bool(self._notes)

    def overdue(self, now: int, *, grace: int = 0) -> bool:
        """Whether some row has waited long enough to be written."""
        return bool(self._notes) and self._notes[0][1] <= now - WAIT - grace

    def forget(self) -> None:
        """Read everything anew: somebody else has written."""
        self._kept.clear()
        self._bytes = 0
        self._waiting.clear()
        self._notes.clear()

    def drop(self, person_ids: Iterable[str]) -> None:
        """Read these anew: they were written beside."""
        for person_id in person_ids:
            self._let_go(self._kept.pop(person_id, None))

    def load(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, Person]:
        """The live state of some people; new to us are those without a row."""
        found: dict[str, Person] = {}
        missing: list[str] = []
        kept = self._kept
        for person_id in person_ids:
            person = kept.get(person_id)
            if person is None:
                missing.append(person_id)
            else:
                kept.move_to_end(person_id)
                found[person_id] = person
        for marks, bound in in_lists(missing):
            sql = f"{_READ} WHERE person_id IN ({marks})"
            for row in tx.tuples(sql, bound):
                found[row[0]] = self._keep(self._read(*row), len(row[2]))
        for person_id in missing:
            if person_id not in found:
                found[person_id] = self._keep(Person(person_id), 0)
        return found

    def due(self, tx: Transaction, now: int, most: int) -> list[Person]:
        """People of whom something changes up to an instant, the earliest first."""
        rows = tx.tuples(
            f"{_READ} WHERE next_change_at <= :now ORDER BY next_change_at LIMIT :most",
            {"now": now, "most": most},
        )
        return [self._kept.get(row[0]) or self._read(*row) for row in rows]

    def seen(self, tx: Transaction, person: Person, numbers: Iterable[int]) -> list[Record]:
        """Records to look at, decoded if they were not; where there is none an empty one."""
        here, packed, empty, record = person.records, person.packed, self._empty, self.record
        return [
            here.get(n) or (record(tx, person, n) if n in packed else empty[n]) for n in numbers
        ]

    def record(self, tx: Transaction, person: Person, number: int) -> Record:
        """A person's record of one group, decoded when it is first asked for."""
        record = person.records.get(number)
        if record is None:
            group, packed = self.groups[number], person.packed.get(number)
            if packed is None:
                record = Record.empty(group)
            else:
                chunks = _Chunks(tx, person.person_id, number)
                record = Record.unpacked(group, _decode_record(packed), chunks)
                person.busy = person.busy or bool(record.sealed)
            person.records[number] = record
        return record

    def write(self, tx: Transaction, people: Iterable[Person], now: int, position: int) -> None:
        """Write the state of people.

        Args:
            tx: The transaction.
            people: Whose.
            now: Microseconds UTC.
            position: Up to where on the log they are folded.
        """
        self._put(tx, people, now, position)
        self._make_room(tx, now, position)

    def postpone(
        self, tx: Transaction, people: Iterable[Person], at_once: set[str], now: int, position: int
    ) -> None:
        """Let the rows of people wait to be written, and write those that have waited.

        Args:
            tx: The transaction.
            people: Who changed.
            at_once: Who of them must not wait.
            now: Microseconds UTC.
            position: Up to where on the log they are folded.
        """
        waiting, began, written = self._waiting, [], []
        for person in people:
            person_id, due = person.person_id, person.next_change
            if person_id in at_once or (due < person.stored_change and due < now + SOON):
                written.append(person)
            elif person_id not in waiting:
                waiting[person_id] = position
                began.append(person_id)
        if began:
            self._notes.append((position, now, began))
            note_unwritten(tx, position, began)
        self._put(tx, written, now, position)
        # Not all at once: when many came together, their time comes together, too.
        left = max(LEAST_WRITTEN, (len(began) + len(written)) * WRITTEN_FACTOR)
        while left > 0 and self.overdue(now):
            left -= self._write_oldest(tx, now, position, left)
        while len(waiting) > MOST_WAITING:
            self._write_oldest(tx, now, position, MOST_WAITING)
        self._make_room(tx, now, position)

    def settle(self, tx: Transaction, now: int, position: int) -> int:
        """Write some of the rows that no step wrote in time; how many people's, 0 when none."""
        wrote = 0
        if self.overdue(now, grace=GRACE):
            wrote = self._write_oldest(tx, now, position, SLICE)
        return wrote

    def settle_all(self, tx: Transaction, now: int, position: int) -> None:
        """Write every row that waits."""
        while self._notes:
            self._write_oldest(tx, now, position, MOST_WAITING)

    def _write_oldest(self, tx: Transaction, now: int, position: int, most: int) -> int:
        """Write rows of those noted first; how many were looked at."""
        since, at, began = self._notes[0]
        turn, rest = began[:most], began[most:]
        waiting, kept = self._waiting, self._kept
        # Who was written meanwhile may wait again, since later.
        people = [kept[person_id] for person_id in turn if waiting.get(person_id) == since]
        self._put(tx, people, now, position)
        if rest:
            self._notes[0] = (since, at, rest)
        else:
            self._notes.popleft()
            forget_unwritten(tx, since)
        return len(turn)

    def _put(self, tx: Transaction, people: Iterable[Person], now: int, position: int) -> None:
        put(tx, self.pack(people, now, position))

    def pack(self, people: Iterable[Person], now: int, position: int) -> Rows:
        """The rows of people as they are written.

        Args:
            people: Whose.
            now: Microseconds UTC.
            position: Up to where on the log they are folded.
        """
        rows, sealed, dropped = [], [], []
        for person in people:
            person_id, packed, records = person.person_id, person.packed, person.records
            dirty = person.dirty
            while dirty:
                place = dirty.bit_length() - 1
                dirty ^= 1 << place
                number = self._numbers[place]
                record = records[number]
                packed[number] = msgspec.Raw(_encode(record.packed(self.groups[number], now)))
                if record.sealing or record.dropped:
                    person.busy = True
                    key = str(number)
                    sealed += [(person_id, key, chunk, body) for chunk, body in record.sealing]
                    dropped += [(person_id, key, chunk) for chunk in record.dropped]
                    record.sealing = record.dropped = ()
            person.dirty = 0
            person.position = position
            if not now + PATIENCE < person.stored_change <= person.next_change:
                person.stored_change = person.next_change
            next_change = None if person.stored_change >= NEVER else person.stored_change
            body = _body(person)
            rows.append((person_id, next_change, body))
            self._waiting.pop(person_id, None)
            if person_id in self._kept:
                self._weigh(person, len(body))
        # Neighbours share pages of the store.
        rows.sort(key=itemgetter(0))
        return Rows(rows, sealed, dropped)

    def drop_chunks(self, tx: Transaction, person_id: str, numbers: Iterable[int]) -> None:
        """Delete a person's sealed facts of some groups."""
        tx.run(
            "DELETE FROM live_chunks WHERE person_id = :person_id AND group_key = :group_key",
            [{"person_id": person_id, "group_key": str(number)} for number in numbers],
        )

    def remove(self, tx: Transaction, person_ids: Sequence[str]) -> None:
        """Forget people who live on as others."""
        gone = [{"person_id": person_id} for person_id in person_ids]
        tx.run("DELETE FROM live_people WHERE person_id = :person_id", gone)
        tx.run("DELETE FROM live_chunks WHERE person_id = :person_id", gone)
        for person_id in person_ids:
            self._waiting.pop(person_id, None)
            self._let_go(self._kept.pop(person_id, None))

    def _read(self, person_id: str, next_change: int | None, body: bytes) -> Person:
        person = Person(person_id)
        found = _decode(body)
        person.position, person.revision, bits, person.families, packed, person.held = found
        person.bits = int.from_bytes(bits, "little")
        person.packed = packed
        if not packed.keys() <= self.groups.keys():
            # What an older plan kept and this one does not is left behind.
            person.packed = {n: found for n, found in packed.items() if n in self.groups}
        person.next_change = person.stored_change = NEVER if next_change is None else next_change
        return person

    def _keep(self, person: Person, packed: int) -> Person:
        self._kept[person.person_id] = person
        self._weigh(person, packed)
        return person

    def _weigh(self, person: Person, packed: int) -> None:
        weight = PERSON_BYTES + PACKED_FACTOR * packed
        if person.busy:
            weight += FACT_BYTES * sum(len(record.facts.at) for record in person.records.values())
        self._bytes += weight - person.bytes
        person.bytes = weight

    def _let_go(self, person: Person | None) -> None:
        if person is not None:
            self._bytes -= person.bytes
            person.bytes = 0

    def _make_room(self, tx: Transaction, now: int, position: int) -> None:
        """Those who were used longest ago go first."""
        gone = []
        while self._bytes > KEPT_BYTES and self._kept:
            person = self._kept.popitem(last=False)[1]
            self._let_go(person)
            if person.person_id in self._waiting:
                gone.append(person)
        self._put(tx, gone, now, position)


def _body(person: Person) -> bytes:
    bits = person.bits.to_bytes((person.bits.bit_length() + 7) // 8, "little")
    return _encode(
        (person.position, person.revision, bits, person.families, person.packed, person.held)
    )


class _Chunks:
    """Reads a record's sealed chunks when it is asked."""

    __slots__ = ("number", "person_id", "tx")

    def __init__(self, tx: Transaction, person_id: str, number: int) -> None:
        self.tx = tx
        self.person_id = person_id
        self.number = number

    def __call__(self) -> list[bytes]:
        rows = self.tx.tuples(
            "SELECT body FROM live_chunks WHERE person_id = :person_id AND group_key = :group_key"
            " ORDER BY chunk",
            {"person_id": self.person_id, "group_key": str(self.number)},
        )
        return [bytes(row[0]) for row in rows]


_READ = "SELECT person_id, next_change_at, body FROM live_people"
_WRITE = (
    "INSERT INTO live_people (person_id, next_change_at, body) VALUES (:person_id, :next, :body)"
    " ON CONFLICT (person_id) DO UPDATE SET next_change_at = excluded.next_change_at,"
    " body = excluded.body"
)
_SEAL_CHUNK = (
    "INSERT INTO live_chunks (person_id, group_key, chunk, body)"
    " VALUES (:person_id, :group_key, :chunk, :body)"
    " ON CONFLICT (person_id, group_key, chunk) DO UPDATE SET body = excluded.body"
)
_DROP_CHUNK = (
    "DELETE FROM live_chunks WHERE person_id = :person_id AND group_key = :group_key"
    " AND chunk = :chunk"
)
