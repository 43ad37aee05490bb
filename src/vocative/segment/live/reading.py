"""Features and segments of one person as they are at this instant, from the live state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from vocative.clock import from_micros, naive_utc, to_micros
from vocative.identify.apply import CONSUMER
from vocative.segment.cuts import with_cuts
from vocative.segment.live.fold import AT, NAME, Fact
from vocative.segment.live.people import People, Person
from vocative.segment.live.program import ZONE, Program, read_catalog
from vocative.segment.live.state import PlanState, read_last, read_plan_state
from vocative.segment.live.turns import facts_about
from vocative.segment.live.unwritten import is_unwritten
from vocative.segment.plan import Plan
from vocative.sql import Type, quote_text
from vocative.stores import Transaction
from vocative.workspace import Workspace


def features_now(
    workspace: Workspace,
    plan: Plan,
    person_id: str,
    names: Sequence[str] | None = None,
    *,
    as_of: datetime | None = None,
) -> dict[str, Any] | None:
    """A person's features at an instant.

    Args:
        workspace: Where.
        plan: Its plan.
        person_id: Whose.
        names: Which features; all unless told.
        as_of: Not before the latest event that was taken in; now unless told.

    Returns:
        A value per feature (instants naive UTC, as engines give them); None when the live state
        does not know everything that the plan asks for yet.
    """
    wanted = list(plan.features if names is None else names)
    with workspace.store.read() as tx:
        program, state = _opened(workspace, plan, tx)
        if program is None or not state.complete(person_id):
            return None
        people = People(program.by_number())
        person = people.load(tx, [person_id])[person_id]
        now = max(to_micros(as_of or workspace.clock.now()), read_last(tx).as_of)
        traits = _traits(tx, program, person_id)
        _release(tx, program, people, person, now)
        if is_unwritten(tx, person_id):
            about = f"person_id = {quote_text(person_id)}"
            groups, applied = list(people.groups.values()), read_last(tx).applied
            facts = facts_about(workspace, groups, about, applied, person.position)
            for relation, fact in facts:
                _fold(tx, program, people, person, relation, fact, now)
        reading = program.reading(wanted)
        records = [people.record(tx, person, program.numbers[place]) for place in reading.groups]
        found = reading.read(records, now, traits, traits[ZONE], {})
    return {
        name: shown(value, plan.features[name].type)
        for name, value in zip(wanted, found, strict=True)
    }


def shown(value: Any, kind: Type) -> Any:
    """A value of the live runner as an engine would give it."""
    if value is None:
        return None
    if kind is Type.INSTANT:
        return naive_utc(from_micros(value))
    if kind is Type.DATE:
        return naive_utc(from_micros(value)).date()
    return float(value) if kind is Type.NUMBER else value


def _opened(workspace: Workspace, plan: Plan, tx: Transaction) -> tuple[Program | None, PlanState]:
    """The compiled plan, when rows are kept under it and are up to date."""
    state = read_plan_state(tx)
    offset = tx.value("SELECT position FROM stream_offsets WHERE consumer = :c", {"c": CONSUMER})
    program = Program(
        with_cuts(plan, tx),
        catalog=read_catalog(tx),
        traits=workspace.traits,
        zone=workspace.settings.timezone,
    )
    current = state.fingerprint == program.fingerprint()
    if not current or read_last(tx).position != int(offset or 0):
        return None, state
    program.number_groups([state.groups[group.key] for group in program.groups])
    return program, state


def _traits(tx: Transaction, program: Program, person_id: str) -> dict[str, Any]:
    row = tx.row(
        "SELECT traits, first_seen_at FROM profiles WHERE person_id = :id", {"id": person_id}
    )
    if row is None:
        return program.live_traits({}, 0)
    return program.live_traits(msgspec.json.decode(row["traits"]), row["first_seen_at"])


def _release(tx: Transaction, program: Program, people: People, person: Person, now: int) -> None:
    """Let facts count whose instant has come since the row was written."""
    for _, relation, row in person.held:
        _fold(tx, program, people, person, relation, tuple(row), now)


def _fold(
    tx: Transaction,
    program: Program,
    people: People,
    person: Person,
    relation: str,
    fact: Fact,
    now: int,
) -> None:
    fold = program.folds(relation).get(fact[NAME])
    if fold is not None and fact[AT] <= now:
        fold(person, tx, people.record, fact, now)
