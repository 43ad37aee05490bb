"""Imports: a file goes through the door, and every row of it is accounted for.

A table with a mapping, or JSON lines of ready events, comes in. An `ImportReport` goes out in
which rows = used + rejected by reason; the lines of rejected rows are listed in a file under
`.vocative/rejects/` without their content, which may be personal.
"""

import contextlib
import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Self

import msgspec

from vocative.clock import to_micros
from vocative.collect.catalog import upsert_items
from vocative.collect.door import BATCH_SIZE, OWN_SOURCE, put_on_log
from vocative.collect.event import EventRefused, read_event
from vocative.collect.mapping import read_mapping
from vocative.collect.table import TableFile, Tally
from vocative.collect.table_file import byte_lines, plain_name, read_through
from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.workspace import STATE_FOLDER
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
    """Events that were refused when they were applied; their bodies stay in the log."""
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
        AuthorError: the mapping is wrong, does not fit the file, or is missing for a table.
        StateError: another import of a table is running and does not finish.
        LogError: the disk is full; what was taken in so far is kept, importing again adds the
            rest.
    """
    if mapping is None:
        return _import_events(workspace, path, source=_named(source or "import"), progress=progress)
    text = read_yaml(mapping)
    source = _named(source or read_mapping(text).source or mapping.stem)
    read_through(path)
    with workspace.worker_lock("import"):
        table = TableFile(
            path,
            text,
            timezone=workspace.settings.timezone,
            scratch=workspace.state_dir / "scratch",
            now=workspace.clock.now(),
        )
        with contextlib.closing(table):
            return _import_table(workspace, table, _new_report(workspace, path, source), progress)


def _import_table(
    workspace: Workspace, table: TableFile, report: ImportReport, progress: Progress | None
) -> ImportReport:
    used, *rejected = _used_first(table.tallies())
    report.used, report.money_used, report.rejected = used.rows, used.money, rejected
    report.rows = used.rows + sum(tally.rows for tally in rejected)
    with _Rejects(workspace, report) as rejects:
        for line, reason in table.rejected_lines():
            rejects.add(line, reason)
    _accept_all(workspace, table.events(), report, progress)
    report.items = upsert_items(workspace, table.items())
    report.notes = table.notes
    save_report(workspace, report)
    return report


def _used_first(tallies: list[Tally]) -> list[Tally]:
    return tallies if tallies and not tallies[0].reason else [Tally(reason="", rows=0), *tallies]


def _named(source: str) -> str:
    """The name of an origin, checked.

    Raises:
        AuthorError: it is empty, long or our own: only Vocative's events may name people by id.
    """
    if source == OWN_SOURCE:
        raise AuthorError(
            f"the source name {source!r} is Vocative's own", hint="give the origin another name"
        )
    if not source.strip() or len(source) > 100 or not source.isprintable():
        raise AuthorError("a source is named by 1 to 100 printable characters")
    return source


def _import_events(
    workspace: Workspace, path: Path, *, source: str, progress: Progress | None
) -> ImportReport:
    if path.is_file() and plain_name(path).endswith((".csv", ".tsv", ".parquet")):
        raise AuthorError(
            f"{path.name} is a table: a mapping must say what its columns mean",
            where=str(path),
            hint="name a mapping with --mapping",
        )
    read_through(path)
    report = _new_report(workspace, path, source)
    with _Rejects(workspace, report) as rejects:
        _accept_all(workspace, _ready_events(workspace, path, report, rejects), report, progress)
    report.rejected = rejects.tallies()
    report.used = report.events
    save_report(workspace, report)
    return report


def _ready_events(
    workspace: Workspace, path: Path, report: ImportReport, rejects: "_Rejects"
) -> Iterator[bytes]:
    """The lines that can be used; the others are rejected and never reach the log."""
    now = to_micros(workspace.clock.now())
    for number, line in enumerate(byte_lines(path), 1):
        report.rows = number
        if line is None:
            rejects.add(number, "line too long")
        elif not line.strip():
            rejects.add(number, "empty line")
        else:
            try:
                read_event(line, received_at=now)
            except EventRefused as refusal:
                rejects.add(number, str(refusal))
            else:
                yield line


def _accept_all(
    workspace: Workspace,
    events: Iterator[bytes],
    report: ImportReport,
    progress: Progress | None,
) -> None:
    while batch := list(islice(events, BATCH_SIZE)):
        accepted = put_on_log(workspace, batch, source=report.source)
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


class _Rejects:
    """The list of rejected lines, written as they are found; without any there is no file."""

    def __init__(self, workspace: Workspace, report: ImportReport) -> None:
        self._report = report
        self._shown_as = f"{STATE_FOLDER}/rejects/{report.import_id}.csv"
        self._path = workspace.root / self._shown_as
        self._counts: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def add(self, line: int, reason: str) -> None:
        """Note a rejected line (1-based)."""
        self._counts[reason] += 1
        self._first.setdefault(reason, line)
        self._writer.writerow((line, reason))

    def tallies(self) -> list[Tally]:
        """How many lines each reason has, from the most on."""
        return [
            Tally(reason=reason, rows=rows, example_line=self._first[reason])
            for reason, rows in self._counts.most_common()
        ]

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["line", "reason"])
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if failure is not None or not self._counts:
            self._path.unlink()
        else:
            self._report.rejects_file = self._shown_as


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
