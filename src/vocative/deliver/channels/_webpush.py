"""Encryption of Web Push messages (RFC 8291 over RFC 8188) and the sender's name (VAPID, RFC 8292).

Two short pieces of public-key cryptography on `cryptography`; tests hold the first against the
worked example of RFC 8291.
"""

import binascii
import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_RECORD_BYTES = 4096
_CURVE = ec.SECP256R1()


class Keys(msgspec.Struct, frozen=True):
    """What a browser gives with a subscription, in base 64 for addresses."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """Where one browser can be reached; what `PushSubscription.toJSON()` gives."""

    endpoint: str
    keys: Keys


@dataclass(frozen=True)
class Recipient:
    """A subscription's keys, decoded."""

    public_key: ec.EllipticCurvePublicKey
    auth: bytes

    @classmethod
    def of(cls, keys: Keys) -> "Recipient":
        """Decode keys.

        Raises:
            ValueError: they are none.
        """
        auth = from_base64url(keys.auth)
        if len(auth) != 16:
            raise ValueError("the authentication secret must have 16 bytes")
        point = from_base64url(keys.p256dh)
        return cls(ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point), auth)


def encrypt(
    content: bytes,
    recipient: Recipient,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push message in the coding `aes128gcm`, as one record.

    Args:
        content: At most 3,993 bytes.
        recipient: Who can read it.
        sender: A key for this message alone; a fresh one unless told.
        salt: 16 bytes; fresh ones unless told.

    Raises:
        ValueError: the content is too long.
    """
    if len(content) > _RECORD_BYTES - 103:
        raise ValueError("a push message carries at most 3,993 bytes")
    sender = sender or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    own, theirs = _point(sender.public_key()), _point(recipient.public_key)
    shared = sender.exchange(ec.ECDH(), recipient.public_key)
    keyed = _derived(recipient.auth, shared, b"WebPush: info\0" + theirs + own, 32)
    key = _derived(salt, keyed, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, keyed, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, content + b"\x02", None)
    head = salt + _RECORD_BYTES.to_bytes(4, "big") + len(own).to_bytes(1, "big") + own
    return head + sealed


def vapid(endpoint: str, *, key: ec.EllipticCurvePrivateKey, subject: str, at: datetime) -> str:
    """The `Authorization` header that says who sends; good for the endpoint's host, half a day.

    Args:
        endpoint: The subscription's address.
        key: The key whose public half browsers subscribed with.
        subject: `mailto:` or `https:`: whom a push service may turn to.
        at: Now.
    """
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((at + timedelta(hours=12)).timestamp()),
        "sub": subject,
    }
    signed = ".".join(
        base64url(msgspec.json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims)
    )
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={base64url(_point(key.public_key()))}"


def private_key(stated: str) -> ec.EllipticCurvePrivateKey:
    """A VAPID key from its 32 bytes in base 64, as the usual tools print it.

    Raises:
        ValueError: it is none.
    """
    raw = from_base64url(stated)
    if len(raw) != 32:
        raise ValueError("a VAPID private key has 32 bytes")
    return ec.derive_private_key(int.from_bytes(raw, "big"), _CURVE)


def base64url(raw: bytes) -> str:
    """Base 64 for addresses, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(stated: str) -> bytes:
    """The bytes of base 64 for addresses, padded or not.

    Raises:
        ValueError: it is none.
    """
    try:
        return urlsafe_b64decode(stated + "=" * (-len(stated) % 4))
    except binascii.Error as error:
        raise ValueError("this is no base 64") from error


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256, of which one block is enough here."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)[:length]
