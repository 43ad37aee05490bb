"""How whoever we call can tell that it was us: signatures as Standard Webhooks has them."""

import binascii
import hmac
from base64 import b64decode, b64encode

PREFIX = "whsec_"


def webhook_key(secret: str) -> bytes | None:
    """The key of `whsec_` and 24 to 64 bytes in base 64; None when a secret is no such thing."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if secret.startswith(PREFIX) and 24 <= len(key) <= 64 else None


def sign(key: bytes, message_id: str, signed_at: str, content: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{signed_at}.".encode() + content
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def signed_headers(key: bytes, message_id: str, signed_at: int, content: bytes) -> dict[str, str]:
    """The headers of a call whose body is JSON.

    Args:
        key: See `webhook_key`.
        message_id: The same each time that the same is told.
        signed_at: Seconds since 1970.
        content: The body.
    """
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(signed_at),
        "webhook-signature": sign(key, message_id, str(signed_at), content),
    }
