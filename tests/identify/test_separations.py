"""What would be given back is shown first, given back, and a past instant is told as it was."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from identified import event, people, person_of, put, reset
from starlette.testclient import TestClient

from matched import propose
from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.errors import StateError, UnknownName
from vocative.identify import graph as graph_module
from vocative.identify.apply import apply_log
from vocative.identify.merging import merge_event, separate_event
from vocative.identify.past import person_at
from vocative.ids import person_id_for
from vocative.segment import advance
from vocative.server import matches
from vocative.server.app import create_app
from vocative.server.person import Person, show_person
from vocative.server.separations import separate_person, undo_match
from vocative.stores import Store
from vocative.workspace import Workspace

TRAITS = "country: {}\nplan: {}\nemail: {personal: true}\nfirst_name: {personal: true}\n"
DAY = 86_400
OF_THE_ADDRESS = {"email_domain": "example.com", "email_kind": "ordinary"}


@pytest.fixture
def workspace(workspace: Workspace, store: Store) -> Workspace:
    """A workspace on either database."""
    (workspace.root / "traits.yaml").write_text(TRAITS)
    workspace.__dict__["store"] = store
    return workspace


def profile(workspace: Workspace, user: str) -> str:
    return person_id_for(workspace.key.lookup, "user_id", user)


def at(day: float) -> datetime:
    """An instant so many days into 2026."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


@pytest.fixture
def two(workspace: Workspace) -> tuple[str, str]:
    """Ana and Bo, who turn out to share an address on the 10th of the year's days."""
    put(
        workspace,
        event("identify", DAY, userId="ana", traits={"country": "FR", "firstName": "Ana"}),
        event("identify", 2 * DAY, userId="bo", anonymousId="tv", traits={"country": "ES"}),
        event("identify", 3 * DAY, userId="ana", traits={"country": "IT", "plan": "gold"}),
        event("track", 4 * DAY, userId="bo", event="Consent Given", properties={}),
        event("identify", 5 * DAY, userId="ana", traits={"email": "home@example.com"}),
        event("identify", 10 * DAY, userId="bo", traits={"email": "home@example.com"}),
        event("track", 12 * DAY, userId="bo", event="Consent Withdrawn", properties={}),
    )
    assert len(people(workspace)) == 1
    return profile(workspace, "ana"), profile(workspace, "bo")


def shown(workspace: Workspace, person: str, day: float) -> Person:
    return show_person(workspace, person, at=at(day))


def test_a_profile_is_shown_as_it_was(workspace: Workspace, two: tuple[str, str]) -> None:
    ana, bo = two
    first = shown(workspace, ana, 1.5)
    assert (first.traits, first.name) == ({"country": "FR"}, "Ana")
    assert first.as_of == at(1.5)
    assert shown(workspace, ana, 3).traits == {"country": "IT", "plan": "gold"}
    assert shown(workspace, ana, 3).email is None
    before = shown(workspace, bo, 9)
    assert (before.person_id, before.traits, before.email) == (bo, {"country": "ES"}, None)
    assert [c.status for c in before.consents] == ["given"]
    assert [(i.namespace, i.value) for i in before.identities] == [
        ("anonymous_id", "tv"), ("user_id", "bo"),
    ]  # fmt: skip
    joined = shown(workspace, bo, 11)
    assert joined.person_id == ana
    assert joined.traits == {"country": "IT", "plan": "gold", **OF_THE_ADDRESS}
    assert [(m.gone, m.kept, m.decided) for m in joined.merges] == [(bo, ana, False)]
    assert [c.status for c in shown(workspace, ana, 12).consents] == ["withdrawn", "given"]
    with pytest.raises(UnknownName, match="nothing is known"):
        shown(workspace, ana, 0.5)
    # By an address or a user id, it is the profile that has it.
    assert shown(workspace, "bo", 9).person_id == bo


def test_what_arrives_late_counts_from_when_it_happened(
    workspace: Workspace, two: tuple[str, str]
) -> None:
    put(workspace, event("identify", 7 * DAY, userId="bo", traits={"plan": "free"}))
    assert shown(workspace, two[1], 6).traits == {"country": "ES"}
    assert shown(workspace, two[1], 8).traits == {"country": "ES", "plan": "free"}


def test_a_device_that_changed_hands_is_told(workspace: Workspace) -> None:
    put(workspace, event(userId="ana", anonymousId="pc", at=DAY))
    put(workspace, event(userId="bo", anonymousId="pc", at=3 * DAY))
    ana, bo = profile(workspace, "ana"), profile(workspace, "bo")

    def devices(person: str, day: float) -> list[datetime]:
        found = shown(workspace, person, day).identities
        return [i.since for i in found if i.namespace == "anonymous_id"]

    assert devices(ana, 2) == [at(1)]
    assert devices(ana, 4) == []
    assert devices(bo, 4) == [at(3)]


def test_a_destroyed_record_is_not_read_again(workspace: Workspace, two: tuple[str, str]) -> None:
    with workspace.store.transaction() as tx:
        workspace.vault.erase(tx, two[0])
    then = shown(workspace, two[0], 2)
    assert (then.name, then.email, then.traits) == (None, None, {"country": "FR"})
    assert {i.value for i in then.identities} == {None}


def test_a_log_that_does_not_reach_back_is_said(workspace: Workspace, two: tuple[str, str]) -> None:
    workspace.log.forget_before(100)
    with pytest.raises(StateError, match="nothing at position 1 any more"):
        shown(workspace, two[0], 3)


def test_separating_says_first_what_it_gives_back(
    workspace: Workspace, two: tuple[str, str]
) -> None:
    ana, bo = two
    before = people(workspace)
    dry = separate_person(workspace, bo, dry_run=True)
    assert separate_person(workspace, "bo", dry_run=True) == dry
    assert people(workspace) == before
    shares = {share.person_id: share for share in dry.people}
    assert set(shares) == {ana, bo}
    assert (shares[bo].events, shares[bo].consents) == (4, 2)
    assert shares[bo].identities == {"anonymous_id": 1, "user_id": 1}
    assert shares[ana].identities == {"email": 1, "user_id": 1}
    assert (shares[bo].traits, shares[bo].fields) == (["country", *OF_THE_ADDRESS], ["email"])
    assert shares[ana].fields == ["email", "first_name"]
    done = separate_person(workspace, bo, by="ann")
    assert done.people == dry.people
    found = people(workspace)
    assert set(found) == {ana, bo}
    for share in dry.people:
        mine = found[share.person_id]
        assert len(mine["consents"]) == share.consents
        assert len(mine["identities"]) == sum(share.identities.values())
        assert sorted(mine["vault"]) == share.fields
    assert found[bo]["traits"] == {"country": "ES", **OF_THE_ADDRESS}
    # As it was while they were one.
    assert shown(workspace, bo, 11).person_id == ana
    with pytest.raises(StateError, match="would stay as they are"):
        separate_person(workspace, bo)
    with pytest.raises(UnknownName):
        separate_person(workspace, "pnobody")


def test_who_survives_cannot_be_taken_out_but_the_others_can(
    workspace: Workspace, two: tuple[str, str]
) -> None:
    with pytest.raises(StateError, match="person show"):
        separate_person(workspace, two[0])


def test_a_merge_from_before_it_was_kept_who_stated_what_cannot_be_taken_back(
    workspace: Workspace, two: tuple[str, str]
) -> None:
    ana, bo = two
    with workspace.store.transaction() as tx:
        tx.run("DELETE FROM merges")  # as the migration leaves it
        tx.run("UPDATE origins SET vault = NULL")
    with pytest.raises(StateError, match="would stay as they are"):
        separate_person(workspace, bo)
    put(workspace, separate_event(bo, at=workspace.clock.now()), source=OWN_SOURCE)
    assert set(people(workspace)) == {ana}
    assert people(workspace)[ana]["vault"] == {"email": "home@example.com", "first_name": "Ana"}
    # What is stated from now on is added to what the survivor has.
    put(workspace, event("identify", 50 * DAY, userId="bo", traits={"firstName": "Bo"}))
    assert people(workspace)[ana]["vault"] == {"email": "home@example.com", "first_name": "Bo"}
    assert shown(workspace, bo, 11).person_id == ana


def test_an_accepted_match_can_be_undone(workspace: Workspace) -> None:
    put(workspace, event("identify", userId="ana", traits={"country": "FR"}))
    put(workspace, event("identify", 1, userId="bo", traits={"country": "ES"}))
    before = people(workspace)
    [pair] = propose(workspace, (profile(workspace, "ana"), profile(workspace, "bo"), 0.9))
    with pytest.raises(StateError, match="not accepted"):
        undo_match(workspace, pair)
    matches.accept_match(workspace, pair)
    assert len(people(workspace)) == 1
    put(workspace, event(userId="bo", at=9))
    assert undo_match(workspace, pair, dry_run=True).dry_run
    assert len(people(workspace)) == 1
    undo_match(workspace, pair, by="ann")
    found = people(workspace)
    for person, known in before.items():
        assert found[person]["traits"] == known["traits"]
        assert found[person]["identities"] == known["identities"]
        assert set(known["events"]) <= set(found[person]["events"])
    workspace.clock.advance(timedelta(minutes=1))
    # It waits again, and may be accepted again, or rejected for good.
    assert [row.match_id for row in matches.list_matches(workspace).matches] == [pair]
    matches.accept_match(workspace, pair)
    assert len(people(workspace)) == 1
    separate_person(workspace, min(set(before) - set(people(workspace))))
    assert len(people(workspace)) == 2
    assert [row.match_id for row in matches.list_matches(workspace, state="rejected").matches] == [
        pair
    ]


def test_a_rule_joins_nobody_who_was_told_apart_but_somebody_may(
    workspace: Workspace, two: tuple[str, str]
) -> None:
    ana, bo = two
    separate_person(workspace, bo)
    put(workspace, event("identify", 20 * DAY, userId="bo", traits={"email": "home@example.com"}))
    put(workspace, event("alias", 21 * DAY, userId="bo", previousId="ana"))
    assert set(people(workspace)) == {ana, bo}
    assert person_of(workspace, "email", "home@example.com") == ana
    joined = merge_event(ana, bo, at=workspace.clock.now(), probability=1.0)
    put(workspace, joined, source=OWN_SOURCE)
    assert len(people(workspace)) == 1


def test_an_address_of_everybody_joins_not_everybody(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "MOST_ACCOUNTS", 5)
    shared = [
        event("identify", n, userId=f"u{n}", traits={"email": "test@shop.example"})
        for n in range(30)
    ]
    accept(workspace, shared[:12], source="test")
    apply_log(workspace)
    for one in shared[12:]:
        put(workspace, one)
    found = people(workspace)
    accounts = [sum(n == "user_id" for n, _ in one["identities"]) for one in found.values()]
    assert max(accounts) == 5
    assert sum(accounts) == 30
    # Two people who have one name each are joined as ever.
    put(workspace, event("identify", 90, userId="x", traits={"email": "x@shop.example"}))
    put(workspace, event("identify", 91, userId="y", traits={"email": "x@shop.example"}))
    assert person_of(workspace, "user_id", "x") == person_of(workspace, "user_id", "y")
    # And two who would be too many together are not.
    put(workspace, event("alias", 92, userId="x", previousId="u0"))
    assert person_of(workspace, "user_id", "x") != person_of(workspace, "user_id", "u0")


steps = st.lists(
    st.tuples(
        st.sampled_from(["ana", "bo"]),
        st.dictionaries(
            st.sampled_from(["country", "plan", "firstName"]),
            st.sampled_from(["a", "b", ""]),
            min_size=1,
        ),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps, st.integers(0, 31))
def test_the_past_is_what_a_log_up_to_then_would_make(
    workspace: Workspace, said: list[tuple[str, dict[str, str], int]], day: int
) -> None:
    """With every statement at an instant of its own, and the log cut at one."""
    if workspace.store.dialect != "sqlite":
        return
    events = [
        event("identify", when * DAY + n, userId=user, traits=traits, messageId=str(n))
        for n, (user, traits, when) in enumerate(said)
    ]
    joined = merge_event(
        profile(workspace, "ana"), profile(workspace, "bo"), at=at(15), probability=0.9
    )
    reset(workspace)
    put(workspace, *events)
    put(workspace, joined, source=OWN_SOURCE)
    until = to_micros(at(day))
    told: dict[str, Any] = {}
    for user in ("ana", "bo"):
        with workspace.store.read() as tx:
            try:
                told[user] = person_at(workspace, tx, profile(workspace, user), until)
            except UnknownName:
                told[user] = None
    reset(workspace)
    earlier = [one for one in events if one["timestamp"] * 10**6 <= until]
    if earlier:
        put(workspace, *earlier)
    if day >= 15:
        put(workspace, joined, source=OWN_SOURCE)
    found = people(workspace)
    for past in told.values():
        if past is None:
            continue
        known = found[past.person_id]
        assert {name: value for name, (value, _) in past.traits.items()} == known["traits"]
        assert past.fields == known["vault"]
        assert past.first_seen_at == known["first"]
        assert [i.namespace for i in past.identities] == sorted(n for n, _ in known["identities"])
    assert {past.person_id for past in told.values() if past} == set(found)
    assert from_micros(until) == at(day)


def test_the_api_shows_and_takes_back(workspace: Workspace, two: tuple[str, str]) -> None:
    ana, bo = two
    client = TestClient(create_app(workspace))
    then = client.get(f"/api/people/{bo}", params={"at": "2026-01-09T00:00:00"}).json()
    assert (then["person_id"], then["traits"]) == (bo, {"country": "ES"})
    assert [m["gone"] for m in client.get(f"/api/people/{ana}").json()["merges"]] == [bo]
    dry = client.post(f"/api/people/{bo}/separate", json={"dry_run": True}).json()
    assert {share["person_id"] for share in dry["people"]} == {ana, bo}
    assert client.post(f"/api/people/{bo}/separate", json={}).status_code == 200
    assert client.post(f"/api/people/{bo}/separate", json={}).status_code == 409
    assert client.post(f"/api/matches/{ana}_{bo}/undo", json={}).status_code == 404
    assert set(people(workspace)) == {ana, bo}


@pytest.mark.may_skip
def test_the_command_line_shows_and_takes_back(
    workspace: Workspace,
    two: tuple[str, str],
    vocative: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    if workspace.store.dialect != "sqlite":
        pytest.skip("a command opens the workspace's own store, which is one already")
    del workspace.__dict__["store"]
    put(
        workspace,
        event("identify", DAY, userId="ana", traits={"country": "FR", "firstName": "Ana"}),
        event("identify", 2 * DAY, userId="bo", traits={"country": "ES"}),
        event("alias", 3 * DAY, userId="bo", previousId="ana"),
    )
    advance(workspace)
    ana, bo = two

    def run(*arguments: str) -> str:
        done = vocative(*arguments, cwd=workspace.root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "as of 2026-01-03 12:00 UTC" in run("person", "show", bo, "--at", "2026-01-03T12:00")
    done = json.loads(run("person", "separate", bo, "--json"))
    assert {share["person_id"] for share in done["people"]} == {ana, bo}
    assert set(people(workspace)) == {ana, bo}
