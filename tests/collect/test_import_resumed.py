"""Imports that are only tried, and imports that go on where they were interrupted."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from imported import HEADER, MAPPING, events, nothing_happened, rejected, rejected_lines, take_in

from vocative.collect import importing
from vocative.collect.door import BATCH_SIZE
from vocative.collect.importing import import_file, list_imports
from vocative.workspace import Workspace

READY = '{"event":"Seen","messageId":"m%d","userId":"u%d","timestamp":"2026-01-02T10:00:00Z"}'
ORDERS = 2 * BATCH_SIZE + 100
CHILD = """
import sys
from pathlib import Path
from vocative.collect.importing import import_file
from vocative.workspace import Workspace

root, path, mapping = sys.argv[1:]
with Workspace(Path(root)) as workspace:
    def stop(_):
        print("ready", flush=True)
        sys.stdin.read()
    import_file(
        workspace, Path(path), mapping=Path(mapping) if mapping else None, progress=stop
    )
"""


class PowerCut(Exception):
    pass


def orders(count: int) -> str:
    rows = [f"o{n},u{n % 700},2026-01-0{n % 9 + 1} 10:00,{n % 50}.5,FR" for n in range(count)]
    return "\n".join([HEADER, *rows])


@pytest.fixture
def cut(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """An import that ends when its second batch is on the log, and is not noted yet."""

    def start(path: Path, mapping: Path | None) -> None:
        notes = iter(range(1))
        save = importing.save_report

        def saved(*args: Any) -> None:
            if next(notes, None) is None:
                raise PowerCut
            save(*args)

        with monkeypatch.context() as patched:
            patched.setattr(importing, "save_report", saved)
            with pytest.raises(PowerCut):
                import_file(workspace, path, mapping=mapping)

    return start


def test_a_table_that_is_tried_leaves_nothing_but_the_list_of_lines(workspace: Workspace) -> None:
    content = "\n".join([orders(5), "o6,u1,sometime,1,FR", "o7,u1"])
    report = take_in(workspace, content, dry_run=True)
    assert (report.rows, report.used, report.events) == (7, 5, 10)  # 5 people, 5 orders
    assert rejected(report)["no readable time"] == 1
    assert [line for line, _ in rejected_lines(workspace, report)] == [7, 8]
    assert [event["type"] for event in report.sample] == ["identify"] * 3
    assert report.sample[0]["traits"] == {"country": "FR"}
    (workspace.root / str(report.rejects_file)).unlink()
    assert nothing_happened(workspace)


def test_ready_events_that_are_tried_are_counted(workspace: Workspace) -> None:
    content = "\n".join([READY % (1, 1), "no event", READY % (2, 1)])
    report = take_in(workspace, content, None, name="events.jsonl", dry_run=True)
    assert (report.rows, report.used, report.events) == (3, 2, 2)
    assert [event["messageId"] for event in report.sample] == ["m1", "m2"]
    (workspace.root / str(report.rejects_file)).unlink()
    assert nothing_happened(workspace)


@pytest.mark.parametrize("kind", ["table", "events"])
def test_an_interrupted_import_goes_on_where_it_was(
    workspace: Workspace, cut: Callable[..., None], kind: str
) -> None:
    folder = workspace.root.parent
    path = folder / ("orders.csv" if kind == "table" else "orders.jsonl")
    mapping = folder / "orders.yaml" if kind == "table" else None
    if mapping:
        mapping.write_text(MAPPING)
        path.write_text(orders(ORDERS))
    else:
        path.write_text("\n".join(READY % (n, n % 700) for n in range(ORDERS)))
    cut(path, mapping)
    (interrupted,) = list_imports(workspace)
    assert (interrupted.finished, interrupted.events) == (False, BATCH_SIZE)
    assert workspace.log.last_position() == 2
    report = import_file(workspace, path, mapping=mapping)
    made = ORDERS + (700 if mapping else 0)
    assert (report.events, report.resumed_after) == (made, BATCH_SIZE)
    assert list_imports(workspace) == [report]
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    counted = take_in(workspace, path.read_text(), MAPPING if mapping else None, name=path.name)
    assert counted.import_id != report.import_id  # it was finished: this one is new
    assert counted.duplicates == counted.events == made
    assert len(events(workspace, "event_id")) == made


def test_another_file_or_mapping_is_another_import(
    workspace: Workspace, cut: Callable[..., None]
) -> None:
    folder = workspace.root.parent
    path, mapping = folder / "orders.csv", folder / "orders.yaml"
    mapping.write_text(MAPPING)
    path.write_text(orders(ORDERS))
    cut(path, mapping)
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    mapping.write_text(MAPPING.replace("order_id: order_no", "order_id: upper(order_no)"))
    assert import_file(workspace, path, mapping=mapping).resumed_after == 0
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    path.write_text(orders(ORDERS + 1))
    mapping.write_text(MAPPING)
    assert import_file(workspace, path, mapping=mapping).resumed_after == 0
    assert [found.finished for found in list_imports(workspace)].count(False) == 1


def test_an_import_that_is_killed_loses_and_doubles_nothing(workspace: Workspace) -> None:
    path = workspace.root.parent / "events.jsonl"
    path.write_text("\n".join(READY % (n, n % 700) for n in range(ORDERS)))
    command = [sys.executable, "-c", CHILD, str(workspace.root), str(path), ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGKILL)
    content = path.read_text()
    report = take_in(workspace, content, None, name="events.jsonl")
    assert report.resumed_after == BATCH_SIZE
    assert (report.events, report.applied, report.duplicates) == (ORDERS, ORDERS, 0)
