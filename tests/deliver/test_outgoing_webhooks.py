"""Outgoing webhooks: signed as Standard Webhooks says, in order, and told again from any point."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from told_systems import local

from scripted_server import Asked, ScriptedServer, Told, scripted_server
from vocative.cli.main import main
from vocative.clock import FixedClock, SystemClock
from vocative.collect.door import accept
from vocative.deliver.destinations.base import DestinationDown, DestinationRefused
from vocative.deliver.signed_webhooks import sign
from vocative.deliver.syncing.definitions import find_destination
from vocative.deliver.syncing.listing import list_destinations
from vocative.deliver.syncing.opening import opened
from vocative.deliver.syncing.syncing import SyncReport, sync_destination
from vocative.errors import AuthorError
from vocative.identify.apply import apply_log
from vocative.segment import advance
from vocative.workspace import Workspace

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Listener:
    """Checks every signature as its library does, and keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[Told] = []

    def answer(self, asked: Asked) -> Told:
        if self.answers:
            return self.answers.pop(0)
        assert asked.path == "/hooks/vocative"
        self.heard.append(json.loads(asked.body))
        self.ids.append(asked.headers["webhook-id"])
        return Told(204)

    def told(self) -> list[tuple[str, str | None]]:
        return [
            (one["type"], one["data"].get("segment") or one["data"].get("name"))
            for one in self.heard
        ]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def server(listener: Listener) -> Iterator[ScriptedServer]:
    with scripted_server(listener.answer) as running:
        yield running


@pytest.fixture
def shop(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    root = workspace.root
    (root / "traits.yaml").write_text("email: {personal: true}\ncountry: {}\n")
    (root / "segments").mkdir()
    (root / "segments" / "all.yaml").write_text(
        "british: {where: \"country = 'GB'\"}\nfrench: {where: \"country = 'FR'\"}\n"
    )
    define(workspace)
    return workspace


def define(workspace: Workspace, **changed: Any) -> None:
    body = {
        "kind": "webhook",
        "purpose": "marketing",
        "url": "https://listener.example/hooks/vocative",
        "secret": "env:HOOK_SECRET",
        "events": ["Order Completed"],
    }
    path = workspace.root / "destinations" / "hook.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({**body, **changed}))


def happens(workspace: Workspace, who: str, country: str, *, consent: bool = True) -> None:
    now = workspace.clock.now().isoformat()
    said = {"purpose": "marketing", "channel": "email"}
    stated = {"email": f"{who}@example.com", "country": country}
    order = {"order_id": f"o-{who}", "revenue": 12.5, "email": "ana@example.com"}
    known = {"userId": who, "timestamp": now}
    rows: list[dict[str, Any]] = [
        {**known, "messageId": f"i{who}{now}", "type": "identify", "traits": stated},
        {**known, "messageId": f"o{who}{now}", "type": "track", "event": "Order Completed",
         "properties": order},
        {**known, "messageId": f"p{who}{now}", "type": "track", "event": "Page Seen"},
    ]  # fmt: skip
    if consent:
        given = {"type": "track", "event": "Consent Given", "properties": said}
        rows.insert(1, {**known, "messageId": f"c{who}{now}", **given})
    accept(workspace, rows, source="shop")
    apply_log(workspace)
    advance(workspace)


def pass_time(workspace: Workspace) -> None:
    assert isinstance(workspace.clock, FixedClock)
    workspace.clock.advance(timedelta(hours=1))


def sync(workspace: Workspace, server: ScriptedServer, **how: Any) -> SyncReport:
    definition = find_destination(workspace, "hook")
    return sync_destination(workspace, definition, connect=local(server.url), **how)


def test_what_happens_is_told_once_and_in_order(
    shop: Workspace, server: ScriptedServer, listener: Listener
) -> None:
    happens(shop, "early", "GB")
    assert sync(shop, server).facts == 0  # It begins now.
    pass_time(shop)
    happens(shop, "ana", "GB")
    happens(shop, "mute", "GB", consent=False)
    assert sync(shop, server).facts == 2
    assert listener.told() == [("segment.entered", "british"), ("event", "Order Completed")]
    order = listener.heard[1]["data"]
    assert order["properties"]["revenue"] == 12.5
    assert "example.com" not in json.dumps(listener.heard)
    pass_time(shop)
    happens(shop, "ana", "FR")
    assert sync(shop, server).facts == 3
    assert {*listener.told()[2:]} == {
        ("segment.exited", "british"),
        ("segment.entered", "french"),
        ("event", "Order Completed"),
    }
    assert sync(shop, server).facts == 0
    assert len({*listener.ids}) == len(listener.ids) == 5


def test_it_can_be_told_again_from_any_point(
    shop: Workspace, server: ScriptedServer, listener: Listener
) -> None:
    happens(shop, "ana", "GB")
    pass_time(shop)
    later = shop.clock.now()
    happens(shop, "bob", "GB")
    assert sync(shop, server).facts == 0
    assert sync(shop, server, since=later).facts == 2
    assert sync(shop, server, since=later).facts == 2
    assert listener.ids[:2] == listener.ids[2:]  # Whoever listens counts them once.
    assert sync(shop, server, again=True).facts == 4
    assert sync(shop, server, since=later + timedelta(days=1)).facts == 0


def test_the_vendors_library_takes_the_signature_and_no_other(
    shop: Workspace, server: ScriptedServer
) -> None:
    standardwebhooks = pytest.importorskip("standardwebhooks", reason="not installed: make vendors")
    shop.clock = SystemClock()  # The library compares with the machine's clock.
    with opened(shop, find_destination(shop, "hook"), connect=local(server.url)) as hook:
        hook.check()
    [asked] = server.asked
    library = standardwebhooks.Webhook(SECRET)
    assert library.verify(asked.body, asked.headers)["type"] == "ping"
    assert b": " not in asked.body  # Compact: some tools write the body anew to check it.
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        library.verify(asked.body + b" ", asked.headers)
    at = datetime(2026, 3, 2, tzinfo=UTC)
    ours = sign(bytes(range(32)), "msg_1", str(int(at.timestamp())), b"{}")
    assert ours == library.sign("msg_1", at, "{}")


def test_a_listener_that_fails_is_told_again_and_misses_nothing(
    shop: Workspace, server: ScriptedServer, listener: Listener
) -> None:
    sync(shop, server)
    happens(shop, "ana", "GB")
    listener.answers = [Told(503)]
    with pytest.raises(DestinationDown):
        sync(shop, server)
    listener.answers = [Told(410)]
    with pytest.raises(DestinationRefused):
        sync(shop, server)
    listener.answers = [Told(422, body=b"no")]
    report = sync(shop, server)
    assert (report.facts, sum(report.refused.values())) == (1, 1)
    assert listener.told() == [("event", "Order Completed")]


def test_who_goes_is_told_of(shop: Workspace, server: ScriptedServer, listener: Listener) -> None:
    sync(shop, server)
    happens(shop, "ana", "GB")
    happens(shop, "bob", "GB")
    sync(shop, server)
    with shop.store.transaction() as tx:
        [bob] = [
            one
            for (one,) in tx.tuples("SELECT person_id FROM profiles")
            if shop.vault.get(tx, one)["email"] == "bob@example.com"
        ]
        shop.vault.erase(tx, bob)
    pass_time(shop)
    now = shop.clock.now().isoformat()
    row = {"userId": "ana", "type": "track", "event": "Consent Withdrawn", "timestamp": now}
    said = {"purpose": "marketing", "channel": "email"}
    accept(shop, [{**row, "messageId": "w", "properties": said}], source="shop")
    apply_log(shop)
    del listener.heard[:]
    assert sync(shop, server).taken_out == 2
    assert {one["type"] for one in listener.heard} == {"person.left", "person.erased"}
    assert sync(shop, server).taken_out == 0


def test_only_named_segments_under_their_names(
    shop: Workspace, server: ScriptedServer, listener: Listener
) -> None:
    define(shop, segments={"les_francais": "french"}, events=["*"])
    sync(shop, server)
    happens(shop, "ana", "GB")
    happens(shop, "zoe", "FR")
    sync(shop, server)
    assert ("segment.entered", "les_francais") in listener.told()
    assert ("segment.entered", "british") not in listener.told()
    assert ("event", "Page Seen") in listener.told()


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "whsec_???", "plain"])
def test_a_weak_secret_is_refused_and_not_shown(
    shop: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("HOOK_SECRET", secret)
    with pytest.raises(AuthorError) as refused:
        sync(shop, server)
    assert "24 to 64 bytes" in str(refused.value)
    assert "c2hvcnQ" not in str(refused.value)


@pytest.mark.postgres
def test_the_same_with_the_store_in_postgres(
    shop: Workspace, server: ScriptedServer, postgres_url: str
) -> None:
    settings = shop.root / "vocative.yaml"
    settings.write_text(settings.read_text() + f"store: {postgres_url!r}\n")
    with Workspace(shop.root, clock=FixedClock(shop.clock.now())) as there:
        assert sync(there, server).facts == 0
        happens(there, "ana", "GB")
        assert sync(there, server).facts == 2
        assert sync(there, server, since=there.clock.now()).facts == 2
        assert sync(there, server).facts == 0


def test_the_commands(
    shop: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOCATIVE_WORKSPACE", str(shop.root))
    define(shop, url=f"{server.url}/hooks/vocative")

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["destination", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert json.loads(run("check", "hook", "--json"))["ok"] is True
    assert json.loads(run("sync", "hook", "--json"))["facts"] == 0
    happens(shop, "ana", "GB")
    assert json.loads(run("sync", "hook", "--json"))["facts"] == 2
    assert json.loads(run("sync", "hook", "--since", "2026-03-01", "--json"))["facts"] == 2
    assert json.loads(run("status", "hook", "--json"))["people"] == {"sent": 1}
    assert "webhook" in {one["kind"] for one in json.loads(run("kinds", "--json"))}
    for words in (["list"], ["status", "hook"], ["sync", "hook"], ["check", "hook"], ["kinds"]):
        run(*words)


def test_the_process_beside_the_server_tells_by_itself_and_ends_with_its_parent(
    shop: Workspace, server: ScriptedServer, listener: Listener
) -> None:
    define(shop, url=f"{server.url}/hooks/vocative", every="1s", events=[])
    command = [sys.executable, "-m", "vocative.cli.forwarder", str(shop.root), str(os.getpid())]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: list_destinations(shop)[0].state == "waiting")
        happens(shop, "ana", "GB")
        wait_until(lambda: listener.told() == [("segment.entered", "british")])
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert server.url not in said


def wait_until(so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not so():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)
