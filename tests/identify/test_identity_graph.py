"""Who an event belongs to: known, stitched, merged, and never two customers by accident."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from identified import (
    HOUR,
    applied_in_steps,
    event,
    history,
    make_workspace,
    people,
    person_of,
    put,
    reset,
)

from vocative.clock import FixedClock
from vocative.collect.door import OWN_SOURCE, accept
from vocative.errors import StateError
from vocative.identify.apply import apply_log
from vocative.privacy.consent import latest
from vocative.stores import Store
from vocative.workspace import Workspace

TRAITS = "country: {}\nplan: {}\nemail: {personal: true}\nfirst_name: {personal: true}\n"


@pytest.fixture
def workspace(workspace: Workspace, store: Store) -> Workspace:
    """A workspace on either database."""
    (workspace.root / "traits.yaml").write_text(TRAITS)
    workspace.__dict__["store"] = store
    return workspace


def test_an_anonymous_visitor_becomes_the_customer_who_signs_in(workspace: Workspace) -> None:
    put(workspace, event(anonymousId="a1"), event(anonymousId="a1", at=1))
    before = person_of(workspace, "anonymous_id", "a1")
    put(workspace, event(at=2, anonymousId="a1", userId="u1"))
    put(workspace, event(at=3, anonymousId="a1"))
    [(person, known)] = people(workspace).items()
    assert person == before == person_of(workspace, "user_id", "u1")
    assert len(known["events"]) == 4


def test_a_new_device_joins_the_customer_it_signs_in_as(workspace: Workspace) -> None:
    put(workspace, event(userId="u1"))
    put(workspace, event(at=1, anonymousId="a1"), event(at=2, anonymousId="a1"))
    gone = person_of(workspace, "anonymous_id", "a1")
    assert len(people(workspace)) == 2
    put(workspace, event(at=3, anonymousId="a1", userId="u1"))
    [(person, known)] = people(workspace).items()
    assert person == person_of(workspace, "user_id", "u1") != gone
    assert len(known["events"]) == 4  # history shows the survivor
    with workspace.store.read() as tx:
        assert tx.value("SELECT merged_into FROM profiles WHERE person_id = :p", {"p": gone})


def test_two_accounts_with_one_address_are_one_person(workspace: Workspace) -> None:
    put(workspace, event("identify", userId="u1", traits={"email": "Ana@Example.com"}))
    put(workspace, event("identify", 1, userId="u2", traits={"email": " ana@example.com "}))
    [(person, known)] = people(workspace).items()
    assert person == person_of(workspace, "user_id", "u1")
    assert person == person_of(workspace, "user_id", "u2")
    assert known["vault"]["email"] == "ana@example.com"


@pytest.mark.parametrize("name", ["Email", "emailAddress", "e-mail", "EMAIL"])
def test_an_address_is_one_however_its_trait_is_spelled(workspace: Workspace, name: str) -> None:
    put(workspace, event("identify", userId="u1", traits={"email": "ana@example.com"}))
    put(workspace, event("identify", 1, userId="u2", traits={name: "ana@example.com"}))
    assert len(people(workspace)) == 1


def test_a_shared_device_does_not_make_two_customers_one(workspace: Workspace) -> None:
    put(workspace, event(anonymousId="pc", userId="ana"))
    put(workspace, event(at=1, anonymousId="pc", userId="bo"))
    put(workspace, event(at=2, anonymousId="pc", userId="ana"))
    assert person_of(workspace, "user_id", "ana") != person_of(workspace, "user_id", "bo")
    found = people(workspace)
    assert len(found) == 2
    assert len(found[str(person_of(workspace, "user_id", "ana"))]["events"]) == 2
    # Unsigned events belong to whoever was there last.
    put(workspace, event(at=3, anonymousId="pc"))
    assert person_of(workspace, "anonymous_id", "pc") == person_of(workspace, "user_id", "ana")


def test_an_alias_joins_what_was_called_differently(workspace: Workspace) -> None:
    put(workspace, event(anonymousId="a1"), event(at=1, userId="old"))
    put(workspace, event("alias", 2, userId="new", previousId="a1"))
    put(workspace, event("alias", 3, userId="new", previousId="old"))
    [(_, known)] = people(workspace).items()
    assert len(known["identities"]) >= 3
    assert person_of(workspace, "user_id", "new") == person_of(workspace, "user_id", "old")


def test_aliases_on_a_shared_device_join_nobody(workspace: Workspace) -> None:
    for at, user in enumerate(["ana", "bo", "cy"]):
        put(workspace, event("alias", at, userId=user, previousId="pc", anonymousId="pc"))
    assert len(people(workspace)) == 3


def test_households_may_share_a_phone(workspace: Workspace) -> None:
    put(workspace, event("identify", userId="ana", traits={"phone": "+44 1"}))
    put(workspace, event("identify", 1, userId="bo", traits={"phone": "+44 1"}))
    assert len(people(workspace)) == 2


def test_a_group_has_an_address_of_its_own(workspace: Workspace) -> None:
    put(workspace, event("group", userId="ana", traits={"email": "office@example.com"}))
    put(workspace, event("group", 1, userId="bo", traits={"email": "office@example.com"}))
    assert len(people(workspace)) == 2
    assert person_of(workspace, "email", "office@example.com") is None


def test_an_address_in_the_context_says_who(workspace: Workspace) -> None:
    put(workspace, event("identify", userId="ana", traits={"email": "ana@example.com"}))
    put(workspace, event(at=1, context={"traits": {"email": "ana@example.com", "plan": "x"}}))
    [(_, known)] = people(workspace).items()
    assert len(known["events"]) == 2
    # Only an identify states traits.
    assert known["traits"] == {"email_domain": "example.com", "email_kind": "ordinary"}


def test_merging_keeps_everything(workspace: Workspace, clock: FixedClock) -> None:
    put(
        workspace,
        event("identify", 5, userId="old", traits={"country": "FR", "firstName": "Ana"}),
        event(
            "track",
            6,
            userId="old",
            event="Consent Given",
            properties={"purpose": "marketing", "channel": "email", "source": "form"},
        ),
    )
    put(
        workspace,
        event("identify", 8, userId="new", traits={"country": "ES", "plan": "gold", "zip": "1"}),
        event("track", 9, userId="new", event="Consent Withdrawn", properties={}),
    )
    old, new = person_of(workspace, "user_id", "old"), person_of(workspace, "user_id", "new")
    put(workspace, event("identify", 10, userId="old", traits={"email": "ana@example.com"}))
    put(workspace, event("identify", 11, userId="new", traits={"email": "ana@example.com"}))
    [(person, known)] = people(workspace).items()
    assert person == old
    assert known["traits"] == {
        "country": "ES",
        "plan": "gold",
        "email_domain": "example.com",
        "email_kind": "ordinary",
    }
    assert known["vault"] == {"email": "ana@example.com", "first_name": "Ana", "zip": "1"}
    assert [status for _, _, status, _ in known["consents"]] == ["given", "withdrawn"]
    with workspace.store.read() as tx:
        told = latest(tx, [person], purpose="marketing", channel="email")
        assert told[person].status == "withdrawn"
        assert workspace.vault.get(tx, str(new)) == {}  # its key is destroyed
    assert {row["person_id"] for row in history(workspace)} == {old}


def test_what_we_note_about_a_merged_person_reaches_who_survives(workspace: Workspace) -> None:
    put(workspace, event(userId="u1"), event(at=1, anonymousId="a1"))
    gone = person_of(workspace, "anonymous_id", "a1")
    put(workspace, event(at=2, userId="u1", anonymousId="a1"))
    unsubscribed = event(
        at=9, event="Unsubscribed", context={"personId": gone}, properties={"purpose": "news"}
    )
    put(workspace, unsubscribed, source=OWN_SOURCE)
    [(_, known)] = people(workspace).items()
    assert [consent[:3] for consent in known["consents"]] == [("news", "email", "withdrawn")]
    assert len(known["events"]) == 4


def test_nobody_else_may_name_a_person_by_id(workspace: Workspace) -> None:
    put(workspace, event(userId="u1"))
    person = person_of(workspace, "user_id", "u1")
    report = put(workspace, event(at=9, event="Unsubscribed", context={"personId": person}))
    assert report.rejected == {"no userId and no anonymousId": 1}
    put(workspace, event(at=9, anonymousId="x", context={"personId": person}))
    assert person_of(workspace, "anonymous_id", "x") != person


def test_a_late_statement_never_replaces_a_newer_one(workspace: Workspace) -> None:
    said = {"country": "FR", "firstName": "Ana"}
    put(workspace, event("identify", 5, userId="u", traits=said), event(at=HOUR, userId="u"))
    put(workspace, event("identify", 2, userId="u", traits={"country": "ES", "plan": "gold"}))
    put(workspace, event("identify", 1, userId="u", traits={"plan": "free", "firstName": "A"}))
    [known] = people(workspace).values()
    assert known["traits"] == {"country": "FR", "plan": "gold"}
    assert known["vault"] == {"first_name": "Ana"}
    # Newer than the statement, older than the last event: it counts all the same.
    put(workspace, event("identify", 7, userId="u", traits={"country": "", "firstName": None}))
    [known] = people(workspace).values()
    assert known["traits"] == {"country": None, "plan": "gold"}
    assert known["vault"] == {}
    put(workspace, event("identify", 6, userId="u", traits={"country": "IT", "firstName": "B"}))
    assert people(workspace) == {
        person: {**known, "events": found["events"]} for person, found in people(workspace).items()
    }


def test_messages_are_counted_once(workspace: Workspace) -> None:
    one = {**event(userId="u"), "messageId": "m1"}
    other = {**event(at=5, userId="u"), "messageId": "m1"}
    first = put(workspace, one, one, other)
    assert (first.applied, first.duplicates) == (1, 2)
    again = put(workspace, one, {**event(userId="u"), "messageId": "m2"})
    assert (again.applied, again.duplicates) == (1, 1)
    elsewhere = put(workspace, one, source="another")  # ids are unique within a source
    assert (elsewhere.applied, elsewhere.duplicates) == (1, 0)
    assert len(history(workspace)) == 3
    with workspace.store.read() as tx:
        counts = tx.tuples("SELECT applied, duplicates FROM applied_batches ORDER BY position")
    assert counts == [(1, 2), (1, 1), (1, 0)]


def test_an_event_that_cannot_be_used_is_counted(workspace: Workspace) -> None:
    accept(
        workspace,
        [
            b"not json",
            b'{"type":"track","userId":"u"}',
            b'{"type":"dance","userId":"u"}',
            b'{"event":"X"}',
            b'{"event":"X","userId":{"a":1}}',
            b'{"event":"X","userId":"u","timestamp":"soon"}',
            b'{"event":"X","userId":"u","timestamp":"2999-01-01"}',
            b'{"event":"X","userId":"u","timestamp":-99999999999999999999}',
            b'{"type":"identify","traits":{"email":"no address"}}',
            b'{"event":"X","userId":"u","properties":' + b'{"a":' * 5_000 + b"}",
            b'{"event":"X","userId":"u","properties":' + b'{"a":' * 700 + b"1" + b"}" * 701,
            b'{"event":"X","userId":"u","properties":{"a":"' + b"x" * 1_000_000 + b'"}}',
            b'{"event":"X","userId":"u"}',
        ],
        source="test",
    )
    report = apply_log(workspace)
    assert report.applied == 1
    assert report.rejected == {
        "not valid JSON": 1,
        "a track event without a name": 1,
        "unknown event type": 1,
        "no userId and no anonymousId": 1,
        "userId has the wrong type": 1,
        "an unreadable timestamp": 1,
        "a timestamp in the future or before 1990": 2,
        "no userId, no anonymousId and no usable e-mail address": 1,
        "nested too deeply": 2,
        "larger than 1,000,000 bytes": 1,
    }
    with workspace.store.read() as tx:
        places = tx.tuples("SELECT event_index FROM rejected_events ORDER BY event_index")
    assert places == [(n,) for n in range(12)]


# ---- whatever the order and the batches


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Workspace]]:
    """Two workspaces with one key, emptied before every example."""

    root = make_workspace(tmp_path_factory.mktemp("one") / "w", TRAITS)
    other = root.parent / "twin"
    shutil.copytree(root, other)
    clock = FixedClock(datetime(2026, 3, 2, tzinfo=UTC))
    with Workspace(root, clock=clock) as one, Workspace(other, clock=clock) as two:
        yield one, two


users = st.sampled_from(["u1", "u2", "u3"])
devices = st.sampled_from(["a1", "a2", "a3"])
addresses = st.sampled_from(["ana@example.com", "bo@example.com", "not an address"])
times = st.integers(0, 6)
traits = st.fixed_dictionaries(
    {},
    optional={
        "email": addresses,
        "country": st.sampled_from(["FR", "ES", ""]),
        "firstName": st.sampled_from(["Ana", "Bo", None]),
    },
)
events = st.one_of(
    st.builds(
        lambda at, who: event("track", at, **who),
        times,
        st.fixed_dictionaries({}, optional={"userId": users, "anonymousId": devices}),
    ),
    st.builds(
        lambda at, who, said: event("identify", at, traits=said, **who),
        times,
        st.fixed_dictionaries({}, optional={"userId": users, "anonymousId": devices}),
        traits,
    ),
    st.builds(
        lambda at, user, former: event("alias", at, userId=user, previousId=former),
        times,
        users,
        users | devices,
    ),
    st.builds(
        lambda at, user, kind: event("track", at, userId=user, event=kind, properties={}),
        times,
        users,
        st.sampled_from(["Consent Given", "Consent Withdrawn"]),
    ),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(events, min_size=1, max_size=14),
    st.lists(st.integers(1, 4), min_size=1),
    st.booleans(),
)
@example([event("identify", 1, userId="u1", traits={"country": "FR"}), event(at=5, userId="u1"),
          event("identify", 3, userId="u1", traits={"country": "ES"})], [1], True)  # fmt: skip
@example([event(at=2, userId="u1", event="Consent Given", properties={}),
          event(at=2, userId="u2", event="Consent Given", properties={}),
          event("alias", 5, userId="u1", previousId="u2")], [1], True)  # fmt: skip
def test_the_batches_make_no_difference(
    twins: tuple[Workspace, Workspace], log: list[dict[str, Any]], sizes: list[int], remember: bool
) -> None:
    whole, pieces = twins
    numbered = [{**one, "messageId": str(number)} for number, one in enumerate(log)]
    for workspace in twins:
        reset(workspace)
    put(whole, *numbered)
    batches, rest = [], numbered
    while rest:
        size = sizes[len(batches) % len(sizes)]
        batches.append(rest[:size])
        rest = rest[size:]
    applied_in_steps(pieces, batches, remember=remember)
    assert people(whole) == people(pieces)
    # Nobody lost, nobody doubled; every identity leads to somebody who lives.
    found = people(whole)
    told = [event_id for person in found.values() for event_id in person["events"]]
    assert len(told) == len(set(told))
    assert len(told) == len(history(whole))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
WORDS = (
    "type event userId anonymousId previousId timestamp properties traits context messageId name"
    " email products price quantity revenue total order_id source purpose personId nobody"
).split()
wild = st.dictionaries(st.sampled_from(WORDS), json_values, max_size=6)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.builds(
            lambda base, properties, said, odd: {
                **base, "properties": properties, "traits": said, "context": odd,
            } | odd,
            events, wild, wild, wild,
        ),
        max_size=5,
    ),
    st.lists(st.binary(max_size=60), max_size=3),
)  # fmt: skip
@example([event(userId="u", properties={"revenue": 10**400, "price": "1e999"})], [])
@example([event(userId="u", properties={"products": [{"price": 10**400, "quantity": [1]}]})], [])
@example([event(userId="u", context={"traits": [1]}, event="Consent Given")], [])
@example([event("identify", userId="u\0", traits={"email": 5, "country": {"a": [1]}})], [])
@example([event(userId="u", event="Unsubscribed\0", properties={"purpose": "\0", "source": 1})], [])
def test_no_event_stops_the_log(
    twins: tuple[Workspace, Workspace], log: list[dict[str, Any]], garbage: list[bytes]
) -> None:
    workspace = twins[0]
    reset(workspace)
    accept(workspace, [*log, *garbage], source="test")
    report = apply_log(workspace)
    counted = report.applied + report.duplicates + sum(report.rejected.values())
    assert counted == len(log) + len(garbage)
    assert len(history(workspace)) == report.applied
    people(workspace)


def test_a_log_that_was_replaced_is_noticed(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, event(userId="u"))
    workspace.log.close()
    del workspace.__dict__["log"]
    for path in workspace.state_dir.glob("log.db*"):
        path.unlink()
    with pytest.raises(StateError, match="ends before position 1"):
        apply_log(workspace)
