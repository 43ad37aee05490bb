"""The body of a request that sends a form, however its page writes it."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request

from vocative.collect.forms.answers import Posted

MOST_BYTES = 1_000_000
"""A hundred long answers, percent-encoded, and the state."""
PATIENCE_SECONDS = 30.0
_MOST_FIELDS = 300
_PLAIN = str | float | bool | None


class Unreadable(Exception):
    """The body is too large, or not what it says it is."""


async def read_posted(request: Request) -> Posted:
    """What was sent, by name: of an HTML form, or of a script that sends JSON.

    Raises:
        Unreadable: it cannot be read.
    """
    body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _json(body)
    if kind in ("application/x-www-form-urlencoded", ""):
        try:
            text = body.decode("utf-8", "replace")
            return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise Unreadable("too many fields") from None
    raise Unreadable("send application/x-www-form-urlencoded or application/json")


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise Unreadable(f"more than {MOST_BYTES:,} bytes")
                parts.append(part)
    except TimeoutError:
        raise Unreadable("it came in too slowly") from None
    return b"".join(parts)


def _json(body: bytes) -> Posted:
    try:
        told = msgspec.json.decode(body, type=Mapping[str, _PLAIN | list[_PLAIN]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unreadable("the body is no JSON object of plain values") from None
    if len(told) > _MOST_FIELDS:
        raise Unreadable("too many fields")
    # A field with no value at all was not sent, as in an HTML form.
    return {
        name: [_text(one) for one in (value if isinstance(value, list) else [value])]
        for name, value in told.items()
        if value != []
    }


def _text(value: _PLAIN) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
