"""A campaign's run written into a real workspace: ledger rows by SQL, history as Parquet."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from vocative.clock import naive_utc, to_micros
from vocative.engines.duckdb import HISTORY_COLUMNS
from vocative.ids import message_id_for
from vocative.workspace import Workspace

PLANNED_AT = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "name": "spring",
    "segment": "everyone",
    "template": "spring",
    "purpose": "marketing",
    "channel": "outbox_folder",
    "holdout": 0.1,
    "variants": {"a": {"weight": 50, "subject": "Hello"}, "b": {"weight": 50, "subject": "Spring"}},
    "goal": {"event": "Order Completed", "within": "7d", "value": "revenue"},
}

_KINDS = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
}
_EVENTS = {name: _KINDS[kind] for name, kind in HISTORY_COLUMNS["events"].items()}

_RUN = """
    INSERT INTO campaign_runs (campaign, occurrence, status, definition, planned_at, finished_at)
    VALUES (:campaign, :occurrence, 'finished', :definition, :planned_at, NULL)"""
_MESSAGE = """
    INSERT INTO messages (message_id, campaign, occurrence, person_id, channel, purpose, arm,
        state, reason, fence, attempts, planned_at, updated_at, handed_at, decision)
    VALUES (:message_id, :campaign, :occurrence, :person_id, 'outbox_folder', 'marketing', :arm,
        :state, :reason, 0, 1, :planned_at, :planned_at, :handed_at, '{}')"""


@dataclass
class CampaignWorld:
    """Writes runs, messages and events into one workspace."""

    workspace: Workspace
    campaign: str = "spring"
    positions: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    def run(
        self,
        people: Iterable[dict[str, Any]],
        *,
        occurrence: str = "2026-02-02",
        definition: dict[str, Any] | None = None,
        planned_at: datetime = PLANNED_AT,
    ) -> None:
        """A run; each person is {person_id, arm, state, reason, delay (timedelta or None)}."""
        for person in people:
            delay = person.get("delay")
            self.messages.append(
                {
                    "message_id": self.message_id(person["person_id"], occurrence),
                    "campaign": self.campaign,
                    "occurrence": occurrence,
                    "person_id": person["person_id"],
                    "arm": person["arm"],
                    "state": person["state"],
                    "reason": person.get("reason"),
                    "planned_at": to_micros(planned_at),
                    "handed_at": None if delay is None else to_micros(planned_at + delay),
                }
            )
        run = {
            "campaign": self.campaign,
            "occurrence": occurrence,
            "definition": json.dumps(definition or DEFINITION),
            "planned_at": to_micros(planned_at),
        }
        with self.workspace.store.transaction() as tx:
            tx.run(_RUN, run)
            tx.run(_MESSAGE, [m for m in self.messages if m["occurrence"] == occurrence])

    def message_id(self, person_id: str, occurrence: str = "2026-02-02") -> str:
        return message_id_for(
            campaign=self.campaign,
            occurrence=occurrence,
            person_id=person_id,
            channel="outbox_folder",
        )

    def events(self, rows: list[dict[str, Any]]) -> None:
        """Events as rows of the history; `at` is aware."""
        for row in rows:
            self.positions += 1
            row.setdefault("event_id", f"e{self.positions}")
            row["at"] = naive_utc(row["at"])
            row.setdefault("received_at", row["at"])
        table = pa.table(
            {
                name: pa.array([row.get(name) for row in rows], kind)
                for name, kind in _EVENTS.items()
            }
        )
        with self.workspace.store.transaction() as tx:
            self.workspace.history.append(
                tx, "events", table, first=self.positions, last=self.positions
            )
