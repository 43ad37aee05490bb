"""What is said to one person, and what the provider answered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

Outcome = Literal["accepted", "deferred", "bounced", "failed", "ambiguous"]


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One rendered message. Compose fills the first part, the sender the second."""

    message_id: str
    subject: str
    html: str
    text: str
    from_email: str
    from_name: str = ""
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    decision: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What explains this message later (variant, branches, items); added to the ledger row."""

    to: str = ""
    person_id: str = ""
    address_hash: str = ""
    campaign: str = ""
    occurrence: str = ""
    purpose: str = ""
    workspace: str = ""
    at: datetime | None = None
    attempt: int = 1


class Skip(msgspec.Struct, frozen=True, kw_only=True):
    """Compose found that there is nothing right to say to this person."""

    message_id: str
    reason: str
    """A short code, for example `no_products`."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one hand-over."""

    outcome: Outcome
    reason: str | None = None
    """A short code; None when accepted."""
    reply: str | None = None
    """What the provider said, without addresses."""
    address_is_dead: bool = False
    """The provider says that this address will never work."""
    retry_seconds: float | None = None
    """When deferred: wait at least this long; None: the ledger's back-off."""
    counts_as_attempt: bool = True
    """False: it was put off here, and the provider was not asked."""
