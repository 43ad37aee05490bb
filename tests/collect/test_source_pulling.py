"""Pulling: whatever breaks in between, every fact comes in once."""

import json
import multiprocessing
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asked_shop import QUICK, Shop, define, orders_of, pull

from scripted_server import ScriptedServer, Told, scripted_server
from vocative.cli import show_sources, sourcing
from vocative.clock import FixedClock
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sourcing import pulling
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.listing import list_kinds, show_source
from vocative.collect.sourcing.pulling import from_the_beginning, only, pull_source
from vocative.collect.sourcing.runner import lock_of
from vocative.collect.sourcing.starters import new_source
from vocative.collect.sourcing.trying import hidden, try_source
from vocative.errors import AuthorError, DataError, StateError, UnknownName
from vocative.streams.embedded import LogError
from vocative.workspace import Workspace

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop() -> Shop:
    """A shop with ten orders."""
    made = Shop()
    for number in range(1, 11):
        made.sell(number)
    return made


@pytest.fixture
def server(shop: Shop, workspace: Workspace) -> Iterator[ScriptedServer]:
    """Its API, asked by the source `shop`."""
    with scripted_server(shop.answer) as running:
        define(workspace.root, "shop", running.url)
        yield running


def ids(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def test_what_is_pulled_is_applied_once_and_only_news_are_asked_for(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    first = pull(workspace).streams[0]
    assert (first.pages, first.events, first.error) == (4, 20, None)  # a person and an order each
    shop.sell(11, day=2)
    second = pull(workspace).streams[0]
    assert (second.pages, second.events) == (1, 4)  # the newest of before, and the new one
    assert orders_of(workspace) == ids(1, 11)
    assert server.asked[0].headers["authorization"] == "Bearer s3cr3t-of-the-shop"
    listed = show_source(workspace, "shop")
    assert (listed.applied, listed.duplicates) == (22, 2)
    (stream,) = listed.streams
    assert (stream.stream, stream.state, stream.events) == ("orders", "waiting", 24)
    assert stream.next_at is not None
    assert stream.pulled_at == workspace.clock.now()
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM profiles") == 11


def test_a_pull_that_breaks_goes_on_where_it_was(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.trouble = lambda asked: Told(503) if asked.query.get("after") == "6" else None
    outcome = pull(workspace)
    assert isinstance(outcome.failure, SourceDown)
    assert outcome.streams[0].pages == 2
    (stream,) = show_source(workspace, "shop").streams
    assert (stream.state, stream.events) == ("down", 12)
    assert stream.error == "the source answered 503 Service Unavailable"
    shop.trouble = lambda _: None
    before = len(server.asked)
    assert pull(workspace).failure is None
    assert server.asked[before].query["after"] == "6"
    assert orders_of(workspace) == ids(1, 10)
    assert show_source(workspace, "shop").duplicates == 0


def test_a_place_that_is_gone_means_all_of_it_again(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.trouble = lambda asked: Told(503) if asked.query.get("after") == "6" else None
    pull(workspace)
    shop.trouble = lambda asked: (
        Told(410) if asked.query.get("after") == "6" and len(server.asked) < 8 else None
    )
    assert pull(workspace).failure is None
    assert orders_of(workspace) == ids(1, 10)


def test_what_is_durable_while_its_cursor_is_not_counts_once(
    workspace: Workspace, server: ScriptedServer
) -> None:
    pull(workspace)
    with workspace.store.transaction() as tx:
        tx.run("UPDATE source_cursors SET cursor = NULL")  # as if killed before it was kept
    pull(workspace)
    assert orders_of(workspace) == ids(1, 10)
    assert show_source(workspace, "shop").duplicates == 20


def test_from_the_beginning(workspace: Workspace, server: ScriptedServer) -> None:
    pull(workspace)
    choose = from_the_beginning(workspace, "shop", only("orders"))
    outcome = pull_source(workspace, find_source(workspace, "shop"), choose, connect=QUICK)
    assert outcome.streams[0].events == 20
    assert orders_of(workspace) == ids(1, 10)


@pytest.mark.parametrize(
    ("told", "kind", "state", "words"),
    [
        (Told(401, json={"message": "no"}), SourceRefused, "refused", "401 Unauthorized: no"),
        (Told(json={"orders": "none"}), DataError, "failed", "no list of records"),
        (Told(body=b"<html>"), DataError, "failed", "no JSON"),
        (Told(json={"orders": [{"id": "1"}]}), DataError, "failed", "changed_at"),
        (Told(429, headers={"Retry-After": "7200"}), SourceDown, "down", "429"),
    ],
)
def test_what_goes_wrong_is_kept_with_its_stream(
    workspace: Workspace,
    server: ScriptedServer,
    shop: Shop,
    told: Told,
    kind: type[Exception],
    state: str,
    words: str,
) -> None:
    shop.trouble = lambda _: told
    outcome = pull(workspace)
    assert isinstance(outcome.failure, kind)
    (stream,) = show_source(workspace, "shop").streams
    assert stream.state == state
    assert words in (stream.error or "")
    assert stream.next_at is not None
    waits = (stream.next_at - workspace.clock.now()).total_seconds()
    if told.status == 429:
        assert waits == 7200
    else:
        assert waits == 3600 if state == "refused" else 15 <= waits <= 30


def test_a_log_that_cannot_be_written_is_told_and_tried_again(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LogError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(pulling, "accept", fail)
        assert isinstance(pull(workspace).failure, LogError)
    (stream,) = show_source(workspace, "shop").streams
    assert (stream.state, stream.error, stream.has_cursor) == ("failed", "the disk is full", False)
    pull(workspace)
    assert orders_of(workspace) == ids(1, 10)


def test_a_missing_secret_is_told_and_nothing_is_asked(
    workspace: Workspace, server: ScriptedServer
) -> None:
    (workspace.root / "secret.txt").unlink()
    outcome = pull(workspace)
    assert isinstance(outcome.failure, AuthorError)
    (stream,) = show_source(workspace, "shop").streams
    assert (stream.stream, stream.state) == ("all", "refused")
    assert server.asked == []
    (workspace.root / "secret.txt").write_text("again")
    pull(workspace)
    assert [one.stream for one in show_source(workspace, "shop").streams] == ["orders"]


def test_a_stream_that_is_none_is_told(workspace: Workspace, server: ScriptedServer) -> None:
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        pull_source(workspace, find_source(workspace, "shop"), only("order"), connect=QUICK)
    define(workspace.root, "shop", server.url, streams=["carts"])  # type: ignore[arg-type]
    assert isinstance(pull(workspace).failure, UnknownName)


def test_records_that_cannot_be_used_are_counted(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.orders[3]["at"] = "yesterday"
    shop.orders[5]["at"] = "yesterday"
    (reason,) = pull(workspace).streams[0].rejected
    assert pull(workspace).failure is None
    assert show_source(workspace, "shop").streams[0].rejected == {reason: 2}
    assert orders_of(workspace) == ["1", "2", "3", "5", "7", "8", "9", "10"]


def test_what_happened_before_is_left_out(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.sell(11, day=5)
    define(workspace.root, "shop", server.url, since="2026-02-03")
    pull(workspace)
    assert server.asked[0].query["changed_since"] == "2026-02-03T00:00:00Z"
    assert orders_of(workspace) == ["11"]


def test_a_look_keeps_nothing_and_shows_nobody(
    workspace: Workspace, server: ScriptedServer
) -> None:
    (tried,) = try_source(workspace, find_source(workspace, "shop"), connect=QUICK)
    assert (tried.pages, tried.more) == (3, True)
    assert tried.events == {"Identified": 9, "Order Completed": 9}
    shown = json.dumps(tried.samples)
    assert "example.com" not in shown
    assert '"c1"' not in shown
    assert '"currency": "GBP"' in shown
    assert show_source(workspace, "shop").streams == []
    assert orders_of(workspace) == []


def test_a_shown_event_hides_ids_that_are_numbers() -> None:
    event = {"userId": 7, "properties": {"customer_id": 8, "price": 2.5, "phone": 4930, "ok": True}}
    assert hidden(event) == {
        "userId": "…",
        "properties": {"customer_id": "…", "price": 2.5, "phone": "…", "ok": True},
    }


def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    for number in range(11, 41):
        shop.sell(number, day=2)
    shop.trouble = lambda _: time.sleep(0.01)
    fork = multiprocessing.get_context("fork")
    for pages in (1, 4, 9):
        before = len(server.asked)
        process = fork.Process(target=pull_there, args=(workspace.root,))
        process.start()
        while len(server.asked) < before + pages and process.is_alive():
            time.sleep(0.002)
        process.kill()
        process.join()
    shop.trouble = lambda _: None
    assert pull(workspace).failure is None
    assert orders_of(workspace) == ids(1, 40)


def pull_there(root: Path) -> None:
    with Workspace(root, clock=FixedClock(datetime(2026, 3, 2, tzinfo=UTC))) as workspace:
        pull(workspace)


def test_only_one_pulls_a_source_at_a_time(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sourcing, "WAIT_SECONDS", 0.1)
    with workspace.worker_lock(lock_of("shop")), pytest.raises(StateError, match="already"):
        sourcing.pull(workspace, "shop")
    assert sourcing.pull(workspace, "shop").pulled[0].events == 20


def test_what_a_pull_did_is_read_by_people(
    workspace: Workspace, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    show_sources.show_pull(sourcing.pull(workspace, "shop", dry_run=True))
    looked = capsys.readouterr().out
    assert "9 × Order Completed" in looked
    assert "Nothing was kept" in looked
    show_sources.show_pull(sourcing.pull(workspace, "shop", stream="orders"))
    assert capsys.readouterr().out.split()[-5:] == ["orders", "4", "20", "0", "0"]
    assert show_source(workspace, "shop").applied == 20
    assert sourcing.pull(workspace, "shop", again=True).pulled[0].events == 20


def test_a_new_source_says_what_next(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    show_sources.show_new_source(new_source(workspace, "till", kind="stripe"))
    shown = " ".join(capsys.readouterr().out.split())
    assert "webhooks http://127.0.0.1:8750/v1/hooks/till" in shown
    assert "vocative source pull till --dry-run" in shown
    show_sources.show_new_source(new_source(workspace, "up", kind="segment"))
    shown = " ".join(capsys.readouterr().out.split())
    assert "secret export UP_SECRET=…" in shown
    assert "source pull" not in shown
    show_sources.show_new_source(new_source(workspace, "api", kind="rest"))
    shown = " ".join(capsys.readouterr().out.split())
    assert "fill in base_url, resources" in shown
    assert "webhooks" not in shown


def test_the_command_line_says_why_it_could_not(
    workspace: Workspace, server: ScriptedServer, shop: Shop, vocative: Run
) -> None:
    shop.trouble = lambda _: Told(403, json={"error": "s3cr3t-of-the-shop may not read"})
    refused = vocative("source", "pull", "shop", cwd=workspace.root)
    assert refused.returncode == 1
    assert "403 Forbidden: … may not read" in refused.stderr
    assert "check the secret" in refused.stderr
    assert "s3cr3t" not in refused.stderr


def test_the_list_is_read_by_people(
    workspace: Workspace,
    server: ScriptedServer,
    shop: Shop,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop.orders[3]["at"] = "yesterday"
    pull(workspace)
    shop.trouble = lambda _: Told(403)
    pull(workspace)
    show_sources.show_source(show_source(workspace, "shop"))
    shown = capsys.readouterr().out
    assert "refused" in shown
    assert "shop, orders: the source answered 403 Forbidden" in shown
    assert "shop, orders: 1 ×" in shown
    show_sources.show_kinds(list_kinds())
    assert "tracking" in capsys.readouterr().out


def test_a_source_that_fails_by_a_fault_of_ours_stops_nothing(
    workspace: Workspace, server: ScriptedServer, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vocative.collect.sources.rest import Rest

    def broken(*_: object) -> None:
        raise ZeroDivisionError("about jane@example.com")

    monkeypatch.setattr(Rest, "_page", broken)
    outcome = pull(workspace)
    assert "ZeroDivisionError" in str(outcome.failure)
    assert "jane" not in str(outcome.failure)
    (stream,) = show_source(workspace, "shop").streams
    assert stream.state == "failed"


def test_clients_cannot_be_pulled(workspace: Workspace) -> None:
    new_source(workspace, "web")
    with pytest.raises(AuthorError, match="sends by itself"):
        sourcing.pull(workspace, "web")
