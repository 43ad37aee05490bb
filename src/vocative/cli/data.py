"""Imports on the command line: a file goes in and is applied, and every row is accounted for."""

from collections.abc import Callable
from pathlib import Path

from vocative.collect.importing import (
    ImportReport,
    complete_report,
    import_file,
)
from vocative.collect.importing import list_imports as _list_imports
from vocative.segment import advance
from vocative.workspace import Workspace


def import_data(
    workspace: Workspace,
    file: Path,
    *,
    mapping: Path | None = None,
    source: str | None = None,
    dry_run: bool = False,
    progress: Callable[..., None] | None = None,
) -> ImportReport:
    """Take in a file, apply it, and bring segments up to now.

    Args:
        workspace: Where to.
        file: CSV (plain, .gz or .zst), JSON lines or Parquet.
        mapping: A mapping file; without one the file holds ready events, one JSON per line.
        source: A name for the origin; ids of events are unique within it.
        dry_run: Only tell what would become of every row; nothing is taken in.
        progress: Told how many events are applied.
    """
    report = import_file(workspace, file, mapping=mapping, source=source, dry_run=dry_run)
    if dry_run:
        return report
    advance(workspace, progress=_of(progress, report.events), beside=True)
    return complete_report(workspace, report)


def list_imports(workspace: Workspace) -> list[ImportReport]:
    """Every import, newest first."""
    return _list_imports(workspace)


def _of(progress: Callable[..., None] | None, total: int) -> Callable[[str, int], None] | None:
    """Progress that counts up to the number of events taken in."""
    if progress is None:
        return None
    done = 0

    def report(what: str, amount: int) -> None:
        nonlocal done
        if what == "events":
            done += amount
            progress(done, total)

    return report
