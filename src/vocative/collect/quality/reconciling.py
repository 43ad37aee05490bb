"""Compares two sources day by day, and lists what they tell differently."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from vocative.collect.quality.reconciliation import (
    Reconciliation,
    days_sql,
    differing_sql,
    parameters,
    read_reconciliations,
)
from vocative.errors import DataError, unknown_name
from vocative.workspace import Workspace

DAYS = 30
MOST_DAYS = 1_000
LISTED = 100

State = Literal["both", "one", "other", "differs"]


class ReconciliationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A definition in a line."""

    name: str
    one: str
    other: str
    describe: str


class ReconciledDay(msgspec.Struct, frozen=True, kw_only=True):
    """What both sides tell of a day."""

    on: date
    one_records: int
    one_amount: float | None
    other_records: int
    other_amount: float | None
    only_one: int
    only_other: int
    differing: int
    """On both sides, with amounts further apart than the tolerance."""
    doubled: int
    """Told of more than once on a side."""


class ReconciledRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the two sides do not tell of alike."""

    key: str
    on: date
    state: State
    """On which side it is alone, that it differs, or that both have it, one of them twice."""
    one_records: int
    one_amount: float | None
    other_records: int
    other_amount: float | None


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """Two sources compared."""

    name: str
    one: str
    other: str
    timezone: str
    days: list[ReconciledDay]
    """The oldest first; days of which neither side tells are left out."""
    differing: list[ReconciledRecord]
    """At most 100, the newest first."""


def list_reconciliations(workspace: Workspace) -> list[ReconciliationSummary]:
    """What can be compared.

    Raises:
        AuthorError: a definition is wrong.
    """
    return [
        ReconciliationSummary(
            name=name, one=said.one.name, other=said.other.name, describe=said.describe
        )
        for name, said in read_reconciliations(workspace).items()
    ]


def reconcile(workspace: Workspace, name: str, *, days: int = DAYS) -> Reconciled:
    """Compare two sources day by day.

    Args:
        workspace: Whose.
        name: A reconciliation.
        days: How many days to look back, today included; at least 1, at most 1,000.

    Raises:
        UnknownName: there is no such reconciliation.
        AuthorError: a definition is wrong.
    """
    said = _said(workspace, name)
    bound = _bound(workspace, said, days)
    with workspace.engine() as engine:
        by_day = engine.rows(days_sql(said), bound)
        differing = engine.rows(differing_sql(said, limit=LISTED), bound)
    return Reconciled(
        name=name,
        one=said.one.name,
        other=said.other.name,
        timezone=said.timezone,
        days=[_day(row) for row in by_day],
        differing=[_record(row) for row in differing],
    )


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A file of records that two sides do not tell of alike."""

    file: str
    records: int


def export_differing(workspace: Workspace, name: str, file: Path, *, days: int = DAYS) -> Exported:
    """Write every record that the two sides do not tell of alike to a CSV file.

    Args:
        workspace: Whose.
        name: A reconciliation.
        file: Where to; what was there before is replaced.
        days: How many days to look back, today included; at least 1, at most 1,000.

    Raises:
        UnknownName: there is no such reconciliation.
        AuthorError: a definition is wrong.
        DataError: the file cannot be written.
    """
    said = _said(workspace, name)
    with workspace.engine() as engine:
        found = engine.query(differing_sql(said, limit=None), _bound(workspace, said, days))
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(
                ["key", "day", "told by", *_columns(said.one.name), *_columns(said.other.name)]
            )
            for batch in found.to_batches():
                writer.writerows(_lines(said, batch.to_pylist()))
    except OSError as error:
        raise DataError(f"the file cannot be written: {error.strerror}", where=str(file)) from error
    return Exported(file=str(file), records=found.num_rows)


def _said(workspace: Workspace, name: str) -> Reconciliation:
    known = read_reconciliations(workspace)
    if name not in known:
        raise unknown_name("reconciliation", name, known)
    return known[name]


def _bound(workspace: Workspace, said: Reconciliation, days: int) -> dict[str, datetime]:
    zone = ZoneInfo(said.timezone)
    now = workspace.clock.now()
    first = now.astimezone(zone).date() - timedelta(days=max(1, min(days, MOST_DAYS)) - 1)
    until = now - timedelta(seconds=said.settles_seconds)
    return parameters(datetime.combine(first, time(), zone), until)


def _day(row: dict[str, Any]) -> ReconciledDay:
    return ReconciledDay(
        on=row["on_day"],
        one_amount=_amount(row["one_amount"]),
        other_amount=_amount(row["other_amount"]),
        **{name: int(row[name] or 0) for name in _COUNTS},
    )


_COUNTS = ("one_records", "other_records", "only_one", "only_other", "differing", "doubled")


def _record(row: dict[str, Any]) -> ReconciledRecord:
    return ReconciledRecord(
        key=row["record_key"],
        on=row["on_day"],
        state=row["state"],
        one_records=int(row["one_records"] or 0),
        one_amount=_amount(row["one_amount"]),
        other_records=int(row["other_records"] or 0),
        other_amount=_amount(row["other_amount"]),
    )


def _amount(value: Any) -> float | None:
    # Sums of binary fractions: nobody means the digits beyond these.
    return None if value is None else round(float(value), 6)


def _columns(side: str) -> list[str]:
    return [f"{side} records", f"{side} amount"]


def _lines(said: Reconciliation, rows: list[dict[str, Any]]) -> Iterator[list[Any]]:
    told_by = {
        "one": said.one.name,
        "other": said.other.name,
        "differs": "both, differently",
        "both": "both, more than once",
    }
    for row in rows:
        found = _record(row)
        yield [
            _plain(found.key),
            found.on.isoformat(),
            told_by[found.state],
            found.one_records,
            found.one_amount,
            found.other_records,
            found.other_amount,
        ]


def _plain(key: str) -> str:
    """A key that no spreadsheet takes for a formula."""
    return f"'{key}" if key.startswith(("=", "+", "-", "@", "\t", "\r")) else key
