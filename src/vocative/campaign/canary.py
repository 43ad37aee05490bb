"""The first share of a run goes ahead; the rest follows when nothing went wrong with it.

A planned run comes in. Out goes: wait, let the rest go, or hold it with the reason. Errors are
messages that failed, bounced or are in doubt; complaints are those of the people themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import msgspec

from vocative.campaign.runs import Run, anything_kept_back
from vocative.clock import from_micros
from vocative.deliver.ledger import PlannedMessage
from vocative.ids import stable_fraction
from vocative.workspace import Workspace

_WENT_WRONG = ("failed", "bounced", "ambiguous")


class CanaryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which share goes first, and when the rest may follow."""

    share: str | float
    wait: str = "1h"
    """How long after the last message of the first share."""
    errors: str | float = "5%"
    """The largest share of its messages that may go wrong."""
    complaints: str | float = "0.2%"
    """The largest share of its people who may complain."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A checked `CanaryBody`; shares in [0, 1)."""

    share: float
    wait: timedelta
    errors: float
    complaints: float


@dataclass(frozen=True)
class Verdict:
    """What is to become of the rest; neither: wait."""

    release: bool = False
    hold: str | None = None
    """Why the rest is not sent."""


def keep_back(
    messages: Iterable[PlannedMessage], canary: Canary, experiment: str
) -> list[PlannedMessage]:
    """The messages of a run, all but the first share of them marked as kept back.

    Which people go first depends on a hash of the run and the person alone.
    """
    listed = list(messages)
    sent = [message for message in listed if message.skipped is None]
    drawn = sorted(sent, key=lambda m: stable_fraction("canary", experiment, m.person_id))
    first = {message.person_id for message in drawn[: ceil(len(sent) * canary.share)]}
    return [
        message
        if message.skipped is not None or message.person_id in first
        else msgspec.structs.replace(message, kept_back=True)
        for message in listed
    ]


def judge(workspace: Workspace, run: Run, canary: Canary) -> Verdict:
    """What is to become of what a run keeps back."""
    named = {"campaign": run.campaign, "occurrence": run.occurrence}
    with workspace.store.read() as tx:
        if not anything_kept_back(tx, run):
            return Verdict()
        # What was skipped says nothing about how the first share was received.
        first = tx.rows(
            "SELECT message_id, state, handed_at FROM messages WHERE campaign = :campaign"
            " AND occurrence = :occurrence AND state <> 'skipped'"
            " AND NOT (state = 'deferred' AND next_attempt_at IS NULL)",
            named,
        )
    settled = {*_WENT_WRONG, "accepted"}
    if any(row["state"] not in settled for row in first):
        return Verdict()
    left = [from_micros(row["handed_at"]) for row in first if row["handed_at"] is not None]
    if left and workspace.clock.now() < max(left) + canary.wait:
        return Verdict()
    wrong = sum(row["state"] in _WENT_WRONG for row in first)
    return _judged(workspace, [row["message_id"] for row in first], wrong, canary)


def _judged(workspace: Workspace, message_ids: list[str], wrong: int, canary: Canary) -> Verdict:
    people = len(message_ids)
    if people == 0:
        return Verdict(release=True)
    complained = _complaints(workspace, message_ids)
    for count, most, words in (
        (wrong, canary.errors, "went wrong"),
        (complained, canary.complaints, "were complained about"),
    ):
        if count / people > most:
            return Verdict(
                hold=f"{count} of the first {people} messages {words}; at most {most:.2%} may"
            )
    return Verdict(release=True)


def _complaints(workspace: Workspace, message_ids: list[str]) -> int:
    """How many of some messages were marked as spam."""
    import pyarrow as pa

    with workspace.engine() as engine:
        engine.register("asked", pa.table({"message_id": pa.array(message_ids, pa.string())}))
        [row] = engine.rows(
            "SELECT count(DISTINCT e.message_id) AS complained FROM events e"
            " JOIN asked ON asked.message_id = e.message_id"
            " WHERE e.name = 'Email Marked as Spam'"
        )
    return int(row["complained"])
