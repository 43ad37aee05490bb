"""Plans the mails that ask for confirmation: one row of the ledger for each submission that waits.

The rows and how far the log is looked through are committed together. So whatever happens in
between, no submission is asked about twice, and none is forgotten.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE
from vocative.collect.forms.definition import Form, read_forms
from vocative.collect.forms.submission import Waiting
from vocative.deliver import ledger
from vocative.deliver.ledger import PlannedMessage
from vocative.deliver.opt_in.waiting import waiting_at
from vocative.errors import AuthorError
from vocative.identify.apply import CONSUMER as IDENTIFY
from vocative.privacy import suppression
from vocative.privacy.permit import OPT_IN_CONFIRMATION
from vocative.stores import Transaction
from vocative.workspace import Workspace

CAMPAIGN = OPT_IN_CONFIRMATION
"""Under this name these mails stand in the ledger; the arm is the form."""
CONSUMER = "opt_in"
TOO_MANY = "too_many_confirmations"
DAY = timedelta(days=1)
_MOST_BATCHES = 500
_DEFAULT_PER_DAY = 3
_DEFAULT_SECONDS = 7 * 86_400


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of the ledger says of its submission; nothing personal."""

    form: str
    version: str
    submission: str
    language: str
    position: int
    """Of its batch on the log, where the rest is."""
    address_hash: str
    expires_at: int
    """Until when its link works; microseconds UTC."""


def plan_confirmations(workspace: Workspace) -> int:
    """Plan what waits in applied events that were not looked at yet.

    Returns:
        How many mails were planned.

    Raises:
        LogError, StoreError: nothing of it was kept; planning again continues there.
    """
    planned = 0
    with workspace.worker_lock(CONSUMER):
        while (step := _step(workspace)) is not None:
            planned += step
    return planned


def _step(workspace: Workspace) -> int | None:
    with workspace.store.read() as tx:
        after, until = _position(tx, CONSUMER), _position(tx, IDENTIFY)
        if after >= until:
            return None
        rows = tx.tuples(
            "SELECT position FROM applied_batches WHERE source = :source AND position > :after"
            f" AND position <= :until ORDER BY position LIMIT {_MOST_BATCHES}",
            {"source": OWN_SOURCE, "after": after, "until": until},
        )
    positions = [int(row[0]) for row in rows]
    if len(positions) == _MOST_BATCHES:
        until = positions[-1]
    found = [
        (position, waiting)
        for position in positions
        for waiting in waiting_at(workspace.log, position)
    ]
    forms = _forms(workspace) if found else {}
    now = workspace.clock.now()
    planned = 0
    with workspace.store.transaction() as tx:
        for position, waiting in found:
            for message in _messages(workspace, tx, forms, position, waiting):
                added = ledger.plan(tx, [message], at=now)
                planned += added if message.skipped is None else 0
        tx.run(
            "INSERT INTO stream_offsets (consumer, position) VALUES (:consumer, :position)"
            " ON CONFLICT (consumer) DO UPDATE SET position = excluded.position",
            {"consumer": CONSUMER, "position": until},
        )
    return planned


def _position(tx: Transaction, consumer: str) -> int:
    return int(
        tx.value("SELECT position FROM stream_offsets WHERE consumer = :c", {"c": consumer}) or 0
    )


def _forms(workspace: Workspace) -> dict[str, Form]:
    try:
        return read_forms(workspace)
    except AuthorError:
        return {}  # Whoever writes one now is told elsewhere; what people sent does not wait.


def _messages(
    workspace: Workspace,
    tx: Transaction,
    forms: dict[str, Form],
    position: int,
    waiting: Waiting,
) -> Iterator[PlannedMessage]:
    person_id = tx.value(
        "SELECT person_id FROM identities WHERE namespace = 'email' AND value_hash = :hash",
        {"hash": workspace.vault.lookup_hash("email", waiting.email)},
    )
    if person_id is None:
        return  # Erased meanwhile.
    now, proof = workspace.clock.now(), waiting.proof
    asked = _asked(tx, person_id)
    if any(one["decision"]["submission"] == proof["submission"] for one in asked):
        return  # It was sent twice, and counted once.
    lately = to_micros(now - DAY)
    recent = [one for one in asked if one["planned_at"] > lately and one["state"] != "skipped"]
    form = forms.get(proof["form"])
    seconds = form.confirm_seconds if form else _DEFAULT_SECONDS
    most = form.body.confirmation.per_day if form else _DEFAULT_PER_DAY
    decision = Decision(
        form=proof["form"],
        version=proof["version"],
        submission=proof["submission"],
        language=proof["language"],
        position=position,
        address_hash=suppression.address_hash(workspace.vault, "email", waiting.email),
        expires_at=to_micros(now + timedelta(seconds=seconds)),
    )
    is_too_many = len(recent) >= most
    yield PlannedMessage(
        campaign=CAMPAIGN,
        # One name for the mails of a day that can be sent over one connection.
        occurrence=proof["submission"] if is_too_many else _occurrence(now.date(), asked),
        person_id=person_id,
        channel="email",
        purpose=OPT_IN_CONFIRMATION,
        arm=proof["form"],
        skipped=TOO_MANY if is_too_many else None,
        decision=msgspec.to_builtins(decision),
    )


def _asked(tx: Transaction, person_id: str) -> list[dict[str, Any]]:
    """The confirmation mails of a person."""
    rows = tx.rows(
        "SELECT occurrence, state, planned_at, decision FROM messages"
        " WHERE person_id = :person AND campaign = :campaign",
        {"person": person_id, "campaign": CAMPAIGN},
    )
    return [{**row, "decision": msgspec.json.decode(row["decision"])} for row in rows]


def _occurrence(day: Any, asked: list[dict[str, Any]]) -> str:
    """The day and which mail of this person on it."""
    number = 1 + sum(one["occurrence"].startswith(f"{day}.") for one in asked)
    return f"{day}.{number}"
