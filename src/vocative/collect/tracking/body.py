"""The bytes of a request: as many as may be, in time, and unpacked."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from vocative.collect.tracking.refusals import malformed, not_now, too_large

PATIENCE_SECONDS = 30.0
"""How long a body may take to come in: libraries give up sooner."""
MOST_UNFINISHED_BYTES = 128_000_000
"""Of all bodies together of which a part is still to come."""
_GZIP = b"\x1f\x8b"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class GoneAway(Exception):
    """The client went away while it was sending."""


class Room:
    """Memory for bodies of which a part is still to come.

    It is counted in bytes, not in requests: many slow clients that send little keep nobody out.
    """

    def __init__(self, most: int = MOST_UNFINISHED_BYTES) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Take some of it, also more than there is; then whoever took it is refused."""
        self._left -= size
        if self._left < 0:
            raise not_now("too much comes in at once")

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self._left += size


async def read_body(receive: Callable[[], Awaitable[Any]], room: Room, *, most: int) -> bytes:
    """The whole body.

    Raises:
        Refused: it is too large, comes too slowly, or there is no room for it.
        GoneAway: it did not come to its end.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                return _checked(message.get("body", b""), most)
            return await _read_rest(message, receive, room, most)
    except TimeoutError:
        raise not_now("the request came in too slowly") from None


async def _read_rest(
    message: dict[str, Any], receive: Callable[[], Awaitable[Any]], room: Room, most: int
) -> bytes:
    parts, size, taken = [], 0, 0
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise GoneAway
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise _larger(most)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)
            taken += len(part)
            room.take(len(part))
            message = await receive()
    finally:
        room.give_back(taken)


def unpacked(body: bytes, encoding: bytes | None, *, most: int) -> bytes:
    """The body without its compression, whatever the headers say of it.

    Libraries leave the header out; proxies that unpack a body leave it in.

    Raises:
        Refused: it cannot be unpacked, or becomes too large.
    """
    if body.startswith(_GZIP) or (encoding and b"deflate" in encoding and body[:1] == b"\x78"):
        return _unzipped(body, most)
    return body


def _unzipped(body: bytes, most: int) -> bytes:
    parts, size = [], 0
    while body:
        unzip = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            part = unzip.decompress(body, most - size + 1)
        except zlib.error:
            raise malformed("the body is not valid gzip") from None
        size += len(part)
        if size > most:
            raise _larger(most)
        if not unzip.eof:
            raise malformed("the gzip of the body breaks off")
        parts.append(part)
        # A gzip file may be several ones after each other; what else follows is padding.
        body = unzip.unused_data if unzip.unused_data.startswith(_GZIP) else b""
    return b"".join(parts)


def _checked(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _larger(most)
    return body


def _larger(most: int) -> Exception:
    return too_large(f"the request is larger than {most:,} bytes")
