"""Deterministic identifiers and assignment hashes.

Ids are derived, not drawn, so that doing a piece of work twice gives the same rows.
"""

import base64
import hashlib
import hmac

_SEPARATOR = "\x1f"
_ESCAPE = "\x1e"


def _joined(parts: tuple[str, ...]) -> bytes:
    """The parts as bytes: different parts never give the same bytes."""
    joined = _SEPARATOR.join(parts)
    if _ESCAPE in joined or joined.count(_SEPARATOR) >= len(parts):
        joined = _SEPARATOR.join(
            part.replace(_ESCAPE, _ESCAPE + "0").replace(_SEPARATOR, _ESCAPE + "1")
            for part in parts
        )
    # Names from outside may hold lone surrogates, which UTF-8 refuses.
    return joined.encode("utf-8", "surrogatepass")


def person_id_for(key: bytes, namespace: str, value: str) -> str:
    """A pseudonymous person id from a first identity, keyed so that it cannot be guessed.

    Returns:
        `p` and 15 characters of base 32 (75 bits): 10⁹ people collide with chance below 10⁻⁴.
    """
    digest = hmac.digest(key, _joined(("person", namespace, value)), "sha256")
    return "p" + base64.b32encode(digest[:10]).decode().lower()[:15]


def message_id_for(*, campaign: str, occurrence: str, person_id: str, channel: str) -> str:
    """The id of one planned communication; it is also the local part of its Message-ID."""
    digest = hashlib.sha256(_joined(("message", campaign, occurrence, person_id, channel)))
    return digest.hexdigest()[:32]


def event_id_for(source: str, message_id: str) -> str:
    """The id under which an event is deduplicated: its source and its `messageId`."""
    return event_key_for(source, message_id).hex()


def event_key_for(source: str, message_id: str) -> bytes:
    """The 16 bytes of `event_id_for`, as the store keeps them."""
    return hashlib.sha256(_joined(("event", source, message_id))).digest()[:16]


def stable_fraction(*parts: str) -> float:
    """A uniform number in [0, 1) that depends on the parts alone: used to assign arms.

    >>> stable_fraction("autumn", "p1") == stable_fraction("autumn", "p1")
    True
    """
    digest = hashlib.sha256(_joined(("fraction", *parts))).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
