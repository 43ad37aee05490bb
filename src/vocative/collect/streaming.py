"""What can be seen and done of the stream in front of the log."""

from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.relay import fault
from vocative.errors import AuthorError, StateError, Unsupported
from vocative.streams.inbox import Inbox, KeptLetter
from vocative.streams.outside import Lag
from vocative.workspace import Workspace

_PAGE = 500
_LONGEST_PAGE = 1_000
_LAST = 2**63 - 1


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far the stream is taken in."""

    stream: str | None
    """None: events go to the log directly."""
    partitions: list[Lag]
    """Empty when the stream does not tell."""
    dead_letters: dict[str, int]
    """How many, by reason."""


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """Records that were no events, oldest first."""

    letters: list[KeptLetter]
    by_reason: dict[str, int]


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of dead letters that were tried again."""

    appended: int
    still_dead: dict[str, int]
    """How many, by reason."""


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """How many dead letters are gone."""

    discarded: int


class Rewound(msgspec.Struct, frozen=True, kw_only=True):
    """From where the stream is read again."""

    stream: str
    since: str | None
    """None: from its beginning."""
    positions: dict[str, str]
    """By partition; empty when the stream keeps its own place."""


def stream_status(workspace: Workspace) -> StreamStatus:
    """How far each partition of the stream is taken in, and what could not be.

    Raises:
        StreamDown: the stream cannot be reached.
    """
    stream, inbox = workspace.stream, Inbox(workspace.log)
    lags: list[Lag] = []
    if stream is not None:
        with suppress(Unsupported):
            lags = stream.lags(inbox.positions(stream.name))
    return StreamStatus(
        stream=None if stream is None else stream.name,
        partitions=lags,
        dead_letters=inbox.count_letters(),
    )


def dead_letters(workspace: Workspace, *, after: int = 0, limit: int = 100) -> DeadLetters:
    """Records that were no events, with their reasons; what they say is not shown.

    Args:
        workspace: Whose.
        after: Only letters after this id, for the next page.
        limit: At most so many, up to 1,000.
    """
    inbox = Inbox(workspace.log)
    return DeadLetters(
        letters=inbox.letters(
            after=max(0, min(after, _LAST)), limit=max(1, min(limit, _LONGEST_PAGE))
        ),
        by_reason=inbox.count_letters(),
    )


def retry_dead_letters(workspace: Workspace) -> Retried:
    """Look at every dead letter again, and take in those that are events now.

    Something has to have changed: `stream.most_event_bytes`, or Vocative. Events that came in
    meanwhile stand before them on the log.

    Raises:
        LogError: some may be taken in, and are dead letters no more.
    """
    inbox = Inbox(workspace.log)
    most = _most_bytes(workspace)
    appended, last = 0, 0
    while letters := inbox.letters(after=last, limit=_PAGE):
        for letter in letters:
            body = inbox.body(letter)
            if body is not None and fault(body, letter.source, most) is None:
                appended += inbox.append_letter(letter, body)
        last = letters[-1].letter_id
    return Retried(appended=appended, still_dead=inbox.count_letters())


def discard_dead_letters(workspace: Workspace, *, until: int) -> Discarded:
    """Forget dead letters for good.

    Args:
        workspace: Whose.
        until: Those with this id and lower ones.
    """
    inbox = Inbox(workspace.log)
    discarded = 0
    while letters := [one for one in inbox.letters(limit=_PAGE) if one.letter_id <= until]:
        discarded += sum(inbox.drop_letter(one.letter_id) for one in letters)
    return Discarded(discarded=discarded)


def rewind_stream(workspace: Workspace, *, since: str | None = None) -> Rewound:
    """Read the stream again from an instant or from its beginning.

    Events that are applied already are recognised by their ids and change nothing. A relay that
    runs follows with its next batch.

    Args:
        workspace: Whose.
        since: An instant such as 2026-11-01T00:00:00Z; default: the beginning.

    Raises:
        StateError: the workspace has no stream.
        AuthorError: the instant cannot be read.
        Unsupported: this stream cannot be read again.
        StreamDown: the stream cannot be reached.
    """
    stream = workspace.stream
    if stream is None:
        raise StateError(
            "this workspace has no stream: events go to the log directly",
            where="vocative.yaml",
            hint="name one with the setting `stream`",
        )
    at = None if since is None else _instant(since)
    positions = stream.rewind(at)
    Inbox(workspace.log).rewind(stream.name, positions)
    return Rewound(
        stream=stream.name,
        since=None if at is None else from_micros(at).isoformat(),
        positions=positions,
    )


def _most_bytes(workspace: Workspace) -> int:
    # Without a stream, what is left of an earlier one is judged as that would have by default.
    return 1_000_000 if workspace.stream is None else workspace.stream.settings.most_event_bytes


def _instant(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise AuthorError(
            f"{text!r} is no instant", hint="write one such as 2026-11-01T00:00:00Z"
        ) from error
    return max(0, to_micros(at if at.tzinfo else at.replace(tzinfo=UTC)))
