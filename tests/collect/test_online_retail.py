"""A real file of a real shop: every row and every penny of it is accounted for."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

MAPPING = Path(__file__).parents[2] / "examples" / "online_retail" / "mapping.yaml"
IMPORT = """
import json, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from vocative.clock import FixedClock
from vocative.collect.importing import complete_report, import_file
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace
root, path, mapping = map(Path, sys.argv[1:])
reports = []
with Workspace(root, clock=FixedClock(datetime(2026, 3, 2, tzinfo=UTC))) as workspace:
    for _ in range(2):
        report = import_file(workspace, path, mapping=mapping)
        apply_log(workspace)
        reports.append(complete_report(workspace, report))
    with workspace.engine() as engine:
        totals = engine.rows(
            "SELECT count(*) AS n, sum(revenue) AS revenue, count(person_id) AS known,"
            " count(DISTINCT person_id) AS people FROM events WHERE name <> 'Identified'"
        )[0]
        lines = engine.rows("SELECT count(*) AS n, sum(revenue) AS revenue FROM order_lines")[0]
import msgspec
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"peak": peak, "totals": totals, "lines": lines,
                  "reports": [msgspec.to_builtins(report) for report in reports]}))
"""


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    [found] = (shared_data / "online_retail").glob("*.csv.zst")
    return found


@pytest.fixture(scope="module")
def rows(path: Path) -> list[dict[str, str]]:
    """The file, read by nothing of ours."""
    import pyarrow as pa

    with pa.input_stream(str(path), compression="zstd") as stream:
        return list(csv.DictReader(io.StringIO(stream.read().decode(), newline="")))


@pytest.fixture(scope="module")
def outcome(path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file imported twice, in a process whose memory is measured."""
    from vocative.workspace import prepare_state

    root = tmp_path_factory.mktemp("retail")
    (root / "vocative.yaml").write_text(
        "workspace: retail\nsender: {email: a@b.example, name: A}\npostal_address: B\n"
    )
    (root / "traits.yaml").write_text("country: {}\nemail: {personal: true}\n")
    prepare_state(root)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(root), str(path), str(MAPPING)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    found["root"] = root
    return found


def money(row: dict[str, str]) -> Decimal:
    return Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])


def test_every_row_is_used_or_rejected(outcome: dict[str, Any], rows: list[dict[str, str]]) -> None:
    report = outcome["reports"][0]
    assert len(rows) == 320_705
    assert report["rows"] == len(rows)
    assert report["used"] + sum(tally["rows"] for tally in report["rejected"]) == len(rows)
    assert report["refused"] == {}


def test_every_penny_is_used_or_rejected(
    outcome: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    report = outcome["reports"][0]
    counted = report["money_used"] + sum(tally["money"] for tally in report["rejected"])
    assert round(counted, 2) == round(float(sum(map(money, rows))), 2)
    # And what was used is what history holds.
    assert round(outcome["totals"]["revenue"], 2) == round(report["money_used"], 2)
    assert round(outcome["lines"]["revenue"], 2) == round(report["money_used"], 2)
    assert outcome["lines"]["n"] == report["used"]


def test_the_rejects_file_lists_every_rejected_line(
    outcome: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    report = outcome["reports"][0]
    with (outcome["root"] / report["rejects_file"]).open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert Counter(row["reason"] for row in listed) == {
        tally["reason"]: tally["rows"] for tally in report["rejected"]
    }
    lines = [int(row["line"]) for row in listed]
    assert lines == sorted(set(lines))
    # The reasons are true of the lines they name (the file has no line break in a value).
    first: dict[tuple[str, ...], int] = {}
    for line, row in enumerate(rows, 2):
        first.setdefault(tuple(row.values()), line)
    again = {n for n, row in enumerate(rows, 2) if first[tuple(row.values())] != n}
    told = {int(row["line"]) for row in listed if row["reason"] == "exact duplicate"}
    assert told == again
    for row in listed:
        if row["reason"].startswith("price is zero"):
            assert Decimal(rows[int(row["line"]) - 2]["UnitPrice"]) <= 0


def test_sales_nobody_signed_for_count_for_items_only(
    outcome: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    report, totals = outcome["reports"][0], outcome["totals"]
    [without] = report["notes"].values()
    assert 0 < without < sum(not row["CustomerID"] for row in rows)
    assert totals["known"] < totals["n"]
    known = {row["CustomerID"] for row in rows if row["CustomerID"]}
    assert 0.98 * len(known) < totals["people"] <= len(known)


def test_importing_again_adds_nothing(outcome: dict[str, Any]) -> None:
    first, again = outcome["reports"]
    assert first["duplicates"] == 0
    assert (
        first["applied"] == first["events"] == outcome["totals"]["n"] + outcome["totals"]["people"]
    )
    assert (again["applied"], again["duplicates"]) == (0, first["events"])
    assert again["used"] == first["used"]


def test_memory_stays_bounded(outcome: dict[str, Any]) -> None:
    assert outcome["peak"] < 1_500_000_000
