"""Webhooks: what systems send by themselves, to `/v1/hooks/NAME`.

Each is judged by the source of that name (`collect.sources`): whether it is genuine, and what it
tells. It is answered with 200 once its events are durable; what may come right later is answered
with 503, so that the system sends it again.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from vocative.clock import to_micros
from vocative.collect.catalog import upsert_items
from vocative.collect.door import BATCH_SIZE
from vocative.collect.records import MapsRecords
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Page, Source
from vocative.collect.sourcing import cursors
from vocative.collect.sourcing.definitions import SourceDefinition, find_source
from vocative.collect.sourcing.opening import fingerprint, open_source
from vocative.collect.sourcing.payloads import KeptPayloads
from vocative.collect.sourcing.pulling import ready_events
from vocative.collect.tracking.body import Room, read_body
from vocative.collect.tracking.commits import Commits
from vocative.collect.tracking.refusals import Refused, malformed, not_now
from vocative.errors import (
    DataError,
    EngineError,
    UnknownName,
    Unsupported,
    VocativeError,
)
from vocative.streams.embedded import LogError
from vocative.workspace import Workspace

LOOK_SECONDS = 1.0
"""How long a definition, or a secret, that is gone may still be in use."""
THREADS = 4
COUNT_SECONDS = 1.0
"""How often to keep how many came: not with each, for that costs as much as taking it in."""
NOT_GENUINE = "its signature is missing or wrong"
NOT_READABLE = "it cannot be understood"
MOST_LETTERS = 200

log = logging.getLogger("vocative.tracking")

T = TypeVar("T")


class Hooks:
    """Takes webhooks in.

    Args:
        workspace: Whose.
        commits: Makes events durable.
        room: Memory for bodies of which a part is still to come.
    """

    def __init__(self, workspace: Workspace, commits: Commits, room: Room) -> None:
        self._workspace = workspace
        self._commits = commits
        self._room = room
        self._threads = ThreadPoolExecutor(THREADS, "hook")
        self._known: dict[str, _Hook] = {}
        self._counts = _Counts(workspace, self._threads)

    async def take(
        self, name: str, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]]
    ) -> str | None:
        """Make what a webhook tells durable.

        Args:
            name: The source's.
            scope: The request.
            receive: Brings its body.

        Returns:
            What to answer somebody who only tests the address.

        Raises:
            Refused: it is not taken in.
        """
        method = scope["method"]
        if method not in ("POST", "GET", "HEAD"):
            raise Refused(405, "wrong_method", "webhooks come by POST")
        self._commits.refuse_when_full()
        hook = await self._hook(name)
        most = self._workspace.settings.tracking.max_request_bytes
        body = await read_body(receive, self._room, most=most) if method == "POST" else b""
        call = _call(scope, body, received_at=to_micros(self._workspace.clock.now()))
        # One at a time: a source is for one thread. Others go on meanwhile.
        async with hook.turn:
            try:
                if method != "POST":
                    return await self._in_thread(lambda: _greeting(hook.source, call))
                page, events = await self._in_thread(lambda: hook.read(self._workspace, call))
            except NotGenuine as error:
                told = self._refused(name, error, otherwise=NOT_GENUINE)
                raise Refused(401, "not_genuine", told) from None
            except (NotReadable, DataError) as error:
                raise malformed(self._refused(name, error, otherwise=NOT_READABLE)) from None
            except Unsupported:
                raise _unknown() from None
        await self._keep(name, page, events, len(body))
        return None

    def _refused(self, name: str, error: Exception, *, otherwise: str) -> str:
        """Why, counted."""
        told = (str(error.args[0]) if error.args else "")[:MOST_LETTERS] or otherwise
        self._counts.add(name, Page(rejected={told: 1}), 0)
        return told

    async def _keep(self, name: str, page: Page, events: list[bytes], size: int) -> None:
        """First its events, then its items: what was kept of one that is sent again counts once."""
        for start in range(0, len(events), BATCH_SIZE):
            some = events[start : start + BATCH_SIZE]
            await self._commits.add(page.counts_as or name, some, size)
        if page.items:
            try:
                await self._in_thread(lambda: upsert_items(self._workspace, page.items))
            except DataError as error:
                raise malformed(error.message) from None
            except EngineError as error:
                log.warning("%s", error)
                raise not_now("the catalog cannot be written now") from None
        self._counts.add(name, page, len(events))

    async def _hook(self, name: str) -> "_Hook":
        known = self._known.get(name)
        if known is not None and time.monotonic() - known.looked_at < LOOK_SECONDS:
            return known
        try:
            found = await self._in_thread(lambda: _opened(self._workspace, name, known))
        except UnknownName as error:
            if error.where is not None:  # not the source, but what its definition names
                raise self._not_ready(error) from None
            raise _unknown() from None
        except VocativeError as error:
            # A system that is told 4xx may never send again what was right.
            raise self._not_ready(error) from None
        # Another request may have been faster; what is in use must stay the one there is.
        if self._known.get(name) is known:
            self._known[name] = found
            if known is not None and found is not known:
                async with known.turn:
                    await self._in_thread(known.source.close)
        return self._known[name]

    def _not_ready(self, error: VocativeError) -> Refused:
        log.warning("%s", error)
        return not_now("this source cannot be opened now")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Hook:
    """A source that takes webhooks, opened."""

    def __init__(self, definition: SourceDefinition, source: Source, mark: str) -> None:
        self.definition = definition
        self.source = source
        self.mark = mark
        self.turn = asyncio.Lock()
        self.looked_at = time.monotonic()
        self._payloads: KeptPayloads | None = None

    def read(self, workspace: Workspace, call: Call) -> tuple[Page, list[bytes]]:
        """What a call tells, and its events as they go onto the log.

        Raises:
            NotGenuine, NotReadable, Unsupported, DataError: as `Source.receive`.
        """
        try:
            page = self.source.receive(call)
        except NotReadable:
            self._show(workspace, call)
            raise
        self._show(workspace, call)
        return page, ready_events(workspace, self.definition, page)

    def _show(self, workspace: Workspace, call: Call) -> None:
        """Keep what came for whoever writes its mapping; that it cannot be kept harms nobody."""
        if not isinstance(self.source, MapsRecords):
            return
        try:
            if self._payloads is None:
                self._payloads = KeptPayloads(workspace.log)
            self._payloads.keep(self.definition.name, call, hidden=self.source.secret_headers())
        except LogError as error:
            log.warning("%s", error)


def _opened(workspace: Workspace, name: str, known: _Hook | None) -> _Hook:
    """The source of a name; the one that is open already unless something changed.

    Raises:
        UnknownName: there is none that takes webhooks.
        AuthorError: its definition is wrong, or a secret is missing.
    """
    definition = find_source(workspace, name)
    if not definition.type.pushes:
        raise UnknownName("this source takes no webhooks")
    mark = fingerprint(workspace, definition)
    if known is not None and known.mark == mark:
        known.looked_at = time.monotonic()
        return known
    return _Hook(definition, open_source(workspace, definition), mark)


def _greeting(source: Source, call: Call) -> str:
    told = source.greet(call)
    if told is None:
        raise NotReadable("webhooks come by POST")
    return told


def _unknown() -> Refused:
    return Refused(404, "unknown_source", "no source of this name takes webhooks")


def _call(scope: Mapping[str, Any], body: bytes, *, received_at: int) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    forwarded = headers.get("x-forwarded-proto", "")
    scheme = forwarded if forwarded in ("http", "https") else scope["scheme"]
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    return Call(
        headers=headers,
        body=body,
        query=dict(parse_qsl(query)),
        url=f"{scheme}://{host}{path}" + (f"?{query}" if query else ""),
        received_at=received_at,
    )


class _Counts:
    """How many webhooks brought, kept in the store now and then."""

    def __init__(self, workspace: Workspace, threads: ThreadPoolExecutor) -> None:
        self._workspace = workspace
        self._threads = threads
        self._waiting: dict[str, Counter[str]] = {}
        self._rejected: dict[str, Counter[str]] = {}
        self._at = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, source: str, page: Page, events: int) -> None:
        """Count what one brought; it is kept a little later."""
        self._waiting.setdefault(source, Counter()).update(events=events, items=len(page.items))
        self._rejected.setdefault(source, Counter()).update(page.rejected)
        self._at = to_micros(self._workspace.clock.now())
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(COUNT_SECONDS, self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        rejected, self._rejected = self._rejected, {}
        self._timer = None
        self._threads.submit(self._keep, waiting, rejected, self._at)

    def _keep(
        self, waiting: dict[str, Counter[str]], rejected: dict[str, Counter[str]], at: int
    ) -> None:
        try:
            with self._workspace.store.transaction() as tx:
                for source, counts in waiting.items():
                    cursors.note_received(
                        tx,
                        source,
                        at=at,
                        events=counts["events"],
                        items=counts["items"],
                        rejected=rejected[source],
                    )
        except VocativeError as error:
            log.warning("%s; some webhooks are not counted", error.message)
