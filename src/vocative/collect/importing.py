"""Imports: a file goes through the door, and every row of it is accounted for.

A table with a mapping, or JSON lines of ready events, comes in. An `ImportReport` goes out in
which rows = used + rejected by reason; the lines of rejected rows are listed in a file under
`.vocative/rejects/` without their content, which may be personal.

How far an import came is kept with its report. Whoever imports the same file with the same mapping
after it was interrupted goes on from there.
"""

import contextlib
import csv
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Self

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
SAMPLE_EVENTS = 3


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
    finished: bool = True
    """False: it was interrupted; importing the same file again goes on after `events`."""
    resumed_after: int = 0
    """How many of the events an interrupted import had put on the log before."""
    fingerprint: str = ""
    """Of the file, its mapping and its source: the same again is the same import."""
    dry_run: bool = False
    """Whether it was only tried: nothing was taken in."""
    sample: list[dict[str, Any]] = []
    """The first events that it makes, when it is only tried."""


def import_file(
    workspace: Workspace,
    path: Path,
    *,
    mapping: Path | None = None,
    source: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Put a file's events on the log; `identify.apply_log` then applies them.

    Importing a file again is safe: its events have the same ids. One that was interrupted is gone
    on with.

    Args:
        workspace: Where to.
        path: CSV (plain, .gz, .zst), JSON lines or Parquet.
        mapping: The mapping file; without one the file holds ready events, one per line.
        source: A name for the origin; the mapping's, or the file's, unless told.
        dry_run: Only tell what would become of every row; nothing is taken in.
        progress: Called with the number of events made durable.

    Raises:
        DataError: the file cannot be read.
        AuthorError: the mapping is wrong, does not fit the file, or is missing for a table.
        StateError: another import of a table is running and does not finish.
        LogError: the disk is full; what was taken in so far is kept, importing again adds the
            rest.
    """
    text = None if mapping is None else read_yaml(mapping)
    if text is None or mapping is None:
        source = _named(source or "import")
        _refuse_table(path)
    else:
        source = _named(source or read_mapping(text).source or mapping.stem)
    read_through(path)
    with workspace.worker_lock("import"):
        report = _begun(workspace, path, source, "" if text is None else text.text)
        report.dry_run = dry_run
        if text is None:
            return _import_events(workspace, path, report, progress)
        table = TableFile(
            path,
            text,
            timezone=workspace.settings.timezone,
            scratch=workspace.state_dir / "scratch",
            now=workspace.clock.now(),
        )
        with contextlib.closing(table):
            return _import_table(workspace, table, report, progress)


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
    items = table.items()
    report.items = sum(1 for _ in items) if report.dry_run else upsert_items(workspace, items)
    report.notes = table.notes
    return _finish(workspace, report)


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


def _refuse_table(path: Path) -> None:
    if path.is_file() and plain_name(path).endswith((".csv", ".tsv", ".parquet")):
        raise AuthorError(
            f"{path.name} is a table: a mapping must say what its columns mean",
            where=str(path),
            hint="name a mapping with --mapping",
        )


def _import_events(
    workspace: Workspace, path: Path, report: ImportReport, progress: Progress | None
) -> ImportReport:
    with _Rejects(workspace, report) as rejects:
        _accept_all(workspace, _ready_events(workspace, path, report, rejects), report, progress)
    report.rejected = rejects.tallies()
    report.used = report.events
    return _finish(workspace, report)


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
    if report.dry_run:
        report.sample = [msgspec.json.decode(event) for event in islice(events, SAMPLE_EVENTS)]
        report.events = len(report.sample) + sum(1 for _ in events)
        return
    # The same file gives the same events in the same order.
    deque(islice(events, report.resumed_after), maxlen=0)
    while batch := list(islice(events, BATCH_SIZE)):
        accepted = put_on_log(workspace, batch, source=report.source)
        report.first_position = report.first_position or accepted.first_position
        report.last_position = accepted.last_position
        report.events += accepted.events
        save_report(workspace, report)
        if progress is not None:
            progress(accepted.events)


def _begun(workspace: Workspace, path: Path, source: str, mapping: str) -> ImportReport:
    """The report of an import: of the same one that was interrupted, or else a new one."""
    fingerprint = _fingerprint(path, source, mapping)
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT report FROM imports WHERE finished_at IS NULL")
    for (kept,) in rows:
        before = msgspec.json.decode(kept, type=ImportReport)
        if before.fingerprint == fingerprint:
            before.resumed_after = before.events
            return before
    started = workspace.clock.now()
    import_id = hashlib.sha256(f"{source}|{path.name}|{to_micros(started)}".encode()).hexdigest()
    return ImportReport(
        import_id=import_id[:12],
        source=source,
        file_name=path.name,
        started_at=started.isoformat(),
        rows=0,
        used=0,
        finished=False,
        fingerprint=fingerprint,
    )


def _fingerprint(path: Path, source: str, mapping: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for told in (source, mapping):
        digest.update(hashlib.blake2b(told.encode(), digest_size=16).digest())
    # Whoever reads the file next tells why it cannot be read.
    with contextlib.suppress(OSError), path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _finish(workspace: Workspace, report: ImportReport) -> ImportReport:
    report.finished = True
    if not report.dry_run:
        save_report(workspace, report)
    return report


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
                "finished_at": now if report.finished else None,
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
