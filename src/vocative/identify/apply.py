"""Applies the log: every batch once, in order, in one transaction with its effects.

Raw batches come in by position. Out go identities, profiles, vault records, consents and
suppressions in the store, and pseudonymous rows in history. An event that was seen before is
counted and dropped; one that cannot be used is counted with its reason, and its body stays in
the log at its position.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from vocative.clock import to_micros
from vocative.collect.event import Event
from vocative.collect.quality.rules import known_rules
from vocative.errors import StateError
from vocative.identify.applied import Applied, Follower, PersonNow
from vocative.identify.counting import Counting
from vocative.identify.facts import Facts
from vocative.identify.graph import IdentityGraph
from vocative.identify.merging import IDENTITY_EVENTS, MERGED, people_named
from vocative.identify.person import Person
from vocative.identify.profiles import ProfileChanges
from vocative.identify.reading import ReadAhead, ReadEvent, Reading, Refused
from vocative.identify.seen import SeenEvents
from vocative.identify.whole import Whole
from vocative.stores import Transaction
from vocative.streams.embedded import LogBatch
from vocative.workspace import Workspace
from vocative.workspace.second import SecondProcess

__all__ = [
    "Applied",
    "Applier",
    "ApplyReport",
    "Follower",
    "PersonNow",
    "apply_log",
]

CONSUMER = "identify"
EVENTS_PER_STEP = 20_000
MAX_PARTS = 60


class ApplyReport(msgspec.Struct, kw_only=True):
    """What applying did."""

    applied: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = {}

    @property
    def events(self) -> int:
        """How many events were looked at."""
        return self.applied + self.duplicates + sum(self.rejected.values())

    def __add__(self, other: "ApplyReport") -> "ApplyReport":
        return ApplyReport(
            applied=self.applied + other.applied,
            duplicates=self.duplicates + other.duplicates,
            rejected=dict(Counter(self.rejected) + Counter(other.rejected)),
        )


def apply_log(
    workspace: Workspace,
    *,
    progress: Callable[[int], None] | None = None,
    follow: Follower | None = None,
) -> ApplyReport:
    """Apply everything on the log that has not been applied.

    Args:
        workspace: Whose log.
        progress: Called with the number of events after each step.
        follow: Told what each step did, in its transaction.

    Raises:
        StateError: another process is applying and does not finish, or the log was replaced.
        StoreBusy, EngineError: nothing of the step was kept; running again continues there.
    """
    total = ApplyReport()
    with workspace.worker_lock("apply"):
        applier = Applier(workspace)
        while (step := applier.step(EVENTS_PER_STEP, follow)) is not None:
            total += step
            workspace.history.compact(workspace.store, limit=MAX_PARTS)
            if progress is not None:
                progress(step.events)
        workspace.history.flush_when_due(workspace.store)
        workspace.history.sweep(workspace.store)
    return total


class Applier:
    """Applies a workspace's log step by step, and keeps in memory what it looked up.

    Whoever has one holds the workspace's worker lock "apply" while it steps. Between steps others
    may apply: that is noticed by the position, and everything is looked up again.

    Args:
        workspace: Whose log.
        second: May read a long backlog ahead, while it runs.
    """

    def __init__(self, workspace: Workspace, second: SecondProcess | None = None) -> None:
        self._workspace = workspace
        self._graph = IdentityGraph(workspace.vault, workspace.key.lookup)
        self._seen = SeenEvents()
        self._rules = known_rules(workspace)
        self._counting = Counting()
        self._ahead = ReadAhead(workspace.log, second=second)
        self._position: int | None = None
        """Up to where the log is applied; None: not known."""

    def step(self, most_events: int, follow: Follower | None = None) -> ApplyReport | None:
        """Apply the next batches of the log in one transaction.

        Args:
            most_events: At most so many events, but at least one batch.
            follow: Told what the step did, in its transaction.

        Returns:
            What it did; None when nothing waits on the log.

        Raises:
            StateError: the log was replaced.
            StoreBusy, EngineError: nothing of the step was kept; the next one tries it again.
        """
        reading = self._waiting(most_events)
        if reading is None:
            return None
        try:
            return self._apply(reading, most_events, follow)
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Look everything up again: somebody else changed people, identities or the position."""
        self._position = None
        self._graph.forget()
        self._seen.forget()

    def _waiting(self, most_events: int) -> Reading | None:
        if self._position is None:
            with self._workspace.store.read() as tx:
                self._position = _offset(tx)
        last = self._workspace.log.last_position()
        if self._position > last:
            raise StateError(
                f"the event log ends before position {self._position:,}, which is applied already",
                where=".vocative/log.db",
                hint="bring back the log and the store from one backup; events that are put on"
                " this log would never be applied",
            )
        if self._position == last:
            return None
        self._ahead.obey(self._rules.now())
        return self._ahead.take(self._position, most_events)

    def _apply(self, reading: Reading, most_events: int, follow: Follower | None) -> ApplyReport:
        workspace, batches = self._workspace, reading.batches
        read, refused = reading.read, reading.refused
        position = batches[-1].position
        self._ahead.begin_beside(position, most_events)
        with workspace.store.transaction() as tx:
            if _offset(tx) != self._position:
                self.forget()  # another process was faster
                return ApplyReport()
            fresh = self._unseen(tx, read, position)
            facts, people = self._apply_events(tx, fresh)
            for relation, table in facts.tables().items():
                workspace.history.append(
                    tx, relation, table, first=batches[0].position, last=position
                )
            _write_counts(workspace, tx, batches, read, fresh, refused)
            self._counting.write(tx, batches, fresh, refused)
            if follow is not None:
                follow(tx, self._applied(position, facts, people))
            self._ahead.begin(position, most_events)
        self._position = position
        return ApplyReport(
            applied=len(fresh),
            duplicates=len(read) - len(fresh),
            rejected=dict(Counter(one.reason for one in refused)),
        )

    def _unseen(self, tx: Transaction, read: Sequence[ReadEvent], position: int) -> list[ReadEvent]:
        """The events whose id is new, which is noted; of several with one id the first."""
        first: dict[bytes, ReadEvent] = {}
        for one in read:
            first.setdefault(one.key, one)
        for key in self._seen.known(tx, first):
            del first[key]
        self._seen.add(tx, list(first), position=position)
        return list(first.values())

    def _apply_events(
        self, tx: Transaction, fresh: Sequence[ReadEvent]
    ) -> tuple[Facts, list[Person | Whole]]:
        graph = self._graph
        graph.load(
            tx,
            {identity for one in fresh for identity in one.identities},
            {named for one in fresh if one.event.person_id for named in people_named(one.event)},
        )
        profiles = ProfileChanges(self._workspace)
        facts = Facts()
        events, lines = facts.events, facts.lines
        for one in fresh:
            origin = _origin(graph, one)
            if origin is None:
                origin_id = None
            else:
                origin_id = origin.person_id
                profiles.observe(origin, one.event, one.stated)
            events.append((one.event_id, origin_id, *one.columns))
            for line in one.lines:
                lines.append((one.event_id, origin_id, *line))
        people = profiles.write(tx, graph, now=to_micros(self._workspace.clock.now()))
        return facts, people

    def _applied(self, position: int, facts: Facts, people: Sequence[Person | Whole]) -> Applied:
        now: dict[str, PersonNow] = {}
        living: dict[str, str] = {}
        for person in people:
            now[person.person_id] = PersonNow(person.traits, person.first_seen_at, person.news)
            person.news = False
            if isinstance(person, Whole):
                living |= dict.fromkeys(person.origins, person.person_id)
        facts.settle(living)
        changes = self._graph.changes
        return Applied(
            after=self._position or 0,
            position=position,
            facts=facts.events,
            lines=facts.lines,
            merged=changes.merged,
            people=now,
            split={one.living.person_id for one in changes.split},
        )


def _offset(tx: Transaction) -> int:
    return int(
        tx.value("SELECT position FROM stream_offsets WHERE consumer = :c", {"c": CONSUMER}) or 0
    )


def _origin(graph: IdentityGraph, one: ReadEvent) -> Person | None:
    """To which origin of a person an event belongs."""
    event, identities = one.event, one.identities
    if event.person_id:
        if event.name in IDENTITY_EVENTS:
            return _decide(graph, event)
        return graph.person(event.person_id, at=event.at)
    if event.previous_id and event.type == "alias":
        # A former id that no account had is a device's: claiming it as an account's would make
        # one person of everybody who signs in on that device.
        former = ("user_id", event.previous_id)
        identities = tuple(i for i in identities if i != former or graph.knows(former))
    return graph.resolve(identities, at=event.at) if identities else None


def _decide(graph: IdentityGraph, event: Event) -> Person | None:
    """Follow a decision about who is who."""
    people = people_named(event)
    if event.name == MERGED:
        return graph.join(people, at=event.at)
    if len(people) == 1:
        return graph.separate(people[0], at=event.at)
    return graph.undo(people[0], people[1], at=event.at)


def _write_counts(
    workspace: Workspace,
    tx: Transaction,
    batches: Sequence[LogBatch],
    read: Sequence[ReadEvent],
    fresh: Sequence[ReadEvent],
    refused: Sequence[Refused],
) -> None:
    now = to_micros(workspace.clock.now())
    applied = Counter(one.position for one in fresh)
    readable = Counter(one.position for one in read)
    rejected = Counter(one.position for one in refused)
    tx.run(
        "INSERT INTO rejected_events (position, event_index, source, reason, rejected_at)"
        " VALUES (:position, :event_index, :source, :reason, :rejected_at)",
        [(one.position, one.index, one.source, one.reason, now) for one in refused],
    )
    tx.run(
        "INSERT INTO applied_batches (position, source, applied, duplicates, rejected, applied_at)"
        " VALUES (:position, :source, :applied, :duplicates, :rejected, :applied_at)",
        [
            (
                batch.position,
                batch.source,
                applied[batch.position],
                readable[batch.position] - applied[batch.position],
                rejected[batch.position],
                now,
            )
            for batch in batches
        ],
    )
    tx.run(
        "INSERT INTO stream_offsets (consumer, position) VALUES (:c, :position)"
        " ON CONFLICT (consumer) DO UPDATE SET position = excluded.position",
        {"c": CONSUMER, "position": batches[-1].position},
    )
