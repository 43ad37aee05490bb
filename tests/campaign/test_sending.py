"""Sending over real SMTP, stopping, going on; assignment and audience."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo_site import Demo
from vocative.campaign import explain, read_campaign, send
from vocative.campaign.audience import audience
from vocative.deliver.channels.outbox_folder import OutboxFolder
from vocative.errors import AuthorError, ProviderError
from vocative.workspace import Workspace

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CAMPAIGN = "weekly_picks"


class Sink:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.extend((to, envelope.content) for to in envelope.rcpt_tos)
        return "250 2.0.0 Ok: queued"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, str]]:
    handler = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"127.0.0.1:{port}"
    controller.stop()


@pytest.fixture
def site(demo: Demo, tmp_path: Path) -> Path:
    """A copy of the finished demo's workspace that a test may change."""
    shutil.copytree(demo.workspace, tmp_path / "site")
    return tmp_path / "site"


def test_a_second_run_goes_over_smtp(site: Path, sink: tuple[Sink, str], vocative: Run) -> None:
    handler, address = sink
    (campaign := site / "campaigns" / "weekly_picks.yaml").write_text(
        campaign.read_text().replace("segment: engaged", "segment: repeat_buyers")
    )
    done = vocative(
        "campaign", "send", CAMPAIGN, "--occurrence", "2", "--smtp", address, "--json", cwd=site
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["counts"]["accepted"] == len(handler.mails) > 0
    assert max(Counter(to for to, _ in handler.mails).values()) == 1
    mail = message_from_bytes(handler.mails[0][1])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<http://localhost:8750/u/")
    assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}


def test_a_mail_server_that_is_down_loses_nothing(
    site: Path, sink: tuple[Sink, str], vocative: Run
) -> None:
    handler, address = sink
    down = vocative(
        "campaign", "send", CAMPAIGN, "--occurrence", "3", "--smtp", "127.0.0.1:9", cwd=site
    )
    assert down.returncode == 1
    assert "error:" in down.stderr
    assert "127.0.0.1" in down.stderr
    assert "hint:" in down.stderr
    again = vocative(
        "campaign", "send", CAMPAIGN, "--occurrence", "3", "--smtp", address, "--json", cwd=site
    )
    if again.returncode == 0:
        report = json.loads(again.stdout)
        assert report["counts"].get("accepted", 0) == len(handler.mails)
        assert not report["ambiguous"]
    else:
        assert "nobody is in the audience" in again.stderr


def test_stopping_and_going_on_reaches_everyone_once(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutboxFolder, "group_size", 10)
    with Workspace(site) as workspace:
        asked = 0

        def stop() -> bool:
            nonlocal asked
            asked += 1
            return asked > 2

        text = (site / "campaigns" / "weekly_picks.yaml").read_text()
        (site / "campaigns" / "weekly_picks.yaml").write_text(
            text.replace("segment: engaged", "segment: repeat_buyers")
        )
        first = send(workspace, CAMPAIGN, occurrence="4", stop=stop)
        assert first.status == "paused", first
        left = first.counts.get("planned", 0)
        assert left > 0, first
        second = send(workspace, CAMPAIGN, occurrence="4")
        assert second.resumed
        assert second.status == "finished"
        assert second.planned == first.planned
        with workspace.store.read() as tx:
            ids = tx.tuples(
                "SELECT message_id FROM messages WHERE occurrence = '4' AND state = 'accepted'"
            )
        outbox = {path.name.partition(".")[0] for path in (site / ".vocative/outbox/new").iterdir()}
        assert {row[0] for row in ids} <= outbox


def test_a_run_keeps_the_definition_it_was_planned_with(site: Path) -> None:
    with Workspace(site) as workspace:
        person = _somebody(workspace)
        (site / "campaigns" / "weekly_picks.yaml").write_text("other: {template: welcome}\n")
        with pytest.raises(AuthorError):
            send(workspace, CAMPAIGN)
        with workspace.store.read() as tx:
            kept = json.loads(tx.value("SELECT definition FROM campaign_runs"))
        assert kept["segment"] == "engaged"
        assert person


def test_an_address_that_is_no_host_and_port(site: Path) -> None:
    with Workspace(site) as workspace, pytest.raises(AuthorError, match="not HOST:PORT"):
        send(workspace, CAMPAIGN, occurrence="5", smtp="localhost")


def test_an_unreachable_provider_is_an_error_of_the_provider(site: Path) -> None:
    text = (site / "campaigns" / "weekly_picks.yaml").read_text()
    (site / "campaigns" / "weekly_picks.yaml").write_text(
        text.replace("segment: engaged", "segment: repeat_buyers")
    )
    with Workspace(site) as workspace, pytest.raises(ProviderError):
        send(workspace, CAMPAIGN, occurrence="6", smtp="127.0.0.1:9")


def test_every_planned_person_has_a_reason(site: Path) -> None:
    with Workspace(site) as workspace:
        with workspace.store.read() as tx:
            rows = tx.tuples("SELECT person_id, state, arm FROM messages WHERE occurrence = '1'")
        by_outcome: dict[str, str] = {}
        for person_id, state, arm in rows:
            by_outcome.setdefault("held out" if arm == "holdout" else state, person_id)
        assert {"held out", "accepted"} <= set(by_outcome)
        for outcome, person_id in by_outcome.items():
            explained = explain(workspace, person_id, campaign=CAMPAIGN)
            assert explained.outcome == outcome
            assert explained.steps[0].conditions


def test_an_audience_of_alternatives_is_explained_as_it_is_sent(site: Path) -> None:
    (site / "campaigns" / "draft.yaml").write_text(
        "draft:\n  template: welcome\n"
        "  where: orders_total < 0 or not in_segment('never_bought')\n"
        "  exclude: [champions]\n"
    )
    with Workspace(site) as workspace:
        inside = set(audience(workspace, read_campaign(workspace, "draft")))
        with workspace.store.read() as tx:
            everyone = [
                row[0]
                for row in tx.tuples("SELECT person_id FROM profiles WHERE merged_into IS NULL")
            ]
        outside = [person for person in everyone if person not in inside]
        for people, words in ((sorted(inside), "would get it"), (outside, "would not get it")):
            assert people
            for person in people[:3]:
                told = explain(workspace, person, campaign="draft").steps[0].detail
                assert told.endswith(words), told


def _somebody(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        return str(tx.value("SELECT min(person_id) FROM messages"))


def test_asking_to_stop_pauses_and_loses_nothing(site: Path, vocative: Run) -> None:
    text = (site / "campaigns" / "weekly_picks.yaml").read_text()
    (site / "campaigns" / "weekly_picks.yaml").write_text(
        text.replace("segment: engaged", "segment: repeat_buyers")
    )
    with slow_sink() as (handler, address):
        command = [sys.executable, "-m", "vocative", "campaign", "send", CAMPAIGN]
        process = subprocess.Popen(
            [*command, "--occurrence", "7", "--smtp", address, "--json"],
            cwd=site,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + 60
        while len(handler.mails) < 3 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        said, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert "Stopping" in told
        first = json.loads(said)
        assert first["status"] == "paused"
        assert first["counts"]["accepted"] == len(handler.mails)
        done = vocative(*command[3:], "--occurrence", "7", "--smtp", address, "--json", cwd=site)
        last = json.loads(done.stdout)
    assert last["status"] == "finished"
    assert last["planned"] == first["planned"]
    assert max(Counter(to for to, _ in handler.mails).values()) == 1
    assert last["counts"]["accepted"] == len(handler.mails)


class SlowSink(Sink):
    """A mail server that takes its time."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0.05)
        return await super().handle_DATA(server, session, envelope)


@contextmanager
def slow_sink() -> Iterator[tuple[Sink, str]]:
    handler = SlowSink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"127.0.0.1:{port}"
    controller.stop()
