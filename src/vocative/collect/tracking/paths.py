"""Which request is for the tracking API, and what it wants.

The API stands at the root of its host, and below any prefix that a proxy or a client's setting
adds, `/api` excepted.
"""

import re
from typing import Literal, NamedTuple

Want = Literal[
    "event",
    "batch",
    "pixel",
    "link",
    "hook",
    "metrics",
    "settings",
    "source_config",
    "script",
    "snippet",
]


class Endpoint(NamedTuple):
    """What a path stands for."""

    want: Want
    type: str | None = None
    """The type of events that do not say theirs."""
    prefix: str = ""
    write_key: str | None = None
    """Of the paths that hold one."""
    token: str | None = None
    """Of a link; of a hook its source's name."""


_TYPES = ("identify", "track", "page", "screen", "group", "alias")
_NAMES: dict[str, Endpoint] = {
    **{name: Endpoint("event", name) for name in _TYPES},
    **{name[0]: Endpoint("event", name) for name in _TYPES},
    **{name: Endpoint("batch") for name in ("batch", "b", "import")},
    **{name: Endpoint("metrics") for name in ("metrics", "m")},
}
_PLAIN = {f"/v1/{name}": endpoint for name, endpoint in _NAMES.items()}
_EVENTS = re.compile(r"(?:/.*)?/v1/(\w+)/?")
_PIXEL = re.compile(r"(?:/.*)?/v1/pixel/(\w+)/?")
_HOOK = re.compile(r"(?:/.*)?/v1/hooks/(\w+)/?")
_LINK = re.compile(r"(?:/.*)?/l/([\w\-]+)")
_SETTINGS = re.compile(r"((?:/.*)?)/v1/projects/([^/]+)/settings/?")
_SCRIPT = re.compile(r"((?:/.*)?)/analytics\.js/v1/([^/]+)/analytics(?:\.min)?\.js")
_SNIPPET = re.compile(r"((?:/.*)?)/v\.js")
_SOURCE_CONFIG = re.compile(r"((?:/.*)?)/sourceConfig/?")


def endpoint_of(path: str) -> Endpoint | None:
    """What a path of the tracking API stands for; None for every other path.

    >>> endpoint_of("/v1/t").type, endpoint_of("/shop/v1/batch/").want, endpoint_of("/v1/x")
    ('track', 'batch', None)
    """
    plain = _PLAIN.get(path)
    if plain is not None or path.startswith("/api/"):
        return plain
    if found := _EVENTS.fullmatch(path):
        return _NAMES.get(found[1])
    if (found := _PIXEL.fullmatch(path)) and found[1] in _TYPES:
        return Endpoint("pixel", found[1])
    if found := _HOOK.fullmatch(path):
        return Endpoint("hook", token=found[1])
    if found := _LINK.fullmatch(path):
        return Endpoint("link", token=found[1])
    if found := _SETTINGS.fullmatch(path):
        return Endpoint("settings", prefix=found[1], write_key=found[2])
    if found := _SOURCE_CONFIG.fullmatch(path):
        return Endpoint("source_config", prefix=found[1])
    if found := _SNIPPET.fullmatch(path):
        return Endpoint("snippet", prefix=found[1])
    if found := _SCRIPT.fullmatch(path):
        return Endpoint("script", prefix=found[1], write_key=found[2])
    return None
