"""Who may be contacted, and that nothing else is."""

import copy
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.clock import to_micros
from vocative.deliver import ledger
from vocative.deliver.ledger import PlannedMessage
from vocative.errors import PrivacyError, UnknownName
from vocative.privacy import consent, suppression
from vocative.privacy.consent import Consent
from vocative.privacy.permit import (
    OPT_IN_CONFIRMATION,
    REFUSALS,
    Contact,
    ContactRules,
    Permit,
    Refusal,
    issue,
    issue_many,
    quiet_until,
)
from vocative.privacy.suppression import Suppression
from vocative.stores import Store, Transaction

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANA = Contact(person_id="ana", address_hash="hash-of-ana")


@dataclass(frozen=True)
class Rule:
    consent: Literal["opt_in", "opt_out"] = "opt_in"
    max_per_week: int | None = None


@dataclass(frozen=True)
class Hours:
    start: int
    end: int


RULES = ContactRules(
    purposes={"marketing": Rule(), "service": Rule("opt_out"), "capped": Rule("opt_out", 2)}
)


def profile(tx: Transaction, person_id: str = "ana", **traits: str) -> None:
    tx.run(
        "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
        " VALUES (:person_id, 0, 0, :traits)",
        {"person_id": person_id, "traits": msgspec.json.encode(traits).decode()},
    )


def says(tx: Transaction, status: consent.Status, purpose: str = "marketing") -> None:
    consent.record(
        tx,
        Consent(
            person_id="ana", purpose=purpose, channel="email", status=status, at=AT, source="form"
        ),
    )


def ask(
    tx: Transaction,
    contact: Contact = ANA,
    purpose: str = "marketing",
    rules: ContactRules = RULES,
    at: datetime = AT,
) -> Permit | Refusal:
    return issue(tx, contact, purpose=purpose, channel="email", rules=rules, at=at)


def code(answer: Permit | Refusal) -> str | None:
    return answer.code if isinstance(answer, Refusal) else None


def states(tx: Transaction, status: consent.Status, hours: int, purpose: str = "marketing") -> None:
    at = AT + timedelta(hours=hours)
    stated = Consent(
        person_id="ana", purpose=purpose, channel="email", status=status, at=at, source="form"
    )
    consent.record(tx, stated)


def test_a_request_may_be_confirmed_while_it_waits(store: Store) -> None:
    with store.transaction() as tx:
        profile(tx)
        assert code(ask(tx, purpose=OPT_IN_CONFIRMATION)) == "nothing_to_confirm"
        states(tx, "given", 0)
        states(tx, "pending", 1)
        assert code(ask(tx, purpose=OPT_IN_CONFIRMATION)) is None
        states(tx, "withdrawn", 0, "surveys")
        states(tx, "withdrawn", 2)
        assert code(ask(tx, purpose=OPT_IN_CONFIRMATION)) == "nothing_to_confirm"
        states(tx, "pending", 2, "surveys")
        answer = ask(tx, purpose=OPT_IN_CONFIRMATION)
        assert code(answer) is None
        assert answer.evidence["consent"] == "pending"


def test_a_request_is_no_consent(store: Store) -> None:
    with store.transaction() as tx:
        profile(tx)
        states(tx, "withdrawn", 0, "service")
        states(tx, "pending", 1, "service")
        states(tx, "given", 0)
        states(tx, "pending", 1)
        assert code(ask(tx, purpose="service")) == "consent_withdrawn"
        assert code(ask(tx)) is None


@pytest.mark.parametrize("reason", ["bounce", "complaint", "manual"])
def test_only_an_unsubscribe_lets_somebody_be_asked_again(
    store: Store, reason: suppression.Reason
) -> None:
    def suppressed(why: suppression.Reason) -> Suppression:
        return Suppression(
            address_hash="hash-of-ana", channel="email", reason=why, source="test", added_at=AT
        )

    night = ContactRules(purposes={}, quiet_hours=Hours(0, 23))
    with store.transaction() as tx:
        profile(tx)
        states(tx, "pending", 0)
        suppression.add(tx, suppressed("unsubscribe"))
        assert code(ask(tx, purpose=OPT_IN_CONFIRMATION, rules=night)) is None
        suppression.add(tx, suppressed(reason))
        assert code(ask(tx, purpose=OPT_IN_CONFIRMATION)) == f"suppressed_{reason}"


def test_consent_decides_by_the_purposes_mode(store: Store) -> None:
    with store.transaction() as tx:
        profile(tx)
        assert code(ask(tx)) == "no_consent"
        assert code(ask(tx, purpose="service")) is None
        says(tx, "pending")
        assert code(ask(tx)) == "no_consent"
        says(tx, "given")
        answer = ask(tx)
        assert isinstance(answer, Permit)
        assert answer.evidence["consent"] == "given"
        assert answer.evidence["consent_source"] == "form"
        says(tx, "withdrawn")
        says(tx, "withdrawn", "service")
        assert code(ask(tx)) == "consent_withdrawn"
        assert code(ask(tx, purpose="service")) == "consent_withdrawn"


def test_nobody_without_profile_or_address_is_contacted(store: Store) -> None:
    with store.transaction() as tx:
        assert code(ask(tx, purpose="service")) == "erased"
        profile(tx)
        nowhere = Contact(person_id="ana", address_hash=None)
        assert code(ask(tx, nowhere, "service")) == "no_address"
        tx.run("UPDATE profiles SET merged_into = 'ana2' WHERE person_id = 'ana'")
        assert code(ask(tx, purpose="service")) == "merged"


@pytest.mark.parametrize("reason", ["bounce", "complaint", "unsubscribe", "manual"])
def test_a_suppressed_address_is_not_contacted(store: Store, reason: suppression.Reason) -> None:
    with store.transaction() as tx:
        profile(tx)
        row = Suppression(
            address_hash="hash-of-ana",
            channel="email",
            reason=reason,
            source="test",
            added_at=AT,
            expires_at=AT + timedelta(days=1),
        )
        suppression.add(tx, row)
        assert code(ask(tx, purpose="service")) == f"suppressed_{reason}"
        assert code(ask(tx, purpose="service", at=AT + timedelta(days=2))) is None
        elsewhere = Contact(person_id="ana", address_hash="another address")
        assert code(ask(tx, elsewhere, "service")) is None


def test_the_gravest_reason_is_named(store: Store) -> None:
    with store.transaction() as tx:
        profile(tx)
        for reason in ("bounce", "unsubscribe", "complaint"):
            row = Suppression(
                address_hash="hash-of-ana", channel="email", reason=reason, source="t", added_at=AT
            )
            suppression.add(tx, row)
        assert code(ask(tx, purpose="service")) == "suppressed_complaint"


def test_caps_count_what_left_within_seven_days(store: Store) -> None:
    def sent(occurrence: str, at: datetime, state: str) -> None:
        planned = PlannedMessage(
            campaign="c", occurrence=occurrence, person_id="ana", channel="email",
            purpose="capped", arm="a",
        )  # fmt: skip
        ledger.plan(tx, [planned], at=at)
        tx.run(
            "UPDATE messages SET state = :state, handed_at = :at WHERE message_id = :message_id",
            {"state": state, "at": to_micros(at), "message_id": planned.message_id},
        )

    with store.transaction() as tx:
        profile(tx)
        sent("1", AT - timedelta(days=8), "accepted")
        sent("2", AT - timedelta(days=1), "ambiguous")
        sent("3", AT - timedelta(days=1), "bounced")
        assert code(ask(tx, purpose="capped")) is None
        sent("4", AT - timedelta(hours=1), "accepted")
        refusal = ask(tx, purpose="capped")
        assert code(refusal) == "capped"
        assert refusal.evidence["caps"][0] == {
            "cap": "2 in 7d for capped",
            "had": 2,
            "of_higher_priority": 0,
        }
        assert code(ask(tx, purpose="service")) is None


def test_quiet_hours_are_the_persons_else_the_workspaces(store: Store) -> None:
    rules = ContactRules(
        purposes={"service": Rule("opt_out")}, timezone="Europe/London", quiet_hours=Hours(21, 8)
    )
    with store.transaction() as tx:
        profile(tx, "here")
        profile(tx, "tokyo", timezone="Asia/Tokyo")
        profile(tx, "nowhere", timezone="Not/AZone")
        contacts = [
            Contact(person_id=name, address_hash="h") for name in ("here", "tokyo", "nowhere")
        ]
        here, tokyo, nowhere = issue_many(
            tx, contacts, purpose="service", channel="email", rules=rules, at=AT
        )
    assert isinstance(here, Permit)
    assert here.evidence["timezone"] == "Europe/London (workspace)"
    assert isinstance(nowhere, Permit)
    assert isinstance(tokyo, Refusal)
    assert tokyo.code == "quiet_hours"
    # Noon in London is nine in the evening in Tokyo; there it is eight again at 23:00 UTC.
    assert tokyo.until == datetime(2026, 3, 2, 23, tzinfo=UTC)


@given(
    at=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: AT + timedelta(minutes=minutes)),
    start=st.integers(0, 23),
    end=st.integers(0, 24),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
    ),
)
def test_quiet_hours_end_when_they_say(at: datetime, start: int, end: int, zone: str) -> None:
    hours, place = Hours(start, end), ZoneInfo(zone)
    until = quiet_until(at, place, hours)
    if until is None:
        local = at.astimezone(place).hour
        assert not (start <= local < end) if start <= end else end <= local < start
        return
    assert at < until <= at + timedelta(hours=25)
    if start not in (end % 24, end):
        assert quiet_until(until, place, hours) is None


def test_answers_come_in_the_order_of_the_questions(store: Store) -> None:
    people = [f"p{number:04}" for number in range(1_234)]
    with store.transaction() as tx:
        for person_id in people[::2]:
            profile(tx, person_id)
        contacts = [Contact(person_id=one, address_hash="h") for one in people]
        answers = issue_many(tx, contacts, purpose="service", channel="email", rules=RULES, at=AT)
    assert [answer.person_id for answer in answers] == people
    assert [code(answer) for answer in answers[:4]] == [None, "erased", None, "erased"]


def test_an_unknown_purpose_is_named_with_the_nearest(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(UnknownName, match="did you mean 'marketing'"):
        ask(tx, purpose="marketting")


def test_every_refusal_has_words() -> None:
    for known in REFUSALS:
        assert Refusal(person_id="p", code=known).words


def test_a_permit_cannot_be_made_changed_copied_or_stored(store: Store) -> None:
    with store.transaction() as tx:
        profile(tx)
        permit = ask(tx, purpose="service")
    assert isinstance(permit, Permit)
    values = {name: getattr(permit, name) for name in ("person_id", "channel", "address_hash")}
    with pytest.raises(PrivacyError):
        Permit(**values)
    with pytest.raises(PrivacyError):
        Permit(object(), **values)
    with pytest.raises(PrivacyError):
        permit.person_id = "bob"
    with pytest.raises(PrivacyError):
        copy.copy(permit)
    with pytest.raises(PrivacyError):
        copy.deepcopy(permit)
    with pytest.raises(PrivacyError):
        pickle.dumps(permit)
    forged = object.__new__(Permit)
    for name, value in values.items():
        object.__setattr__(forged, name, value)
    with pytest.raises(PrivacyError, match="not issued"):
        forged.spend(**values)
    with pytest.raises(PrivacyError, match="another person"):
        permit.spend(**{**values, "person_id": "bob"})
    permit.spend(**values)
    with pytest.raises(PrivacyError, match="already"):
        permit.spend(**values)
