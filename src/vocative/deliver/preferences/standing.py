"""What a person is sent now, and why: read from consents and suppressions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from vocative.deliver.channels import CHANNELS
from vocative.deliver.recipient import Recipient, address_hashes, find_recipient
from vocative.errors import UnknownName
from vocative.pages.words import in_language
from vocative.privacy import consent, suppression
from vocative.privacy.consent import Consent
from vocative.privacy.wishes import Wishes, read_wishes
from vocative.stores import Transaction
from vocative.workspace import Purpose, Settings, Workspace

EMAIL = "email"
_SPOKEN_OF = (EMAIL, "sms", "push")
"""Channels that people have a word for."""
LEAVING: suppression.Reason = "unsubscribe"
"""The reason under which an address is suppressed that its owner unsubscribed."""

Because = Literal["given", "opt_out", "withdrawn"]


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """How a person stands to one purpose on one channel."""

    consent: Consent | None
    """What counts now; None: nothing was ever stated."""
    agrees: bool
    """By the consent alone."""
    is_sent: bool
    """Agrees, and the address did not unsubscribe."""

    @property
    def wishes(self) -> Wishes:
        """What was asked for with the consent."""
        return read_wishes(self.consent.evidence) if self.consent and self.agrees else Wishes()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose, and how a person stands to it."""

    purpose: str
    rule: Purpose
    channels: Mapping[str, Stated]

    @property
    def takes_wishes(self) -> bool:
        """What comes without being asked for, such as mails about orders, cannot be put off."""
        return self.rule.consent == "opt_in"

    @property
    def wishes(self) -> Wishes:
        """The wishes with the first channel that has any."""
        found = (stated.wishes for stated in self.channels.values())
        return next((one for one in found if one != Wishes()), Wishes())

    def title(self, language: str, settings: Settings) -> str:
        """What people see it called."""
        return in_language(self.rule.title, language, settings.page_language) or self.purpose

    def description(self, language: str, settings: Settings) -> str:
        """What it is, for people to read; may be empty."""
        return in_language(self.rule.describe, language, settings.page_language)


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is sent now."""

    recipient: Recipient
    subjects: Sequence[Subject]
    """Every purpose of the workspace."""
    languages: Sequence[str]
    """To choose from; empty where there is no choice."""
    blocked: bool
    """Whether nothing is sent to the address whatever the person says."""

    @property
    def listed(self) -> list[Subject]:
        """The purposes that people find."""
        return [one for one in self.subjects if one.rule.listed]

    @property
    def asked_about(self) -> Subject | None:
        """The purpose of the mail that led here; None when there is no such any more."""
        purpose = self.recipient.purpose
        return next((one for one in self.subjects if one.purpose == purpose), None)

    @property
    def paused_until(self) -> date | None:
        """The latest day until which something is paused."""
        days = (one.wishes.paused_until for one in self.subjects)
        return max((day for day in days if day is not None), default=None)

    @property
    def can_move(self) -> list[Subject]:
        """The purposes that were agreed to and of which mails are sent."""
        return [one for one in self.listed if one.takes_wishes and one.channels[EMAIL].is_sent]


def find_preferences(workspace: Workspace, message_id: str) -> Preferences | None:
    """What the person is sent to whom a message went; None when either is gone."""
    with workspace.store.read() as tx:
        return read_preferences(workspace, tx, message_id)


def read_preferences(workspace: Workspace, tx: Transaction, message_id: str) -> Preferences | None:
    """The same within a transaction."""
    recipient = find_recipient(tx, message_id)
    if recipient is None:
        return None
    left, blocked = set(), False
    for channel, address in address_hashes(workspace, tx, recipient, address_fields(workspace)):
        now = workspace.clock.now()
        for found in suppression.find(tx, address, channel=channel):
            if found.expires_at is not None and found.expires_at <= now:
                continue
            if found.reason == LEAVING:
                left.add(channel)
            elif channel == EMAIL:
                blocked = True
    subjects = [
        Subject(
            purpose=name,
            rule=rule,
            channels={
                channel: _stated(tx, recipient, name, rule, channel, has_left=channel in left)
                for channel in channels(workspace)
            },
        )
        for name, rule in workspace.settings.purposes.items()
    ]
    return Preferences(
        recipient=recipient, subjects=subjects, languages=_languages(workspace), blocked=blocked
    )


def because(subject: Subject) -> tuple[Because, Consent | None]:
    """Why mails of a purpose are sent, and the consent behind it."""
    stated = subject.channels[EMAIL]
    if not stated.is_sent:
        return "withdrawn", None
    if stated.consent is not None and stated.consent.status == "given":
        return "given", stated.consent
    return "opt_out", None


def channels(workspace: Workspace) -> list[str]:
    """The channels that the workspace has and people have a word for."""
    found = {channel for channel, _ in address_fields(workspace)}
    return [one for one in _SPOKEN_OF if one in found]


def address_fields(workspace: Workspace) -> list[tuple[str, str]]:
    """(channel, field of the vault with its address) for every channel of the workspace."""
    found = {(EMAIL, "email"): None}
    for name in workspace.settings.channels:
        try:
            kind = CHANNELS.load(name)
        except UnknownName:
            continue  # A name for several of them.
        found[kind.medium, kind.address_field] = None
    return list(found)


def _stated(
    tx: Transaction,
    recipient: Recipient,
    purpose: str,
    rule: Purpose,
    channel: str,
    *,
    has_left: bool,
) -> Stated:
    person_id = recipient.person_id
    found = consent.latest(tx, [person_id], purpose=purpose, channel=channel).get(person_id)
    status = found.status if found else None
    agrees = status == "given" or (rule.consent == "opt_out" and status != "withdrawn")
    return Stated(consent=found, agrees=agrees, is_sent=agrees and not has_left)


def _languages(workspace: Workspace) -> list[str]:
    """Languages that mails are written in, where a trait says which one a person reads."""
    trait = workspace.traits.get("language")
    if trait is None or trait.personal:
        return []
    settings = workspace.settings
    found = list(dict.fromkeys([settings.language, *settings.languages]))
    return found if len(found) > 1 else []
