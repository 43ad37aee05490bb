"""Imports of small files, and what became of them."""

import csv
from typing import Any

from vocative.collect.importing import ImportReport, complete_report, import_file
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

MAPPING = """\
source: shop
timezone: Europe/London
money: to_number(amount)
people: {user_id: who, traits: {country: country}}
events:
  name: "'Order Completed'"
  at: at
  properties: {order_id: order_no, total: to_number(amount)}
"""
HEADER = "order_no,who,at,amount,country"


def take_in(
    workspace: Workspace,
    content: str | bytes,
    mapping: str | None = MAPPING,
    *,
    name: str = "orders.csv",
    source: str | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Write a file beside the workspace, import and apply it."""
    folder = workspace.root.parent
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapping_path = None
    if mapping is not None:
        mapping_path = folder / "orders.yaml"
        mapping_path.write_text(mapping)
    report = import_file(workspace, path, mapping=mapping_path, source=source, dry_run=dry_run)
    if dry_run:
        return report
    apply_log(workspace)
    return complete_report(workspace, report)


def rejected(report: ImportReport) -> dict[str, int]:
    return {tally.reason: tally.rows for tally in report.rejected}


def rejected_lines(workspace: Workspace, report: ImportReport) -> list[tuple[int, str]]:
    """What the rejects file lists."""
    if report.rejects_file is None:
        return []
    with (workspace.root / report.rejects_file).open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "reason"]
    return [(int(line), reason) for line, reason in rows[1:]]


def events(workspace: Workspace, columns: str = "*") -> list[dict[str, Any]]:
    with workspace.engine() as engine:
        return engine.rows(f"SELECT {columns} FROM events ORDER BY events.at, event_id")


def nothing_happened(workspace: Workspace) -> bool:
    """Whether an import that was refused left the workspace as it was."""
    with workspace.store.read() as tx:
        kept = [tx.value(f"SELECT count(*) FROM {table}") for table in ("imports", "items")]
    rejects = workspace.state_dir / "rejects"
    files = list(rejects.iterdir()) if rejects.exists() else []
    return kept == [0, 0] and workspace.log.last_position() == 0 and files == []
