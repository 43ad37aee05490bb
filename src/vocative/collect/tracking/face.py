"""The tracking API over HTTP: a request comes in, its events are durable, 200 goes out."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from vocative.clock import to_micros
from vocative.collect.sourcing.definitions import SourceDefinition, known_tracking
from vocative.collect.tracking import answers, browser, links, pixel, snippet
from vocative.collect.tracking.body import GoneAway, Room, read_body, unpacked
from vocative.collect.tracking.commits import Commits
from vocative.collect.tracking.credentials import key_in_header, key_in_query
from vocative.collect.tracking.hooks import Hooks
from vocative.collect.tracking.pace import Pace
from vocative.collect.tracking.paths import Endpoint, endpoint_of
from vocative.collect.tracking.payload import Payload, read_payload
from vocative.collect.tracking.refusals import (
    Refused,
    malformed,
    not_now,
    too_fast,
    unknown_key,
)
from vocative.errors import VocativeError, places
from vocative.workspace import Workspace

log = logging.getLogger("vocative.tracking")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TrackingFace:
    """An ASGI application that answers the paths of the tracking API, and hands on all others."""

    def __init__(self, workspace: Workspace, rest: App) -> None:
        self._workspace = workspace
        self._rest = rest
        self._limits = workspace.settings.tracking
        self._sources = known_tracking(workspace)
        self._pace = Pace()
        self._commits = Commits(workspace)
        self._room = Room()
        self._hooks = Hooks(workspace, self._commits, self._room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = endpoint_of(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None:
            await self._rest(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        try:
            if scope["method"] == "OPTIONS":
                wanted = headers.get(b"access-control-request-headers")
                await answers.preflight(send, origin, wanted)
            elif endpoint.want in ("settings", "source_config", "script", "snippet"):
                await self._tell(endpoint, scope, headers, send)
            elif endpoint.want == "link":
                await answers.lead_on(send, await self._follow(endpoint, scope))
            elif endpoint.want == "hook":
                await self._take_hook(endpoint, scope, receive, send)
            elif endpoint.want == "pixel":
                await self._take_pixel(endpoint, scope)
                await answers.picture(send, pixel.PICTURE)
            else:
                await self._take(endpoint, scope, headers, receive)
                await answers.success(send, origin)
        except Refused as refused:
            await answers.refusal(send, refused, origin)
        except GoneAway:
            pass
        except Exception as error:  # noqa: BLE001 - the client must send these events again
            log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
            await answers.refusal(send, not_now("something failed here"), origin)

    async def _take(
        self, endpoint: Endpoint, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> None:
        """Make the events of a request durable.

        Raises:
            Refused: they are not.
        """
        if scope["method"] != "POST":
            raise Refused(405, "wrong_method", "events come by POST")
        stated = key_in_header(headers.get(b"authorization"))
        if stated is not None:
            self._source(stated)  # Nobody unknown gets as far as having a body read.
        self._commits.refuse_when_full()
        body = await self._body(headers, receive)
        if endpoint.want == "metrics":
            return  # What a library tells of itself is for its maker, and stays here.
        payload = self._payload(endpoint, body)
        await self._keep(payload, stated, scope, len(body))

    async def _take_pixel(self, endpoint: Endpoint, scope: Scope) -> None:
        """Make the event in the address of a picture durable.

        Raises:
            Refused: it is not.
        """
        if scope["method"] == "HEAD":
            return  # Somebody looks whether the picture is there; nobody sees it.
        if scope["method"] != "GET":
            raise Refused(405, "wrong_method", "a picture is read by GET")
        self._commits.refuse_when_full()
        body = pixel.event_in(scope["query_string"])
        payload = self._payload(endpoint, body)
        await self._keep(payload, None, scope, len(body))

    async def _take_hook(
        self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Make what a webhook tells durable, and answer it.

        Raises:
            Refused: it is not.
        """
        greeting = await self._hooks.take(endpoint.token or "", scope, receive)
        if greeting is None:
            await answers.success(send, None)
        else:
            await answers.text(send, 200, greeting, None)

    async def _follow(self, endpoint: Endpoint, scope: Scope) -> str:
        """Where a link leads, once it is told that somebody followed it.

        Raises:
            Refused: it is no link of ours.
        """
        link = links.opened(self._workspace.key.link, endpoint.token or "")
        if link is None:
            raise Refused(404, "no_such_link", "this link is not valid; it may have been cut off")
        if scope["method"] == "GET":
            event = links.event_of(link, at=to_micros(self._workspace.clock.now()))
            try:
                self._commits.refuse_when_full()
                await self._commits.add(link.source, [event], len(event))
            except Refused as refused:
                # Somebody waits for the page, and would not come again for our sake.
                log.warning("%s: a link that was followed is not told", refused.message)
        return link.url

    async def _keep(self, payload: Payload, stated: str | None, scope: Scope, size: int) -> None:
        """Make events durable, as those of whose write key came with them."""
        source = self._source(stated or payload.write_key or key_in_query(scope["query_string"]))
        events = payload.events
        per_second = source.options.events_per_second
        if wait := self._pace.wait_seconds(source.name, len(events), per_second):
            raise too_fast(wait)
        if events:
            await self._commits.add(source.name, events, size)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        most = self._limits.max_request_bytes
        packed = await read_body(receive, self._room, most=most)
        return unpacked(packed, headers.get(b"content-encoding"), most=most)

    def _payload(self, endpoint: Endpoint, body: bytes) -> Payload:
        if not body.strip():
            raise malformed("the request has no body")
        return read_payload(
            body,
            event_type=endpoint.type,
            received_at=to_micros(self._workspace.clock.now()),
            max_event_bytes=self._limits.max_event_bytes,
        )

    def _source(self, write_key: str | None) -> SourceDefinition:
        try:
            source = self._sources.find(write_key) if write_key else None
        except VocativeError as error:
            # A client that was told 401 would throw its events away.
            log.warning("%s", error)
            raise not_now("the sources cannot be read") from None
        if source is None:
            raise unknown_key()
        return source

    async def _tell(
        self, endpoint: Endpoint, scope: Scope, headers: dict[bytes, bytes], send: Send
    ) -> None:
        """Answer what libraries in browsers ask before they send anything."""
        origin = headers.get(b"origin")
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "wrong_method", "this is read by GET")
        if endpoint.want in ("script", "snippet"):
            await self._tell_script(endpoint, headers, send)
            return
        if endpoint.want == "settings":
            forwarded = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
            told = browser.settings(
                endpoint.write_key or "",
                scheme=forwarded if forwarded in ("http", "https") else scope["scheme"],
                host=headers.get(b"host", b"").decode("latin-1"),
                prefix=endpoint.prefix,
                base_url=self._workspace.settings.base_url,
            )
        else:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            stated = key_in_header(headers.get(b"authorization"))
            told = browser.source_config(stated or query.get("writeKey", [""])[0])
        await answers.document(send, told, origin, seconds=browser.KEPT_SECONDS)

    async def _tell_script(
        self, endpoint: Endpoint, headers: dict[bytes, bytes], send: Send
    ) -> None:
        origin = headers.get(b"origin")
        found: tuple[bytes, bytes] | None
        if endpoint.want == "snippet":
            found, seconds = snippet.script(), snippet.KEPT_SECONDS
        else:
            found = browser.script(self._workspace.root, endpoint.write_key or "")
            seconds = browser.KEPT_SECONDS
        if found is None:
            await answers.text(send, 404, browser.NO_SCRIPT, origin)
            return
        plain, packed = found
        takes = b"gzip" in headers.get(b"accept-encoding", b"")
        await answers.script(send, plain, packed if takes else None, origin, seconds=seconds)
