"""The whole job by its own command, and what a user does with the result."""

import json
import mailbox
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from demo_site import Demo
from vocative.workspace import Workspace

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CAMPAIGN = "weekly_picks"


def messages(demo: Demo) -> list[dict[str, str]]:
    with Workspace(demo.workspace) as workspace, workspace.store.read() as tx:
        return tx.rows("SELECT * FROM messages ORDER BY message_id")


def test_the_demo_says_where_to_look(demo: Demo) -> None:
    for part in ("Where to look", "Try", "vocative serve", "vocative explain", "vocative report"):
        assert part in demo.output
    assert (demo.store / "truth").is_dir()


def test_every_row_of_every_import_is_accounted_for(demo: Demo, vocative: Run) -> None:
    reports = json.loads(vocative("imports", "--json", cwd=demo.workspace).stdout)
    assert {report["file_name"] for report in reports} >= {"customers.csv", "items.csv"}
    for report in reports:
        assert report["rows"] == report["used"] + sum(t["rows"] for t in report["rejected"])
        events = report["applied"] + report["duplicates"] + sum(report["refused"].values())
        assert report["events"] == events


def test_one_mail_per_accepted_message_and_none_for_the_others(demo: Demo) -> None:
    rows = messages(demo)
    accepted = [row for row in rows if row["state"] == "accepted"]
    assert len(accepted) > 20
    box = mailbox.Maildir(demo.workspace / ".vocative" / "outbox", create=False)
    sent = Counter(mail["Message-ID"].strip("<>").partition("@")[0] for mail in box)
    assert sent == Counter(row["message_id"] for row in accepted)


def test_the_report_adds_up(demo: Demo, vocative: Run) -> None:
    report = json.loads(vocative("report", CAMPAIGN, "--json", cwd=demo.workspace).stdout)
    rows = messages(demo)
    assert report["planned"] == len(rows)
    assert report["accepted"] == sum(row["state"] == "accepted" for row in rows)


def test_sending_again_sends_nothing(demo: Demo, vocative: Run) -> None:
    before = sorted(path.name for path in (demo.workspace / ".vocative" / "outbox").rglob("*"))
    done = vocative("campaign", "send", CAMPAIGN, "--json", cwd=demo.workspace)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["resumed"] is True
    after = sorted(path.name for path in (demo.workspace / ".vocative" / "outbox").rglob("*"))
    assert after == before


def test_explain_for_everyone_planned(demo: Demo, vocative: Run) -> None:
    rows = messages(demo)
    for state, sentence in (("accepted", "Got the mail"), ("skipped", "Got no mail")):
        row = next(row for row in rows if row["state"] == state)
        done = vocative("explain", row["person_id"], "--campaign", CAMPAIGN, cwd=demo.workspace)
        assert done.returncode == 0, done.stderr
        assert sentence in done.stdout
        assert "Audience" in done.stdout


def test_explain_for_somebody_outside_the_audience(demo: Demo, vocative: Run) -> None:
    planned = {row["person_id"] for row in messages(demo)}
    with Workspace(demo.workspace) as workspace, workspace.store.read() as tx:
        everyone = [row[0] for row in tx.tuples("SELECT person_id FROM profiles")]
    outside = next(person for person in everyone if person not in planned)
    done = vocative("explain", outside, "--campaign", CAMPAIGN, "--json", cwd=demo.workspace)
    explanation = json.loads(done.stdout)
    assert explanation["outcome"] == "not planned"
    assert explanation["steps"][0]["conditions"], "the conditions it failed are shown"


def test_definitions_travel(demo: Demo, vocative: Run, tmp_path: Path) -> None:
    assert json.loads(vocative("diff", "--json", cwd=demo.workspace).stdout)["changes"] == []
    copy = tmp_path / "copy"
    done = vocative("export", str(copy), cwd=demo.workspace)
    assert done.returncode == 0, done.stderr
    checked = vocative("check", cwd=copy)
    assert checked.returncode == 0, checked.stderr
    with Workspace(demo.workspace) as one, Workspace(copy) as other:
        for kind in ("feature", "segment", "campaign", "model"):
            mine, theirs = one.definitions(kind), other.definitions(kind)
            assert {n: d.body for n, d in mine.items()} == {n: d.body for n, d in theirs.items()}


def test_the_demo_refuses_a_folder_of_somebody_else(tmp_path: Path, vocative: Run) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = vocative("demo", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "no earlier demo" in done.stderr
    assert (tmp_path / "precious.txt").exists()
