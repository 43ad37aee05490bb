"""The live runner: what comes in changes features and segments in the transaction that takes it in.

`LiveRunner.take` applies a part of the log and folds it; `fire` lets time pass; `build` fills what
a new definition needs from history, a slice at a time, between the two. Everything a step does is
in one transaction with the offset of the log: after a crash at any instant, nothing is lost and
nothing is there twice.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from vocative.clock import to_micros
from vocative.errors import StateError
from vocative.identify.applied import Applied
from vocative.identify.apply import CONSUMER, Applier, ApplyReport
from vocative.segment.live.apart import start_over
from vocative.segment.live.beside import Beside, Folded, Job, prepare
from vocative.segment.live.changes import Sizes, close_removed, write_changes
from vocative.segment.live.groups import Group
from vocative.segment.live.judge import Batch
from vocative.segment.live.people import GRACE, People, put
from vocative.segment.live.program import Program, compile_program
from vocative.segment.live.state import (
    Building,
    Last,
    PlanState,
    new_writer,
    read_last,
    read_plan_state,
    write_state,
)
from vocative.segment.live.turns import (
    FACTS_PER_LONG_SLICE,
    Turn,
    facts_about,
    facts_of_waiting,
    shares_of_waiting,
    slices,
    turns_of_everybody,
)
from vocative.segment.live.unwritten import forget_all_unwritten, read_unwritten
from vocative.segment.live.waiting import clear, finish, note, still_waiting, waiting
from vocative.sql import quote_text
from vocative.sql.python import NEVER
from vocative.stores import Transaction
from vocative.workspace import Workspace
from vocative.workspace.second import SecondProcess

PEOPLE_PER_FIRE = 500
PEOPLE_PER_RECOVERY = 5_000
EVENTS_PER_STEP = 5_000
MOST_EVENTS_PER_STEP = 20_000
"""As many as that when some are left over: people are judged once per step."""
EVENTS_PER_LONG_STEP = 40_000
"""When they are only applied."""
LEAST_BULK = 50_000
OBJECTS_PER_COLLECTION = 200_000
_MOST_ATTEMPTS = 5
T = TypeVar("T")


@contextmanager
def few_collections() -> Iterator[None]:
    """Python looks for circles less often: people hold none, and there are many of them."""
    thresholds = gc.get_threshold()
    gc.set_threshold(OBJECTS_PER_COLLECTION, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


class LiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a runner did since it was made."""

    applied: int
    duplicates: int
    rejected: dict[str, int]
    entered: int
    exited: int
    built: int


class LiveRunner:
    """Keeps features and segments of a workspace as they are at every instant.

    One at a time writes: each call takes the workspace's lock for its transaction, so several
    processes may take turns.

    Args:
        workspace: Whose.
        least_bulk: So many events waiting on the log are folded by person, after all of them were
            applied.
        rows_wait: Whether the rows of people may wait a little to be written while events come in;
            whoever says so calls `settle_rows` when there is time, and `close`.
        beside: Whether a second process folds some of a long backlog; whoever says so calls
            `close`, and can be imported as the main module of another process.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        least_bulk: int = LEAST_BULK,
        rows_wait: bool = False,
        beside: bool = False,
    ) -> None:
        self._workspace = workspace
        self._writer = new_writer()
        self._least_bulk = least_bulk
        self._rows_wait = rows_wait
        self._may_have_help = beside
        self._second = SecondProcess(workspace.root)
        self._beside = Beside(self._second)
        self._applier = Applier(workspace, self._second)
        self._program: Program | None = None
        self._state = PlanState()
        self._last = Last()
        self._people = People({})
        self._sizes: Sizes | None = None
        self._turns: Iterator[Turn] | None = None
        self._waiting: Iterator[Turn | Folded] | None = None
        self._backlog = (0, 0)
        """Between which positions the facts of `_waiting` came in."""
        self._step_size = EVENTS_PER_STEP
        self._bulk = False
        self._soonest: int | None = None
        self._others = 0
        """How often another process was found to have written."""
        self.as_of = 0
        """The instant (microseconds) of the latest batch: what is kept is right as of then."""
        self._applied = ApplyReport()
        self.entered = 0
        self.exited = 0
        self.built = 0

    # Work

    def take(self) -> "tuple[str, int] | None":
        """Do a piece of what waits on the log; None when nothing waits.

        What came in lately is applied and folded. Of a long backlog everything is applied first,
        and then folded person by person from history: nobody is judged more than once.

        Returns:
            How many "events" were applied, or "people" followed.

        Raises:
            StoreBusy, EngineError: nothing of the piece was kept; calling again continues there.
        """
        if self._bulk:
            self._get_help()
            try:
                report = self._attempt(lambda: self._applier.step(EVENTS_PER_LONG_STEP, self._note))
            except FoldingBegan:
                report = None
            if report is not None:
                self._applied += report
                return "events", report.events
            self._bulk = False
        if people := self.fold_waiting():
            return "people", people
        report = self.step(self._step_size)
        if report is None:
            return None
        self._applied += report
        left = report.events >= self._step_size
        self._step_size = MOST_EVENTS_PER_STEP if left else EVENTS_PER_STEP
        self._bulk = left and self._is_bulk()
        return "events", report.events

    def step(self, most_events: int = EVENTS_PER_STEP) -> ApplyReport | None:
        """Apply and fold the next events of the log; None when there are none.

        Raises:
            StoreBusy, EngineError: nothing of the step was kept; calling again continues there.
        """

        def fold_everybody() -> None:
            while self.fold_waiting():
                pass

        return self._attempt(
            lambda: self._applier.step(most_events, self._follow), first=fold_everybody
        )

    def fold_waiting(self) -> int:
        """Fold what waits in history for some people; how many; 0 when nobody waits."""
        if self._last.writer and not self._last.behind:
            return 0
        return self._attempt(self._fold_waiting)

    def fire(self, most: int = PEOPLE_PER_FIRE) -> int:
        """Follow what time alone changes, up to now; how many people were looked at."""
        return self._attempt(lambda: self._fire(most))

    def settle_rows(self) -> int:
        """Write some rows of people that no step wrote in time; how many; 0 when there are none."""
        now = to_micros(self._workspace.clock.now())
        late = self._people.overdue(now, grace=GRACE)
        return self._attempt(self._settle_rows) if late else 0

    def close(self) -> None:
        """Write every row that waits, so that nobody needs to look into history for it.

        Whatever helps beside ends.
        """

        def work() -> None:
            with self._workspace.store.transaction() as tx:
                batch = self._begin(tx)
                self._people.settle_all(tx, batch.now, self._last.applied)

        self._no_more_help()
        if self._people.waiting:
            self._attempt(work)

    def build(self) -> int:
        """Give some people their turn at what a new definition needs; how many; 0 when done."""
        return self._attempt(self._build) if self.people_left else 0

    def advance(self, progress: "Callable[[str, int], None] | None" = None) -> LiveReport:
        """Bring everything up to now: the log, new definitions, the passing of time.

        Args:
            progress: Told what is done and how many more of it (events or people) are done.

        Raises:
            AuthorError: a definition is wrong.
        """
        self.catch_up(progress)
        return self.settle(progress)

    @few_collections()
    def settle(self, progress: "Callable[[str, int], None] | None" = None) -> LiveReport:
        """Give everybody their turn and let time pass, after `catch_up`."""
        told = progress or _nobody
        while people := self.build():
            told("people", people)
        while self.fire():
            pass
        return LiveReport(
            applied=self._applied.applied,
            duplicates=self._applied.duplicates,
            rejected=self._applied.rejected,
            entered=self.entered,
            exited=self.exited,
            built=self.built,
        )

    @few_collections()
    def catch_up(self, progress: "Callable[[str, int], None] | None" = None) -> None:
        """Take up new definitions, and everything that waits on the log."""
        told = progress or _nobody
        self.refresh()
        if self._is_bulk():
            while people := self.build():
                told("people", people)
            self._bulk = True
        while (done := self.take()) is not None:
            told(*done)
            self._tidy()

    def refresh(self) -> bool:
        """Take up definitions that changed; whether there were any.

        Raises:
            AuthorError: a definition is wrong; the runner goes on with the one it has.
        """
        workspace = self._workspace
        program = compile_program(workspace)
        with self._working(), workspace.store.transaction() as tx:
            state, offset, last = read_plan_state(tx), _offset(tx), read_last(tx)
            lost = last.applied != offset
            changed = state.fingerprint != program.fingerprint() or lost
            if changed:
                if last == self._last and last.writer == self._writer:
                    self._people.settle_all(tx, last.as_of, last.applied)
                # What waits in history waits for the definitions of before.
                state = state.adopt(program, offset, anew=lost or last.behind)
                write_state(tx, "plan", state)
            elif self._program is not None and state.revision == self._state.revision:
                return False
            self._take_up(program, state)
            if changed:
                batch = self._begin(tx)
                close_removed(tx, program.plan.segments, batch.now)
                self._nobody_waits(tx, offset)
                self._end(batch)
        return changed

    def rebuild(self) -> None:
        """Throw away what is kept of people, and build everybody from history."""
        with self._working(), self._workspace.store.transaction() as tx:
            program, offset = compile_program(self._workspace), _offset(tx)
            state = read_plan_state(tx).adopt(program, offset, anew=True)
            write_state(tx, "plan", state)
            self._take_up(program, state)
            batch = self._begin(tx)
            self._nobody_waits(tx, offset)
            self._end(batch)

    def record_sizes(self) -> None:
        """Keep the size of every segment as it is now, also where nobody came or went."""

        def work() -> None:
            with self._workspace.store.transaction() as tx:
                batch = self._begin(tx)
                self._record_sizes(batch)
                self._end(batch)

        self._attempt(work)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is written while this lasts, by any runner."""
        with self._working():
            yield

    @property
    def people_left(self) -> bool:
        """Whether somebody still waits for their turn at a new definition."""
        return self._state.building is not None

    def soonest(self) -> int:
        """The next instant (microseconds) at which time alone changes something."""
        if self._soonest is None:
            with self._workspace.store.read() as tx:
                found: int | None = tx.value(
                    "SELECT min(next_change_at) FROM live_people WHERE next_change_at IS NOT NULL"
                )
            self._soonest = NEVER if found is None else found
        return self._soonest

    def look_again(self) -> None:
        """Other processes may have written: ask the store when something changes next."""
        self._soonest = None

    # Inside a transaction

    def _attempt(self, work: Callable[[], T], *, first: Callable[[], None] = lambda: None) -> T:
        """Do a piece of work; once more when another process has gone on meanwhile.

        Args:
            work: Raises PlanMoved when it finds others' definitions, or others' people waiting.
            first: What must be done before it, each time.
        """
        for _ in range(_MOST_ATTEMPTS):
            first()
            try:
                with self._working():
                    return work()
            except PlanMoved:
                self.refresh()
        raise StateError(
            "the definitions keep changing while they are taken up",
            hint="let one process at a time work on this workspace",
        )

    def _fire(self, most: int) -> int:
        with self._workspace.store.transaction() as tx:
            batch = self._begin(tx)
            people = self._let_pass(batch, most)
            if people:
                self._end(batch)
            return people

    def _let_pass(self, batch: Batch, most: int) -> int:
        """Let time pass for people to whom nothing else happens in a batch; how many."""
        due = self._people.due(batch.tx, batch.now, most)
        people = [person for person in due if person.person_id not in batch.touched]
        batch.prepare(people)
        for person in people:
            batch.fire(person)
        self._soonest = None
        return len(people)

    def _settle_rows(self) -> int:
        with self._workspace.store.transaction() as tx:
            batch = self._begin(tx)
            return self._people.settle(tx, batch.now, self._last.applied)

    def _build(self) -> int:
        building = self._state.building
        if building is None:
            return 0
        if self._turns is None:
            groups = self._groups(building.groups)
            self._turns = turns_of_everybody(self._workspace, groups, building)
        turn = next(self._turns, None)
        with self._workspace.store.transaction() as tx:
            batch = self._begin(tx)
            if self._state.building != building:
                return self._retry_turn()
            if turn is None:
                return self._finish(batch, building)
            ids, facts = self._living(tx, building, turn)
            batch.build(ids, facts, again=False)
            after = msgspec.structs.replace(building, after=turn.person_ids[-1])
            batch.state = msgspec.structs.replace(batch.state, building=after)
            self._end(batch)
        self.built += len(ids)
        return max(len(ids), 1)

    def _living(self, tx: Transaction, building: Building, turn: Turn) -> Turn:
        """A turn as it is now: with those who came since it was read, without those who are gone.

        Who came since has nothing in history that was not folded. Who was joined with somebody is
        built at the end.
        """
        rows = tx.tuples(
            "SELECT person_id FROM profiles WHERE merged_into IS NULL"
            " AND person_id > :after AND person_id <= :last ORDER BY person_id",
            {"after": building.after, "last": turn.person_ids[-1]},
        )
        living = [row[0] for row in rows if row[0] not in building.again]
        return Turn(living, turn.facts_of(set(living)))

    def _retry_turn(self) -> int:
        """Somebody else went on with the building: read on from where they came."""
        self._turns = None
        return 1

    def _note(self, tx: Transaction, applied: Applied) -> None:
        """Let everybody whom a step concerns wait for their turn."""
        batch = self._begin(tx)
        if self._last.folding:
            raise FoldingBegan
        if applied.after != self._last.applied:
            raise PlanMoved
        self._people.settle_all(tx, batch.now, applied.after)
        batch.join(applied.merged)
        if applied.split:
            start_over(batch, self._workspace, applied.split, self._last.position)
        note(tx, applied.people)
        self._last = msgspec.structs.replace(self._last, noted=applied.position)
        self._end(batch)

    def _fold_waiting(self) -> int:
        with self._workspace.store.read() as tx:
            last = read_last(tx)
        if not last.behind:
            return 0
        backlog = (last.position, last.noted)
        if self._waiting is None or self._backlog != backlog:
            self._waiting = self._turns_of_waiting(last)
            self._backlog = backlog
        turn, others = next(self._waiting, None), self._others
        with self._workspace.store.transaction() as tx:
            batch = self._begin(tx)
            if (self._last.position, self._last.noted) != backlog:
                return 1  # somebody else goes on with it, or is done
            if turn is None:
                self._waiting = None
                if waiting(tx, "", 1):
                    return 1
                self._nobody_waits(tx, last.noted)
                self._end(batch)
                return 1
            here = still_waiting(tx, turn.person_ids)
            if isinstance(turn, Turn):
                batch.follow(sorted(here), turn.facts_of(here))
            elif others == self._others:
                self._take_over(batch, turn.of(here))
            else:
                return 1  # they still wait
            finish(tx, turn.person_ids)
            self._last = msgspec.structs.replace(self._last, folding=True)
            self._end(batch)
        return len(turn.person_ids)

    def _turns_of_waiting(self, last: Last) -> Iterator[Turn | Folded]:
        """Everybody for whom facts wait: turns to do here, and what was done beside."""
        self._get_help()
        workspace, beside, groups = self._workspace, self._beside, self._groups(self._people.groups)
        shares = shares_of_waiting(workspace)

        def keep_busy() -> None:
            while beside.wants_work and (ids := next(shares, None)) is not None:
                now = max(to_micros(workspace.clock.now()), self._last.as_of)
                beside.give(Job(ids, last, self._state.revision, now))

        keep_busy()
        for ids in shares:
            facts = facts_of_waiting(workspace, groups, last, ids)
            for turn in slices(ids, facts, FACTS_PER_LONG_SLICE):
                yield turn
                while beside.is_done:
                    if (found := beside.answer()) is not None:
                        yield found
                keep_busy()
        while beside.is_busy:
            if (found := beside.answer()) is not None:
                yield found

    def _take_over(self, batch: Batch, folded: Folded) -> None:
        """Write what was worked out beside."""
        put(batch.tx, folded.rows)
        self._people.drop(folded.person_ids)
        batch.changes += folded.changes
        self._soonest = None

    def _get_help(self) -> None:
        if self._may_have_help and self._state.building is None:
            self._second.start(prepare)

    def _no_more_help(self) -> None:
        self._beside.forget()
        self._second.stop()

    def _nobody_waits(self, tx: Transaction, position: int) -> None:
        clear(tx)
        self._no_more_help()
        last = self._last
        self._last = msgspec.structs.replace(last, position=position, noted=0, folding=False)

    def _follow(self, tx: Transaction, applied: Applied) -> None:
        batch = self._begin(tx)
        if applied.after != self._last.position:
            raise PlanMoved  # something was applied and not folded
        batch.take(applied)
        if applied.split:
            start_over(batch, self._workspace, applied.split, applied.position)
        # A transaction of its own would write the pages once more that every step writes.
        self._let_pass(batch, PEOPLE_PER_FIRE)
        self._last = msgspec.structs.replace(self._last, position=applied.position)
        self._end(batch, rows_wait=self._rows_wait)

    def _begin(self, tx: Transaction) -> Batch:
        """A batch on the state that the store has."""
        last = read_last(tx)
        if last.writer != self._writer or last != self._last:
            self._people.forget()
            self._beside.forget()
            self._others += 1
            self._sizes = self._soonest = None
            self._last = last
            state = read_plan_state(tx)
            if state.revision != self._state.revision:
                raise PlanMoved
            if state.building != self._state.building:
                self._turns = None
            self._state = state
            if self._program is not None:
                # As it is committed: this step may have joined them with somebody.
                with self._workspace.store.read() as before:
                    behind = read_unwritten(before)
                if behind:
                    self._recover(tx, self._program, behind)
        if self._program is None:
            raise PlanMoved
        now = to_micros(self._workspace.clock.now())
        if now < last.as_of:
            # The clock was set back. Time goes on all the same, so that whoever enters, leaves and
            # enters again meanwhile does so at three instants.
            now = last.as_of + 1
        self.as_of = now
        return Batch(tx, self._program, self._state, self._people, now)

    def _recover(self, tx: Transaction, program: Program, person_ids: list[str]) -> None:
        """Bring rows up to date that whoever wrote last had not written yet."""
        last = self._last
        batch = Batch(tx, program, self._state, self._people, last.as_of)
        for first in range(0, len(person_ids), PEOPLE_PER_RECOVERY):
            ids = person_ids[first : first + PEOPLE_PER_RECOVERY]
            people = self._people.load(tx, ids).values()
            listed = f"person_id IN ({', '.join(map(quote_text, ids))})"
            groups = self._groups(self._people.groups)
            least = min(person.position for person in people)
            batch.recover(ids, facts_about(self._workspace, groups, listed, last.applied, least))
        self._end(batch)
        forget_all_unwritten(tx)

    def _end(self, batch: Batch, *, rows_wait: bool = False) -> None:
        """Write what a batch did."""
        tx, people = batch.tx, batch.touched.values()
        self._beside.wrote(batch.touched)
        if rows_wait:
            self._people.postpone(tx, people, batch.at_once, batch.now, self._last.applied)
        else:
            self._people.write(tx, people, batch.now, self._last.applied)
        if self._soonest is not None:
            changes = (person.next_change for person in batch.touched.values())
            self._soonest = min(self._soonest, min(changes, default=NEVER))
        if batch.changes:
            sizes = self._counted(tx)
            write_changes(tx, batch.changes, batch.now)
            sizes.record(tx, sizes.count(batch.changes), batch.now)
        if batch.state != self._state:
            self._state = batch.state
            write_state(tx, "plan", batch.state)
        self._last = msgspec.structs.replace(self._last, writer=self._writer, as_of=batch.now)
        write_state(tx, "last", self._last)
        self.entered += sum(change.entered for change in batch.changes)
        self.exited += sum(not change.entered for change in batch.changes)

    def _finish(self, batch: Batch, building: Building) -> int:
        """The last turns: people who were joined with somebody who had not had theirs."""
        if building.again:
            ids = sorted(building.again)[:PEOPLE_PER_FIRE]
            listed = f"person_id IN ({', '.join(map(quote_text, ids))})"
            rest = [person_id for person_id in building.again if person_id not in ids]
            found = batch.tx.tuples(
                f"SELECT person_id FROM profiles WHERE merged_into IS NULL AND {listed}"
            )
            groups = self._groups(building.groups)
            facts = list(facts_about(self._workspace, groups, listed, self._last.position))
            batch.build([row[0] for row in found], facts, again=True)
            state = msgspec.structs.replace(building, again=rest)
            batch.state = msgspec.structs.replace(batch.state, building=state)
            self._end(batch)
            return len(ids)
        self._turns = None
        came = batch.tx.value(
            "SELECT 1 FROM profiles WHERE merged_into IS NULL AND person_id > :after LIMIT 1",
            {"after": building.after},
        )
        if came:
            return 1  # since the last turn was read: they have theirs, too
        batch.state = batch.state.built()
        self._record_sizes(batch)
        self._end(batch)
        return 0

    def _record_sizes(self, batch: Batch) -> None:
        sizes = self._counted(batch.tx)
        sizes.record(batch.tx, sizes.everything(batch.program.plan), batch.now)

    def _counted(self, tx: Transaction) -> Sizes:
        """The sizes of segments; counting all memberships waits until somebody comes or goes."""
        if self._sizes is None:
            self._sizes = Sizes(tx)
        return self._sizes

    # Beside it

    def _is_bulk(self) -> bool:
        """Whether so much waits on the log that it is folded by person."""
        workspace = self._workspace
        with workspace.store.read() as tx:
            return workspace.log.waiting(_offset(tx)) >= self._least_bulk

    def _take_up(self, program: Program, state: PlanState) -> None:
        program.number_groups([state.groups[group.key] for group in program.groups])
        self._program, self._state = program, state
        self._people = People(program.by_number())
        self._last = Last()
        self._turns = self._waiting = None
        self._no_more_help()

    def _groups(self, numbers: Iterable[int]) -> list[Group]:
        return [self._people.groups[number] for number in numbers]

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Holds the lock; what a failed transaction left in memory is forgotten."""
        with self._workspace.worker_lock("apply"):
            try:
                yield
            except BaseException:
                self._people.forget()
                self._beside.forget()
                self._last, self._sizes, self._turns, self._waiting = Last(), None, None, None
                raise

    def _tidy(self) -> None:
        self._workspace.history.compact(self._workspace.store, limit=60)


class FoldingBegan(Exception):
    """Another process folds what waits in history: nothing can be added to that now."""


class PlanMoved(Exception):
    """Another process took up other definitions: this one must look at the folder again."""


def _offset(tx: Transaction) -> int:
    sql = "SELECT position FROM stream_offsets WHERE consumer = :c"
    return int(tx.value(sql, {"c": CONSUMER}) or 0)


def _nobody(_: str, __: int) -> None:
    """Progress for nobody."""
