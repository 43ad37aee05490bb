"""Tries a plan on events that have come in: what would it have said of them?"""

from collections import Counter
from pathlib import Path

import msgspec

from vocative.collect.quality.faults import Fault, What
from vocative.collect.quality.judging import Judge
from vocative.collect.quality.plan import read_plans
from vocative.collect.quality.recent import EVENTS, recent_events
from vocative.errors import AuthorError
from vocative.workspace import Definition, Workspace
from vocative.workspace.yaml_text import read_yaml


class TriedFault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the plan finds wrong."""

    event: str
    property: str
    """Empty: the event as a whole."""
    fault: What
    outcome: str
    """What the plan would do with such events: keep, flag or reject."""
    events: int


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan would have said."""

    plan: str
    events: int
    """That the plan is for, of the newest ones on the log."""
    rejected: int
    flagged: int
    """And not rejected."""
    faults: list[TriedFault]
    """Most first."""


def try_plan(
    workspace: Workspace, file: Path, *, events: int = EVENTS, source: str | None = None
) -> Tried:
    """Try a plan on the newest events of the log; nothing is changed.

    Args:
        workspace: Whose events.
        file: A plan, in the folder `plans/` or anywhere else.
        events: At least so many of the newest events are looked at.
        source: Only those of one source.

    Raises:
        AuthorError: the plan cannot be read, or is wrong somewhere.
    """
    if not file.is_file():
        raise AuthorError(f"there is no file {file}", hint="vocative plan infer --write NAME")
    text = read_yaml(file, shown_as=str(file))
    definition = Definition("plan", file.stem, text.value, text)
    plan = read_plans({file.stem: definition}, workspace.traits)[file.stem]
    judge, looked_at, outcomes = Judge(plan), 0, Counter[str]()
    faults: Counter[Fault] = Counter()
    for named, event in recent_events(workspace, events, source):
        if plan.sources is not None and named not in plan.sources:
            continue
        looked_at += 1
        verdict = judge.judge(event)
        faults.update(verdict.faults)
        found = {fault.outcome for fault in verdict.faults}
        outcomes["reject" if "reject" in found else "flag" if "flag" in found else "keep"] += 1
    return Tried(
        plan=file.stem,
        events=looked_at,
        rejected=outcomes["reject"],
        flagged=outcomes["flag"],
        faults=[
            TriedFault(
                event=fault.event,
                property=fault.property,
                fault=fault.what,
                outcome=fault.outcome,
                events=count,
            )
            for fault, count in sorted(faults.items(), key=lambda one: (-one[1], one[0]))
        ],
    )
