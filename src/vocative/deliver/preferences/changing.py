"""What a person decided is written down: events with proof first, then what counts at once.

A choice comes in, known to be of the person to whom a message went by its signed link. Out go
consents, each with the version of the text that was seen, and the suppression of addresses. The
events are durable before anything is changed, so no decision is lost; deciding the same twice
changes nothing the second time.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver.preferences.standing import (
    EMAIL,
    LEAVING,
    Preferences,
    address_fields,
    read_preferences,
)
from vocative.deliver.preferences.wording import keep_text
from vocative.deliver.recipient import Recipient, address_hashes
from vocative.privacy import consent, suppression
from vocative.privacy.consent import Consent
from vocative.privacy.wishes import SPACINGS, Wishes
from vocative.stores import Transaction
from vocative.workspace import Workspace

SOURCE = "preference centre"
PAUSES = (7, 30, 90)
"""Days of a break that may be asked for."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How it is known that a person decided so."""

    language: str
    """Of the page that was seen."""
    network: str | None
    """Where it came from, as a keyed hash."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to get."""

    wanted: Mapping[str, Collection[str]]
    """Channels by listed purpose; a purpose that is not there is not wanted."""
    every_days: Mapping[str, int] = {}
    """By purpose: at most one message in so many days."""
    pause_days: int | None = None
    """A break from now on; 0: none; None: as it is."""
    language: str | None = None
    """Of mails; None: as it is."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a choice."""

    preferences: Preferences
    """As they are now."""
    changed: bool


def save(workspace: Workspace, message_id: str, choice: Choice, proof: Proof) -> Saved | None:
    """Let a choice count; None when the message or the person is gone.

    Raises:
        LogError, StoreError: it may not be kept in full, and can be tried again.
    """
    found = _read(workspace, message_id)
    if found is None:
        return None
    now = workspace.clock.now()
    changes = _Changes(workspace, found.recipient, proof, now)
    for subject in found.listed:
        wanted = choice.wanted.get(subject.purpose, ())
        wishes = _wishes(subject.wishes, choice, subject.purpose, now)
        for channel, stated in subject.channels.items():
            wish = wishes if subject.takes_wishes else Wishes()
            if channel not in wanted:
                if stated.agrees:
                    changes.add(subject.purpose, channel, "withdrawn")
            elif not stated.agrees or stated.wishes != wish:
                changes.add(subject.purpose, channel, "given", wish)
    returning = {
        channel
        for subject in found.listed
        for channel, stated in subject.channels.items()
        if channel in choice.wanted.get(subject.purpose, ()) and not stated.is_sent
    }
    speaks = choice.language if choice.language in found.languages else None
    events = changes.events()
    if speaks and speaks != found.recipient.language:
        events.append(_language_event(found.recipient, speaks, now))
    if events or returning:
        changes.write(events, returning=returning)
    return _saved(workspace, message_id, changed=bool(events or returning))


def leave_all(workspace: Workspace, message_id: str, proof: Proof) -> Saved | None:
    """Let nothing be sent any more, for whichever purpose, by whichever channel.

    Raises:
        LogError, StoreError: it may not be kept in full, and can be tried again.
    """
    found = _read(workspace, message_id)
    if found is None:
        return None
    changes = _Changes(workspace, found.recipient, proof, workspace.clock.now())
    for subject in found.subjects:
        for channel, stated in subject.channels.items():
            if stated.consent is None or stated.consent.status != "withdrawn":
                changes.add(subject.purpose, channel, "withdrawn")
    changes.write(changes.events(), leaving=True)
    return _saved(workspace, message_id, changed=True)


class _Changes:
    """The consents of one decision."""

    def __init__(
        self, workspace: Workspace, recipient: Recipient, proof: Proof, now: datetime
    ) -> None:
        self._workspace = workspace
        self._recipient = recipient
        self._now = now
        with workspace.store.transaction() as tx:
            self._wording = keep_text(workspace, tx, proof.language)
        self._evidence = {
            "message_id": recipient.message_id,
            "language": proof.language,
            **({"network_hash": proof.network} if proof.network else {}),
        }
        self._consents: list[Consent] = []

    def add(
        self, purpose: str, channel: str, status: consent.Status, wishes: Wishes | None = None
    ) -> None:
        """One consent changes."""
        evidence = self._evidence | (wishes.as_evidence() if wishes else {})
        self._consents.append(
            Consent(
                person_id=self._recipient.person_id,
                origin=self._recipient.origin,
                purpose=purpose,
                channel=channel,
                status=status,
                at=self._now,
                source=SOURCE,
                wording=self._wording,
                evidence=evidence,
            )
        )

    def events(self) -> list[dict[str, Any]]:
        """The changes as events; their consent ids are the same, so applying adds no row."""
        return [_event(self._recipient, one) for one in self._consents]

    def write(
        self,
        events: list[dict[str, Any]],
        *,
        returning: Collection[str] = (),
        leaving: bool = False,
    ) -> None:
        """Make the events durable, then let the consents count at once.

        Args:
            events: What is told.
            returning: Channels on which an earlier unsubscribe ends.
            leaving: Whether all addresses unsubscribe.
        """
        workspace = self._workspace
        if events:
            accept(workspace, events, source=OWN_SOURCE)
        with workspace.store.transaction() as tx:
            consent.record(tx, self._consents)
            addresses = self._addresses(tx)
            for channel, address in addresses:
                if channel in returning:
                    suppression.remove(tx, address, channel=channel, reason=LEAVING)
            if leaving:
                suppression.add(tx, [self._left(*one) for one in addresses])

    def _addresses(self, tx: Transaction) -> list[tuple[str, str]]:
        fields = address_fields(self._workspace)
        return address_hashes(self._workspace, tx, self._recipient, fields)

    def _left(self, channel: str, address: str) -> suppression.Suppression:
        return suppression.Suppression(
            address_hash=address,
            channel=channel,
            reason=LEAVING,
            source=f"message {self._recipient.message_id}",
            added_at=self._now,
        )


def _read(workspace: Workspace, message_id: str) -> Preferences | None:
    with workspace.store.read() as tx:
        return read_preferences(workspace, tx, message_id)


def _saved(workspace: Workspace, message_id: str, *, changed: bool) -> Saved | None:
    found = _read(workspace, message_id)
    return None if found is None else Saved(preferences=found, changed=changed)


def _wishes(stated: Wishes, choice: Choice, purpose: str, now: datetime) -> Wishes:
    """What somebody asks for; what no page offers is none."""
    every_days = choice.every_days.get(purpose, 0)
    until = stated.paused_until
    if choice.pause_days is not None:
        until = pause_until(now, choice.pause_days)
    return Wishes(every_days=every_days if every_days in SPACINGS else 0, paused_until=until)


def pause_until(now: datetime, days: int) -> date | None:
    """The day on which a break ends that begins now; the same for all of a day.

    >>> pause_until(datetime(2026, 3, 2, 9, 30, tzinfo=UTC), 30)
    datetime.date(2026, 4, 1)
    """
    return now.astimezone(UTC).date() + timedelta(days=days) if days in PAUSES else None


def _event(recipient: Recipient, change: Consent) -> dict[str, Any]:
    by_mail = change.purpose == recipient.purpose and change.channel == EMAIL
    # A report counts against its mail who left because of it.
    withdrawn = "Unsubscribed" if by_mail else "Consent Withdrawn"
    return {
        "type": "track",
        "event": "Consent Given" if change.status == "given" else withdrawn,
        "messageId": f"preferences-{change.consent_id}",
        "timestamp": change.at.isoformat(),
        "context": {"personId": recipient.profile},
        "properties": {
            "campaign": recipient.campaign,
            "message_id": recipient.message_id,
            "purpose": change.purpose,
            "channel": change.channel,
            "source": change.source,
            "wording": change.wording,
            "evidence": dict(change.evidence),
        },
    }


def _language_event(recipient: Recipient, language: str, now: datetime) -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": f"preferences-language-{recipient.message_id}-{to_micros(now)}",
        "timestamp": now.isoformat(),
        "context": {"personId": recipient.profile},
        "traits": {"language": language},
    }
