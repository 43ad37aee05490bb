"""DKIM signatures (RFC 6376) with RSA and Ed25519 keys (RFC 8463), relaxed/relaxed.

The header lines and the body of a finished mail come in, the `DKIM-Signature` fields to put before
them come out, one per key: a mail can carry both algorithms while receivers learn the newer one.
Body and header are brought to their canonical form and hashed once, however many keys sign. `From`
and `Subject` are listed once more than they are there: a second one added on the way breaks the
signature. Refused: keys that no receiver would accept, and keys that stand in the settings.
"""

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from msgspec import Meta

from vocative.errors import AuthorError

_PLACE = "channels.smtp.dkim in vocative.yaml"
_SIGNED = (
    "from to subject date message-id mime-version content-type reply-to"
    " list-unsubscribe list-unsubscribe-post list-id feedback-id".split()
)
"""What is signed where it is there; RFC 8058 wants both List-Unsubscribe fields to be."""
_OVERSIGNED = ("from", "subject")
_MIN_RSA_BITS = 1_024
_SPACES = re.compile(r"[ \t\r\n]+")
_LINE = 76
_NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$"


class DkimKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `channels.smtp.dkim` in vocative.yaml."""

    domain: Annotated[str, Meta(pattern=_NAME, max_length=253)]
    """Who signs: the sender's domain, or one above it."""
    selector: Annotated[str, Meta(pattern=_NAME, max_length=63)]
    """The public key is at `SELECTOR._domainkey.DOMAIN`."""
    key: Annotated[str, Meta(pattern=r"^(file|env):.+$")]
    """Where the private key is, in PEM: `file:PATH` (from the workspace's folder) or `env:NAME`."""


class Signer:
    """Signs mails with one or several keys.

    Args:
        keys: As the settings say.
        root: The workspace's folder, from which paths go.

    Raises:
        AuthorError: a key cannot be read, is encrypted, too short or of another kind.
    """

    def __init__(self, keys: Sequence[DkimKey], *, root: Path) -> None:
        self._keys = [(key, _private_key(key, root)) for key in keys]

    def sign(self, headers: Sequence[str], body: bytes, *, at: datetime) -> list[str]:
        """The fields to put in front of a mail.

        Args:
            headers: Its header fields, each perhaps folded, without the line end after it.
            body: What comes after the empty line, with CRLF line ends.
            at: The instant of signing.
        """
        if not self._keys:
            return []
        body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode("ascii")
        present = {name: field for name, field in map(_relaxed, headers) if name in _SIGNED}
        names = [name for name in _SIGNED if name in present]
        signed = hashlib.sha256("".join(f"{present[name]}\r\n" for name in names).encode("ascii"))
        listed = ":".join([*names, *_OVERSIGNED])
        fields = []
        for stated, key in self._keys:
            algorithm = "rsa" if isinstance(key, RSAPrivateKey) else "ed25519"
            unsigned = (
                f"DKIM-Signature: v=1; a={algorithm}-sha256; c=relaxed/relaxed;"
                f" d={stated.domain};\r\n s={stated.selector}; t={int(at.timestamp())};\r\n"
                f" h={_folded(listed, ':')};\r\n bh={body_hash};\r\n b="
            )
            whole = signed.copy()
            whole.update(_relaxed(unsigned)[1].encode("ascii"))
            signature = base64.b64encode(_signature(key, whole.digest())).decode("ascii")
            fields.append(unsigned + _folded(signature))
        return fields


def relaxed_body(body: bytes) -> bytes:
    r"""A body in canonical form: runs of blanks are one space, none before a line's end.

    >>> relaxed_body(b"a \t b  \r\n\r\n\r\n")
    b'a b\r\n'
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    # A few passes of the interpreter's own are quicker than one regular expression.
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = body.replace(b" \r\n", b"\r\n").removesuffix(b" ")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _relaxed(header: str) -> tuple[str, str]:
    """A field's name, and the whole field in canonical form without its line end."""
    name, _, value = header.partition(":")
    name = name.strip().lower()
    return name, f"{name}:{_SPACES.sub(' ', value).strip()}"


def _folded(text: str, after: str = "") -> str:
    """A long value on several lines; blanks within it do not count."""
    if not after:
        return "\r\n ".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
    lines = [""]
    for word in text.split(after):
        if len(lines[-1]) + len(word) > _LINE:
            lines.append("")
        lines[-1] += word + after
    return "\r\n ".join(lines).removesuffix(after)


def _signature(key: RSAPrivateKey | Ed25519PrivateKey, digest: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    return key.sign(digest)  # RFC 8463: the digest is what is signed


def _private_key(stated: DkimKey, root: Path) -> RSAPrivateKey | Ed25519PrivateKey:
    kind, _, place = stated.key.partition(":")
    try:
        pem = (root / place).read_bytes() if kind == "file" else os.environb[place.encode()]
    except OSError as error:
        raise AuthorError(
            f"the DKIM key of {stated.selector} cannot be read: {error.strerror}",
            where=_PLACE,
            hint=f"check the file {place}",
        ) from error
    except KeyError as error:
        raise AuthorError(
            f"the environment variable {place} with the DKIM key of {stated.selector} is not set",
            where=_PLACE,
            hint=f"export {place}=… and run the command again",
        ) from error
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says could quote the key.
        raise AuthorError(
            f"the DKIM key of {stated.selector} is no private key in PEM without a password",
            where=_PLACE,
            hint="make one with `openssl genpkey -algorithm ed25519`, or"
            " `openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048`",
        ) from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, RSAPrivateKey) and key.key_size >= _MIN_RSA_BITS:
        return key
    raise AuthorError(
        f"the DKIM key of {stated.selector} is neither RSA of {_MIN_RSA_BITS} bits or more"
        " nor Ed25519",
        where=_PLACE,
        hint="receivers accept nothing else (RFC 8301, 8463)",
    )
