"""Files that are put somewhere: a folder, a bucket (S3, Google, Azure), a web server.

New and changed files are taken in one after the other, each as `vocative import` would: through a
mapping, or as ready events.
"""

import base64
import contextlib
import fnmatch
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from vocative.clock import to_micros
from vocative.collect.event import EventRefused, read_event
from vocative.collect.mapping import read_mapping
from vocative.collect.sources._buckets import (
    MOST_BYTES,
    Bucket,
    Folder,
    ObjectStore,
    StoredFile,
)
from vocative.collect.sources._http import Secret
from vocative.collect.sources._tables import (
    PAGE_EVENTS,
    check_consents_have_times,
    rejected,
)
from vocative.collect.sources.base import Fault, Page, Place, Source
from vocative.collect.table import TableFile
from vocative.collect.table_file import byte_lines, plain_name, read_through
from vocative.errors import AuthorError, DataError

MOST_FILES = 100_000
_FINGERPRINT_BYTES = 8
_TABLES = (".csv", ".tsv", ".parquet")
_FIELDS: dict[str, tuple[str, ...]] = {
    "s3": ("region", "endpoint", "access_key", "secret_key", "anonymous"),
    "gs": ("service_account", "anonymous"),
    "az": ("account", "account_key", "endpoint", "anonymous"),
    "https": ("token",),
    "http": ("token",),
    "": (),
}
"""By the beginning of the address: what its store may be told."""
_ANY = sorted({name for names in _FIELDS.values() for name in names})


class FilesOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the files are, and what is in them."""

    url: str
    """Where: `s3://bucket/folder`, `gs://…`, `az://container/folder`, `https://host/file.csv`,
    or a folder of this machine."""
    files: str = "*"
    """Which of them: `*` stands for anything, folders too."""
    mapping: str | None = None
    """The file `mappings/NAME.yaml` that says what the columns mean; without it, lines of ready
    events."""
    region: str | None = None
    """Of S3."""
    endpoint: str | None = None
    """Of a store that speaks as S3 does (R2, MinIO), or as Azure's."""
    access_key: Secret | None = None
    """Of S3, with `secret_key`; the machine's own role unless told."""
    secret_key: Secret | None = None
    """Of S3."""
    service_account: Secret | None = None
    """Of Google: JSON of a service account's key; the machine's own unless told."""
    account: str | None = None
    """Of Azure."""
    account_key: Secret | None = None
    """Of Azure; the machine's own identity unless told."""
    token: Secret | None = None
    """Of a web server: sent as a bearer token."""
    anonymous: bool = False
    """The bucket is open to everybody: nothing is signed."""


class FilesSource(Source):
    """New and changed files of a folder, a bucket or a web server."""

    Options = FilesOptions
    streams: ClassVar[tuple[str, ...]] = ("files",)

    @classmethod
    def faults(cls, options: FilesOptions) -> Iterator[Fault]:
        """What does not go with the address."""
        scheme = _scheme(options.url)
        if scheme not in _FIELDS:
            yield ("url",), f"files are not read from {scheme}://", "s3, gs, az, https or a folder"
            return
        parts = urlsplit(options.url)
        if not scheme and not Path(options.url).is_absolute():
            yield ("url",), "a folder is named by its whole path", "such as /srv/exports"
        if scheme in ("http", "https") and (parts.query or not Path(parts.path).name):
            yield ("url",), "name one file of a web server, without `?`", "or use `kind: rest`"
        if parts.password or (scheme and "@" in parts.netloc):
            yield ("url",), "a secret must not stand in the address", "see the options for secrets"
        for name in _ANY:
            if getattr(options, name) and name not in _FIELDS[scheme]:
                yield (name, "@key"), f"{scheme or 'a folder'} has no `{name}:`", "leave it out"
        if (options.access_key is None) != (options.secret_key is None):
            yield (), "`access_key:` and `secret_key:` go together", None
        if scheme == "az" and not options.account:
            yield ("url",), "az needs `account:`", None

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002
        """The files that are new or have changed, the oldest first.

        Raises:
            AuthorError: the mapping does not fit a file.
            SourceDown, SourceRefused, DataError: see `Source.pull`.
        """
        place = self._place
        if self.options.mapping is not None:
            text = place.mapping(self.options.mapping)
            check_consents_have_times(read_mapping(text), text)
        downloads = place.scratch / "files"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir(mode=0o700, parents=True)
        bucket = self._bucket()
        listed = {_fingerprint(file): file for file in self._listed(bucket)}
        seen = _decoded(cursor) & listed.keys()
        filling = _Filling(cursor)
        for fingerprint, file in sorted(
            listed.items(), key=lambda pair: (pair[1].modified_at, pair[1].name)
        ):
            if fingerprint in seen:
                continue
            try:
                for page in self._read(bucket, file, downloads, fingerprint):
                    yield from filling.add(page)
            except _ChangedMeanwhile:
                continue  # its next version is read by the next pull
            seen |= {fingerprint}
            filling.cursor = _encoded(seen)
        yield from filling.rest()

    def _listed(self, bucket: Bucket) -> Iterator[StoredFile]:
        count = 0
        for file in bucket.files():
            parts = Path(file.name).parts
            # Other programs' marks, such as _SUCCESS and .part, are no files of anybody's.
            if any(part[0] in "._" for part in parts) or file.name.endswith("/"):
                continue
            if self._one is None and not fnmatch.fnmatchcase(file.name, self.options.files):
                continue
            count += 1
            if count > MOST_FILES:
                raise AuthorError(
                    f"there are more than {MOST_FILES:,} files", hint="narrow `url:` or `files:`"
                )
            yield file

    def _read(
        self, bucket: Bucket, file: StoredFile, downloads: Path, fingerprint: bytes
    ) -> Iterator[Page]:
        """What a file holds; one that cannot be read is counted, and the next one's turn comes."""
        if file.size > MOST_BYTES:
            yield Page(rejected={f"{_shown(file)} is larger than {MOST_BYTES:,} bytes": 1})
            return
        with bucket.brought(file, downloads) as path:
            if path is None:
                raise _ChangedMeanwhile
            try:
                read_through(path)
                if self.options.mapping is None:
                    yield from self._ready(path)
                else:
                    yield from self._mapped(path, self.options.mapping, fingerprint.hex())
            except DataError as error:
                yield Page(rejected={error.message: 1})
            except AuthorError as error:
                raise AuthorError(
                    f"{_shown(file)}: {error.message}", where=error.where, hint=error.hint
                ) from error

    def _mapped(self, path: Path, mapping: str, reading: str) -> Iterator[Page]:
        place = self._place
        table = TableFile(
            path,
            place.mapping(mapping),
            timezone=place.timezone,
            scratch=place.scratch / "rows",
            now=self.clock.now(),
            reading=reading,
        )
        with contextlib.closing(table):
            events = map(msgspec.json.decode, table.events())
            while some := list(islice(events, PAGE_EVENTS)):
                yield Page(events=some)
            yield Page(items=list(table.items()), rejected=rejected(table))

    def _ready(self, path: Path) -> Iterator[Page]:
        if plain_name(path).endswith(_TABLES):
            raise DataError(f"{path.name} is a table: a mapping must say what its columns mean")
        lines = (line for line in byte_lines(path) if line is None or line.strip())
        while some := list(islice(lines, PAGE_EVENTS)):
            yield _ready_page(some, received_at=to_micros(self.clock.now()))

    def _bucket(self) -> Bucket:
        options = self.options
        scheme = _scheme(options.url)
        if not scheme:
            return Folder(Path(options.url), now=self.clock.now())
        url = options.url if self._one is None else options.url.rpartition("/")[0]
        return ObjectStore(
            url,
            config=_config(scheme, options),
            headers={"authorization": f"Bearer {options.token}"} if options.token else {},
            one=self._one,
            secrets=_secrets(options),
        )

    @property
    def _one(self) -> str | None:
        """The only file, where none are listed."""
        on_the_web = _scheme(self.options.url) in ("http", "https")
        return self.options.url.rpartition("/")[2] if on_the_web else None

    @property
    def _place(self) -> Place:
        if self.place is None:
            raise AuthorError("files can be read for a workspace only")
        return self.place


def _ready_page(lines: Sequence[bytes | None], *, received_at: int) -> Page:
    """Lines of ready events, each with the id that it has or gets."""
    events: list[Mapping[str, Any]] = []
    refused: Counter[str] = Counter()
    for line in lines:
        if line is None:
            refused["line too long"] += 1
            continue
        try:
            event = read_event(line, received_at=received_at)
        except EventRefused as refusal:
            refused[str(refusal)] += 1
        else:
            events.append({**msgspec.json.decode(line), "messageId": event.message_id})
    return Page(events=events, rejected=dict(refused))


class _ChangedMeanwhile(Exception):
    """The file is not the one that was listed any more."""


class _Filling:
    """Pages of a good size: many small files in one, a large one in many.

    Args:
        cursor: Of the pages until a file is done.
    """

    def __init__(self, cursor: str | None) -> None:
        self.cursor = self._given = cursor
        self._events: list[Mapping[str, Any]] = []
        self._items: list[Mapping[str, Any]] = []
        self._rejected: Counter[str] = Counter()

    def add(self, part: Page) -> Iterator[Page]:
        """Take a part in, and give a page when there is enough for one."""
        self._events += part.events
        self._items += part.items
        self._rejected.update(part.rejected)
        if len(self._events) >= PAGE_EVENTS:
            yield self._page()

    def rest(self) -> Iterator[Page]:
        """What no page has yet."""
        if self._events or self._items or self._rejected or self.cursor != self._given:
            yield self._page()

    def _page(self) -> Page:
        page = Page(
            events=self._events,
            items=self._items,
            rejected=dict(self._rejected),
            cursor=self.cursor,
        )
        self._given = self.cursor
        self._events, self._items, self._rejected = [], [], Counter()
        return page


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower() if "://" in url else ""


def _config(scheme: str, options: FilesOptions) -> dict[str, Any]:
    """The store's settings as obstore calls them."""
    named: dict[str, dict[str, Any]] = {
        "s3": {
            "region": options.region,
            "endpoint": options.endpoint,
            "access_key_id": options.access_key,
            "secret_access_key": options.secret_key,
        },
        "gs": {"service_account_key": options.service_account},
        "az": {
            "account_name": options.account,
            "account_key": options.account_key,
            "endpoint": options.endpoint,
        },
    }
    config = {name: value for name, value in named.get(scheme, {}).items() if value is not None}
    return config | ({"skip_signature": True} if options.anonymous else {})


def _secrets(options: FilesOptions) -> list[str]:
    found = (options.access_key, options.secret_key, options.service_account)
    return [secret for secret in (*found, options.account_key, options.token) if secret]


def _shown(file: StoredFile) -> str:
    return Path(file.name).name


def _fingerprint(file: StoredFile) -> bytes:
    written = "\0".join((file.name, file.version, str(file.size)))
    return hashlib.blake2b(written.encode(), digest_size=_FINGERPRINT_BYTES).digest()


def _encoded(seen: set[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(seen))).decode()


def _decoded(cursor: str | None) -> set[bytes]:
    try:
        raw = base64.b64decode(cursor or "", validate=True)
    except ValueError as error:
        raise DataError(
            "the cursor is not one of files",
            hint="pull again from the beginning: `vocative source pull NAME --again`",
        ) from error
    size = _FINGERPRINT_BYTES
    return {raw[at : at + size] for at in range(0, len(raw), size)}
