"""Applies the log: every batch once, in order, in one transaction with its effects.

Raw batches come in by position. Out go identities, profiles, vault records, consents and
suppressions in the store, and pseudonymous rows in history. An event that was seen before is
counted and dropped; one that cannot be used is counted with its reason, and its body stays in
the log at its position.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.identify.facts import Facts
from vocative.identify.graph import Identity, IdentityGraph
from vocative.identify.profiles import ProfileChanges
from vocative.ids import event_id_for
from vocative.privacy.addresses import normal_email
from vocative.stores import Transaction
from vocative.streams.embedded import LogBatch
from vocative.workspace import Workspace

CONSUMER = "identify"
EVENTS_PER_STEP = 20_000
_LOOKUP = 400
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
    workspace: Workspace, *, progress: Callable[[int], None] | None = None
) -> ApplyReport:
    """Apply everything on the log that has not been applied.

    Args:
        workspace: Whose log.
        progress: Called with the number of events after each step.

    Raises:
        StateError: another process is applying and does not finish.
        StoreBusy, EngineError: nothing of the step was kept; running again continues there.
    """
    total = ApplyReport()
    with workspace.worker_lock("apply"):
        while True:
            batches = _next_batches(workspace)
            if not batches:
                return total
            report = _apply_step(workspace, batches)
            total += report
            if progress is not None:
                progress(sum(len(batch.events) for batch in batches))


def _next_batches(workspace: Workspace) -> list[LogBatch]:
    with workspace.store.read() as tx:
        after = _offset(tx)
    batches, events = [], 0
    for batch in workspace.log.read(after):
        batches.append(batch)
        events += len(batch.events)
        if events >= EVENTS_PER_STEP:
            break
    return batches


def _offset(tx: Transaction) -> int:
    return int(
        tx.value("SELECT position FROM stream_offsets WHERE consumer = :c", {"c": CONSUMER}) or 0
    )


def _apply_step(workspace: Workspace, batches: list[LogBatch]) -> ApplyReport:
    rejections: list[dict[str, Any]] = []
    read: list[tuple[str, Event, LogBatch]] = []
    for batch in batches:
        for index, raw in enumerate(batch.events):
            try:
                event = read_event(
                    raw, received_at=batch.received_at, trusted=batch.source == OWN_SOURCE
                )
            except EventRefused as refusal:
                rejections.append(
                    {
                        "position": batch.position,
                        "event_index": index,
                        "source": batch.source,
                        "reason": str(refusal),
                    }
                )
                continue
            read.append((event_id_for(batch.source, event.message_id), event, batch))
    with workspace.store.transaction() as tx:
        if _offset(tx) >= batches[0].position:
            return ApplyReport()  # another process was faster
        fresh = _unseen(tx, read)
        _apply_events(workspace, tx, batches, fresh)
        _write_counts(workspace, tx, batches, read, fresh, rejections)
        workspace.history.compact(tx, limit=MAX_PARTS)
    workspace.history.sweep(workspace.store)
    return ApplyReport(
        applied=len(fresh),
        duplicates=len(read) - len(fresh),
        rejected=dict(Counter(row["reason"] for row in rejections)),
    )


def _unseen(
    tx: Transaction, read: list[tuple[str, Event, LogBatch]]
) -> list[tuple[str, Event, LogBatch]]:
    """The events whose id is new; of several with one id the first."""
    first: dict[str, tuple[str, Event, LogBatch]] = {}
    for entry in read:
        first.setdefault(entry[0], entry)
    ids = list(first)
    for start in range(0, len(ids), _LOOKUP):
        names = {f"e{index}": value for index, value in enumerate(ids[start : start + _LOOKUP])}
        marks = ", ".join(f":{name}" for name in names)
        sql = f"SELECT event_id FROM seen_events WHERE event_id IN ({marks})"
        for (event_id,) in tx.tuples(sql, names):
            del first[event_id]
    return list(first.values())


def _apply_events(
    workspace: Workspace,
    tx: Transaction,
    batches: list[LogBatch],
    fresh: list[tuple[str, Event, LogBatch]],
) -> None:
    graph = IdentityGraph(workspace.vault, workspace.key.lookup)
    identities = [_identities(event) for _, event, _ in fresh]
    graph.load(tx, (identity for found in identities for identity in found))
    profiles = ProfileChanges(workspace)
    facts = Facts()
    for (event_id, event, batch), found in zip(fresh, identities, strict=True):
        person_id = event.person_id or (graph.resolve(found, at=event.at) if found else None)
        if person_id is not None:
            profiles.observe(person_id, event)
        facts.add(event_id, person_id, event, source=batch.source)
    profiles.write(tx, graph)
    first, last = batches[0].position, batches[-1].position
    for relation, table in facts.tables(graph.survivor).items():
        workspace.history.append(tx, relation, table, first=first, last=last)


def _identities(event: Event) -> list[Identity]:
    found: list[Identity] = []
    if event.user_id:
        found.append(("user_id", event.user_id))
    address = event.traits.get("email") if event.type == "identify" else None
    email = normal_email(address) if isinstance(address, str) and address else None
    if email:
        found.append(("email", email))
    if event.anonymous_id:
        found.append(("anonymous_id", event.anonymous_id))
    return found


def _write_counts(
    workspace: Workspace,
    tx: Transaction,
    batches: list[LogBatch],
    read: list[tuple[str, Event, LogBatch]],
    fresh: list[tuple[str, Event, LogBatch]],
    rejections: list[dict[str, Any]],
) -> None:
    now = to_micros(workspace.clock.now())
    applied = Counter(batch.position for _, _, batch in fresh)
    readable = Counter(batch.position for _, _, batch in read)
    rejected = Counter(row["position"] for row in rejections)
    tx.run(
        "INSERT INTO seen_events (event_id, position) VALUES (:event_id, :position)",
        [{"event_id": event_id, "position": batch.position} for event_id, _, batch in fresh],
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
