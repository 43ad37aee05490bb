"""Imports: a file goes through the door, and every row of it is accounted for.

A table with a mapping, or JSON lines of ready events, comes in. An `ImportReport` goes out in
which rows = used + rejected by reason; the lines of rejected rows are listed in a file under
`.vocative/rejects/` without their content, which may be personal.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from vocative.clock import to_micros
from vocative.collect.catalog import upsert_items
from vocative.collect.door import BATCH_SIZE, accept
from vocative.collect.table import TableFile, Tally
from vocative.errors import DataError
from vocative.workspace import Workspace
from vocative.workspace.yaml_text import read_yaml

Progress = Callable[[int], None]


class ImportReport(msgspec.Struct, kw_only=True):
    """What an import did. `rows` = `used` + the rows of all `rejected`."""

    import_id: str
    source: str
    file_name: str
    started_at: str
    rows: int
    used: int
    money_used: float | None = None
    rejected: list[Tally] = []
    notes: dict[str, int] = {}
    events: int = 0
    items: int = 0
    applied: int = 0
    duplicates: int = 0
    refused: dict[str, int] = {}
    """Events that could not be used, by reason; their bodies stay in the log."""
    rejects_file: str | None = None
    first_position: int = 0
    last_position: int = 0


def import_file(
    workspace: Workspace,
    path: Path,
    *,
    mapping: Path | None = None,
    source: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Put a file's events on the log; `identify.apply_log` then applies them.

    Importing a file again is safe: its events have the same ids.

    Args:
        workspace: Where to.
        path: CSV (plain, .gz, .zst), JSON lines or Parquet.
        mapping: The mapping file; without one the file holds ready events, one per line.
        source: A name for the origin; the mapping's, or the file's, unless told.
        progress: Called with the number of events made durable.

    Raises:
        DataError: the file cannot be read.
        AuthorError: the mapping is wrong.
    """
    if mapping is None:
        return _import_events(workspace, path, source=source or "import", progress=progress)
    text = read_yaml(mapping)
    source = source or str(text.value.get("source") or mapping.stem)
    table = TableFile(
        path,
        text,
        timezone=workspace.settings.timezone,
        scratch=workspace.state_dir / "scratch",
    )
    try:
        report = _new_report(workspace, path, source)
        tallies = table.tallies()
        used = next((tally for tally in tallies if tally.reason == ""), Tally(reason="", rows=0))
        report.used, report.money_used = used.rows, used.money
        report.rejected = [tally for tally in tallies if tally.reason]
        report.rows = sum(tally.rows for tally in tallies)
        report.items = upsert_items(workspace, table.items())
        _accept_all(workspace, table.events(), report, progress)
        report.notes = table.notes
        report.rejects_file = _write_rejects(workspace, report, table.rejected_lines())
    finally:
        table.close()
    save_report(workspace, report)
    return report


def _import_events(
    workspace: Workspace, path: Path, *, source: str, progress: Progress | None
) -> ImportReport:
    report = _new_report(workspace, path, source)
    empty = 0

    def lines() -> Iterator[bytes]:
        nonlocal empty
        for line in _lines(path):
            report.rows += 1
            if line.strip():
                yield line.strip()
            else:
                empty += 1

    _accept_all(workspace, lines(), report, progress)
    report.used = report.rows - empty
    if empty:
        report.rejected = [Tally(reason="empty line", rows=empty)]
    save_report(workspace, report)
    return report


def _lines(path: Path) -> Iterator[bytes]:
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"there is no file {path.name}", where=str(path), hint="check the path")
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            rest = b""
            while chunk := stream.read(1 << 20):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path.name} cannot be read: it is cut off or not what its name says",
            where=str(path),
            hint="check the file; what was read before is kept, and importing again adds nothing"
            " twice",
        ) from error


def _accept_all(
    workspace: Workspace,
    events: Iterator[bytes],
    report: ImportReport,
    progress: Progress | None,
) -> None:
    while batch := list(islice(events, BATCH_SIZE)):
        accepted = accept(workspace, batch, source=report.source)
        report.first_position = report.first_position or accepted.first_position
        report.last_position = accepted.last_position
        report.events += accepted.events
        if progress is not None:
            progress(accepted.events)


def _new_report(workspace: Workspace, path: Path, source: str) -> ImportReport:
    started = workspace.clock.now()
    import_id = hashlib.sha256(f"{source}|{path.name}|{to_micros(started)}".encode()).hexdigest()
    return ImportReport(
        import_id=import_id[:12],
        source=source,
        file_name=path.name,
        started_at=started.isoformat(),
        rows=0,
        used=0,
    )


def _write_rejects(
    workspace: Workspace, report: ImportReport, lines: Iterator[tuple[int, str]]
) -> str | None:
    if not report.rejected:
        return None
    folder = workspace.state_dir / "rejects"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.import_id}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "reason"])
        writer.writerows(lines)
    return str(path.relative_to(workspace.root))


def save_report(workspace: Workspace, report: ImportReport) -> None:
    """Keep a report, or bring the kept one up to date."""
    now = to_micros(workspace.clock.now())
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO imports (import_id, source, file_name, started_at, finished_at, report)"
            " VALUES (:import_id, :source, :file_name, :started_at, :finished_at, :report)"
            " ON CONFLICT (import_id) DO UPDATE SET finished_at = excluded.finished_at,"
            " report = excluded.report",
            {
                "import_id": report.import_id,
                "source": report.source,
                "file_name": report.file_name,
                "started_at": now,
                "finished_at": now,
                "report": msgspec.json.encode(report).decode(),
            },
        )


def complete_report(workspace: Workspace, report: ImportReport) -> ImportReport:
    """Add what applying the import's events came to; call it after `identify.apply_log`."""
    span = {"first": report.first_position, "last": report.last_position, "source": report.source}
    with workspace.store.read() as tx:
        counts = tx.row(
            "SELECT coalesce(sum(applied), 0) AS applied, coalesce(sum(duplicates), 0) AS"
            " duplicates FROM applied_batches WHERE position BETWEEN :first AND :last"
            " AND source = :source",
            span,
        )
        refused = tx.tuples(
            "SELECT reason, count(*) FROM rejected_events WHERE position BETWEEN :first AND :last"
            " AND source = :source GROUP BY reason ORDER BY 2 DESC",
            span,
        )
    report.applied = int(counts["applied"]) if counts else 0
    report.duplicates = int(counts["duplicates"]) if counts else 0
    report.refused = {str(reason): int(count) for reason, count in refused}
    save_report(workspace, report)
    return report


def list_imports(workspace: Workspace) -> list[ImportReport]:
    """Every import, newest first."""
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT report FROM imports ORDER BY started_at DESC, import_id")
    return [msgspec.json.decode(row[0], type=ImportReport) for row in rows]
