"""Sealing bytes: AES-256-GCM under a key, opened again only with the same key and label."""

import base64
import binascii
import os

_NONCE_BYTES = 12


def seal(key: bytes, plain: bytes, label: bytes) -> bytes:
    """Encrypt bytes.

    Args:
        key: 32 bytes.
        plain: What to hide.
        label: What it belongs to: it is not kept, and without the same one nothing opens.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, label)


def unseal(key: bytes, sealed: bytes, label: bytes) -> bytes | None:
    """What was sealed; None when key or label do not fit, or something was changed or cut off."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, body, label)
    except (InvalidTag, ValueError):  # ValueError: cut off
        return None


def seal_text(key: bytes, plain: bytes, label: bytes) -> str:
    """Encrypt bytes, as text that may stand in an address or a form."""
    return base64.urlsafe_b64encode(seal(key, plain, label)).rstrip(b"=").decode()


def unseal_text(key: bytes, sealed: str, label: bytes) -> bytes | None:
    """What was sealed as text; None for everything else."""
    if not sealed.isascii():
        return None
    try:
        raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return unseal(key, raw, label)
