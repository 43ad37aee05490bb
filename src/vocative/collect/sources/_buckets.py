"""Where files lie: a folder of this machine, or a bucket, a container or a web server.

Buckets are reached by obstore (`pip install 'vocative[files]'`), which signs, tries again and reads
in parts. A file is known by its name and a version that changes whenever its content does.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources._words import words_of
from vocative.errors import AuthorError, ProviderError

if TYPE_CHECKING:
    import obstore.store

MOST_BYTES = 50_000_000_000
"""Of one file."""
_PART_BYTES = 8_000_000
_STILL_WRITTEN = timedelta(seconds=10)
_RETRIES = 4
_PATIENCE = timedelta(seconds=60)
# 408 and 429 mean later.
_REFUSED = re.compile(r"status code: 4(?!08|29)\d\d")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as a listing has it."""

    name: str
    """Its path, from where the listing begins."""
    version: str
    """Changes with its content."""
    size: int
    modified_at: datetime


class Bucket(ABC):
    """A place that files are read from."""

    @abstractmethod
    def files(self) -> Iterator[StoredFile]:
        """Every file, in no order."""

    @abstractmethod
    def brought(self, file: StoredFile, scratch: Path) -> AbstractContextManager[Path | None]:
        """A context with the file's path on this machine; None when it has changed meanwhile."""


class Folder(Bucket):
    """A folder of this machine, with the folders in it."""

    def __init__(self, path: Path, *, now: datetime) -> None:
        self._path = path
        self._now = now

    def files(self) -> Iterator[StoredFile]:
        """Every file; one that was written to just now is perhaps not whole yet, and waits."""
        if not self._path.is_dir():
            raise SourceDown(f"there is no folder {self._path}", hint="check the path")
        for path in self._path.rglob("*"):
            try:
                # A link could lead to any file of this machine.
                if path.is_file() and not path.is_symlink():
                    found = self._stored(path)
                    if self._now - found.modified_at > _STILL_WRITTEN:
                        yield found
            except FileNotFoundError:  # it went while it was looked at
                continue

    @contextmanager
    def brought(self, file: StoredFile, scratch: Path) -> Iterator[Path | None]:  # noqa: ARG002
        """Where it is."""
        path = self._path / file.name
        try:
            unchanged = self._stored(path) == file
        except OSError:
            unchanged = False
        yield path if unchanged else None

    def _stored(self, path: Path) -> StoredFile:
        stat = path.stat()
        return StoredFile(
            str(path.relative_to(self._path)),
            str(stat.st_mtime_ns),
            stat.st_size,
            datetime.fromtimestamp(stat.st_mtime, UTC),
        )


class ObjectStore(Bucket):
    """A bucket, a container, or one file of a web server.

    Args:
        url: `s3://bucket/folder`, `gs://…`, `az://container/folder` or `https://host/folder`.
        config: What obstore calls the store's settings.
        headers: For a web server.
        one: The only file to look at, where files cannot be listed.
        secrets: What no message may hold.

    Raises:
        AuthorError: obstore is not installed, or the settings cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        config: Mapping[str, Any],
        headers: Mapping[str, str],
        one: str | None,
        secrets: list[str],
    ) -> None:
        self._one = one
        self._secrets = secrets
        self._store = _open(url, config, headers)

    def files(self) -> Iterator[StoredFile]:
        """Every file as the store lists it."""
        import obstore

        try:
            if self._one is not None:
                yield _stored(obstore.head(self._store, self._one))
                return
            for chunk in obstore.list(self._store, chunk_size=1_000):
                yield from map(_stored, chunk)
        except (obstore.exceptions.BaseError, OSError) as error:
            raise self._trouble(error) from error

    @contextmanager
    def brought(self, file: StoredFile, scratch: Path) -> Iterator[Path | None]:
        """A copy in the scratch folder, as long as it is needed."""
        import obstore

        path = scratch / Path(file.name).name
        try:
            try:
                self._copy(file, path)
            except (obstore.exceptions.PreconditionError, FileNotFoundError):
                yield None
                return
            except (obstore.exceptions.BaseError, OSError) as error:
                raise self._trouble(error) from error
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _copy(self, file: StoredFile, path: Path) -> None:
        import obstore

        # A file that was written anew since the listing has another version: it waits.
        tag = file.version.partition("/")[0]
        answer = obstore.get(self._store, file.name, options={"if_match": tag} if tag else {})
        with path.open("wb") as target:
            for part in answer.stream(min_chunk_size=_PART_BYTES):
                target.write(part)

    def _trouble(self, error: Exception) -> ProviderError:
        import obstore

        told = obstore.exceptions
        first = str(error).partition("\n")[0]
        words = words_of(first.encode(), secrets=self._secrets)
        if isinstance(error, (told.PermissionDeniedError, told.UnauthenticatedError)):
            return SourceRefused(
                f"the store does not let us in: {words}", hint="check the keys and their rights"
            )
        if isinstance(error, FileNotFoundError) or _REFUSED.search(first):
            return SourceRefused(
                f"the store has no such thing, or refuses: {words}",
                hint="check `url:`, the keys and their rights",
            )
        return SourceDown(
            f"the store does not answer: {words}", hint="check `url:` and `endpoint:`"
        )


def _open(
    url: str, config: Mapping[str, Any], headers: Mapping[str, str]
) -> "obstore.store.ObjectStore":
    try:
        import obstore
        from obstore.store import from_url
    except ModuleNotFoundError as missing:
        raise AuthorError(
            "files of a bucket need obstore, which is not installed",
            hint="pip install 'vocative[files]'",
        ) from missing
    plain = str(config.get("endpoint", url)).startswith("http://")
    given: dict[str, Any] = {"config": config} if config else {}
    try:
        return from_url(
            url,
            client_options={
                "allow_http": plain,
                "connect_timeout": timedelta(seconds=10),
                # Of a whole answer: of a file of gigabytes, too.
                "timeout": timedelta(hours=2),
                "read_timeout": _PATIENCE,
                "default_headers": dict(headers),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
            **given,
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        # Its words would show the settings.
        raise AuthorError(
            "the store cannot be opened with these settings", hint="check `url:` and the secrets"
        ) from error


def _stored(meta: Mapping[str, Any]) -> StoredFile:
    tag = meta["e_tag"] or ""
    modified_at = meta["last_modified"]
    return StoredFile(meta["path"], f"{tag}/{modified_at.isoformat()}", meta["size"], modified_at)
