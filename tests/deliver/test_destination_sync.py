"""A destination is told what is so of people who allow it, once, through every crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from told_systems import KEY, Braze, CustomerIo, local, served

from scripted_server import ScriptedServer, Told
from vocative.clock import FixedClock, to_micros
from vocative.collect.door import accept
from vocative.deliver.destinations.base import DestinationDown, DestinationRefused
from vocative.deliver.syncing import states
from vocative.deliver.syncing.definitions import check_definitions, find_destination
from vocative.deliver.syncing.listing import destination_status, list_destinations
from vocative.deliver.syncing.opening import fingerprint
from vocative.deliver.syncing.runner import Runner
from vocative.deliver.syncing.syncing import SyncReport, sync_destination
from vocative.errors import AuthorError, UnknownName
from vocative.identify.apply import apply_log
from vocative.privacy import suppression
from vocative.segment import advance
from vocative.workspace import Workspace

TRAITS = """\
email: {personal: true}
phone: {personal: true}
first_name: {personal: true}
country: {}
points: {type: integer}
"""
SEGMENTS = """\
british: {where: "country = 'GB'"}
rich: {where: "points > 100"}
"""
BODY = {
    "kind": "braze",
    "purpose": "marketing",
    "api_key": "env:TOLD_KEY",
    "endpoint": "https://rest.example",
    "fields": {"name": "first_name", "points": "points", "churn": "score.churn"},
    "segments": {"is_british": "british"},
}


@pytest.fixture
def shop(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with traits, segments, a model and a destination."""
    monkeypatch.setenv("TOLD_KEY", KEY)
    root = workspace.root
    (root / "traits.yaml").write_text(TRAITS)
    for folder, text in {
        "segments/all.yaml": SEGMENTS,
        "models/churn.yaml": "churn: {predict: Order Completed, within: 30d}\n",
    }.items():
        (root / folder).parent.mkdir(exist_ok=True)
        (root / folder).write_text(text)
    define(workspace)
    return workspace


@pytest.fixture
def braze() -> Braze:
    return Braze()


@pytest.fixture
def server(braze: Braze) -> Iterator[ScriptedServer]:
    with served(braze) as running:
        yield running


def define(workspace: Workspace, name: str = "told", **changed: Any) -> None:
    body = {name: value for name, value in {**BODY, **changed}.items() if value is not None}
    path = workspace.root / "destinations" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(body, sort_keys=False))


def meet(workspace: Workspace, *who: str, consent: bool = True, **traits: Any) -> None:
    """People come in, each with an address of their own."""
    now = workspace.clock.now().isoformat()
    for one in who:
        stated = {"email": f"{one}@example.com", "first_name": one.title(), "country": "GB"}
        event = {"userId": one, "timestamp": now, "type": "identify"}
        accept(
            workspace,
            [{**event, "messageId": f"{one}{now}", "traits": {**stated, **traits}}],
            source="shop",
        )
        if consent:
            say(workspace, one, "Consent Given")
    apply_log(workspace)
    advance(workspace)


def say(workspace: Workspace, who: str, event: str) -> None:
    now = workspace.clock.now().isoformat()
    told = {"purpose": "marketing", "channel": "email"}
    row = {"type": "track", "event": event, "userId": who, "timestamp": now, "properties": told}
    accept(workspace, [{**row, "messageId": f"{event}{who}{now}"}], source="shop")
    apply_log(workspace)


def sync(
    workspace: Workspace, server: ScriptedServer, name: str = "told", **how: Any
) -> SyncReport:
    definition = find_destination(workspace, name)
    return sync_destination(workspace, definition, connect=local(server.url), **how)


def ids(workspace: Workspace) -> dict[str, str]:
    """First name → person."""
    with workspace.store.read() as tx:
        people = [row[0] for row in tx.tuples("SELECT person_id FROM profiles")]
        vault = workspace.vault.get_many(tx, people)
    return {fields["first_name"]: one for one, fields in vault.items() if "first_name" in fields}


def rows(workspace: Workspace) -> int:
    with workspace.store.read() as tx:
        found: int = tx.value("SELECT count(*) FROM destination_rows")
    return found


def test_what_is_so_is_told_and_only_changes_after_that(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana", "bob", points=7)
    meet(shop, "cy", country="FR")
    with shop.store.transaction() as tx:
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES (:one, 'churn', 0.125, '1', 0, '[]')",
            {"one": ids(shop)["Ana"]},
        )
    assert sync(shop, server).told == 3
    assert braze.people == {
        "ana@example.com": {"name": "Ana", "points": 7, "churn": 0.125, "is_british": True},
        "bob@example.com": {"name": "Bob", "points": 7, "churn": None, "is_british": True},
        "cy@example.com": {"name": "Cy", "points": None, "churn": None, "is_british": False},
    }
    asked = len(server.asked)
    again = sync(shop, server)
    assert (again.told, again.taken_out, len(server.asked)) == (0, 0, asked)
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    meet(shop, "cy", country="GB")
    assert sync(shop, server).told == 1
    assert braze.people["cy@example.com"]["is_british"] is True
    assert sync(shop, server, again=True).told == 3
    [listed] = list_destinations(shop)
    assert (listed.state, listed.people, listed.told) == ("waiting", {"sent": 3}, 7)


def test_who_gave_no_consent_is_not_told_of_and_who_withdraws_is_taken_out(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana", "bob")
    meet(shop, "cy", consent=False)
    sync(shop, server)
    assert {*braze.people} == {"ana@example.com", "bob@example.com"}
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    say(shop, "ana", "Consent Withdrawn")
    with shop.store.transaction() as tx:
        suppression.add(
            tx,
            suppression.Suppression(
                address_hash=suppression.address_hash(shop.vault, "email", "bob@example.com"),
                channel="email",
                reason="complaint",
                source="test",
                added_at=shop.clock.now(),
            ),
        )
    report = sync(shop, server)
    assert (report.told, report.taken_out, braze.gone, rows(shop)) == (0, 2, [], 0)
    for person in braze.people.values():
        assert [value for value in person.values() if value] == []


def test_who_is_erased_is_forgotten_there(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana", "bob")
    sync(shop, server)
    ana = ids(shop)["Ana"]
    with shop.store.transaction() as tx:
        shop.vault.erase(tx, ana)
    braze.always = Told(503)
    with pytest.raises(DestinationDown):
        sync(shop, server)
    assert rows(shop) == 2  # What it is known by there is kept until it is gone there.
    braze.always = None
    assert sync(shop, server).taken_out == 1
    assert (braze.gone, rows(shop)) == (["ana@example.com"], 1)


def test_an_address_that_changes_leaves_nothing_behind(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana")
    sync(shop, server)
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    meet(shop, "ana", email="ana@new.example")
    report = sync(shop, server)
    assert (report.told, report.taken_out, rows(shop)) == (1, 1, 1)
    assert braze.people["ana@new.example"]["name"] == "Ana"
    assert not any(braze.people["ana@example.com"].values())


def test_people_who_turn_out_to_be_one_are_one_there(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana")
    now = shop.clock.now().isoformat()
    stranger = {"anonymousId": "browser", "type": "identify", "timestamp": now}
    accept(
        shop,
        [{**stranger, "messageId": "1", "traits": {"email": "ana@home.example"}}],
        source="shop",
    )
    apply_log(shop)
    with shop.store.transaction() as tx:  # The stranger allowed it, too.
        tx.run(
            "INSERT INTO consents (consent_id, person_id, purpose, channel, status, at, source,"
            " evidence) SELECT 'g2', person_id, 'marketing', 'email', 'given', 1, 'x', '{}'"
            " FROM profiles WHERE person_id <> :ana",
            {"ana": ids(shop)["Ana"]},
        )
    assert sync(shop, server).told == 2
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    meet(shop, "ana", email="ana@home.example")
    report = sync(shop, server)
    assert (report.taken_out, rows(shop), braze.gone) == (1, 1, [])
    assert braze.people["ana@home.example"]["name"] == "Ana"
    assert not any(braze.people["ana@example.com"].values())
    assert sync(shop, server).told == 0


def test_what_leaves_before_a_crash_is_known_and_sent_again(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, *(f"p{number}" for number in range(100)))
    killed: list[int] = []

    def dies_in_the_second_batch(asked: Any, body: Any) -> Told | None:
        told = Braze.reply(braze, asked, body)
        killed.append(1)
        return Told(told.status, json=told.json, cut=True) if len(killed) == 2 and told else told

    braze.reply = dies_in_the_second_batch  # type: ignore[method-assign]
    with pytest.raises(DestinationDown):
        sync(shop, server)
    assert list_destinations(shop)[0].people == {"sending": 25, "sent": 75}
    assert len(braze.people) == 100  # It took them, and we do not know it.
    assert (sync(shop, server).told, len(braze.people)) == (25, 100)


def test_a_process_that_is_killed_goes_on_where_it_was(
    shop: Workspace, server: ScriptedServer, braze: Braze, tmp_path: Path
) -> None:
    meet(shop, *(f"p{number}" for number in range(160)))
    pid = tmp_path / "pid"
    code = (
        "import os, sys, pathlib; sys.path[:0] = sys.argv[3:]\n"
        "from test_destination_sync import find_destination, local, sync_destination, Workspace\n"
        "pathlib.Path(sys.argv[2] + '/pid').write_text(str(os.getpid()))\n"
        "with Workspace(pathlib.Path(sys.argv[1])) as w:\n"
        "    sync_destination(w, find_destination(w, 'told'), connect=local(os.environ['TOLD']))\n"
    )
    calls: list[int] = []

    def kills(asked: Any, body: Any) -> Told | None:
        calls.append(1)
        told = Braze.reply(braze, asked, body)
        if len(calls) == 2:
            os.kill(int(pid.read_text()), signal.SIGKILL)
        return told

    braze.reply = kills  # type: ignore[method-assign]
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(shop.root), str(tmp_path), str(here), str(here.parent)],
        env={**os.environ, "TOLD": server.url},
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL
    assert list_destinations(shop)[0].people == {"sending": 75, "sent": 75}
    assert sync(shop, server).told == 85
    assert len(braze.people) == 160
    assert list_destinations(shop)[0].people == {"sent": 160}


def test_a_refused_row_is_told_of_and_left_alone_until_it_changes(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana", "bob", "cy")
    braze.bad = {"bob@example.com"}
    report = sync(shop, server)
    assert (report.told, report.refused) == (2, {"The email is invalid": 1})
    status = destination_status(shop, "told")
    [refused] = status.refused
    assert (refused.person_id, refused.reason) == (ids(shop)["Bob"], "The email is invalid")
    assert (sync(shop, server).told, len(server.asked)) == (0, 1)
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    braze.bad = set()
    meet(shop, "bob", points=3)
    assert sync(shop, server).told == 1
    assert destination_status(shop, "told").refused == []


def test_an_audience_has_only_those_of_a_segment_and_can_be_emptied(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    define(shop, audience="rich")
    meet(shop, "ana", points=500)
    meet(shop, "bob", points=5)
    assert sync(shop, server).told == 1
    assert [*braze.people] == ["ana@example.com"]
    shop.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    meet(shop, "ana", points=1)
    assert (sync(shop, server).taken_out, rows(shop)) == (1, 0)
    define(shop)
    assert sync(shop, server).told == 2
    define(shop, empty=True)
    assert (sync(shop, server).taken_out, rows(shop)) == (2, 0)


def test_two_people_of_one_address_do_not_take_turns(
    shop: Workspace, server: ScriptedServer
) -> None:
    meet(shop, "ana", "bob")
    with shop.store.transaction() as tx:
        shop.vault.put_many(tx, {ids(shop)["Bob"]: {"email": "ana@example.com"}})
    first = sync(shop, server).told
    assert [first, sync(shop, server).told, sync(shop, server).told, rows(shop)] == [1, 0, 0, 1]


def test_a_failure_is_kept_with_when_to_try_again(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    meet(shop, "ana")
    for told, state, seconds in (
        (Told(429, headers={"Retry-After": "90"}), "down", 90),
        (Told(503), "down", 30),
        (Told(401, json={"message": f"no {KEY} of ana@example.com"}), "refused", 3600),
    ):
        braze.always = told
        with pytest.raises((DestinationDown, DestinationRefused)):
            sync(shop, server)
        [listed] = list_destinations(shop)
        assert listed.state == state
        assert listed.next_at == shop.clock.now() + timedelta(seconds=seconds)
        assert KEY not in (listed.error or "")
        assert "ana@example.com" not in (listed.error or "")


def test_a_system_that_takes_nobody_is_not_asked_row_by_row(
    shop: Workspace, server: ScriptedServer, braze: Braze
) -> None:
    """Some say 400 where 403 is meant: then it is not the rows."""
    meet(shop, *(f"p{number}" for number in range(75)))
    braze.always = Told(400, json={"message": "no such workspace"})
    with pytest.raises(DestinationRefused, match="it takes nobody"):
        sync(shop, server)
    assert len(server.asked) < 60
    assert destination_status(shop, "told").refused == []
    braze.always = None
    assert sync(shop, server).told == 75


def test_what_cannot_be_opened_is_not_tried_without_end(
    shop: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_HOOK", "weak")
    define(
        shop,
        **{**dict.fromkeys(BODY), "kind": "webhook", "purpose": "marketing"},
        url="https://x.example",
        secret="env:TOLD_HOOK",
    )
    with pytest.raises(AuthorError):
        sync(shop, server)
    [listed] = list_destinations(shop)
    assert listed.state == "failed"
    with shop.store.read() as tx:
        state = states.state_of(tx, "told")
    assert state.fingerprint == fingerprint(shop, find_destination(shop, "told"))
    assert state.next_at > to_micros(shop.clock.now())


def test_one_that_hangs_delays_no_other(
    shop: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(shop, "ana")
    slow, quick = Braze(always=Told(hang_seconds=60)), CustomerIo()
    define(shop, "slow")
    (shop.root / "destinations" / "told.yaml").unlink()
    define(
        shop,
        "quick",
        kind="customerio",
        endpoint=None,
        site_id="env:TOLD_SITE",
        api_key="env:TOLD_KEY",
    )
    monkeypatch.setenv("TOLD_SITE", "site")
    with served(slow) as hanging, served(quick) as answering:

        def connect(named: str, **more: Any) -> Any:
            there = hanging if "rest.example" in named else answering
            return local(there.url)(named, **more)

        runner = Runner(shop.root, clock=shop.clock, connect=connect)
        looks: list[int] = []

        def wanted() -> bool:
            looks.append(1)
            done = [*quick.people] == ["ana@example.com"] and hanging.asked
            return not done and len(looks) < 60

        runner.run(wanted)
    assert [*quick.people] == ["ana@example.com"]
    assert slow.people == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"purpose": "marketting"}, "marketing"),
        ({"fields": {"x": "first_nam"}}, "first_name"),
        ({"fields": {"x": "score.chrun"}}, "churn"),
        ({"segments": {"x": "britsh"}}, "british"),
        ({"audience": "ritch"}, "rich"),
        ({"kind": "brase"}, "braze"),
        ({"api_key": KEY}, "must not be written"),
        ({"every": "often"}, "no length of time"),
        ({"endpont": "x"}, "endpoint"),
        ({"endpoint": "http://rest.example"}, "https"),
        ({"fields": {"x": "country"}, "segments": {"x": "rich"}}, "name of a field"),
        (
            {
                "kind": "meta",
                "endpoint": None,
                "api_key": None,
                "audience_id": "77",
                "access_token": "env:TOLD_KEY",
            },
            "takes no fields",
        ),
    ],
)
def test_a_wrong_definition_says_what_and_where(
    shop: Workspace, changed: dict[str, Any], said: str
) -> None:
    define(shop, **changed)
    with pytest.raises(AuthorError) as wrong:
        check_definitions(shop)
    assert said in str(wrong.value)
    assert wrong.value.where is not None
    assert KEY not in str(wrong.value)


def test_there_is_no_such_destination(shop: Workspace) -> None:
    with pytest.raises(UnknownName):
        destination_status(shop, "tould")


def test_what_is_kept_names_nobody(shop: Workspace, server: ScriptedServer) -> None:
    meet(shop, "ana")
    sync(shop, server)
    with shop.store.read() as tx:
        kept = repr(tx.rows("SELECT * FROM destination_rows"))
    assert "ana" not in kept.lower().replace("banana", "")


@pytest.mark.postgres
def test_the_same_with_the_store_in_postgres(
    shop: Workspace, server: ScriptedServer, braze: Braze, postgres_url: str
) -> None:
    settings = shop.root / "vocative.yaml"
    settings.write_text(settings.read_text() + f"store: {postgres_url!r}\n")
    clock = FixedClock(shop.clock.now())
    with Workspace(shop.root, clock=clock) as there:
        define(there, audience="british")
        meet(there, "ana", "bob", "cy")
        braze.bad = {"cy@example.com"}
        report = sync(there, server)
        assert (report.told, report.refused) == (2, {"The email is invalid": 1})
        clock.advance(timedelta(hours=1))
        say(there, "ana", "Consent Withdrawn")
        with there.store.transaction() as tx:
            there.vault.erase(tx, ids(there)["Bob"])
        braze.always = Told(503)
        with pytest.raises(DestinationDown):
            sync(there, server)
        braze.always = None
        assert sync(there, server).taken_out == 2
        assert braze.gone == ["bob@example.com"]
        status = destination_status(there, "told")
        assert (status.state, status.people) == ("waiting", {"refused": 1})
        braze.bad = set()
        assert sync(there, server, again=True).told == 1
