"""The consent ledger, the suppression list and the audit chain, on every store."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.clock import FixedClock
from vocative.errors import DataError
from vocative.privacy import audit, consent, suppression
from vocative.privacy.consent import Consent
from vocative.privacy.keys import WorkspaceKey
from vocative.privacy.suppression import Suppression
from vocative.privacy.vault import Vault
from vocative.stores import Store

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def change(status: consent.Status, at: datetime = AT, **changes: str) -> Consent:
    fields = {"person_id": "p1", "purpose": "marketing", "channel": "email", "source": "form"}
    return Consent(status=status, at=at, **{**fields, **changes})


def stands(store: Store) -> str | None:
    with store.read() as tx:
        found = consent.latest(tx, ["p1", "nobody"], purpose="marketing", channel="email")
    return found["p1"].status if "p1" in found else None


def test_the_latest_statement_counts_in_whatever_order_they_come(store: Store) -> None:
    with store.transaction() as tx:
        consent.record(tx, change("withdrawn", AT + HOUR))
        consent.record(tx, change("given", AT))
        assert len(consent.history(tx, "p1")) == 2
    assert stands(store) == "withdrawn"
    with store.transaction() as tx:
        consent.record(tx, change("given", AT + 2 * HOUR, source="preferences"))
    assert stands(store) == "given"


def test_at_one_instant_a_withdrawal_wins(store: Store) -> None:
    with store.transaction() as tx:
        consent.record(tx, [change("withdrawn"), change("given"), change("pending")])
    assert stands(store) == "withdrawn"


@pytest.mark.parametrize("standing", ["given", "withdrawn"])
def test_a_request_changes_nothing_that_was_stated(store: Store, standing: consent.Status) -> None:
    with store.transaction() as tx:
        consent.record(tx, change(standing))
        consent.record(tx, change("pending", AT + HOUR))
    assert stands(store) == standing


def test_purposes_and_channels_are_apart(store: Store) -> None:
    with store.transaction() as tx:
        consent.record(tx, [change("given", purpose="surveys"), change("given", channel="sms")])
    assert stands(store) is None


def test_a_replay_adds_nothing(store: Store) -> None:
    changes = [change("given"), change("withdrawn", AT + HOUR), change("given", AT + 2 * HOUR)]
    with store.transaction() as tx:
        assert consent.record(tx, changes) == 3
        assert consent.record(tx, changes) == 0
        assert consent.history(tx, "p1") == changes


def test_wording_and_evidence_are_kept(store: Store) -> None:
    stated = Consent(
        person_id="p1",
        purpose="marketing",
        channel="email",
        status="given",
        at=AT,
        source="form",
        wording="v3",
        evidence={"page": "/signup"},
    )
    with store.transaction() as tx:
        consent.record(tx, stated)
        assert consent.history(tx, "p1") == [stated]


def test_an_unknown_status_is_refused(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(DataError, match="no consent status"):
        consent.record(tx, change("maybe"))  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(st.sampled_from(["given", "pending", "withdrawn"]), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_order_of_arrival_never_matters(tmp_path_factory, changes) -> None:
    from vocative.stores import open_store

    stated = [change(status, AT + hours * HOUR) for status, hours in changes]
    expected = max(stated, key=lambda one: (one.status != "pending", one.at, one.consent_id)).status
    folder = tmp_path_factory.mktemp("store")
    for order in (stated, stated[::-1]):
        with open_store(f"sqlite:///{folder / str(order is stated)}.db") as opened:
            for one in order:
                with opened.transaction() as tx:
                    consent.record(tx, one)
            assert stands(opened) == expected


def vault() -> Vault:
    return Vault(WorkspaceKey.derive(b"k" * 32), FixedClock(AT))


def test_an_address_is_found_however_it_is_written() -> None:
    hashes = {
        suppression.address_hash(vault(), "email", address)
        for address in ("Ana@Example.com", " ana@example.com ", "ANA@EXAMPLE.COM")
    }
    assert len(hashes) == 1
    assert "ana" not in hashes.pop()
    assert suppression.address_hash(vault(), "email", "a@example.com") != (
        suppression.address_hash(vault(), "sms", "a@example.com")
    )


def test_each_reason_is_undone_by_itself(store: Store) -> None:
    def row(reason: suppression.Reason, expires_at: datetime | None = None) -> Suppression:
        return Suppression(
            address_hash="h", channel="email", reason=reason, source="test", added_at=AT,
            expires_at=expires_at,
        )  # fmt: skip

    with store.transaction() as tx:
        suppression.add(tx, [row("unsubscribe"), row("complaint", AT + HOUR)])
        suppression.add(tx, row("complaint", AT + 2 * HOUR))
        assert suppression.remove(tx, "h", channel="email", reason="unsubscribe")
        assert not suppression.remove(tx, "h", channel="email", reason="unsubscribe")
        assert suppression.find(tx, "h", channel="email") == [row("complaint", AT + 2 * HOUR)]
        assert suppression.find(tx, "h", channel="sms") == []


def test_the_audit_chain_shows_what_was_touched(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(5):
            audit.append(tx, at=AT, actor="ana", action="read", subject=f"p{number}")
        assert audit.first_broken(tx) is None
        assert [entry.subject for entry in audit.entries(tx, limit=2)] == ["p4", "p3"]
        assert [entry.entry for entry in audit.entries(tx, subject="p1")] == [2]
        tx.run("UPDATE audit SET actor = 'bob' WHERE entry = 3")
        assert audit.first_broken(tx) == 3
        tx.run("UPDATE audit SET actor = 'ana' WHERE entry = 3")
        tx.run("DELETE FROM audit WHERE entry = 2")
        assert audit.first_broken(tx) == 2


def test_audit_entries_made_at_once_stay_one_chain(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def append(number: int) -> None:
        with store.transaction() as tx:
            audit.append(tx, at=AT, actor="ana", action="read", subject=str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(24)))
    with store.read() as tx:
        assert audit.first_broken(tx) is None
        assert len(audit.entries(tx)) == 24
