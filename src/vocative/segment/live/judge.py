"""One batch of the live runner: folds facts, judges people, collects what changed."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vocative.identify.applied import Applied, PersonNow
from vocative.segment.live.changes import Change
from vocative.segment.live.evaluate import Evaluation
from vocative.segment.live.fold import AT, EVENT_ID, NAME, PERSON, POSITION, Fact
from vocative.segment.live.people import People, Person
from vocative.segment.live.program import RELATIONS, ZONE, Program
from vocative.segment.live.state import PlanState
from vocative.stores import Transaction, in_lists

HEAVY_FACTS = 5_000
HEAVY_PAUSE = 1_000_000
"""Who has so many facts in view is judged once per pause, and who has twice as many once per two
pauses: a robot slows nobody."""
_MOST_TURNS = 200
"""How many changes by time alone one person may have per batch; the rest waits for the next."""


class Batch:
    """What one transaction does to people.

    Args:
        tx: The transaction.
        program: The compiled plan.
        state: Which revision it is, and what is still being built.
        people: Their rows.
        now: Microseconds UTC; nothing later is looked at.
    """

    def __init__(
        self, tx: Transaction, program: Program, state: PlanState, people: People, now: int
    ) -> None:
        self.tx = tx
        self.program = program
        self.state = state
        self.people = people
        self.now = now
        self.changes: list[Change] = []
        self.touched: dict[str, Person] = {}
        self.at_once: set[str] = set()
        """Those of them whose rows must not wait to be written."""
        building = state.building
        self._unbuilt = program.mask_of(building.groups) if building else 0
        self._scores: dict[str, dict[str, float]] = {}
        self._causes: dict[str, str] = {}
        self._masks: dict[str, int] = {}
        self._stayed: dict[int, set[str]] = {}

    # What happened

    def take(self, applied: Applied) -> None:
        """Fold what a step of the log added, and judge everybody it concerns."""
        ids = {*applied.people, *applied.merged, *applied.merged.values()}
        for rows in (applied.facts, applied.lines):
            ids.update(fact[PERSON] for fact in rows if fact[PERSON] is not None)
        people = self.people.load(self.tx, ids)
        for person in people.values():
            self._lay_out(person)
        self._read_scores(people)
        self._read_traits([p for p in people.values() if p.person_id not in applied.people])
        self._catch_up(people, applied.people)
        self._merge(people, applied.merged)
        self._learn(people, applied.people)
        apart = applied.split
        for relation, rows in zip(RELATIONS, (applied.facts, applied.lines), strict=True):
            # Who came apart reads theirs in history.
            mine = [row for row in rows if row[PERSON] not in apart] if apart else rows
            self._fold(people, relation, mine)
        for person_id, mask in self._masks.items():
            if person_id not in apart:
                self._judge_touched(people[person_id], mask)

    def build(
        self, person_ids: Sequence[str], facts: Iterable[tuple[str, Fact]], *, again: bool
    ) -> None:
        """Give people their turn: fold what history has for the unbuilt groups, judge everything.

        Args:
            person_ids: Whose turn it is.
            facts: (relation, row) of these people.
            again: What the unbuilt groups hold of them already is thrown away first.
        """
        building = self.state.building
        numbers = frozenset(building.groups if building else ())
        people = self.people.load(self.tx, person_ids)
        for person in people.values():
            self._lay_out(person)
        self._read_members(people)
        self._read_traits(people.values())
        self._read_scores(people)
        self._catch_up(people, {})
        if again:
            # After facts were released whose instant has come: history has these, too.
            for person in people.values():
                self._empty(person, numbers)
        held = {
            (person.person_id, relation, row[EVENT_ID])
            for person in people.values()
            for _, relation, row in person.held
        }
        for relation, fact in facts:
            if (fact[PERSON], relation, fact[EVENT_ID]) not in held:
                self._fold_one(people[fact[PERSON]], relation, fact, numbers)
        for person in people.values():
            self._causes.setdefault(person.person_id, "definition")
            self._judge(person, self.program.judging(self.program.everything), self.now, whole=True)

    def _empty(self, person: Person, numbers: Iterable[int]) -> None:
        """Throw away what some groups hold of a person."""
        for number in numbers:
            person.packed.pop(number, None)
            person.records.pop(number, None)
            person.dirty &= ~(1 << self.program.place[number])
        self.people.drop_chunks(self.tx, person.person_id, numbers)

    def follow(self, person_ids: Sequence[str], facts: Iterable[tuple[str, Fact]]) -> None:
        """Fold what history has kept waiting for people, and judge them.

        Args:
            person_ids: Whose turn it is.
            facts: (relation, row) of these people.
        """
        people = self._up_to_now(person_ids)
        rows: dict[str, list[Fact]] = {relation: [] for relation in RELATIONS}
        for relation, fact in facts:
            rows[relation].append(fact)
        for relation, found in rows.items():
            self._fold(people, relation, found)
        for person in people.values():
            self._judge_touched(person, self.program.everything)

    def recover(self, person_ids: Sequence[str], facts: Iterable[tuple[str, Fact]]) -> None:
        """Bring people whose rows were not written up to where this batch is.

        Args:
            person_ids: Whose rows may be behind.
            facts: (relation, row) of these people since the row that is farthest behind.
        """
        people = self.people.load(self.tx, person_ids)
        for person in people.values():
            self._lay_out(person)
        # Who entered and left is written at once.
        self._read_members(people)
        self._read_traits(people.values())
        self._read_scores(people)
        for person in people.values():
            self._release(person, self.now)
        for relation, fact in facts:
            person = people[fact[PERSON]]
            if fact[POSITION] > person.position:
                wanted = self._groups_of_held(person, fact[POSITION])
                self._fold_one(person, relation, fact, wanted)
        for person in people.values():
            self._causes.setdefault(person.person_id, "definition")
            self._judge_touched(person, self.program.everything)

    def start_over(
        self,
        person_ids: Iterable[str],
        facts: Iterable[tuple[str, Fact]],
        wanted: frozenset[int] | None,
        cause: str,
    ) -> None:
        """Make what is kept of people anew, and judge them.

        Args:
            person_ids: Who.
            facts: (relation, row): all that history has of them.
            wanted: The groups to fold these into, without those that are being built; None: all.
            cause: Of what changes for them.
        """
        people = self._up_to_now(person_ids)
        for person in people.values():
            person.held = []
            self._empty(person, self.program.numbers)
            if wanted is not None:
                self._again(person.person_id)
        for relation, fact in facts:
            self._fold_one(people[fact[PERSON]], relation, fact, wanted)
        for person in people.values():
            self._causes[person.person_id] = cause
            self._judge_touched(person, self.program.everything)
            # What the row held is somebody else's now, too.
            self.at_once.add(person.person_id)

    def join(self, merged: Mapping[str, str]) -> None:
        """Make one of people who are one, without judging them."""
        people = self._up_to_now({*merged, *merged.values()})
        self._merge(people, merged)
        for person_id in set(merged.values()) - merged.keys():
            self.touched[person_id] = people[person_id]

    def fire(self, person: Person) -> None:
        """Follow the changes that time alone brings to one person, each at its instant."""
        evaluation = self._judging(person, self.program.everything)
        self._causes[person.person_id] = "time"
        for _ in range(_MOST_TURNS):
            due = person.next_change
            if due > self.now:
                break
            self._release(person, due)
            self._judge(person, evaluation, due, whole=True)
        self.touched[person.person_id] = person
        # Its row is what is looked for when the next instant comes.
        self.at_once.add(person.person_id)

    def _jump(self, person: Person) -> None:
        """Judge somebody as of now, whatever lies between."""
        self._release(person, self.now)
        evaluation = self._judging(person, self.program.everything)
        self._judge(person, evaluation, self.now, whole=True)

    def prepare(self, people: Sequence[Person]) -> None:
        """Read what `fire` needs of these people."""
        for person in people:
            self._lay_out(person)
        self._read_traits([person for person in people if person.traits is None])
        self._read_scores({person.person_id: person for person in people})

    # Steps

    def _up_to_now(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """People to whom nothing happened but that time has passed."""
        people = self.people.load(self.tx, person_ids)
        for person in people.values():
            self._lay_out(person)
        self._read_traits(people.values())
        self._read_scores(people)
        self._catch_up(people, {})
        return people

    def _lay_out(self, person: Person) -> None:
        """Bring bits and values of an older plan into the order of this one."""
        state, program = self.state, self.program
        if person.revision == state.revision:
            return
        if person.revision == 0:
            self._masks[person.person_id] = program.everything
        old = state.layouts.get(person.revision)
        bits, families = 0, dict[str, str | None]()
        if old is not None:
            stayed = self._stayed_since(person.revision)
            names = {name for i, name in enumerate(old.segments) if person.bits >> i & 1} & stayed
            bits = sum(1 << i for i, name in enumerate(program.segments) if name in names)
            values = zip(old.families, person.families, strict=True)
            families = {name: value for name, value in values if name in stayed}
        person.bits = bits
        person.families = [families.get(name) for name in program.families]
        person.revision = state.revision

    def _stayed_since(self, revision: int) -> set[str]:
        if revision not in self._stayed:
            self._stayed[revision] = self.state.stayed(revision)
        return self._stayed[revision]

    def _catch_up(self, people: Mapping[str, Person], touched: Mapping[str, PersonNow]) -> None:
        """Let time pass for people before something happens to them."""
        for person in people.values():
            if person.next_change <= self.now:
                if person.traits is None and person.person_id in touched:
                    self._set_traits(person, touched[person.person_id])
                self.fire(person)
                if person.next_change <= self.now:
                    # Too long ago to follow every change: what comes now must not be folded
                    # before the past is behind.
                    self._jump(person)

    def _merge(self, people: Mapping[str, Person], merged: Mapping[str, str]) -> None:
        for gone_id, kept_id in merged.items():
            gone, kept = people[gone_id], people[kept_id]
            for number in {*gone.packed, *gone.records}:
                record = self.people.record(self.tx, kept, number)
                other = self.people.record(self.tx, gone, number)
                record.join(self.people.groups[number], other)
                kept.dirty |= 1 << self.program.place[number]
            kept.held += gone.held
            kept.held.sort(key=lambda held: held[0])
            for name in sorted(self.program.member_names(gone.bits, gone.families)):
                self.changes.append(Change(gone_id, name, False, self.now, f"merged:{kept_id}"))
            self._masks[kept_id] = self.program.everything
            self.touched.pop(gone_id, None)
            self._masks.pop(gone_id, None)
            # The row of who is gone goes now, and what it held is in this one's.
            self.at_once.add(kept_id)
            if not (self.state.complete(gone_id) and self.state.complete(kept_id)):
                self._again(kept_id)
        self.people.remove(self.tx, list(merged))

    def _again(self, person_id: str) -> None:
        building = self.state.building
        if building is not None:
            again = msgspec.structs.replace(building, again=[*building.again, person_id])
            self.state = msgspec.structs.replace(self.state, building=again)

    def _learn(self, people: Mapping[str, Person], now: Mapping[str, PersonNow]) -> None:
        """Take in what is openly known of people since this step."""
        for person_id, told in now.items():
            person = people[person_id]
            before = person.traits
            if before is None or told.news:
                self._set_traits(person, told)
            if told.news and before != person.traits:
                mask = self._masks.get(person_id, 0)
                self._masks[person_id] = mask | self.program.traits_bit
                self._causes[person_id] = "profile"

    def _set_traits(self, person: Person, told: PersonNow) -> None:
        person.traits = self.program.live_traits(told.traits, told.first_seen_at)

    def _fold(self, people: Mapping[str, Person], relation: str, rows: Sequence[Fact]) -> None:
        folds, now = self.program.folds(relation), self.now
        masks, causes, tx, load = self._masks, self._causes, self.tx, self.people.record
        for fact in rows:
            fold, person_id = folds.get(fact[NAME]), fact[PERSON]
            if fold is None or person_id is None:
                continue
            person = people[person_id]
            if fact[AT] > now:
                self._hold(person, relation, fact)
            elif mask := fold(person, tx, load, fact, now):
                person.dirty |= mask
                masks[person_id] = masks.get(person_id, 0) | mask
                causes[person_id] = fact[EVENT_ID]

    def _hold(self, person: Person, relation: str, fact: Fact) -> None:
        """Keep a fact that lies in the future until its instant."""
        person.held.append((fact[AT], relation, list(fact)))
        person.held.sort(key=lambda held: held[0])
        person.next_change = min(person.next_change, fact[AT])
        self.touched[person.person_id] = person

    def _fold_one(
        self, person: Person, relation: str, fact: Fact, wanted: frozenset[int] | None
    ) -> None:
        """Fold one fact outside a batch of them, into some groups only or (None) all."""
        if fact[AT] > self.now:
            self._hold(person, relation, fact)
            return
        fold = self.program.folds(relation, wanted).get(fact[NAME])
        if fold is not None:
            person.dirty |= fold(person, self.tx, self.people.record, fact, self.now)

    def _release(self, person: Person, now: int) -> None:
        """Fold the facts whose instant has come."""
        while person.held and person.held[0][0] <= now:
            _, relation, row = person.held.pop(0)
            wanted = self._groups_of_held(person, row[POSITION] or 0)
            self._fold_one(person, relation, tuple(row), wanted)
            self._causes[person.person_id] = row[EVENT_ID]

    def _groups_of_held(self, person: Person, position: int) -> frozenset[int] | None:
        building = self.state.building
        if building is None or position > building.position:
            return None
        if self.state.complete(person.person_id):
            return None
        # Groups that are built get the fact from history, when it is the person's turn.
        return frozenset(self.program.numbers) - frozenset(building.groups)

    def _judge_touched(self, person: Person, mask: int) -> None:
        self.touched[person.person_id] = person
        if pause := _pause(person):
            person.next_change = min(person.next_change, self.now + pause)
            return
        evaluation = self._judging(person, mask)
        self._judge(person, evaluation, self.now, whole=mask == self.program.everything)

    def _judging(self, person: Person, mask: int) -> Evaluation:
        """What judges the segments a mask can change, without those that wait for a turn."""
        unbuilt = 0 if self.state.complete(person.person_id) else self._unbuilt
        return self.program.judging(mask, unbuilt)

    def _judge(self, person: Person, evaluation: Evaluation, now: int, *, whole: bool) -> None:
        """Judge some segments; `whole`: all that can be judged, so that `until` is exact."""
        records = self.people.seen(self.tx, person, evaluation.groups)
        traits = person.traits or self.program.live_traits({}, now)
        scores = self._scores.get(person.person_id, _NO_SCORES)
        bits, families, until = evaluation.judge(
            records, now, traits, traits[ZONE], scores, person.bits, person.families
        )
        if bits != person.bits or families != person.families:
            self._tell(person, bits, families, now)
            person.bits, person.families = bits, families
        if not whole:
            until = min(until, person.next_change)
        person.next_change = min(until, person.held[0][0]) if person.held else until
        self.touched[person.person_id] = person

    def _tell(self, person: Person, bits: int, families: Sequence[str | None], now: int) -> None:
        left, entered = self.program.moved(person.bits, person.families, bits, families)
        cause = self._causes.get(person.person_id, "profile")
        for name in left:
            self.changes.append(Change(person.person_id, name, False, now, cause))
        for name in entered:
            self.changes.append(Change(person.person_id, name, True, now, cause))

    # Reading beside

    def _read_traits(self, people: Iterable[Person]) -> None:
        wanted = {person.person_id: person for person in people}
        for marks, bound in in_lists(list(wanted)):
            rows = self.tx.tuples(
                "SELECT person_id, traits, first_seen_at FROM profiles"
                f" WHERE person_id IN ({marks})",
                bound,
            )
            for person_id, traits, first_seen_at in rows:
                stated = msgspec.json.decode(traits)
                self._set_traits(wanted[person_id], PersonNow(stated, first_seen_at, news=False))

    def _read_members(self, people: Mapping[str, Person]) -> None:
        """Take the segments people are in from the memberships themselves."""
        names: dict[str, set[str]] = {}
        for marks, bound in in_lists(list(people)):
            rows = self.tx.tuples(
                "SELECT person_id, segment FROM memberships WHERE until_at IS NULL"
                f" AND person_id IN ({marks})",
                bound,
            )
            for person_id, segment in rows:
                names.setdefault(person_id, set()).add(segment)
        for person_id, person in people.items():
            person.bits, person.families = self.program.bits_of(names.get(person_id, set()))

    def _read_scores(self, people: Mapping[str, Person]) -> None:
        if not self.program.uses_scores:
            return
        for marks, bound in in_lists(list(people)):
            rows = self.tx.tuples(
                f"SELECT person_id, model, value FROM scores WHERE person_id IN ({marks})", bound
            )
            for person_id, model, value in rows:
                self._scores.setdefault(person_id, {})[model] = value


_NO_SCORES: dict[str, float] = {}


def _pause(person: Person) -> int:
    """For how many microseconds somebody with very many facts is not judged again; or 0."""
    if not person.busy:
        return 0
    return (
        max(len(record.facts.at) for record in person.records.values())
        // HEAVY_FACTS
        * (HEAVY_PAUSE)
    )
