"""Nobody gets one run's message twice because profiles were joined or separated meanwhile."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from post_office import CAMPAIGN, RUN, compose, plan, set_settings, states

from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver import ledger
from vocative.deliver.channels import channel_for
from vocative.deliver.message import OutgoingMessage
from vocative.deliver.sender import deliver
from vocative.deliver.unsubscribe import unsubscribe
from vocative.identify.apply import apply_log
from vocative.identify.merging import merge_event, separate_event, undo_event
from vocative.ids import person_id_for
from vocative.privacy import consent, suppression
from vocative.stores import Store, Transaction
from vocative.workspace import Workspace
from vocative.workspace.settings import Purpose

HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
ADDRESSES = ("ana@people.example", "bo@people.example", "cy@people.example")


@pytest.fixture
def workspace(workspace: Workspace, store: Store) -> Workspace:
    """A workspace on either database."""
    workspace.__dict__["store"] = store
    return workspace


@pytest.fixture
def three(workspace: Workspace) -> list[str]:
    """Three people who agreed to marketing; for each a message is planned."""
    events = []
    for number, address in enumerate(ADDRESSES):
        common = {"userId": f"u{number}", "timestamp": 1_767_225_600 + number}
        events += [
            {"type": "identify", "traits": {"email": address}, **common},
            {"type": "track", "event": "Consent Given", **common},
        ]
    accept(workspace, events, source="test")
    apply_log(workspace)
    people = [person_id_for(workspace.key.lookup, "user_id", f"u{n}") for n in range(3)]
    plan(workspace, people)
    return people


@pytest.fixture
def decide(workspace: Workspace) -> Callable[..., None]:
    """Join, undo or separate, now."""

    def decided(kind: str, *people: str) -> None:
        workspace.clock.advance(timedelta(minutes=1))
        at = workspace.clock.now()
        event = {
            "join": lambda: merge_event(*people, at=at, probability=0.9),
            "undo": lambda: undo_event(*people, at=at),
            "separate": lambda: separate_event(*people, at=at),
        }[kind]()
        accept(workspace, [event], source=OWN_SOURCE)
        apply_log(workspace)

    return decided


def send(
    workspace: Workspace, most: int = 100, stop: Callable[[], bool] = lambda: False
) -> list[str]:
    """Send what is planned, or a number of messages; to which addresses they went."""
    sent: list[str] = []

    def seen(claims: list[ledger.Claim]) -> list[OutgoingMessage]:
        sent.extend(claim.personal["email"] for claim in claims)
        return compose(claims)

    deliver(
        workspace, CAMPAIGN, RUN, seen, channel_for(workspace, "outbox_folder"),
        batch_size=1, stop=lambda: len(sent) >= most or stop(),
    )  # fmt: skip
    return sent


def only(workspace: Workspace, person: str) -> None:
    """Keep back everybody's message but one."""
    with workspace.store.transaction() as tx:
        tx.run(
            "UPDATE messages SET state = 'deferred', next_attempt_at = :later"
            " WHERE state = 'planned' AND person_id <> :person",
            {"later": 2**51, "person": person},
        )


def release(workspace: Workspace) -> None:
    with workspace.store.transaction() as tx:
        tx.run("UPDATE messages SET state = 'planned' WHERE state = 'deferred'")


@pytest.mark.parametrize("first", [0, 1])
def test_a_message_to_one_half_is_one_to_both(
    workspace: Workspace, three: list[str], decide: Callable[..., None], first: int
) -> None:
    only(workspace, three[first])
    assert send(workspace) == [ADDRESSES[first]]
    decide("join", three[0], three[1])
    release(workspace)
    assert send(workspace) == [ADDRESSES[2]]
    told = states(workspace)
    assert told.pop("accepted") == 2
    assert set(told) <= {"skipped: merged", "skipped: told_already"}
    assert sum(told.values()) == 1
    # Being taken apart again makes nobody due.
    decide("undo", three[0], three[1])
    assert send(workspace) == []


@pytest.mark.parametrize("kind", ["undo", "separate"])
def test_a_message_to_both_is_one_to_each(
    workspace: Workspace, three: list[str], decide: Callable[..., None], kind: str
) -> None:
    only(workspace, three[0])
    decide("join", three[0], three[1])
    assert send(workspace) == [ADDRESSES[1]]  # the address that was stated last
    decide(kind, *((three[1],) if kind == "separate" else three[:2]))
    release(workspace)
    assert send(workspace) == [ADDRESSES[2]]
    assert states(workspace) == {"accepted": 2, "skipped: told_already": 1}


def test_it_counts_for_whoever_a_part_is_joined_with_later(
    workspace: Workspace, three: list[str], decide: Callable[..., None]
) -> None:
    only(workspace, three[0])
    decide("join", three[0], three[1])
    assert send(workspace) == [ADDRESSES[1]]
    decide("undo", three[0], three[1])
    decide("join", three[1], three[2])
    release(workspace)
    assert send(workspace) == []
    assert states(workspace)["accepted"] == 1


def test_who_parted_before_the_message_left_gets_an_own_one(
    workspace: Workspace, three: list[str], decide: Callable[..., None]
) -> None:
    decide("join", three[0], three[1])
    decide("undo", three[0], three[1])
    workspace.clock.advance(timedelta(seconds=1))
    assert sorted(send(workspace)) == sorted(ADDRESSES)


def test_the_cap_counts_what_left_under_either_profile(
    workspace: Workspace, three: list[str], decide: Callable[..., None]
) -> None:
    set_settings(workspace, purposes={"marketing": Purpose(consent="opt_in", max_per_week=1)})
    plan(workspace, three[:1], campaign="another")
    only(workspace, three[1])
    send(workspace)
    decide("join", three[0], three[1])
    with workspace.store.transaction() as tx:
        tx.run("UPDATE messages SET state = 'planned' WHERE campaign = 'another'")
    deliver(workspace, "another", RUN, compose, channel_for(workspace, "outbox_folder"))
    assert states(workspace, "another") == {"skipped: capped": 1}


def test_who_unsubscribed_while_joined_has_done_so_when_separated(
    workspace: Workspace, three: list[str], decide: Callable[..., None]
) -> None:
    ana, bo, _ = three
    only(workspace, ana)
    send(workspace)
    decide("join", ana, bo)
    with workspace.store.read() as tx:
        sent = tx.value("SELECT message_id FROM messages WHERE state = 'accepted'")
    found = unsubscribe(workspace, str(sent), source="unsubscribe page")
    assert found is not None
    assert found.unsubscribed
    apply_log(workspace)
    decide("undo", ana, bo)
    with workspace.store.read() as tx:
        stated = consent.latest(tx, [ana, bo], purpose="marketing", channel="email")
        held = [
            suppression.find(
                tx, suppression.address_hash(workspace.vault, "email", one), channel="email"
            )
            for one in ADDRESSES[:2]
        ]
    assert (stated[ana].status, stated[bo].status) == ("withdrawn", "given")
    assert [len(reasons) for reasons in held] == [1, 1]


@pytest.mark.may_skip  # on SQLite
@pytest.mark.postgres
def test_people_are_not_joined_while_one_of_them_is_told(
    workspace: Workspace,
    three: list[str],
    decide: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With several writers: whoever joins them waits until the hand-over is noted."""
    if workspace.store.dialect != "postgresql":
        pytest.skip("SQLite has one writer")
    asked, joining = threading.Event(), threading.Event()
    real = ledger.told_otherwise

    def ask_and_wait(tx: Transaction, **asking: Any) -> set[str]:
        told = real(tx, **asking)
        if tx.value(HELD) and not asked.is_set():
            first.extend(asking["person_ids"])
            asked.set()
            joining.wait(30)
        return told

    monkeypatch.setattr(ledger, "told_otherwise", ask_and_wait)
    first: list[str] = []
    sent: list[list[str]] = []
    sender = threading.Thread(target=lambda: sent.append(send(workspace, stop=asked.is_set)))
    sender.start()
    assert asked.wait(30)
    other = next(person for person in three if person not in first)
    joiner = threading.Thread(target=decide, args=("join", *first, other))
    joiner.start()
    with workspace.store.read() as tx:
        while joiner.is_alive() and not tx.value(WAITS):
            time.sleep(0.01)
    assert joiner.is_alive()  # it waits for whoever is being told
    joining.set()
    sender.join(30)
    joiner.join(30)
    assert len(sent[0]) == 1
    assert len(send(workspace)) == 1  # to the third
    told = sum(messages for state, messages in states(workspace).items() if state == "accepted")
    assert told == 2
