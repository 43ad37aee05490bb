"""Whether a webhook is genuine: signatures made with a shared secret, and how old they may be."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from vocative.collect.sources.base import NotGenuine

TOLERANCE = timedelta(minutes=5)
"""How far a signature's time may be from now, so that a recorded call cannot be played back."""


def base64_hmac_sha256(secret: str, content: bytes) -> str:
    """The signature most vendors use."""
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def require_signature(stated: str | None, expected: str) -> None:
    """Compare two signatures, in a time that tells nothing of either.

    Raises:
        NotGenuine: they differ, or there is none.
    """
    if not stated:
        raise NotGenuine("there is no signature")
    if not hmac.compare_digest(stated.encode("utf-8", "replace"), expected.encode()):
        raise NotGenuine("the signature is wrong")


def require_recent(signed_at: datetime | None, now: datetime) -> None:
    """Refuse what was signed long ago, or is to be signed some day.

    Raises:
        NotGenuine: it is older or newer than `TOLERANCE`, or there is no time.
    """
    if signed_at is None or abs(now - signed_at) > TOLERANCE:
        raise NotGenuine("the time of the signature is not now")
