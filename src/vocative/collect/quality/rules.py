"""Everything by which events are judged when the log is applied, and when it changes."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from vocative.collect.addresses import EmailKind
from vocative.collect.door import OWN_SOURCE
from vocative.collect.quality.faults import Outcome
from vocative.collect.quality.judging import Judge
from vocative.collect.quality.plan import read_plans
from vocative.errors import AuthorError
from vocative.workspace import Trait, Workspace
from vocative.workspace.definitions import definitions_stamp
from vocative.workspace.standards import Standard

LOOK_SECONDS = 1.0
"""How often plans are looked at: for so long a changed one does not count yet."""

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


class KnownRules:
    """The rules, looked at again when a plan comes, goes or changes.

    A plan that is wrong changes nothing: what was known before goes on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rules: Rules | None = None
        self._stamp: object = None
        self._looked_at = 0.0

    def now(self) -> Rules:
        """The rules that count.

        Raises:
            AuthorError: a plan is wrong, and nothing is known from before. Without it events
                would be let in that it keeps out, so nothing is applied until it is mended.
        """
        if self._rules is None or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._rules = self._looked(self._rules)
        return self._rules

    def _looked(self, known: Rules | None) -> Rules:
        stamp = definitions_stamp(self._workspace.root, "plan")
        if known is not None and stamp == self._stamp:
            self._looked_at = time.monotonic()
            return known
        try:
            found = read_rules(self._workspace)
        except AuthorError as error:
            if known is None:
                raise
            log.warning("%s; events are judged as before", error)
            found = known
        self._stamp, self._looked_at = stamp, time.monotonic()
        return found
