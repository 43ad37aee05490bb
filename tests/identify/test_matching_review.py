"""The review queue: what is proposed, decided and joined, on either database."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from identified import event, people, person_of
from test_matching_people import doubled, households

from matched import pair_id, propose
from vocative.collect.door import OWN_SOURCE, accept
from vocative.errors import AuthorError, StateError, UnknownName
from vocative.identify.apply import apply_log
from vocative.identify.matching import review
from vocative.identify.matching.records import Record
from vocative.identify.merging import merge_event
from vocative.ids import person_id_for
from vocative.privacy import audit
from vocative.segment import advance, recompute, segment_members
from vocative.server import matches
from vocative.stores import Store
from vocative.workspace import Workspace

Pair = tuple[str, str]
ADA = {"first_name": "Adafruit", "last_name": "Lovelacey", "email": "adafruit@one.example"}


@pytest.fixture
def workspace(workspace: Workspace, store: Store) -> Workspace:
    """A workspace on either database, with a feature and a segment of it."""
    for folder, text in {
        "features": "orders: {count: Order Completed}\n",
        "segments": 'regulars: {where: "orders >= 2"}\n',
    }.items():
        (workspace.root / folder).mkdir(exist_ok=True)
        (workspace.root / folder / "all.yaml").write_text(text)
    workspace.__dict__["store"] = store
    return workspace


def put(workspace: Workspace, *events: dict[str, Any], source: str = "test") -> None:
    """Take events in, and bring segments up to now."""
    accept(workspace, events, source=source)
    advance(workspace)


def somebody(user: str, **traits: Any) -> dict[str, Any]:
    return event("identify", userId=user, traits={"email": f"{user}@shop.example", **traits})


def arrive(workspace: Workspace, *users: str) -> list[str]:
    """People with one order each; their ids."""
    put(
        workspace,
        *[somebody(user, first_name=user) for user in users],
        *[event(userId=user, event="Order Completed", at=60) for user in users],
    )
    found = [person_of(workspace, "user_id", user) for user in users]
    return [one for one in found if one is not None]


def waiting(workspace: Workspace) -> set[Pair]:
    return {(row.one, row.other) for row in matches.list_matches(workspace, limit=200).matches}


def as_events(found: dict[str, Record]) -> list[dict[str, Any]]:
    """Records as a shop would tell of them."""
    events = []
    for user, record in found.items():
        traits = {name: value for name, value in record.items() if name not in ("house", "mailbox")}
        traits["street"] = f"{record['house']} {record['street']}"
        events.append(event("identify", userId=user, traits=traits))
        events.append(event(userId=user, event="Order Completed", at=60))
    return events


def test_two_accounts_become_one_person_with_one_history(workspace: Workspace) -> None:
    found = doubled(households(60), every=6)
    put(workspace, *as_events(found))
    again = [user for user in found if user.endswith("-again")]
    right = {
        tuple(sorted(str(person_of(workspace, "user_id", u)) for u in (user[:-6], user)))
        for user in again
    }
    told = matches.find_matches(workspace, by="ann")
    assert waiting(workspace) == right
    assert (told.people, told.candidates) == (len(found), len(again))
    assert sorted(segment_members(workspace, "regulars")) == []
    done = matches.accept_matches(workspace, above=0.9, by="ann")
    assert (done.accepted, done.left_out) == (len(again), 0)
    now = people(workspace)
    assert len(now) == len(found) - len(again)
    for user in again:
        person = person_of(workspace, "user_id", user)
        assert person is not None
        assert person == person_of(workspace, "user_id", user[:-6])
        assert len(now[person]["events"]) >= 5  # two of each account, and that it is one person
    assert len(segment_members(workspace, "regulars")) == len(again)
    assert waiting(workspace) == set()
    assert recompute(workspace).differences == 0
    assert matches.find_matches(workspace, by="ann").candidates == 0
    assert matches.list_matches(workspace, state="accepted").total == len(again)


def test_nothing_personal_is_kept_of_a_pair(workspace: Workspace) -> None:
    found = doubled(households(40), every=4)
    put(workspace, *as_events(found))
    matches.find_matches(workspace)
    with workspace.store.read() as tx:
        kept = repr(tx.rows("SELECT * FROM match_candidates"))
    shown = repr(matches.list_matches(workspace, limit=200))
    assert "probability" in kept
    personal = {value for record in found.values() for value in record.values() if len(value) > 3}
    assert [value for value in personal if value in kept or value in shown] == []
    with workspace.store.read() as tx:
        assert [one.action for one in audit.entries(tx)][:1] == ["match people"]


def test_accepting_joins_traits_identities_and_segments(workspace: Workspace) -> None:
    one, other = arrive(workspace, "u1", "u2")
    propose(workspace, (one, other, 0.97))
    row = matches.accept_match(workspace, pair_id(other, one), by="ann")
    assert (row.state, row.decided_by) == ("accepted", "ann")
    (person,) = people(workspace)
    assert person in (one, other)
    assert segment_members(workspace, "regulars") == [person]
    assert person_of(workspace, "user_id", "u1") == person_of(workspace, "user_id", "u2") == person
    with pytest.raises(StateError, match="accepted already"):
        matches.accept_match(workspace, pair_id(one, other))
    with pytest.raises(StateError, match="not rejected"):
        matches.reopen_match(workspace, pair_id(one, other))


def test_a_pair_is_shown_side_by_side_and_the_look_is_audited(workspace: Workspace) -> None:
    put(workspace, somebody("u1", **ADA), somebody("u2", **{**ADA, "email": "a@two.example"}))
    one, other = (str(person_of(workspace, "user_id", user)) for user in ("u1", "u2"))
    propose(workspace, (one, other, 0.9))
    detail = matches.show_match(workspace, pair_id(one, other), by="ann")
    lines = {line.what: line for line in detail.compared}
    assert {lines["e-mail"].one, lines["e-mail"].other} == {"adafruit@one.example", "a@two.example"}
    # It is not among the steps.
    assert lines["e-mail"].said == "not known of both when they were compared"
    assert lines["first name"].said.startswith(
        "first name the same but for a typing error (clearly"
    )
    with workspace.store.read() as tx:
        entry = audit.entries(tx, subject=pair_id(one, other))[0]
    assert (entry.actor, entry.action) == ("ann", "show match")


def test_a_rejected_pair_stays_rejected(workspace: Workspace) -> None:
    one, other, third = arrive(workspace, "u1", "u2", "u3")
    propose(workspace, (one, other, 0.9), (other, third, 0.95))
    assert matches.reject_match(workspace, pair_id(one, other), by="ann").state == "rejected"
    assert waiting(workspace) == {(min(other, third), max(other, third))}
    with pytest.raises(StateError, match="rejected already"):
        matches.reject_match(workspace, pair_id(one, other))
    with pytest.raises(StateError, match="match reopen"):
        matches.accept_match(workspace, pair_id(one, other))
    matches.accept_match(workspace, pair_id(other, third))
    survivor = str(person_of(workspace, "user_id", "u2"))
    with workspace.store.read() as tx:
        assert review.apart(tx) == {(min(one, survivor), max(one, survivor))}
    # Now as who the other one lives on as: that they are two was said already.
    gone = ({other, third} - {survivor}).pop()
    with workspace.store.transaction() as tx:
        tx.run("DELETE FROM match_candidates WHERE state <> 'rejected'")
    if gone == other:
        propose(workspace, (one, survivor, 0.9))
        with pytest.raises(StateError, match="judged to be two people"):
            matches.accept_match(workspace, pair_id(one, survivor))
    assert len(people(workspace)) == 2


def test_a_rejected_pair_can_be_reopened(workspace: Workspace) -> None:
    one, other = arrive(workspace, "u1", "u2")
    propose(workspace, (one, other, 0.9))
    matches.reject_match(workspace, pair_id(one, other))
    assert matches.list_matches(workspace, state="rejected").total == 1
    assert matches.reopen_match(workspace, pair_id(one, other)).decided_by is None
    matches.accept_match(workspace, pair_id(one, other))
    assert len(people(workspace)) == 1


def test_another_run_does_not_propose_what_was_decided(workspace: Workspace) -> None:
    found = doubled(households(40), every=10)
    put(workspace, *as_events(found))
    matches.find_matches(workspace)
    pairs = sorted(waiting(workspace))
    matches.reject_match(workspace, pair_id(*pairs[0]))
    told = matches.find_matches(workspace)
    assert waiting(workspace) == set(pairs[1:])
    assert told.candidates == len(pairs) - 1


def test_many_are_accepted_at_once_without_chaining_strangers(workspace: Workspace) -> None:
    a, b, c, d, e = arrive(workspace, "u1", "u2", "u3", "u4", "u5")
    propose(workspace, (a, b, 0.99), (b, c, 0.97), (d, e, 0.96), (a, d, 0.7))
    dry = matches.accept_matches(workspace, above=0.95, dry_run=True)
    assert (dry.accepted, dry.left_out, dry.expected_wrong) == (2, 1, 0.05)
    assert dry.expected_precision == pytest.approx(0.975)
    with pytest.raises(StateError, match="2 pairs to accept, not 3"):
        matches.accept_matches(workspace, above=0.95, exactly=3)
    assert len(people(workspace)) == 5
    done = matches.accept_matches(workspace, above=0.95, exactly=2)
    assert (done.accepted, done.left_out) == (2, 1)
    assert len(people(workspace)) == 3
    with pytest.raises(AuthorError, match=r"from 0\.5 to 1"):
        matches.accept_matches(workspace, above=0.2)


def test_very_many_are_accepted_in_several_transactions(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "MOST_ACCEPTED", 1)
    a, b, c, d, e = arrive(workspace, "u1", "u2", "u3", "u4", "u5")
    propose(workspace, (a, b, 0.99), (d, e, 0.985), (b, c, 0.98), (a, c, 0.97))
    assert matches.accept_matches(workspace, above=0.9, dry_run=True).accepted == 4
    assert matches.accept_matches(workspace, above=0.9).accepted == 4
    assert len(people(workspace)) == 2
    assert matches.accept_matches(workspace, above=0.9).expected_precision is None


def test_thresholds_are_of_pairs_that_wait(workspace: Workspace) -> None:
    a, b, c, d = arrive(workspace, "u1", "u2", "u3", "u4")
    propose(workspace, (a, b, 0.99), (c, d, 0.6))
    lines = {line.probability: line for line in matches.match_thresholds(workspace)}
    assert (lines[0.5].pairs, lines[0.5].expected_wrong) == (2, 0.41)
    assert lines[0.99].expected_precision == 0.99
    matches.reject_match(workspace, pair_id(c, d))
    assert matches.match_thresholds(workspace)[0].pairs == 1


def test_pages_follow_each_other(workspace: Workspace) -> None:
    a, b, c, d = arrive(workspace, "u1", "u2", "u3", "u4")
    propose(workspace, (a, b, 0.9), (a, c, 0.8), (a, d, 0.7))
    first = matches.list_matches(workspace, limit=2)
    rest = matches.list_matches(workspace, limit=2, after=first.next)
    assert [row.probability for row in (*first.matches, *rest.matches)] == [0.9, 0.8, 0.7]
    assert (first.total, rest.next) == (3, None)
    assert matches.list_matches(workspace, above=0.75).total == 2
    assert matches.list_matches(workspace, after="9" * 30).matches == []
    assert len(matches.list_matches(workspace, after="²").matches) == 3


@pytest.mark.parametrize("match_id", ["p1", "p1_p1", "p1_p2", "_", ""])
def test_what_is_no_pair_is_refused(workspace: Workspace, match_id: str) -> None:
    with pytest.raises(UnknownName):
        matches.show_match(workspace, match_id)


def test_people_who_are_gone_are_not_joined(workspace: Workspace) -> None:
    one, other = arrive(workspace, "u1", "u2")
    propose(workspace, (one, other, 0.9))
    put(workspace, event("alias", userId="u1", previousId="u2", at=90))
    assert waiting(workspace) == set()
    with pytest.raises(StateError, match="not there any more"):
        matches.accept_match(workspace, pair_id(one, other))


def test_a_merge_counts_in_its_order_and_once(workspace: Workspace) -> None:
    one, other = arrive(workspace, "u1", "u2")
    now = workspace.clock.now()
    joined = merge_event(one, other, at=now, probability=0.9)
    put(workspace, joined, source=OWN_SOURCE)
    put(workspace, joined, source=OWN_SOURCE)
    put(workspace, event(userId="u2", at=120))
    (person,) = people(workspace).values()
    assert len(person["events"]) == 6


def test_a_merge_of_somebody_unknown_brings_nobody_back(workspace: Workspace) -> None:
    (one,) = arrive(workspace, "u1")
    now = workspace.clock.now()
    put(workspace, merge_event("pnobody", "pnoone", at=now, probability=0.9), source=OWN_SOURCE)
    put(workspace, merge_event("pnobody", one, at=now, probability=0.9), source=OWN_SOURCE)
    assert set(people(workspace)) == {one}


def test_only_vocative_itself_says_who_is_who(workspace: Workspace) -> None:
    one, other = arrive(workspace, "u1", "u2")
    forged = merge_event(one, other, at=workspace.clock.now(), probability=1.0)
    accept(workspace, [forged], source="shop")
    assert sum(apply_log(workspace).rejected.values()) == 1
    assert set(people(workspace)) == {one, other}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_merge_in_the_same_step_as_its_people(workspace: Workspace, at_once: bool) -> None:
    ids = [person_id_for(workspace.key.lookup, "user_id", user) for user in ("u1", "u2")]
    joined = merge_event(*ids, at=workspace.clock.now(), probability=0.9)
    for events, source in (
        ([event(userId="u1", event="Order Completed"), event(userId="u2")], "test"),
        ([joined], OWN_SOURCE),
        ([event(userId="u2", event="Order Completed", at=100)], "test"),
    ):
        accept(workspace, events, source=source)
        if not at_once:
            advance(workspace)
    advance(workspace)
    (person,) = people(workspace).values()
    assert len(person["events"]) == 4
    assert len(segment_members(workspace, "regulars")) == 1
    assert recompute(workspace).differences == 0


@pytest.mark.may_skip
def test_the_command_line_reviews(
    workspace: Workspace, vocative: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    if workspace.store.dialect != "sqlite":
        pytest.skip("a command opens the workspace's own store, which is one already")
    del workspace.__dict__["store"]
    one, other = arrive(workspace, "u1", "u2")
    propose(workspace, (one, other, 0.9))

    def run(*arguments: str) -> str:
        done = vocative(*arguments, cwd=workspace.root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "first name the same but for a typing error" in run("match", "list")
    assert "expected precision" in run("match", "thresholds")
    assert "against" in run("match", "show", pair_id(one, other))
    assert "would be accepted" in run("match", "accept-all", "--above", "0.8", "--dry-run")
    run("match", "reject", pair_id(one, other))
    run("match", "reopen", pair_id(one, other))
    told = json.loads(run("match", "accept", pair_id(one, other), "--json"))
    assert told["state"] == "accepted"
    assert len(people(workspace)) == 1
