"""What the libraries in browsers ask for before they send anything.

Nothing here needs a store or can fail: a browser that gets no settings sends nothing at all, and
the events of that page are lost.
"""

import gzip
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KEPT_SECONDS = 300
_HOST = re.compile(r"[\w.\-]+(?::\d{1,5})?|\[[\da-fA-F:]+\](?::\d{1,5})?")
_WRITE_KEY = re.compile(r"[\w\-]{1,200}")
_PLACE_OF_KEY = b"__WRITE_KEY__"
SCRIPT = "sources/analytics.min.js"
"""The library itself, if the workspace has it: Vocative brings no copy."""
NO_SCRIPT = f"""\
Vocative brings no copy of analytics.js. Put dist/umd/standalone.js of the package
@segment/analytics-next into the workspace as {SCRIPT}, or bundle the package with
your site and give it this host as its cdnURL.
"""


def script(root: Path, write_key: str) -> tuple[bytes, bytes] | None:
    """The library for pages that load it from here, with its write key: as it is, and packed.

    None when the workspace has none, or when what stands for the key could say something else.
    """
    if not _WRITE_KEY.fullmatch(write_key):
        return None
    path = root / SCRIPT
    try:
        stat = path.stat()
        return _script(path, (stat.st_mtime_ns, stat.st_size), write_key)
    except OSError:
        return None


@lru_cache(maxsize=8)
def _script(path: Path, _: object, write_key: str) -> tuple[bytes, bytes]:
    plain = path.read_bytes().replace(_PLACE_OF_KEY, write_key.encode())
    return plain, gzip.compress(plain)


def settings(write_key: str, *, scheme: str, host: str, prefix: str, base_url: str) -> Any:
    """What @segment/analytics-next wants to know of a source.

    Args:
        write_key: As the path has it; whether it is known shows when events come.
        scheme: http or https, as the browser asked.
        host: As the browser asked; where events are to go.
        prefix: What stands before /v1 in the path.
        base_url: The workspace's own address, when the host cannot be used.
    """
    own = urlsplit(base_url)
    if not _HOST.fullmatch(host):
        scheme, host = own.scheme, own.netloc
    elif host == own.netloc:
        scheme = own.scheme  # A proxy may have taken https off.
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}{prefix}/v1",
                "protocol": scheme,
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "legacyVideoPluginsEnabled": False,
        # Without this the library tells its maker what it does on the site.
        "metrics": {"sampleRate": 0},
    }


def source_config(write_key: str) -> Any:
    """What @rudderstack/analytics-js wants to know of a source."""
    silent = {"enabled": False}
    return {
        "source": {
            "id": write_key,
            "name": write_key,
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": "vocative",
            "config": {"statsCollection": {"errors": silent, "metrics": silent}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        },
    }
