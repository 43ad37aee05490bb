"""What the live runner must remember about itself: its plan, how far it came, who wrote last."""

import os
import uuid
from typing import TypeVar

import msgspec

from vocative.segment.live.program import Program
from vocative.stores import Transaction

T = TypeVar("T", bound=msgspec.Struct)


def new_writer() -> str:
    """How a runner signs what it writes, so that it knows what others wrote.

    A process may have several: the same instant does not make what they wrote the same.
    """
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


class Layout(msgspec.Struct, frozen=True):
    """Which segments the bits and values of a row stand for."""

    segments: list[str]
    families: list[str]

    @property
    def kinds(self) -> set[tuple[str, bool]]:
        """Each segment, and whether it is a family."""
        families = set(self.families)
        return {(name, name in families) for name in self.segments}


class Building(msgspec.Struct, frozen=True):
    """Groups that are being filled from history, person by person in the order of their ids.

    Facts up to `position` come from history; those after it are folded as they come. `again` are
    people who were found to be one with somebody who had not had their turn.
    """

    groups: list[int]
    position: int
    after: str = ""
    again: list[str] = []


class PlanState(msgspec.Struct, frozen=True):
    """The plan under which rows are written."""

    revision: int = 0
    fingerprint: str = ""
    groups: dict[str, int] = {}
    """Key of a group → the number under which rows keep it."""
    next_number: int = 1
    layouts: dict[int, Layout] = {}
    building: Building | None = None

    @property
    def layout(self) -> Layout:
        """What the bits of this revision stand for."""
        return self.layouts[self.revision]

    def stayed(self, revision: int) -> set[str]:
        """The segments that were there, plain or as a family, all the time since a revision.

        Whoever was in one of the others is not in it any more, even if it is there again.
        """
        later = [layout.kinds for number, layout in self.layouts.items() if number >= revision]
        return {name for name, _ in set.intersection(*later)}

    def complete(self, person_id: str) -> bool:
        """Whether everything is known of a person that the plan asks for."""
        building = self.building
        return building is None or (person_id <= building.after and person_id not in building.again)

    def adopt(self, program: Program, position: int, *, anew: bool = False) -> "PlanState":
        """The state in which a program's plan is the current one.

        Groups that no row has yet, or not completely, get numbers of their own and are built from
        history up to `position`; with `anew`, all of them.
        """
        unfinished = set(self.building.groups) if self.building else set()
        numbers: dict[str, int] = {}
        fresh: list[int] = []
        number = self.next_number
        for group in program.groups:
            known = None if anew else self.groups.get(group.key)
            if known is None or known in unfinished:
                known, number = number, number + 1
                fresh.append(known)
            numbers[group.key] = known
        revision = self.revision + 1
        layouts = {**self.layouts, revision: Layout(program.segments, program.families)}
        return PlanState(
            revision=revision,
            fingerprint=program.fingerprint(),
            groups=numbers,
            next_number=number,
            layouts=layouts,
            building=Building(groups=fresh, position=position),
        )

    def built(self) -> "PlanState":
        """The state when everybody had their turn: no row has another layout."""
        return msgspec.structs.replace(self, building=None, layouts={self.revision: self.layout})


class Last(msgspec.Struct, frozen=True):
    """The latest transaction: who wrote it, how far the log is folded, and as of when.

    Of a long backlog, what lies between `position` and `noted` is only in history at first; the
    people it concerns wait in `live_waiting`. Once some of them had their turn (`folding`), all of
    them have theirs before anything else is applied.
    """

    writer: str = ""
    position: int = 0
    as_of: int = 0
    noted: int = 0
    folding: bool = False

    @property
    def behind(self) -> bool:
        """Whether facts wait in history."""
        return self.noted > self.position

    @property
    def applied(self) -> int:
        """How far the log is applied."""
        return max(self.position, self.noted)


def read_plan_state(tx: Transaction) -> PlanState:
    """The current plan; revision 0 when there is none yet."""
    return _read(tx, "plan", PlanState) or PlanState()


def read_last(tx: Transaction) -> Last:
    """What was written last."""
    return _read(tx, "last", Last) or Last()


def write_state(tx: Transaction, name: str, value: msgspec.Struct) -> None:
    """Keep a `PlanState` as `plan` or a `Last` as `last`."""
    tx.run(
        "INSERT INTO live_plan (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"name": name, "value": msgspec.json.encode(value).decode()},
    )


def judge_everybody(tx: Transaction, now: int) -> None:
    """Let the live runner judge everybody anew, because what segments ask was changed for all.

    The caller holds the worker lock "apply".

    Args:
        tx: The transaction that changed it.
        now: Microseconds UTC.
    """
    tx.run(
        "UPDATE live_people SET next_change_at = :now"
        " WHERE next_change_at IS NULL OR next_change_at > :now",
        {"now": now},
    )
    # Whoever keeps people in memory reads them again.
    write_state(tx, "last", msgspec.structs.replace(read_last(tx), writer=""))


def _read(tx: Transaction, name: str, kind: type[T]) -> T | None:
    text = tx.value("SELECT value FROM live_plan WHERE name = :name", {"name": name})
    return None if text is None else msgspec.json.decode(text, type=kind)
