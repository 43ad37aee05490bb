"""What the libraries in browsers ask for before they send anything.

Nothing here needs a store or can fail: a browser that gets no settings sends nothing at all, and
the events of that page are lost.
"""

import re
from typing import Any
from urllib.parse import urlsplit

KEPT_SECONDS = 300
_HOST = re.compile(r"[\w.\-]+(?::\d{1,5})?|\[[\da-fA-F:]+\](?::\d{1,5})?")
NO_SCRIPT = """\
Vocative does not hold a copy of analytics.js. Install the package @segment/analytics-next, bundle
it with your site, and give it this host as its cdnURL.
"""


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
