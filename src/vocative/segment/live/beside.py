"""Folding people for whom facts wait in history, in a second process beside the one that writes.

A long backlog is folded person by person, and no two people have anything to do with each other.
The second process reads what is committed, folds and judges, and tells what there is to write; only
the runner writes. What somebody wrote meanwhile about the same people makes that answer worthless,
and the runner asks again: see `Beside.wrote`.
"""

from collections import deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from vocative.clock import FixedClock, from_micros
from vocative.segment.live.changes import Change
from vocative.segment.live.judge import Batch
from vocative.segment.live.people import People, Rows
from vocative.segment.live.program import compile_program
from vocative.segment.live.state import Last, PlanState, read_plan_state
from vocative.segment.live.turns import FACTS_PER_SLICE, facts_of_waiting, slices
from vocative.segment.live.waiting import still_waiting
from vocative.workspace import Workspace
from vocative.workspace.second import Asked, SecondProcess

MOST_JOBS = 2
"""The next one lies ready when one is done."""


class Job(NamedTuple):
    """Some people to fold."""

    person_ids: list[str]
    last: Last
    """Between which positions their facts came in."""
    revision: int
    """Of the plan."""
    now: int
    """Microseconds UTC; nothing later is looked at."""


class Folded(NamedTuple):
    """What there is to write of them, as of the job's instant."""

    person_ids: list[str]
    """Of the job; for whom nothing waits any more there are no rows."""
    rows: Rows
    changes: list[Change]

    def of(self, person_ids: Container[str]) -> "Folded":
        """What concerns some of them."""
        return Folded(
            [one for one in self.person_ids if one in person_ids],
            self.rows.of(person_ids),
            [change for change in self.changes if change.person_id in person_ids],
        )


@dataclass
class _UnderWay:
    asked: "Asked[Folded | None]"
    wrote: set[str] = field(default_factory=set)
    """Of whom something was written since the job was given."""


class Beside:
    """What the second process folds, as the runner sees it.

    Whatever happens to it, people whom it was asked about and did not fold still wait.
    """

    def __init__(self, second: SecondProcess) -> None:
        self._second = second
        self._jobs: deque[_UnderWay] = deque()

    @property
    def wants_work(self) -> bool:
        """Whether it could be given more."""
        return self._second.is_ready and len(self._jobs) < MOST_JOBS

    @property
    def is_done(self) -> bool:
        """Whether `answer` would not have to wait."""
        return bool(self._jobs) and self._jobs[0].asked.done()

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._jobs)

    def give(self, job: Job) -> None:
        """Let it fold some people."""
        self._jobs.append(_UnderWay(self._second.ask(fold, job)))

    def answer(self) -> Folded | None:
        """Of the job that was given first, without the people who were written since; or None."""
        under_way = self._jobs.popleft()
        found = under_way.asked.result()
        if found is None or not under_way.wrote:
            return found
        return found.of(set(found.person_ids) - under_way.wrote)

    def wrote(self, person_ids: Iterable[str]) -> None:
        """Something is written of these people that no answer knows of."""
        for under_way in self._jobs:
            under_way.wrote.update(person_ids)

    def forget(self) -> None:
        """Another process may have written of anybody: no answer is worth anything."""
        for under_way in self._jobs:
            under_way.asked.cancel()
        self._jobs.clear()


# In that process


class _Folding:
    """What it keeps from job to job."""

    def __init__(self, root: Path) -> None:
        self._clock = FixedClock(from_micros(0))
        self._workspace = Workspace(root, clock=self._clock)
        self._program = compile_program(self._workspace)
        self._fingerprint = self._program.fingerprint()
        self._revision = 0

    def fold(self, job: Job) -> Folded | None:
        """What there is to write of people; None when the plan has moved on."""
        workspace, program = self._workspace, self._program
        self._clock.at = from_micros(job.now)
        with workspace.store.read() as tx:
            if not self._follows(read_plan_state(tx), job):
                return None
        groups = program.by_number()
        facts = facts_of_waiting(workspace, list(groups.values()), job.last, job.person_ids)
        people = People(groups)
        folded = Folded([], Rows([], [], []), [])
        for turn in slices(job.person_ids, facts, FACTS_PER_SLICE):
            # Not one transaction for all of them: what it reads cannot be tidied meanwhile.
            with workspace.store.read() as tx:
                state = read_plan_state(tx)
                if not self._follows(state, job):
                    return None
                here = still_waiting(tx, turn.person_ids)
                batch = Batch(tx, program, state, people, job.now)
                batch.follow(sorted(here), turn.facts_of(here))
                rows = people.pack(batch.touched.values(), job.now, job.last.applied)
            folded.person_ids.extend(turn.person_ids)
            folded.changes.extend(batch.changes)
            folded.rows.add(rows)
            people.forget()
        return folded

    def _follows(self, state: PlanState, job: Job) -> bool:
        """Whether the plan is the one that is compiled here, and nothing of it is built."""
        if state.revision != job.revision or state.building is not None:
            return False
        if state.fingerprint != self._fingerprint:
            return False
        if state.revision != self._revision:
            program = self._program
            program.number_groups([state.groups[group.key] for group in program.groups])
            self._revision = state.revision
        return True


_folding: _Folding | None = None


def prepare(workspace: Workspace) -> None:
    """Compile what `fold` needs, before it is needed."""
    global _folding  # noqa: PLW0603 - kept from job to job
    if _folding is None:
        _folding = _Folding(workspace.root)


def fold(workspace: Workspace, job: Job) -> Folded | None:
    """What there is to write of some people; None when the plan has moved on.

    Raises:
        AuthorError: the definitions are wrong by now.
    """
    prepare(workspace)
    return _folding.fold(job) if _folding is not None else None
