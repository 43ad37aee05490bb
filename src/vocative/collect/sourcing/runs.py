"""Pulls that somebody asked for over the API: done by the process that pulls, one after another."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.pulling import Outcome, Pulled, reason_of
from vocative.errors import AuthorError, UnknownName
from vocative.stores import Transaction
from vocative.workspace import Workspace

RunState = Literal["waiting", "running", "done", "failed"]
KEPT_SECONDS = 30 * 86_400
"""How long a run that ended is remembered."""


class PullRun(msgspec.Struct, frozen=True, kw_only=True):
    """A pull that was asked for."""

    run: str
    source: str
    stream: str | None
    """None: all of them."""
    again: bool
    """Whether it is still to begin at the beginning."""
    state: RunState
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pages: int
    events: int
    items: int
    rejected: int
    """Records that could not be used; `GET /api/sources/{name}` says why."""
    error: str | None


def ask_for_pull(
    workspace: Workspace, name: str, *, stream: str | None = None, again: bool = False
) -> PullRun:
    """Ask for a pull of a source; `vocative serve` does it, after what was asked for before.

    Args:
        workspace: Where.
        name: The source.
        stream: Only this one of its streams.
        again: Begin at the beginning, not where the last pull ended.

    Raises:
        UnknownName: there is no such source.
        AuthorError: its definition is wrong, or it cannot be pulled.
    """
    definition = find_source(workspace, name)
    if not definition.can_be_pulled:
        raise AuthorError(f"a source of kind {definition.kind!r} cannot be pulled")
    now = to_micros(workspace.clock.now())
    wanted = {"source": name, "stream": stream, "again": int(again)}
    with workspace.store.transaction() as tx:
        tx.run(
            "DELETE FROM source_runs WHERE finished_at < :before",
            {"before": now - KEPT_SECONDS * 1_000_000},
        )
        found = tx.row(
            "SELECT * FROM source_runs WHERE source = :source AND state = 'waiting'"
            " AND coalesce(stream, '') = coalesce(:stream, '') AND again = :again",
            {**wanted, "stream": stream or ""},
        )
        if found is None:
            run_id = f"r{secrets.token_hex(8)}"
            tx.run(
                "INSERT INTO source_runs (run_id, source, stream, again, state, asked_at, pages,"
                " events, items, rejected) VALUES (:run_id, :source, :stream, :again, 'waiting',"
                " :now, 0, 0, 0, 0)",
                {**wanted, "run_id": run_id, "now": now},
            )
            found = _row(tx, run_id)
    return _run(found)


def show_run(workspace: Workspace, run: str) -> PullRun:
    """How far a pull is that was asked for.

    Args:
        workspace: Where.
        run: What asking for it answered.

    Raises:
        UnknownName: there is none, or it ended long ago.
    """
    with workspace.store.read() as tx:
        return _run(_row(tx, run))


def take_up_again(tx: Transaction, run: str | None = None) -> None:
    """Let a run, or all of them, go on later that was not brought to its end."""
    tx.run(
        "UPDATE source_runs SET state = 'waiting' WHERE state = 'running'"
        " AND run_id = coalesce(CAST(:run AS TEXT), run_id)",
        {"run": run},
    )


def next_run(tx: Transaction, source: str, *, at: int) -> PullRun | None:
    """Begin the run of a source that waits longest."""
    found = tx.row(
        "SELECT * FROM source_runs WHERE source = :source AND state = 'waiting'"
        " ORDER BY asked_at, run_id LIMIT 1",
        {"source": source},
    )
    if found is None:
        return None
    tx.run(
        "UPDATE source_runs SET state = 'running', started_at = :at WHERE run_id = :run_id",
        {"at": at, "run_id": found["run_id"]},
    )
    return _run({**found, "state": "running", "started_at": at})


def waits(tx: Transaction, source: str) -> bool:
    """Whether somebody asked for a pull of a source."""
    return bool(
        tx.value(
            "SELECT 1 FROM source_runs WHERE source = :source AND state = 'waiting' LIMIT 1",
            {"source": source},
        )
    )


def note_restarted(tx: Transaction, run: str) -> None:
    """Note that a run is at the beginning: taken up again later, it goes on from where it is."""
    tx.run("UPDATE source_runs SET again = 0 WHERE run_id = :run", {"run": run})


def note_progress(tx: Transaction, run: str, streams: Sequence[Pulled]) -> None:
    """Keep how far a run is."""
    tx.run(
        "UPDATE source_runs SET pages = :pages, events = :events, items = :items,"
        " rejected = :rejected WHERE run_id = :run",
        {"run": run, **_sums(streams)},
    )


def end_run(tx: Transaction, run: str, outcome: Outcome, *, at: int) -> None:
    """Keep what a run came to."""
    failure = outcome.failure
    tx.run(
        "UPDATE source_runs SET state = :state, finished_at = :at, error = :error, pages = :pages,"
        " events = :events, items = :items, rejected = :rejected WHERE run_id = :run",
        {
            "run": run,
            "state": "done" if failure is None else "failed",
            "at": at,
            "error": None if failure is None else reason_of(failure)[:1_000],
            **_sums(outcome.streams),
        },
    )


def _sums(streams: Sequence[Pulled]) -> dict[str, int]:
    return {
        "pages": sum(one.pages for one in streams),
        "events": sum(one.events for one in streams),
        "items": sum(one.items for one in streams),
        "rejected": sum(sum(one.rejected.values()) for one in streams),
    }


def _row(tx: Transaction, run: str) -> dict[str, Any]:
    found = tx.row("SELECT * FROM source_runs WHERE run_id = :run", {"run": run})
    if found is None:
        raise UnknownName(f"there is no run {run!r}", hint="runs are forgotten after 30 days")
    return found


def _run(row: dict[str, Any]) -> PullRun:
    return PullRun(
        run=row["run_id"],
        source=row["source"],
        stream=row["stream"],
        again=bool(row["again"]),
        state=row["state"],
        asked_at=from_micros(row["asked_at"]),
        started_at=_at(row["started_at"]),
        finished_at=_at(row["finished_at"]),
        pages=row["pages"],
        events=row["events"],
        items=row["items"],
        rejected=row["rejected"],
        error=row["error"],
    )


def _at(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
