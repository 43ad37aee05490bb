"""The workspace key, from which every other key of a workspace is derived.

It comes from the environment variable VOCATIVE_KEY (32 bytes, base64) or, embedded, from the
file `.vocative/key` that `vocative init` makes. Whoever has it can read the vault; without it
nothing in the vault can be read.
"""

import base64
import binascii
import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from vocative.errors import PrivacyError

ENVIRONMENT_NAME = "VOCATIVE_KEY"


@dataclass(frozen=True, repr=False)
class WorkspaceKey:
    """One key per job, all derived from the workspace key (HKDF-SHA256)."""

    wrap: bytes
    """Wraps the keys of people."""
    lookup: bytes
    """Keys the hashes by which identities are found."""
    log: bytes
    """Encrypts the bodies of the event log."""
    sign: bytes
    """Signs tracking and unsubscribe links."""
    link: bytes
    """Seals links that tell that somebody followed them."""
    destinations: bytes
    """Encrypts what destinations know people by."""

    @classmethod
    def derive(cls, master: bytes) -> "WorkspaceKey":
        """The keys that belong to 32 bytes of master key."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        def key(job: str) -> bytes:
            hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"vocative/" + job.encode())
            return hkdf.derive(master)

        return cls(
            wrap=key("wrap"),
            lookup=key("lookup"),
            log=key("log"),
            sign=key("sign"),
            link=key("link"),
            destinations=key("destinations"),
        )


def create_key_file(path: Path) -> None:
    """Write a fresh key, readable by its owner only; an existing one is left alone.

    Nothing is written while the environment holds the key.
    """
    if path.exists() or ENVIRONMENT_NAME in os.environ:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    # A link appears whole or not at all, and never replaces a key that is there.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(partial)
    partial.unlink()


def read_key(path: Path) -> WorkspaceKey:
    """The workspace key from the environment or from `path`.

    Raises:
        PrivacyError: there is none, or it is not 32 bytes of base64.
    """
    text = os.environ.get(ENVIRONMENT_NAME)
    place = f"environment variable {ENVIRONMENT_NAME}"
    if text is None:
        place = f"{path.parent.name}/{path.name}"
        if not path.exists():
            raise PrivacyError(
                "the workspace key is missing, so personal data can be neither kept nor read",
                where=place,
                hint=f"put the file back from your backup, or set {ENVIRONMENT_NAME};"
                " in a new workspace run `vocative init`",
            )
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise PrivacyError(
                f"the workspace key cannot be read: {error.strerror}",
                where=place,
                hint="check who owns the workspace folder",
            ) from error
    try:
        master = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        master = b""
    if len(master) != 32:
        raise PrivacyError(
            "the workspace key is not 32 bytes of base64",
            where=place,
            hint="make one with: head -c 32 /dev/urandom | base64",
        )
    return WorkspaceKey.derive(master)
