"""Answers of the tracking API, as browsers and libraries read them.

Success is exactly 200: one library sends its events again after 202 and 204. Browsers show a page
no header that is not exposed, and would retry at once without `Retry-After`.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from vocative.collect.tracking.refusals import Refused

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
ALLOWED_HEADERS = (
    b"authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat"
)
PREFLIGHT_SECONDS = b"86400"
_HEADER_NAMES = re.compile(rb"[\w\-]+(?:\s*,\s*[\w\-]+)*")
_SUCCESS = b'{"success":true}'
_JSON = (b"content-type", b"application/json")


def cross_origin(origin: bytes | None) -> Headers:
    """What lets a page of another site read the answer.

    Any site may: a write key is no secret of the visitor, and no cookie is looked at.
    """
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Retry-After"),
        (b"vary", b"Origin"),
    ]


async def success(send: Send, origin: bytes | None) -> None:
    """The events are durable."""
    await _answer(send, 200, _SUCCESS, [_JSON, *cross_origin(origin)])


async def refusal(send: Send, refused: Refused, origin: bytes | None) -> None:
    """Why they are not."""
    body = {"success": False, "code": refused.code, "message": refused.message}
    headers = [_JSON, *cross_origin(origin)]
    if refused.retry_seconds is not None:
        headers.append((b"retry-after", b"%d" % refused.retry_seconds))
    await _answer(send, refused.status, msgspec.json.encode(body), headers)


async def preflight(send: Send, origin: bytes | None, wanted: bytes | None) -> None:
    """Whatever headers a library wants to send, it may."""
    asked = wanted if wanted and _HEADER_NAMES.fullmatch(wanted) else ALLOWED_HEADERS
    headers = [
        *cross_origin(origin),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    ]
    await _answer(send, 204, b"", headers)


async def document(send: Send, value: Any, origin: bytes | None, *, seconds: int) -> None:
    """A JSON document that may be kept for a while."""
    kept = (b"cache-control", b"public, max-age=%d" % seconds)
    await _answer(send, 200, msgspec.json.encode(value), [_JSON, kept, *cross_origin(origin)])


async def script(
    send: Send, plain: bytes, packed: bytes | None, origin: bytes | None, *, seconds: int
) -> None:
    """A script; packed where the browser takes that."""
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"cache-control", b"public, max-age=%d" % seconds),
        (b"x-content-type-options", b"nosniff"),
        *cross_origin(origin),
        (b"vary", b"Accept-Encoding"),
    ]
    if packed is not None:
        headers.append((b"content-encoding", b"gzip"))
    await _answer(send, 200, plain if packed is None else packed, headers)


async def picture(send: Send, gif: bytes) -> None:
    """A picture that no proxy keeps: each time it is shown is another event."""
    headers = [(b"content-type", b"image/gif"), (b"cache-control", b"no-store")]
    await _answer(send, 200, gif, headers)


async def lead_on(send: Send, url: str) -> None:
    """To another address, which no proxy keeps."""
    place = quote(url, safe="!#$%&'()*+,/:;=?@[]~").encode("ascii")
    await _answer(send, 302, b"", [(b"location", place), (b"cache-control", b"no-store")])


async def text(send: Send, status: int, words: str, origin: bytes | None) -> None:
    """A plain text."""
    kind = (b"content-type", b"text/plain; charset=utf-8")
    kept = (b"cache-control", b"no-store")
    await _answer(send, status, words.encode(), [kind, kept, *cross_origin(origin)])


async def _answer(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> None:
    sized = [*headers] if status == 204 else [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
