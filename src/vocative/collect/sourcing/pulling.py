"""Asks a source for what is new: page by page onto the log, then the cursor is kept.

Killed at any moment, a pull goes on from the cursor of the last page that was durable. What was
durable and is asked for again has the same ids, so it counts once.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec

from vocative.clock import to_micros
from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.collect.event import EventRefused, read_event
from vocative.collect.sources._events import CONSENT_NAMES
from vocative.collect.sources._http import Connect, SourceDown, SourceRefused, connect
from vocative.collect.sources.base import Page, Source
from vocative.collect.sourcing import cursors
from vocative.collect.sourcing.definitions import SourceDefinition
from vocative.collect.sourcing.opening import fingerprint, opened_source
from vocative.errors import (
    AuthorError,
    EngineError,
    ProviderError,
    Unsupported,
    VocativeError,
    places,
    unknown_name,
)
from vocative.workspace import Workspace

NO_STREAM = "all"
"""Stands for the streams of a source that cannot even be opened, when nobody knows them."""
REFUSED_SECONDS = 3_600.0
FIRST_RETRY_SECONDS = 30.0
LONGEST_RETRY_SECONDS = 3_600.0
_PERSON_TYPES = ("identify", "alias", "group")
_CONSENTS = (*CONSENT_NAMES.values(), "Unsubscribed")
"""A withdrawal that is left out would let an older consent of somebody else's count."""

log = logging.getLogger("vocative.sources")


class Pulled(msgspec.Struct, kw_only=True):
    """What was pulled of one stream."""

    stream: str
    pages: int = 0
    events: int = 0
    items: int = 0
    rejected: dict[str, int] = {}
    """How many records could not be used, by reason."""
    error: str | None = None
    """Why it ended before the end."""


class Outcome(msgspec.Struct, kw_only=True):
    """What a pull of a source came to."""

    streams: list[Pulled] = []
    failure: VocativeError | None = None
    """The first thing that went wrong."""


Told = Callable[[Pulled], None]
Choose = Callable[[Sequence[str]], Sequence[str]]


def pull_source(
    workspace: Workspace,
    definition: SourceDefinition,
    choose: Choose,
    *,
    connect: Connect = connect,
    wanted: Callable[[], bool] = lambda: True,
    told: Told = lambda _: None,
) -> Outcome:
    """Pull some streams of a source; what goes wrong is kept with its stream and returned.

    Args:
        workspace: Where to.
        definition: What is pulled. The caller holds the source's lock.
        choose: Called with the streams it has; gives those to pull.
        connect: Opens the HTTP client.
        wanted: Asked between pages; False ends the pull, which goes on from there another time.
        told: Called after each page with how far its stream is.

    Raises:
        StoreError: the store failed; nothing that was kept is lost.
        UnknownName: `choose` names no stream of it.
    """
    outcome = Outcome()
    with ExitStack() as stack:
        try:
            mark = fingerprint(workspace, definition)
            source = stack.enter_context(opened_source(workspace, definition, connect=connect))
            known = streams_of(source, definition)
        except AuthorError as error:
            # Its definition or a secret: the same for all of its streams.
            for stream in expected_streams(definition):
                note_failure(workspace, definition, stream, error)
            return Outcome(failure=error)
        _forget(workspace, definition.name, NO_STREAM)
        for stream in choose(known):
            one = _Stream(workspace, definition, source, stream, mark)
            failure = one.pull(wanted=wanted, told=told)
            outcome.streams.append(one.pulled)
            outcome.failure = outcome.failure or failure
            if isinstance(failure, SourceDown | EngineError) or not wanted():
                break
    return outcome


def expected_streams(definition: SourceDefinition) -> list[str]:
    """The streams of a source as far as they are known without opening it."""
    return list(definition.streams or definition.type.streams) or [NO_STREAM]


def streams_of(source: Source, definition: SourceDefinition) -> list[str]:
    """The streams that are pulled, in their order.

    Raises:
        UnknownName: the definition names one that the source does not have.
    """
    offered = list(source.offered())
    for index, stream in enumerate(definition.streams or ()):
        if stream not in offered:
            where = definition.definition.where("streams", index)
            raise unknown_name("stream", stream, offered, where=where)
    if definition.streams is None:
        return offered
    return [stream for stream in offered if stream in definition.streams]


def only(stream: str | None) -> Choose:
    """Chooses one stream, or all of them where none is named."""

    def choose(streams: Sequence[str]) -> Sequence[str]:
        if stream is None:
            return streams
        if stream not in streams:
            raise unknown_name("stream", stream, streams)
        return [stream]

    return choose


def from_the_beginning(workspace: Workspace, name: str, choose: Choose) -> Choose:
    """Chooses as told, and lets what is chosen begin at the beginning."""

    def chosen(streams: Sequence[str]) -> Sequence[str]:
        found = choose(streams)
        with workspace.store.transaction() as tx:
            cursors.restart(tx, name, found)
        return found

    return chosen


def keep_page(workspace: Workspace, definition: SourceDefinition, page: Page) -> int:
    """Make what a page brought durable; how many events that were.

    Raises:
        EngineError: not all of it is; bringing it again is safe.
        DataError: an item of it has no id.
    """
    events = ready_events(workspace, definition, page)
    if events:
        accept(workspace, events, source=definition.name)
    if page.items:
        upsert_items(workspace, page.items)
    return len(events)


def ready_events(workspace: Workspace, definition: SourceDefinition, page: Page) -> list[bytes]:
    """The events of a page as they go onto the log, without those from before `since`."""
    encoded = [msgspec.json.encode(event) for event in page.events]
    if definition.since is None:
        return encoded
    since, now = to_micros(definition.since), to_micros(workspace.clock.now())
    return [event for event in encoded if not _is_before(event, since, now)]


def _is_before(event: bytes, since: int, now: int) -> bool:
    """Whether it happened before; what is told of a person is never too old."""
    try:
        read = read_event(event, received_at=now)
    except EventRefused:
        return False  # Counted with its reason when it is applied.
    return read.at < since and read.type not in _PERSON_TYPES and read.name not in _CONSENTS


def note_failure(
    workspace: Workspace, definition: SourceDefinition, stream: str, error: VocativeError
) -> None:
    """Keep why a stream cannot be pulled, and when to try again."""
    now = to_micros(workspace.clock.now())
    with workspace.store.transaction() as tx:
        failures = cursors.reached(tx, definition.name, stream).failures
        state, seconds = _retry(error, failures)
        cursors.fail(
            tx,
            definition.name,
            stream,
            state=state,
            error=reason_of(error),
            next_at=now + round(seconds * 1_000_000),
            fingerprint="" if isinstance(error, AuthorError) else None,
        )
    log.warning("%s, %s: %s; next try in %d s", definition.name, stream, error.message, seconds)


def reason_of(error: VocativeError) -> str:
    """Why, and what next, in a line."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _retry(error: VocativeError, failures: int) -> tuple[cursors.State, float]:
    """(state, seconds until the next try)."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures, 20))
    # Not the same for all: what was down must not be asked by everybody at one moment.
    seconds = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
    if isinstance(error, SourceDown):
        return "down", seconds if error.wait_seconds is None else max(1.0, error.wait_seconds)
    if isinstance(error, SourceRefused | AuthorError | Unsupported):
        return "refused", REFUSED_SECONDS
    return "failed", seconds


def _forget(workspace: Workspace, source: str, stream: str) -> None:
    with workspace.store.transaction() as tx:
        tx.run(
            "DELETE FROM source_cursors WHERE source = :source AND stream = :stream",
            {"source": source, "stream": stream},
        )


class SourceFailed(ProviderError):
    """A source failed in a way that it should not."""


class _Stream:
    """The pull of one stream."""

    def __init__(
        self,
        workspace: Workspace,
        definition: SourceDefinition,
        source: Source,
        stream: str,
        fingerprint: str,
    ) -> None:
        self._workspace = workspace
        self._definition = definition
        self._source = source
        self._stream = stream
        self._fingerprint = fingerprint
        self.pulled = Pulled(stream=stream)

    def pull(self, *, wanted: Callable[[], bool], told: Told) -> VocativeError | None:
        """Pull to the end, or as long as wanted; what went wrong.

        Raises:
            StoreError: what went wrong cannot even be kept.
        """
        failure: VocativeError | None = None
        try:
            if self._pages(wanted=wanted, told=told):
                self._finish()
            else:
                self._leave()
        except VocativeError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a fault in a source must not end the others
            log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
            failure = SourceFailed(
                f"the source failed with {type(error).__name__}", hint="see the log for the place"
            )
        if failure is not None:
            self.pulled.error = reason_of(failure)
            note_failure(self._workspace, self._definition, self._stream, failure)
        return failure

    def _pages(self, *, wanted: Callable[[], bool], told: Told) -> bool:
        """Take in page after page; whether the end was reached."""
        name = self._definition.name
        with self._workspace.store.transaction() as tx:
            cursors.begin(tx, name, self._stream, self._fingerprint)
            cursor = cursors.reached(tx, name, self._stream).cursor
        for page in self._source.pull(self._stream, cursor):
            # First durable, then known to be: in between, a page is asked for again.
            events = keep_page(self._workspace, self._definition, page)
            with self._workspace.store.transaction() as tx:
                cursors.move(
                    tx,
                    name,
                    self._stream,
                    cursor=page.cursor,
                    events=events,
                    items=len(page.items),
                    rejected=page.rejected,
                )
            self._count(page, events)
            told(self.pulled)
            if not wanted():
                return False
        return True

    def _count(self, page: Page, events: int) -> None:
        self.pulled.pages += 1
        self.pulled.events += events
        self.pulled.items += len(page.items)
        if page.rejected:
            self.pulled.rejected = dict(Counter(self.pulled.rejected) + Counter(page.rejected))

    def _finish(self) -> None:
        now = to_micros(self._workspace.clock.now())
        next_at = now + self._definition.every_seconds * 1_000_000
        with self._workspace.store.transaction() as tx:
            cursors.finish(tx, self._definition.name, self._stream, at=now, next_at=next_at)

    def _leave(self) -> None:
        with self._workspace.store.transaction() as tx:
            cursors.leave(tx, self._definition.name, self._stream)
