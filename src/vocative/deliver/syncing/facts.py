"""What happened since a destination was told last, page by page, in the order it was noted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.clock import naive_utc, to_micros
from vocative.deliver.destinations.base import Fact
from vocative.deliver.syncing.states import WHOLE, Position
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace

PAGE = 200
_OWN_COLUMNS = (
    "order_id",
    "product_id",
    "category",
    "price",
    "quantity",
    "revenue",
    "currency",
)
"""Properties that history keeps beside the others."""
_APPLIED = "SELECT coalesce(max(position), 0) FROM stream_offsets WHERE consumer = 'identify'"
_EVENTS = """
SELECT e.event_id, e.person_id, e.name, e.at, e.source, e.properties, e.position,
  e.order_id, e.product_id, e.category, e.price, e.quantity, e.revenue, e.currency
FROM events e
WHERE (e.position > $after OR (e.position = $after AND e.event_id > $event_id))
  AND e.person_id IS NOT NULL
ORDER BY e.position, e.event_id LIMIT $most
"""


@dataclass(frozen=True, kw_only=True)
class FactPage:
    """Some facts, and where to go on behind them."""

    facts: Sequence[Fact]
    position: Position


def end_of_facts(tx: Transaction) -> Position:
    """Behind everything that has happened."""
    changes = tx.value("SELECT coalesce(max(seq), 0) FROM membership_changes")
    return Position(changes=changes, events=tx.value(_APPLIED))


def position_at(workspace: Workspace, since: datetime) -> Position:
    """Before everything that was noted or came in from an instant on."""
    with workspace.store.read() as tx:
        end = end_of_facts(tx)
        first = tx.value(
            "SELECT min(seq) FROM membership_changes WHERE recorded_at >= :since",
            {"since": to_micros(since)},
        )
    with workspace.engine() as engine:
        position = engine.value(
            "SELECT min(e.position) FROM events e WHERE e.received_at >= $since",
            {"since": naive_utc(since)},
        )
    return Position(
        changes=end.changes if first is None else first - 1,
        events=end.events if position is None else position - 1,
    )


def membership_facts(
    workspace: Workspace, position: Position, segments: dict[str, str]
) -> Iterator[FactPage]:
    """Who entered and left.

    Args:
        workspace: Whose.
        position: Where to go on.
        segments: Segment → what it is called there; empty: all of them, by their own names.
    """
    while True:
        with workspace.store.read() as tx:
            rows = tx.rows(
                'SELECT seq, person_id, segment, change, "at", cause FROM membership_changes'
                " WHERE seq > :after ORDER BY seq LIMIT :limit",
                {"after": position.changes, "limit": PAGE},
            )
            survivors = _survivors(tx, [row["person_id"] for row in rows])
        if not rows:
            return
        facts = [
            Fact(
                fact_id=f"membership_{row['seq']}",
                type=f"segment.{row['change']}",
                person_id=survivors[row["person_id"]],
                at=row["at"],
                data={
                    "segment": segments.get(row["segment"], row["segment"]),
                    "cause": row["cause"],
                },
            )
            for row in rows
            if not segments or row["segment"] in segments
        ]
        position = msgspec.structs.replace(position, changes=rows[-1]["seq"])
        yield FactPage(facts=facts, position=position)


def event_facts(
    workspace: Workspace, position: Position, names: Sequence[str]
) -> Iterator[FactPage]:
    """What people did, as history keeps it.

    Args:
        workspace: Whose.
        position: Where to go on.
        names: Of events; `*`: all of them.
    """
    more = True
    while more:
        with workspace.store.read() as tx:
            applied = tx.value(_APPLIED)
        if applied <= position.events and position.event_id == WHOLE:
            return  # Opening the history would take longer than this.
        with workspace.engine() as engine:
            found = engine.rows(
                _EVENTS,
                {"after": position.events, "event_id": position.event_id, "most": PAGE},
            )
        with workspace.store.read() as tx:
            survivors = _survivors(tx, [row["person_id"] for row in found])
        more = len(found) == PAGE
        if more:
            last = found[-1]
            events, event_id = last["position"], last["event_id"]
        else:
            # A position of the log comes into history as a whole.
            events, event_id = max(applied, *(row["position"] for row in found), 0), WHOLE
        position = msgspec.structs.replace(position, events=events, event_id=event_id)
        facts = [_event(row, survivors) for row in found if "*" in names or row["name"] in names]
        yield FactPage(facts=facts, position=position)


def _event(row: dict[str, Any], survivors: dict[str, str]) -> Fact:
    return Fact(
        fact_id=f"event_{row['event_id']}",
        type="event",
        person_id=survivors[row["person_id"]],
        at=to_micros(row["at"].replace(tzinfo=UTC)),
        data={
            "name": row["name"],
            "source": row["source"],
            "properties": {
                **msgspec.json.decode(row["properties"] or "{}"),
                **{name: row[name] for name in _OWN_COLUMNS if row[name] is not None},
            },
        },
    )


def _survivors(tx: Transaction, person_ids: Sequence[str]) -> dict[str, str]:
    """Each of some people, or who goes on for those who were merged into somebody."""
    found = dict(zip(person_ids, person_ids, strict=True))
    for marks, bound in in_lists(sorted(found)):
        found |= dict(
            tx.tuples(
                "SELECT person_id, merged_into FROM profiles"
                f" WHERE merged_into IS NOT NULL AND person_id IN ({marks})",
                bound,
            )
        )
    return found
