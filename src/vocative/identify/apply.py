"""Applies the log: every batch once, in order, in one transaction with its effects.

Raw batches come in by position. Out go identities, profiles, vault records, consents and
suppressions in the store, and pseudonymous rows in history. An event that was seen before is
counted and dropped; one that cannot be used is counted with its reason, and its body stays in
the log at its position.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.errors import StateError
from vocative.identify.applied import Applied, Follower, PersonNow
from vocative.identify.facts import Facts
from vocative.identify.graph import Identity, IdentityGraph
from vocative.identify.personal import clean_properties
from vocative.identify.profiles import NOTHING, ProfileChanges, Statement, read_statement
from vocative.ids import event_id_for
from vocative.stores import Transaction, in_lists
from vocative.streams.embedded import LogBatch
from vocative.workspace import Trait, Workspace

__all__ = ["Applied", "ApplyReport", "Follower", "PersonNow", "apply_log", "apply_step"]

CONSUMER = "identify"
EVENTS_PER_STEP = 20_000
MAX_PARTS = 60


class ApplyReport(msgspec.Struct, kw_only=True):
    """What applying did."""

    applied: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = {}

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
        while (
            step := apply_step(workspace, most_events=EVENTS_PER_STEP, follow=follow)
        ) is not None:
            total += step
            workspace.history.compact(workspace.store, limit=MAX_PARTS)
            if progress is not None:
                progress(step.applied + step.duplicates + sum(step.rejected.values()))
        workspace.history.sweep(workspace.store)
    return total


def apply_step(
    workspace: Workspace, *, most_events: int, follow: Follower | None = None
) -> ApplyReport | None:
    """Apply the next batches of the log in one transaction.

    The caller holds the workspace's worker lock "apply".

    Args:
        workspace: Whose log.
        most_events: No further batch is taken once there are as many.
        follow: Told what the step did, in its transaction.

    Returns:
        What it did; None when there was nothing to do.
    """
    batches = _next_batches(workspace, most_events)
    return _apply(workspace, batches, follow) if batches else None


def _next_batches(workspace: Workspace, most_events: int) -> list[LogBatch]:
    with workspace.store.read() as tx:
        after = _offset(tx)
    if after > workspace.log.last_position():
        raise StateError(
            f"the event log ends before position {after:,}, which is applied already",
            where=".vocative/log.db",
            hint="bring back the log and the store from one backup; events that are put on this"
            " log would never be applied",
        )
    batches, events = [], 0
    for batch in workspace.log.read(after):
        batches.append(batch)
        events += len(batch.events)
        if events >= most_events:
            break
    return batches


def _offset(tx: Transaction) -> int:
    return int(
        tx.value("SELECT position FROM stream_offsets WHERE consumer = :c", {"c": CONSUMER}) or 0
    )


class _Read(msgspec.Struct, frozen=True, gc=False):
    """A readable event with its place on the log and what it says about whom."""

    event_id: str
    event: Event
    batch: LogBatch
    identities: tuple[Identity, ...]
    stated: Statement
    properties: dict[str, Any]
    """Without what identifies a person."""


def _apply(workspace: Workspace, batches: list[LogBatch], follow: Follower | None) -> ApplyReport:
    read: list[_Read] = []
    rejections: list[dict[str, Any]] = []
    for batch in batches:
        for index, raw in enumerate(batch.events):
            try:
                read.append(_read(raw, batch, workspace.traits))
            except EventRefused as refusal:
                rejections.append(
                    {
                        "position": batch.position,
                        "event_index": index,
                        "source": batch.source,
                        "reason": str(refusal),
                    }
                )
    with workspace.store.transaction() as tx:
        if _offset(tx) >= batches[0].position:
            return ApplyReport()  # another process was faster
        fresh = _unseen(tx, read)
        applied = _apply_events(workspace, tx, batches, fresh)
        _write_counts(workspace, tx, batches, read, fresh, rejections)
        if follow is not None:
            follow(tx, applied)
    return ApplyReport(
        applied=len(fresh),
        duplicates=len(read) - len(fresh),
        rejected=dict(Counter(row["reason"] for row in rejections)),
    )


def _read(raw: bytes, batch: LogBatch, declared: Mapping[str, Trait]) -> _Read:
    event = read_event(raw, received_at=batch.received_at, trusted=batch.source == OWN_SOURCE)
    try:
        stated = read_statement(event, declared)
        properties = clean_properties(event.properties)
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error
    identities = _identities(event, stated)
    if not (identities or event.person_id or event.nobody):
        raise EventRefused("no userId, no anonymousId and no usable e-mail address")
    event_id = event_id_for(batch.source, event.message_id)
    return _Read(event_id, event, batch, identities, stated, properties)


def _identities(event: Event, stated: Statement) -> tuple[Identity, ...]:
    """Strongest first."""
    found: list[Identity] = []
    if event.user_id:
        found.append(("user_id", event.user_id))
    if stated is not NOTHING and (email := stated.vault.get("email")):
        found.append(("email", email))
    if event.anonymous_id:
        found.append(("anonymous_id", event.anonymous_id))
    if event.type == "alias" and event.user_id and event.previous_id:
        # Clients send the former id of an account or of a device, and do not say which.
        found += [("user_id", event.previous_id), ("anonymous_id", event.previous_id)]
    return tuple(found)


def _unseen(tx: Transaction, read: list[_Read]) -> list[_Read]:
    """The events whose id is new; of several with one id the first."""
    first: dict[str, _Read] = {}
    for entry in read:
        first.setdefault(entry.event_id, entry)
    for marks, bound in in_lists([bytes.fromhex(event_id) for event_id in first]):
        sql = f"SELECT event_id FROM seen_events WHERE event_id IN ({marks})"
        for (key,) in tx.tuples(sql, bound):
            del first[bytes(key).hex()]
    return list(first.values())


def _apply_events(
    workspace: Workspace, tx: Transaction, batches: list[LogBatch], fresh: list[_Read]
) -> Applied:
    graph = IdentityGraph(workspace.vault, workspace.key.lookup)
    graph.load(
        tx,
        (identity for entry in fresh for identity in entry.identities),
        {entry.event.person_id for entry in fresh if entry.event.person_id},
    )
    profiles = ProfileChanges(workspace)
    facts = Facts()
    for entry in fresh:
        person_id = _person(graph, entry.event, entry.identities)
        if person_id is not None:
            profiles.observe(person_id, entry.event, entry.stated)
        facts.add(
            entry.event_id,
            person_id,
            entry.event,
            properties=entry.properties,
            source=entry.batch.source,
            position=entry.batch.position,
        )
    people = profiles.write(tx, graph)
    facts.settle(graph.changes.merged, graph.survivor)
    first, last = batches[0].position, batches[-1].position
    for relation, table in facts.tables().items():
        workspace.history.append(tx, relation, table, first=first, last=last)
    return Applied(
        position=last,
        facts=facts.events,
        lines=facts.lines,
        merged={gone: graph.survivor(gone) for gone in graph.changes.merged},
        people=people,
    )


def _person(graph: IdentityGraph, event: Event, identities: tuple[Identity, ...]) -> str | None:
    if event.person_id:
        return graph.survivor(event.person_id)
    if event.type == "alias":
        # A former id that no account had is a device's: claiming it as an account's would make
        # one person of everybody who signs in on that device.
        former = ("user_id", event.previous_id)
        identities = tuple(i for i in identities if i != former or graph.knows(former))
    return graph.resolve(identities, at=event.at) if identities else None


def _write_counts(
    workspace: Workspace,
    tx: Transaction,
    batches: list[LogBatch],
    read: list[_Read],
    fresh: list[_Read],
    rejections: list[dict[str, Any]],
) -> None:
    now = to_micros(workspace.clock.now())
    applied = Counter(entry.batch.position for entry in fresh)
    readable = Counter(entry.batch.position for entry in read)
    rejected = Counter(row["position"] for row in rejections)
    tx.run(
        "INSERT INTO seen_events (event_id, position) VALUES (:event_id, :position)",
        [
            {"event_id": bytes.fromhex(entry.event_id), "position": entry.batch.position}
            for entry in fresh
        ],
    )
    tx.run(
        "INSERT INTO rejected_events (position, event_index, source, reason, rejected_at)"
        " VALUES (:position, :event_index, :source, :reason, :rejected_at)",
        [{**row, "rejected_at": now} for row in rejections],
    )
    tx.run(
        "INSERT INTO applied_batches (position, source, applied, duplicates, rejected, applied_at)"
        " VALUES (:position, :source, :applied, :duplicates, :rejected, :applied_at)",
        [
            {
                "position": batch.position,
                "source": batch.source,
                "applied": applied[batch.position],
                "duplicates": readable[batch.position] - applied[batch.position],
                "rejected": rejected[batch.position],
                "applied_at": now,
            }
            for batch in batches
        ],
    )
    tx.run(
        "INSERT INTO stream_offsets (consumer, position) VALUES (:c, :position)"
        " ON CONFLICT (consumer) DO UPDATE SET position = excluded.position",
        {"c": CONSUMER, "position": batches[-1].position},
    )
