"""The whole job on real orders: the commands of the example's README, and what must hold."""

import csv
import io
import json
import os
import resource
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "online_retail"
PEAK_MEMORY_MB = 1_500


@pytest.fixture(scope="module")
def orders(shared_data: Path) -> Path:
    found = sorted((shared_data / "online_retail").glob("*.csv.zst"))
    if not found:
        pytest.skip("the Online Retail data are not in the shared data folder")
    return found[0]


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retail") / "retail"
    run("init", str(folder))
    shutil.copytree(EXAMPLE / "workspace", folder, dirs_exist_ok=True)
    shutil.copy(EXAMPLE / "mapping.yaml", folder / "mappings" / "online_retail.yaml")
    return folder


def run(*arguments: str, cwd: Path | None = None, now: str | None = "2011-08-01T06:00") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vocative", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **({"VOCATIVE_NOW": now} if now else {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def own_totals(path: Path) -> tuple[int, Decimal]:
    """Rows and money of the file, counted without Vocative."""
    with pa.input_stream(str(path), compression="detect") as stream:
        rows = csv.DictReader(io.StringIO(stream.read().decode()))
        amounts = [Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in rows]
    return len(amounts), sum(amounts, Decimal())


def test_the_whole_job(retail: Path, orders: Path) -> None:
    mapped = ("--map", "mappings/online_retail.yaml")
    told = run("import", str(orders), *mapped, "--json", cwd=retail, now=None)
    report = json.loads(told)
    rows, money = own_totals(orders)
    assert report["rows"] == rows == report["used"] + sum(t["rows"] for t in report["rejected"])
    accounted = report["money_used"] + sum(t["money"] for t in report["rejected"])
    assert round(Decimal(accounted), 2) == round(money, 2)
    assert report["applied"] == report["events"]

    run("apply", cwd=retail)
    run("train", "purchase_30d", cwd=retail)
    run("score", "purchase_30d", cwd=retail)
    run("train", "for_you", cwd=retail)
    run("recommend", "for_you", cwd=retail)
    card = json.loads(run("model", "show", "for_you", "--json", cwd=retail))
    ranking = {row["name"]: row["ndcg10"] for row in card["ranking"]}
    assert ranking["hybrid"] > ranking["own_frequency"] > ranking["popularity"]

    sent = json.loads(run("campaign", "send", "restock", "--json", cwd=retail))
    assert sent["status"] == "finished"
    assert sent["planned"] == sum(sent["counts"].values())
    assert sent["counts"]["accepted"] > 1_000
    mails = list((retail / ".vocative" / "outbox" / "new").iterdir())
    assert len(mails) == sent["counts"]["accepted"]

    # Nobody got these mails, so whoever finds an effect has found noise.
    shown = json.loads(run("report", "restock", "--json", cwd=retail, now="2011-09-01"))
    assert shown["planned"] == sent["planned"]
    text = run("report", "restock", cwd=retail, now="2011-09-01")
    assert "no winner" in text
    assert "no difference shown yet between the campaign" in " ".join(text.split())

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert peak < PEAK_MEMORY_MB, f"{peak:.0f} MB"


def test_a_recipient_and_a_stranger_are_explained(retail: Path, orders: Path) -> None:
    page = json.loads(
        run(
            "campaign",
            "messages",
            "restock",
            "--state",
            "accepted",
            "--limit",
            "1",
            "--json",
            cwd=retail,
        )
    )
    got = page["messages"][0]["person_id"]
    assert "Got the mail" in run("explain", got, "--campaign", "restock", cwd=retail)
    # This customer ordered in December and never again.
    assert "not in the audience" in run("explain", "17850", "--campaign", "restock", cwd=retail)
