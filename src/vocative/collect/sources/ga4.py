"""Google Analytics 4, as it exports to BigQuery: every event of every visitor, a table a day.

The tables are read from BigQuery itself, or from files they were exported to. The Data API is not
asked: it tells sums, and no visitors. A day's table is read again while Google still writes to it.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from vocative.collect.sources._bigquery import API, ROWS_AT_ONCE, BigQuery, Table
from vocative.collect.sources._ga4_rows import event_of
from vocative.collect.sources._http import Secret
from vocative.collect.sources.base import Fault, Page, Source
from vocative.collect.table_file import byte_lines, plain_name
from vocative.errors import AuthorError, DataError

_TABLE = "events_"
_DAY_DIGITS = 8
_LATE_DAYS = 4
"""Google adds to a day's table for up to three days after it."""
_ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet")


class Ga4Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind says: a data set with a key, or a folder."""

    project: str | None = None
    """The Google Cloud project that the property exports to."""
    dataset: str | None = None
    """The data set, such as analytics_123456789."""
    key: Secret | None = None
    """A service account's key, as its JSON file."""
    folder: str | None = None
    """A folder with files events_YYYYMMDD…, as JSON lines or Parquet, also compressed."""
    from_date: str = "2020-01-01"
    """The first day whose events are wanted."""
    accounts: bool = True
    """Whether GA4's user ids are the ids of the shop's accounts."""
    orders: bool = False
    """Whether purchases count as orders; not where the shop tells its orders itself."""
    base_url: str = API
    """Another address of BigQuery's API, such as a proxy's."""


class _Reading(msgspec.Struct, frozen=True):
    """How far the tables are read."""

    known: dict[str, str] = {}
    """Tables that may still change, each with the version that was read."""
    day: str = ""
    """Tables before this day are read for good."""
    table: str = ""
    """The one under way, if any."""
    version: str = ""
    rows: int = 0
    """Of it that were read."""


class Ga4(Source):
    """Every event that Google Analytics 4 exports."""

    Options = Ga4Options
    streams: ClassVar[tuple[str, ...]] = ("events",)
    options: Ga4Options

    @classmethod
    def faults(cls, options: Ga4Options) -> Iterable[Fault]:
        """A place to read from that is missing, or told twice, and what is no day."""
        asked = (options.project, options.dataset, options.key)
        if options.folder is None and None in asked:
            hint = "or `folder:` with exported files"
            yield (), "project, dataset and key are needed", hint
        if options.folder is not None and any(one is not None for one in asked):
            yield ("folder",), "events come from BigQuery or from a folder, not from both", None
        if options.folder is not None and not Path(options.folder).is_absolute():
            yield ("folder",), "the folder must begin at the root", "such as /srv/ga4"
        try:
            date.fromisoformat(options.from_date)
        except ValueError:
            yield ("from_date",), "this is no day", "write it as 2025-01-31"

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002
        """The events of tables that are new or were written to."""
        store = _Folder(self.options.folder) if self.options.folder else self._bigquery()
        try:
            yield from self._read(store, _begun(cursor))
        finally:
            store.close()

    def _bigquery(self) -> BigQuery:
        own = self.options
        return BigQuery(
            own.project or "",
            own.dataset or "",
            own.key or "",
            connect=self.connect,
            clock=self.clock,
            api=own.base_url,
        )

    def _read(self, store: "BigQuery | _Folder", reading: _Reading) -> Iterator[Page]:
        first = date.fromisoformat(self.options.from_date).strftime("%Y%m%d")
        names = [name for name in store.tables() if _day_of(name) >= max(first, reading.day)]
        for name in sorted(names, key=_day_of):
            table = store.describe(name)
            if reading.known.get(name) == table.version:
                continue
            begin = reading.rows if (reading.table, reading.version) == (name, table.version) else 0
            for rows in store.rows(table, begin):
                begin += len(rows)
                reading = msgspec.structs.replace(
                    reading, table=name, version=table.version, rows=begin
                )
                yield self._page(rows, reading)
            reading = self._done(reading, name, table.version)
            yield Page(cursor=msgspec.json.encode(reading).decode())

    def _page(self, rows: list[dict[str, Any]], reading: _Reading) -> Page:
        told = [
            event_of(row, orders=self.options.orders, accounts=self.options.accounts)
            for row in rows
        ]
        events = [event for event in told if event is not None]
        missing = len(told) - len(events)
        return Page(
            events=events,
            rejected={"a row without a name or a time": missing} if missing else {},
            cursor=msgspec.json.encode(reading).decode(),
        )

    def _done(self, reading: _Reading, name: str, version: str) -> _Reading:
        """A table is read; of those that no longer change it is not kept which they were."""
        today = self.clock.now().date()
        settled = (today - timedelta(days=_LATE_DAYS)).strftime("%Y%m%d")
        if self.options.folder is not None:
            settled = ""  # Whoever puts files there may bring an old day at any time.
        day = max(reading.day, min(settled, _day_of(name)))
        known = {**reading.known, name: version}
        return _Reading(
            known={one: seen for one, seen in known.items() if _day_of(one) >= day}, day=day
        )


class _Folder:
    """Exported files; the same questions as BigQuery is asked."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def tables(self) -> list[str]:
        """The names of the files.

        Raises:
            AuthorError: there is no such folder.
        """
        if not self._folder.is_dir():
            raise AuthorError("the folder of this source is not there", hint="check `folder:`")
        return sorted(
            path.name for path in self._folder.iterdir() if plain_name(path).endswith(_ENDINGS)
        )

    def describe(self, name: str) -> Table:
        """A file as it is now.

        Raises:
            DataError: it went away.
        """
        try:
            stat = (self._folder / name).stat()
        except OSError as error:
            raise DataError(f"{name} cannot be read") from error
        return Table(name, f"{stat.st_size}:{stat.st_mtime_ns}")

    def rows(self, table: Table, start: int) -> Iterator[list[dict[str, Any]]]:
        """The rows of a file from one on, some at a time.

        Raises:
            DataError: it cannot be read to its end, or holds something else.
        """
        path = self._folder / table.name
        rows = _parquet_rows(path) if path.name.endswith(".parquet") else _json_rows(path)
        rows = islice(rows, start, None)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            yield some

    def close(self) -> None:
        """Nothing is held open."""


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line in byte_lines(path):
        try:
            yield decode(line or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield {}  # Counted as a row that says nothing.


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path.name} cannot be read as Parquet") from error


def _begun(cursor: str | None) -> _Reading:
    if cursor is None:
        return _Reading()
    try:
        return msgspec.json.decode(cursor, type=_Reading)
    except msgspec.DecodeError as error:
        raise DataError(
            "the cursor of these events cannot be read", hint="pull the source with --again"
        ) from error


def _day_of(name: str) -> str:
    """The day of a table or a file, as YYYYMMDD; empty for any other, such as events_intraday_…."""
    day = name.removeprefix(_TABLE)[:_DAY_DIGITS]
    return day if name.startswith(_TABLE) and len(day) == _DAY_DIGITS and day.isdigit() else ""
