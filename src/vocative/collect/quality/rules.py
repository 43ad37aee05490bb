"""Everything by which events are judged when the log is applied, and when it changes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from vocative.collect.addresses import EmailKind
from vocative.collect.door import OWN_SOURCE
from vocative.collect.quality.faults import Outcome
from vocative.collect.quality.judging import Judge
from vocative.collect.quality.plan import read_plans
from vocative.workspace import Trait, Workspace
from vocative.workspace.known import Known
from vocative.workspace.standards import Standard

log = logging.getLogger("vocative.quality")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What events are judged by."""

    declared: Mapping[str, Trait] = field(default_factory=dict)
    standards: Mapping[str, Standard] = field(default_factory=dict)
    """Of the traits whose values are brought to one form."""
    addresses: Mapping[EmailKind, Outcome] = field(default_factory=dict)
    """What becomes of an identify with an address of a kind."""
    judges: Mapping[str | None, Judge] = field(default_factory=dict)
    """By source; None: those of all other sources."""

    def judge_of(self, source: str) -> Judge | None:
        """Who judges the events of a source; nobody judges Vocative's own."""
        if not self.judges or source == OWN_SOURCE:
            return None
        return self.judges.get(source) or self.judges.get(None)


def read_rules(workspace: Workspace) -> Rules:
    """The rules as the folder has them now.

    Raises:
        AuthorError: a plan is wrong.
    """
    declared = workspace.traits
    settings = workspace.settings.addresses
    judges: dict[str | None, Judge] = {}
    for plan in read_plans(workspace.definitions("plan"), declared).values():
        judge = Judge(plan)
        judges.update(dict.fromkeys(plan.for_sources, judge))
    return Rules(
        declared=declared,
        standards={name: found for name, one in declared.items() if (found := one.standard)},
        addresses={
            "disposable": settings.disposable,
            "misspelt": settings.misspelt,
            "role": settings.role,
        },
        judges=judges,
    )


def known_rules(workspace: Workspace) -> Known[Rules]:
    """The rules, looked at again when a plan comes, goes or changes.

    Without them events would be let in that a plan keeps out: while none are known from before,
    nothing is applied until a plan that is wrong is mended.
    """
    return Known(workspace, "plan", read_rules, log=log, otherwise="events are judged as before")
