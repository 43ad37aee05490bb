"""The message ledger: one row per planned communication, written before anything is done.

    planned ─► claimed ─► permitted ─► rendered ─► handed ─► accepted | bounced | failed
       ▲          │            │           │          ├────► deferred (tried again when due)
       └──────────┴────────────┴───────────┘          └────► ambiguous (listed, never guessed)
                  └─► skipped(reason)

A claim is a lease with a fence. Whoever lost the lease cannot write: the fence has grown.
`handed` is committed before the first byte leaves, so after a crash only `handed` messages are in
doubt, and these are asked for at the channel or become `ambiguous`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.errors import StateError
from vocative.ids import message_id_for, stable_fraction
from vocative.stores import Row, Store, Transaction, in_lists, load_queries

QUERIES = load_queries(Path(__file__).parent, "ledger")

State = Literal[
    "planned", "permitted", "rendered", "claimed", "handed", "accepted", "deferred", "bounced",
    "failed", "ambiguous", "skipped",
]  # fmt: skip

MAX_ATTEMPTS = 8
LEASED = ("claimed", "permitted", "rendered", "handed")
_HELD = ("claimed", "permitted", "rendered")
_COMES_FROM: dict[str, tuple[str, ...]] = {
    "permitted": _HELD,
    "rendered": _HELD,
    "handed": _HELD,
    "skipped": _HELD,
    "planned": _HELD,
    "accepted": ("handed",),
    "bounced": ("handed",),
    "ambiguous": ("handed",),
    "deferred": LEASED,
    "failed": LEASED,
}
"""From which states each state may be reached under a lease."""


class PlannedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One person who is to get, or deliberately not to get, a message."""

    campaign: str
    occurrence: str
    person_id: str
    channel: str
    """The medium, for example `email`: the same whichever provider carries it."""
    purpose: str
    arm: str
    """The variant's name, or `holdout`."""
    skipped: str | None = None
    """Why nothing is to be sent; None: it is to be sent."""
    decision: Mapping[str, Any] = msgspec.field(default_factory=dict)
    send_at: datetime | None = None
    """Not before then; None: at once."""
    kept_back: bool = False
    """Waits until it is released."""
    priority: float = 0.0
    """Where a cap leaves room for few, the greater goes first."""

    @property
    def message_id(self) -> str:
        """The deterministic id, also the Message-ID's local part."""
        return message_id_for(
            campaign=self.campaign,
            occurrence=self.occurrence,
            person_id=self.person_id,
            channel=self.channel,
        )


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A message that one sender holds until its lease ends."""

    message_id: str
    campaign: str
    occurrence: str
    person_id: str
    channel: str
    purpose: str
    arm: str
    fence: int
    owner: str
    attempts: int
    decision: Mapping[str, Any]
    priority: float | None = None
    personal: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The person's fields, as a rule the vault's; filled by the sender."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a claimed message."""

    claim: Claim
    state: State
    reason: str | None = None
    reply: str | None = None
    next_attempt_at: datetime | None = None
    decision: Mapping[str, Any] | None = None
    """Replaces the row's decision; None keeps it."""
    counts_as_attempt: bool = True


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages share a state and a reason."""

    state: str
    reason: str | None
    messages: int


class AmbiguousMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may or may not have arrived."""

    message_id: str
    person_id: str
    reason: str | None
    attempts: int
    handed_at: datetime | None
    provider_reply: str | None


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the leases of senders that are gone."""

    planned: int = 0
    accepted: int = 0
    ambiguous: int = 0


def plan(tx: Transaction, messages: Iterable[PlannedMessage], *, at: datetime) -> int:
    """Write rows for messages that have none yet.

    Returns:
        How many were new.
    """
    rows = [
        {
            "message_id": message.message_id,
            "campaign": message.campaign,
            "occurrence": message.occurrence,
            "person_id": message.person_id,
            "channel": message.channel,
            "purpose": message.purpose,
            "arm": message.arm,
            **_waiting(message, at),
            "decision": msgspec.json.encode(message.decision).decode(),
            "priority": message.priority or None,
            "at": to_micros(at),
        }
        for message in messages
    ]
    return tx.run(QUERIES["plan"], rows)


def _waiting(message: PlannedMessage, at: datetime) -> dict[str, Any]:
    """The state of a new row, and until when it waits."""
    if message.skipped:
        return {"state": "skipped", "reason": message.skipped, "next_attempt_at": None}
    if message.kept_back:
        return {"state": "deferred", "reason": "kept_back", "next_attempt_at": None}
    if message.send_at is not None and message.send_at > at:
        due = to_micros(message.send_at)
        return {"state": "deferred", "reason": "scheduled", "next_attempt_at": due}
    return {"state": "planned", "reason": None, "next_attempt_at": None}


def claim(
    tx: Transaction,
    *,
    campaign: str,
    occurrence: str,
    owner: str,
    n: int,
    at: datetime,
    lease_seconds: float,
) -> list[Claim]:
    """Lease up to `n` messages that are planned, or deferred and due."""
    lock = "FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    rows = tx.rows(
        QUERIES["claim"].replace("/*lock*/", lock),
        {
            "campaign": campaign,
            "occurrence": occurrence,
            "owner": owner,
            "n": n,
            "at": to_micros(at),
            "lease_until": to_micros(at + timedelta(seconds=lease_seconds)),
        },
    )
    return [_claim(row, owner) for row in rows]


def _claim(row: Row, owner: str) -> Claim:
    row["decision"] = msgspec.json.decode(row["decision"])
    return Claim(owner=owner, **row)


def mark(
    tx: Transaction, marks: Sequence[Mark], *, at: datetime, lease_seconds: float = 0
) -> list[Mark]:
    """Write what became of claimed messages.

    Args:
        tx: Commits all of them together.
        marks: With the claims under which they are written.
        at: Now.
        lease_seconds: How much longer the lease runs, in states that keep it.

    Returns:
        The marks that were refused because the holder has lost the lease; the rest is written.
    """
    lost: list[Mark] = []
    by_origin: dict[tuple[str, ...], list[Mark]] = {}
    for entry in marks:
        by_origin.setdefault(_COMES_FROM[entry.state], []).append(entry)
    for origin, group in by_origin.items():
        rows = [_mark_row(entry, at, lease_seconds) for entry in group]
        if tx.run(_mark_sql(origin), rows) != len(rows):
            lost += _lost(tx, group)
    return lost


def mark_one(tx: Transaction, entry: Mark, *, at: datetime, lease_seconds: float = 0) -> None:
    """Write what became of one message.

    Raises:
        StateError: the lease is lost; somebody else is responsible for the message now.
    """
    if mark(tx, [entry], at=at, lease_seconds=lease_seconds):
        raise StateError(
            f"the message {entry.claim.message_id} cannot become {entry.state}:"
            " its lease is lost or it is in another state",
            hint="another sender is responsible for it now; nothing needs to be done",
        )


def _mark_sql(origin: tuple[str, ...]) -> str:
    states = ", ".join(f"'{state}'" for state in origin)
    return QUERIES["mark"].replace("/*states*/", states)


def _mark_row(entry: Mark, at: datetime, lease_seconds: float) -> dict[str, Any]:
    keeps_lease = entry.state in LEASED
    decision = entry.decision
    return {
        "message_id": entry.claim.message_id,
        "fence": entry.claim.fence,
        "owner": entry.claim.owner,
        "state": entry.state,
        "reason": entry.reason,
        "provider_reply": entry.reply,
        "decision": None if decision is None else msgspec.json.encode(decision).decode(),
        "handed_at": to_micros(at) if entry.state == "handed" else None,
        "tries": _tries(entry),
        "next_attempt_at": None
        if entry.next_attempt_at is None
        else to_micros(entry.next_attempt_at),
        "new_owner": entry.claim.owner if keeps_lease else None,
        "lease_until": to_micros(at + timedelta(seconds=lease_seconds)) if keeps_lease else None,
        "at": to_micros(at),
    }


def _tries(entry: Mark) -> int:
    """A hand-over counts as an attempt; one that could not even begin is taken back."""
    if entry.state == "handed":
        return 1
    return 0 if entry.counts_as_attempt else -1


def _lost(tx: Transaction, marks: Sequence[Mark]) -> list[Mark]:
    """Which of these marks were not written."""
    names = {f"m{index}": entry.claim.message_id for index, entry in enumerate(marks)}
    sql = QUERIES["held"].replace("/*ids*/", ", ".join(f":{name}" for name in names))
    now = {row["message_id"]: (row["fence"], row["state"]) for row in tx.rows(sql, names)}
    return [
        entry
        for entry in marks
        if now.get(entry.claim.message_id) != (entry.claim.fence, entry.state)
    ]


def backoff(message_id: str, attempts: int) -> timedelta:
    """How long a deferred message waits: a minute, doubling up to four hours, spread by a quarter.

    >>> backoff("m", 1) >= timedelta(minutes=1)
    True
    """
    seconds = min(60 * 2 ** max(attempts - 1, 0), 4 * 3600)
    return timedelta(seconds=seconds * (1 + stable_fraction(message_id, str(attempts)) / 4))


def recover(
    store: Store,
    *,
    campaign: str,
    occurrence: str,
    at: datetime,
    lookup: Callable[[str], bool] | None,
    is_dead: Callable[[str], bool] = lambda _: False,
    lost_power: Callable[[str], bool] = lambda _: False,
    left_by: Callable[[str], Mapping[str, str] | None] = lambda _: None,
) -> Recovered:
    """Settle messages whose holder is gone.

    What was not handed over is planned again. What was handed over is looked up at the channel:
    there it is accepted, not there it is planned again. Where the channel cannot tell, the
    journal of its sender is asked; where that cannot tell either, the message becomes ambiguous.

    Args:
        store: The operational store.
        campaign: Whose messages.
        occurrence: Which run.
        at: Leases that end before are over.
        lookup: The channel's answer whether it has a message; None: it cannot tell.
        is_dead: Whether an owner is known to be gone, so that its lease need not run out.
        lost_power: Whether the machine went down under this owner. SQLite may then have forgotten
            that a `rendered` message was handed over, so it counts as handed.
        left_by: What an owner's journal says of its latest messages (see `holder.left_by`); None:
            nobody can say.
    """
    with store.read() as tx:
        leases = tx.rows(QUERIES["leases"], {"campaign": campaign, "occurrence": occurrence})
    gone = {owner: is_dead(owner) for owner in {lease["lease_owner"] for lease in leases}}
    journals = {owner: left_by(owner) for owner, dead in gone.items() if dead}
    now = to_micros(at)
    ended = []
    for lease in leases:
        if not gone[lease["lease_owner"]] and lease["lease_until"] > now:
            continue
        forgotten = store.dialect == "sqlite" and lost_power(lease["lease_owner"])
        doubtful = lease["state"] == "handed" or (lease["state"] == "rendered" and forgotten)
        journal = journals.get(lease["lease_owner"])
        ended.append(_ended(lease, lookup, journal, now, doubtful=doubtful))
    with store.transaction() as tx:
        # One by one: somebody else may have taken a lease over since it was read.
        written = [row["state"] for row in ended if tx.run(QUERIES["end_lease"], row)]
    return Recovered(
        planned=written.count("planned"),
        accepted=written.count("accepted"),
        ambiguous=written.count("ambiguous"),
    )


def _ended(
    lease: Row,
    lookup: Callable[[str], bool] | None,
    journal: Mapping[str, str] | None,
    now: int,
    *,
    doubtful: bool,
) -> dict[str, Any]:
    message_id = lease["message_id"]
    reason: str | None = None
    if not doubtful:
        state = "planned"
    elif lookup is not None:
        state = "accepted" if lookup(message_id) else "planned"
        reason = "found_at_channel" if state == "accepted" else None
    elif journal is None or journal.get(message_id) == "begun":
        state, reason = "ambiguous", "sender_died"
    elif journal.get(message_id) == "accepted":
        state, reason = "accepted", "found_in_journal"
    else:
        state = "planned"
    return {
        "message_id": lease["message_id"],
        "fence": lease["fence"],
        "old_state": lease["state"],
        "state": state,
        "reason": reason,
        "at": now,
    }


def lease_owners(tx: Transaction) -> set[str]:
    """Everybody who holds a lease, in any campaign."""
    return {owner for (owner,) in tx.tuples(QUERIES["owners"]) if owner}


def told_otherwise(
    tx: Transaction, *, campaign: str, occurrence: str, channel: str, person_ids: Sequence[str]
) -> set[str]:
    """To whom a message of a run left already under another profile of theirs.

    People who were joined or separated since the run was planned have several rows in it, and are
    to get one message all the same.

    Args:
        tx: What it sees is what counts; ask in the transaction that records the hand-over.
        campaign: Of the run.
        occurrence: Which run.
        channel: The medium.
        person_ids: Who is about to get theirs.
    """
    told: set[str] = set()
    for marks, bound in in_lists(person_ids):
        named = {**bound, "campaign": campaign, "occurrence": occurrence, "channel": channel}
        rows = tx.rows(QUERIES["told_otherwise"].replace("/*ids*/", marks), named)
        told.update(row["person_id"] for row in rows)
    return told


def counts(tx: Transaction, *, campaign: str, occurrence: str) -> list[Count]:
    """How many messages of a campaign are in each state, by reason."""
    rows = tx.rows(QUERIES["counts"], {"campaign": campaign, "occurrence": occurrence})
    return [Count(**row) for row in rows]


def next_attempt_at(tx: Transaction, *, campaign: str, occurrence: str) -> datetime | None:
    """When the earliest deferred message is due; None when none is deferred."""
    due = tx.value(QUERIES["next_attempt"], {"campaign": campaign, "occurrence": occurrence})
    return None if due is None else from_micros(due)


def ambiguous(tx: Transaction, *, campaign: str, occurrence: str) -> list[AmbiguousMessage]:
    """Messages of a campaign that may or may not have arrived."""
    rows = tx.rows(QUERIES["ambiguous"], {"campaign": campaign, "occurrence": occurrence})
    return [
        AmbiguousMessage(
            message_id=row["message_id"],
            person_id=row["person_id"],
            reason=row["reason"],
            attempts=row["attempts"],
            handed_at=None if row["handed_at"] is None else from_micros(row["handed_at"]),
            provider_reply=row["provider_reply"],
        )
        for row in rows
    ]


def resolve(tx: Transaction, message_ids: Sequence[str], *, arrived: bool, at: datetime) -> int:
    """Settle ambiguous messages by what somebody found out.

    Args:
        tx: Commits all of them together.
        message_ids: Of ambiguous messages; others are left alone.
        arrived: True marks them accepted; False plans them again.
        at: Now.

    Returns:
        How many were settled.
    """
    state, reason = ("accepted", "confirmed_by_hand") if arrived else ("planned", None)
    return tx.run(
        QUERIES["resolve"],
        [
            {"message_id": message_id, "state": state, "reason": reason, "at": to_micros(at)}
            for message_id in message_ids
        ],
    )


def retry_failed(
    tx: Transaction, *, campaign: str, occurrence: str, at: datetime, reason: str | None = None
) -> int:
    """Plan failed messages again, all or those with one reason; returns how many."""
    return tx.run(
        QUERIES["retry"],
        {"campaign": campaign, "occurrence": occurrence, "reason": reason, "at": to_micros(at)},
    )


def cancel(tx: Transaction, *, campaign: str, occurrence: str, at: datetime) -> int:
    """Give up everything of a run that has not left; returns how many messages."""
    named = {"campaign": campaign, "occurrence": occurrence, "at": to_micros(at)}
    return tx.run(QUERIES["cancel"], named)


def release(tx: Transaction, *, campaign: str, occurrence: str, at: datetime) -> int:
    """Let messages go that were kept back, each at its own time; returns how many."""
    rows = tx.rows(QUERIES["kept_back"], {"campaign": campaign, "occurrence": occurrence})
    now = to_micros(at)
    released = []
    for row in rows:
        planned = msgspec.json.decode(row["decision"]).get("send_at")
        due = to_micros(datetime.fromisoformat(planned)) if planned else now
        released.append(
            {"message_id": row["message_id"], "next_attempt_at": max(due, now), "at": now}
        )
    return tx.run(QUERIES["release"], released) if released else 0


def is_halted(tx: Transaction, *, campaign: str, occurrence: str) -> bool:
    """Whether somebody asked that a run, or everything, is not sent now."""
    named = {"campaign": campaign, "occurrence": occurrence}
    return tx.value(QUERIES["halted"], named) is not None
