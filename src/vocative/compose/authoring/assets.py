"""Pictures of a workspace: named in templates as `asset:logo.png`, served under their content.

In comes `templates/assets/`, out go addresses that hold a digest of the picture, so that a mail
shows for good what it was sent with. A picture of a template that is sent is copied to where it
stays. Refused: pictures that are too large for a mail, and kinds that mail programs do not show.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from vocative.compose.authoring.source import Passage
from vocative.errors import AuthorError, Where, unknown_name

FOLDER = "assets"
ROUTE = "/a"
MAX_BYTES = 1_000_000
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
_DIGEST_CHARACTERS = 24
_NAMED = re.compile(r"asset:([\w.-]+)")
_SERVED = re.compile(rf"([0-9a-f]{{{_DIGEST_CHARACTERS}}})/[\w.-]+?(\.[a-z]+)", re.ASCII)


class AssetAddresses(Mapping[str, str]):
    """The addresses of a workspace's pictures by file name; a file is read when it is named."""

    def __init__(self, root: Path, base_url: str) -> None:
        self._folder = root / "templates" / FOLDER
        self._base_url = base_url

    def __getitem__(self, name: str) -> str:
        if name not in set(self):
            raise KeyError(name)
        path = self._folder / name
        stat = path.stat()
        digest = _digest(path, stat.st_size, stat.st_mtime_ns)
        return f"{self._base_url}{ROUTE}/{digest}/{name}"

    def __iter__(self) -> Iterator[str]:
        for path in sorted(self._folder.glob("*")):
            if path.is_file() and path.resolve().is_relative_to(self._folder.resolve()):
                yield path.name

    def __len__(self) -> int:
        return sum(1 for _ in self)


@lru_cache(maxsize=1_000)
def _digest(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - they tell a change
    shown = Where(file=f"templates/{FOLDER}/{path.name}")
    if path.suffix.lower() not in TYPES:
        raise AuthorError(
            "mail programs do not show this kind of file",
            where=shown,
            hint=f"use one of {', '.join(TYPES)}",
        )
    if size > MAX_BYTES:
        raise AuthorError(
            f"a picture may have {MAX_BYTES:,} bytes, this one has {size:,}",
            where=shown,
            hint="make it smaller: many readers are on a phone",
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_CHARACTERS]


def addresses_in(passage: Passage, assets: Mapping[str, str]) -> dict[str, str]:
    """The address of every picture that a text names.

    Raises:
        UnknownName: it names one that there is not.
        AuthorError: one is too large, or of a kind that mail programs do not show.
    """
    found = {}
    for named in _NAMED.finditer(passage.text):
        name = named[1]
        if name not in assets:
            raise unknown_name("asset", name, assets, where=passage.where(named.start(1)))
        found[name] = assets[name]
    return found


def with_addresses(html: str, addresses: Mapping[str, str]) -> str:
    """HTML in which pictures have their addresses."""
    return _NAMED.sub(lambda named: addresses.get(named[1], named[0]), html)


def keep_assets(root: Path, state_dir: Path, addresses: Mapping[str, str]) -> None:
    """Copy pictures to where they are served from, whatever becomes of the folder."""
    for name, address in addresses.items():
        source = root / "templates" / FOLDER / name
        kept = state_dir / FOLDER / f"{address.split('/')[-2]}{source.suffix.lower()}"
        if not kept.exists() and source.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            half = kept.with_suffix(".half")
            shutil.copyfile(source, half)
            half.replace(kept)


def find_asset(root: Path, state_dir: Path, path: str) -> tuple[Path, str] | None:
    """The file and media type of what is asked for as `digest/name`; None: there is none."""
    asked = _SERVED.fullmatch(path.lower())
    if asked is None or asked[2] not in TYPES:
        return None
    kept = state_dir / FOLDER / f"{asked[1]}{asked[2]}"
    if kept.is_file():
        return kept, TYPES[asked[2]]
    current = AssetAddresses(root, "")
    name = path.partition("/")[2]
    if name in current and current[name] == f"{ROUTE}/{path}":
        return root / "templates" / FOLDER / name, TYPES[asked[2]]
    return None
