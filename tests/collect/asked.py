"""Asks an ASGI application in this process, without a library in between that tidies requests."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def basic(write_key: str) -> dict[str, str]:
    """The header in which libraries send a write key."""
    return {"authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()}


def ask(
    app: Callable[..., Awaitable[None]],
    path: str,
    body: bytes | dict[str, Any] = b"",
    *,
    method: str = "POST",
    parts: Sequence[bytes] | None = None,
    **headers: str,
) -> Answer:
    """One request; `_` in the names of headers stands for `-`."""
    return asyncio.run(asked(app, path, body, method=method, parts=parts, **headers))


async def asked(
    app: Callable[..., Awaitable[None]],
    path: str,
    body: bytes | dict[str, Any] = b"",
    *,
    method: str = "POST",
    parts: Sequence[bytes] | None = None,
    **headers: str,
) -> Answer:
    """The same, where there is a loop already."""
    path, _, query = path.partition("?")
    plain = body if isinstance(body, bytes) else json.dumps(body).encode()
    left = list(parts) if parts is not None else [plain]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    named = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in {"host": "127.0.0.1:8750", **headers}.items()
    ]
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": named,
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8750),
    }
    await app(scope, receive, send)
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )
