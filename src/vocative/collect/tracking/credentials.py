"""The write key of a request: who it says it is."""

import base64
import binascii
from urllib.parse import parse_qs


def key_in_header(authorization: bytes | None) -> str | None:
    """The user name of Basic authentication; None when there is none."""
    if not authorization:
        return None
    scheme, _, encoded = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip() + b"=" * (-len(encoded.strip()) % 4))
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(b":")[0].decode("utf-8", "replace").strip() or None


def key_in_query(query: bytes) -> str | None:
    """`?writeKey=`, for requests that can have no header, such as beacons."""
    if b"writeKey" not in query:
        return None
    return parse_qs(query.decode("latin-1")).get("writeKey", [""])[0].strip() or None
