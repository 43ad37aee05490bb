"""Plays HTTP requests to the application inside this process, each at its own instant.

The synthetic store's customers fetch pixels, follow links and unsubscribe; the requests take the
same way through the application as those of real mail programs, only the clock is given.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit

from vocative.clock import FixedClock


class Request(Protocol):
    """What is needed of a request; `simulate.Visit` is one."""

    method: str
    url: str
    at: Any
    user_agent: str
    ip: str
    body: str


def play(
    app: Any,
    clock: FixedClock,
    requests: Iterable[Any],
    *,
    progress: Callable[[int], None] | None = None,
) -> dict[int, int]:
    """Send requests in their order.

    Args:
        app: The ASGI application, whose workspace uses `clock`.
        clock: Set to each request's instant before it is sent.
        requests: What to send.
        progress: Called with 1 after each.

    Returns:
        How many answers had each status.
    """
    return asyncio.run(_play(app, clock, requests, progress))


async def _play(
    app: Any,
    clock: FixedClock,
    requests: Iterable[Any],
    progress: Callable[[int], None] | None,
) -> dict[int, int]:
    statuses: dict[int, int] = {}
    for request in requests:
        clock.at = request.at
        status = await _send(app, request)
        statuses[status] = statuses.get(status, 0) + 1
        if progress is not None:
            progress(1)
    return statuses


async def _send(app: Any, request: Any) -> int:
    parts = urlsplit(request.url)
    body = request.body.encode()
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = int(message["status"])

    headers = [
        (b"host", parts.netloc.encode()),
        (b"user-agent", request.user_agent.encode("latin-1", "replace")),
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": (request.ip, 0),
        "server": (parts.hostname, parts.port or 80),
    }
    await app(scope, receive, send)
    return status
