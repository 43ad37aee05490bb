"""The ledger: one row per message, leases with fences, and what is left after a crash."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from vocative.deliver import ledger
from vocative.deliver.ledger import Claim, Mark, PlannedMessage
from vocative.errors import StateError
from vocative.stores import Store

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = {"campaign": "autumn", "occurrence": "1"}


def planned(number: int, skipped: str | None = None) -> list[PlannedMessage]:
    return [
        PlannedMessage(
            **RUN, person_id=f"p{index:04}", channel="email", purpose="marketing", arm="a",
            skipped=skipped, decision={"index": index},
        )
        for index in range(number)
    ]  # fmt: skip


def plan(store: Store, number: int, skipped: str | None = None) -> int:
    with store.transaction() as tx:
        return ledger.plan(tx, planned(number, skipped), at=AT)


def claim(
    store: Store, n: int = 10, owner: str = "one", at: datetime = AT, lease_seconds: float = 60
) -> list[Claim]:
    with store.transaction() as tx:
        return ledger.claim(tx, **RUN, owner=owner, n=n, at=at, lease_seconds=lease_seconds)


def mark(store: Store, *marks: Mark, at: datetime = AT) -> list[Mark]:
    with store.transaction() as tx:
        return ledger.mark(tx, marks, at=at, lease_seconds=60)


def counts(store: Store) -> dict[tuple[str, str | None], int]:
    with store.read() as tx:
        return {(c.state, c.reason): c.messages for c in ledger.counts(tx, **RUN)}


def recover(store: Store, at: datetime = AT, **options: object) -> ledger.Recovered:
    return ledger.recover(store, **RUN, at=at, **{"lookup": None, **options})


def test_planning_again_changes_nothing(store: Store) -> None:
    assert plan(store, 5) == 5
    assert plan(store, 7) == 2
    assert plan(store, 7, skipped="holdout") == 0
    assert counts(store) == {("planned", None): 7}


def test_people_can_be_planned_to_get_nothing(store: Store) -> None:
    plan(store, 3, skipped="holdout")
    assert counts(store) == {("skipped", "holdout"): 3}
    assert claim(store) == []


def test_a_message_is_claimed_by_one(store: Store) -> None:
    plan(store, 100)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: claim(store, 10, f"w{name}"), range(12)))
    ids = [one.message_id for claims in found for one in claims]
    assert len(ids) == len(set(ids)) == 100
    assert {one.fence for claims in found for one in claims} == {1}
    assert found[0][0].decision == {"index": int(found[0][0].person_id[1:])}


def test_a_message_goes_its_way(store: Store) -> None:
    plan(store, 1)
    [one] = claim(store)
    for state in ("permitted", "rendered", "handed"):
        assert mark(store, Mark(claim=one, state=state, decision={"step": state})) == []
    assert mark(store, Mark(claim=one, state="accepted", reply="250 fine")) == []
    with store.read() as tx:
        row = tx.row("SELECT * FROM messages")
    assert row is not None
    assert (row["state"], row["attempts"], row["lease_owner"]) == ("accepted", 1, None)
    assert row["provider_reply"] == "250 fine"
    assert row["decision"] == '{"step":"handed"}'
    assert row["handed_at"] is not None


@pytest.mark.parametrize("state", ["accepted", "bounced", "ambiguous"])
def test_nothing_arrives_that_was_not_handed_over(store: Store, state: ledger.State) -> None:
    plan(store, 1)
    [one] = claim(store)
    assert mark(store, Mark(claim=one, state=state))
    assert counts(store) == {("claimed", None): 1}


@pytest.mark.parametrize("state", ["planned", "skipped", "rendered", "permitted"])
def test_nothing_handed_over_is_taken_back(store: Store, state: ledger.State) -> None:
    plan(store, 1)
    [one] = claim(store)
    mark(store, Mark(claim=one, state="handed"))
    assert mark(store, Mark(claim=one, state=state))
    assert counts(store) == {("handed", None): 1}


def test_a_stale_sender_cannot_write(store: Store) -> None:
    plan(store, 2)
    stale = claim(store, lease_seconds=10)
    later = AT + timedelta(seconds=11)
    assert recover(store, later).planned == 2
    fresh = claim(store, owner="two", at=later)
    assert [one.fence for one in fresh] > [one.fence for one in stale]
    with store.transaction() as tx, pytest.raises(StateError, match="lease is lost"):
        ledger.mark_one(tx, Mark(claim=stale[0], state="handed"), at=later)
    refused = mark(store, *(Mark(claim=one, state="handed") for one in stale), at=later)
    assert [entry.claim for entry in refused] == stale
    assert mark(store, *(Mark(claim=one, state="handed") for one in fresh), at=later) == []


def test_of_many_marks_only_the_stale_are_refused(store: Store) -> None:
    plan(store, 3)
    claims = claim(store)
    with store.transaction() as tx:
        tx.run("UPDATE messages SET fence = 9 WHERE message_id = :m", {"m": claims[1].message_id})
    [refused] = mark(store, *(Mark(claim=one, state="permitted") for one in claims))
    assert refused.claim == claims[1]


def test_leases_that_run_are_left_alone(store: Store) -> None:
    plan(store, 2)
    claim(store, lease_seconds=60)
    assert recover(store, AT + timedelta(seconds=59)) == ledger.Recovered()
    assert recover(store, AT + timedelta(seconds=61)).planned == 2


def test_what_was_handed_over_by_a_dead_sender_is_ambiguous(store: Store) -> None:
    plan(store, 3)
    one, two, _ = claim(store, 3)
    mark(store, Mark(claim=one, state="handed"), Mark(claim=two, state="rendered"))
    found = recover(store, is_dead=lambda owner: owner == "one")
    assert found == ledger.Recovered(planned=2, ambiguous=1)
    with store.read() as tx:
        [listed] = ledger.ambiguous(tx, **RUN)
    assert (listed.message_id, listed.reason) == (one.message_id, "sender_died")


def test_a_channel_that_can_tell_is_asked(store: Store) -> None:
    plan(store, 2)
    here, lost = claim(store)
    mark(store, Mark(claim=here, state="handed"), Mark(claim=lost, state="handed"))
    found = recover(
        store, is_dead=lambda _: True, lookup=lambda message_id: message_id == here.message_id
    )
    assert found == ledger.Recovered(planned=1, accepted=1)
    assert counts(store) == {("accepted", "found_at_channel"): 1, ("planned", None): 1}


def test_after_a_power_cut_sqlite_may_have_forgotten_a_hand_over(store: Store) -> None:
    plan(store, 2)
    rendered, claimed = claim(store)
    mark(store, Mark(claim=rendered, state="rendered"))
    found = recover(store, is_dead=lambda _: True, lost_power=lambda _: True)
    # PostgreSQL flushes every commit: there `rendered` means rendered.
    forgotten = store.dialect == "sqlite"
    assert found.ambiguous == (1 if forgotten else 0)
    assert found.planned == (1 if forgotten else 2)
    assert claimed.message_id


def test_a_deferred_message_waits_for_its_time(store: Store) -> None:
    plan(store, 1)
    [one] = claim(store)
    due = AT + timedelta(minutes=5)
    mark(store, Mark(claim=one, state="handed"))
    mark(store, Mark(claim=one, state="deferred", reason="smtp_4.2.1", next_attempt_at=due))
    with store.read() as tx:
        assert ledger.next_attempt_at(tx, **RUN) == due
    assert claim(store, at=due - timedelta(seconds=1)) == []
    [again] = claim(store, at=due)
    assert (again.fence, again.attempts) == (2, 1)


def test_an_attempt_that_could_not_begin_does_not_count(store: Store) -> None:
    plan(store, 1)
    [one] = claim(store)
    mark(store, Mark(claim=one, state="handed"))
    mark(store, Mark(claim=one, state="deferred", next_attempt_at=AT, counts_as_attempt=False))
    assert claim(store)[0].attempts == 0


def test_back_off_grows_and_ends() -> None:
    waits = [ledger.backoff("m", attempt).total_seconds() for attempt in range(1, 15)]
    assert 60 <= waits[0] <= 75
    assert all(a < b * 1.25 for a, b in pairwise(waits))
    assert max(waits) <= 4 * 3600 * 1.25


def test_ambiguous_messages_are_settled_by_hand(store: Store) -> None:
    plan(store, 3)
    claims = claim(store)
    mark(store, *(Mark(claim=one, state="handed") for one in claims))
    mark(store, *(Mark(claim=one, state="ambiguous", reason="no_answer") for one in claims))
    ids = [one.message_id for one in claims]
    with store.transaction() as tx:
        assert ledger.resolve(tx, ids[:1], arrived=True, at=AT) == 1
        assert ledger.resolve(tx, ids[:2], arrived=False, at=AT) == 1
    assert counts(store) == {
        ("accepted", "confirmed_by_hand"): 1,
        ("ambiguous", "no_answer"): 1,
        ("planned", None): 1,
    }


def test_failed_messages_are_planned_again_by_reason(store: Store) -> None:
    plan(store, 3)
    one, two, three = claim(store)
    mark(
        store,
        Mark(claim=one, state="failed", reason="gave_up"),
        Mark(claim=two, state="failed", reason="unmailable"),
        Mark(claim=three, state="skipped", reason="no_consent"),
    )
    with store.transaction() as tx:
        assert ledger.retry_failed(tx, **RUN, at=AT, reason="gave_up") == 1
        assert ledger.retry_failed(tx, **RUN, at=AT) == 1
        assert ledger.retry_failed(tx, **RUN, at=AT) == 0
    assert counts(store) == {("planned", None): 2, ("skipped", "no_consent"): 1}


def test_campaigns_do_not_touch_each_other(store: Store) -> None:
    plan(store, 1)
    with store.transaction() as tx:
        other = PlannedMessage(
            campaign="winter", occurrence="1", person_id="p0000", channel="email",
            purpose="marketing", arm="a",
        )  # fmt: skip
        assert ledger.plan(tx, [other], at=AT) == 1
    assert len(claim(store)) == 1
    assert counts(store) == {("claimed", None): 1}
