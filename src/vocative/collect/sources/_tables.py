"""What all sources of tables do: read rows from a database and map them.

By an incremental column, what is new is read page by page; memory stays flat, and a pull that was
killed goes on where it was. Without one the whole table is read each time, and goes on only when
anything in it has changed. Rows become people, items, events and consents by a mapping.
"""

import contextlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from vocative.collect.mapping import Mapping, MappingText, read_mapping
from vocative.collect.rows import put_rows
from vocative.collect.sources._database import Chunk, Database, as_text, trouble
from vocative.collect.sources._positions import Position, fingerprint_of, wrong_overlap
from vocative.collect.sources.base import Fault, Page, Place, Source
from vocative.collect.table import MappedRows, open_spilling
from vocative.errors import AuthorError, DataError, VocativeError, unknown_name
from vocative.workspace.durations import seconds_of
from vocative.workspace.yaml_text import YamlText

if TYPE_CHECKING:
    import duckdb

PAGE_ROWS = 10_000
PAGE_EVENTS = 5_000
MOST_TOGETHER = 50_000
"""Rows that have to come in one page, such as the lines of one order."""
Row = tuple[str | None, ...]

_PART = r'(?:[^\W\d][\w$]*|"[^"]+"|`[^`]+`|\[[^\]]+\])'
_COLUMN = re.compile(_PART)
_TABLE = re.compile(rf"{_PART}(?:\.{_PART})*")


class TableOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a definition says of a table, whatever database it is in."""

    mapping: str
    """The file `mappings/NAME.yaml` that says what the columns mean."""
    table: str | None = None
    """A table or view, as it is written in SQL: `shop.orders`."""
    query: str | None = None
    """Instead of a table: one SELECT."""
    incremental: str | None = None
    """A column that is higher in every new or changed row, such as `updated_at`."""
    key: list[str] = []
    """Columns that tell rows with the same incremental value apart."""
    overlap: str | int | None = None
    """How far to look back for rows that became visible late."""
    timeout: str = "10min"
    """How long the database may work on the query."""


class TableSource(Source):
    """A table, view or query of a database."""

    streams: ClassVar[tuple[str, ...]] = ("rows",)

    @classmethod
    def faults(cls, options: Any) -> Iterator[Fault]:
        """What is wrong with the table, the columns or the lengths of time."""
        if (options.table is None) == (options.query is None):
            yield (), "a table is read by either `table:` or `query:`", None
        if options.table is not None and not _TABLE.fullmatch(options.table):
            yield ("table",), "this is no name of a table", 'as in SQL: shop.orders, "Odd Name"'
        if options.query is not None and not options.query.strip(" \t\n;"):
            yield ("query",), "the query is empty", "write one SELECT"
        named: list[tuple[tuple[str | int, ...], str | None]]
        named = [(("incremental",), options.incremental)]
        named += [(("key", index), name) for index, name in enumerate(options.key)]
        for path, name in named:
            if name is not None and not _COLUMN.fullmatch(name):
                yield path, f"{name!r} is no name of a column", 'odd names stand in "quotes"'
        if options.key and options.incremental is None:
            yield ("key",), "`key:` needs `incremental:`", "without it, the whole table is read"
        if seconds_of(options.timeout) is None:
            yield ("timeout",), f"{options.timeout!r} is no length of time", "write 10min or 2h"
        if (wrong := wrong_overlap(options.overlap)) is not None:
            yield ("overlap",), wrong, "write 10min or 2d for times, 1000 for numbers, 0 for none"

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002
        """What is new in the table.

        Raises:
            AuthorError: the definition or its mapping does not fit the table.
            SourceDown, SourceRefused, DataError: see `Source.pull`.
        """
        text = self.mapping
        check_repeatable(text, self.options)
        with contextlib.closing(self._database()) as database:
            if self.options.incremental is None:
                yield from self._whole_table(database, text, cursor)
            else:
                yield from self._new_rows(database, text, cursor)

    @abstractmethod
    def _open(self) -> Database:
        """Log in."""

    @property
    def _secrets(self) -> Sequence[str]:
        """What no message may hold."""
        return ()

    @property
    def _place(self) -> Place:
        if self.place is None:
            raise AuthorError("a table can be read for a workspace only")
        return self.place

    @property
    def mapping(self) -> YamlText:
        """The mapping that the definition names."""
        return self._place.mapping(self.options.mapping)

    @property
    def timeout_seconds(self) -> int:
        """How long the database may work on the query."""
        return seconds_of(self.options.timeout) or 600

    def _database(self) -> Database:
        with self._told():
            return self._open()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever a driver raises, in our words."""
        try:
            yield
        except (VocativeError, GeneratorExit):
            raise
        except Exception as error:
            raise trouble(error, self._secrets) from error

    def _ask(
        self, database: Database, sql: str, values: Sequence[Any] = ()
    ) -> tuple[list[str], Iterator[Sequence[Any]]]:
        with self._told():
            columns, chunks = database.ask(sql, values)
        return columns, self._rows(chunks)

    def _rows(self, chunks: Iterator[Chunk]) -> Iterator[Any]:
        while True:
            with self._told():
                rows = next(chunks, None)
            if rows is None:
                return
            yield from rows

    def _from(self, database: Database) -> str:
        if self.options.table is not None:
            return str(self.options.table)
        written = database.literal(self.options.query.strip().rstrip(";").rstrip())
        # A comment at the query's end must not swallow what follows it.
        return f"(\n{written}\n) source_rows"

    def _query(self, database: Database, position: Position) -> tuple[str, list[Any]]:
        columns = [self.options.incremental, *self.options.key]
        values: list[Any] = []
        condition = f"{columns[0]} IS NOT NULL"
        if position.floor:
            condition, values = _after(columns, position.floor, database)
        elif position.start is not None:
            condition, values = f"{columns[0]} >= {database.parameter(0)}", [position.start]
        order = ", ".join(columns)
        return f"SELECT * FROM {self._from(database)} WHERE {condition} ORDER BY {order}", values

    def _new_rows(self, database: Database, text: YamlText, cursor: str | None) -> Iterator[Page]:
        """Rows from the cursor on; a page has all rows of a place, or none."""
        options = self.options
        by = [options.incremental, *options.key]
        position = Position(by, cursor, overlap=options.overlap, now=self.clock.now())
        columns, rows = self._ask(database, *self._query(database, position))
        places = _indexes(by, columns)
        torn = _TornEvents(text, options.incremental, columns)
        page: list[Row] = []
        for place, together in groupby(rows, lambda row: tuple(row[index] for index in places)):
            unit = [tuple(map(as_text, row)) for row in islice(together, MOST_TOGETHER + 1)]
            if len(unit) > MOST_TOGETHER:
                raise _too_many_alike(options)
            torn.check(place[0], unit)
            if position.is_new(place, fingerprint_of(unit)):
                page += unit
            if len(page) >= PAGE_ROWS:
                yield self._page(page, columns, text, position.text())
                page = []
                torn.begin_page()
        if page:
            yield self._page(page, columns, text, position.text())

    def _page(
        self, rows: list[Row], columns: list[str], text: YamlText, cursor: str | None
    ) -> Page:
        with contextlib.closing(open_spilling(self._place.scratch)) as db:
            mapping = put_rows(db, [rows], text, columns=columns, origin=self._origin)
            mapped = self._mapped(db, mapping, reading=cursor or "")
            return Page(
                events=[msgspec.json.decode(event) for event in mapped.events()],
                items=list(mapped.items()),
                rejected=rejected(mapped),
                cursor=cursor,
            )

    def _whole_table(
        self, database: Database, text: YamlText, cursor: str | None
    ) -> Iterator[Page]:
        columns, rows = self._ask(database, f"SELECT * FROM {self._from(database)}")
        digest = _Digest()
        with contextlib.closing(open_spilling(self._place.scratch)) as db:
            chunks = _in_chunks(digest.over(tuple(map(as_text, row)) for row in rows))
            mapping = put_rows(db, chunks, text, columns=columns, origin=self._origin)
            read = digest.text()
            if read != cursor:
                mapped = self._mapped(db, mapping, reading=f"{cursor}>{read}")
                yield from pages_of(mapped, before=cursor, after=read)

    @property
    def _origin(self) -> str:
        return self.options.table or "the query"

    def _mapped(
        self, db: "duckdb.DuckDBPyConnection", mapping: MappingText, *, reading: str
    ) -> MappedRows:
        return MappedRows(
            db,
            mapping,
            origin=self._origin,
            timezone=self._place.timezone,
            now=self.clock.now(),
            reading=reading,
        )


def _after(
    columns: Sequence[str], place: Sequence[Any], database: Database
) -> tuple[str, list[Any]]:
    """The condition that rows stand after a place, in the order of the columns."""
    values: list[Any] = []
    cases = []
    for depth in range(len(columns)):
        terms = []
        for index in range(depth + 1):
            sign = ">" if index == depth else "="
            terms.append(f"{columns[index]} {sign} {database.parameter(len(values))}")
            values.append(place[index])
        cases.append(f"({' AND '.join(terms)})")
    return f"({' OR '.join(cases)})", values


def check_repeatable(text: YamlText, options: TableOptions) -> None:
    """Refuse mappings that would count a fact twice, or not know when it was stated.

    Raises:
        AuthorError: with the place in the mapping.
    """
    mapping = read_mapping(text)
    check_consents_have_times(mapping, text)
    events = mapping.events
    if events is None:
        return
    if events.message_id is None:
        raise AuthorError(
            "events of a table that is read again and again need a message_id",
            where=text.where(("events",)),
            hint="such as the order's number: a row that changes stays the same event",
        )
    together = {_plain(name) for name in options.key or filter(None, [options.incremental])}
    if events.group_by and not together <= {_plain(name) for name in events.group_by}:
        raise AuthorError(
            "the rows of one event could come in two pages",
            where=text.where(("events", "group_by")),
            hint="let the source's `key:` name columns of group_by, and its incremental column"
            " have one value in all rows of an event",
        )


def check_consents_have_times(mapping: Mapping, text: YamlText) -> None:
    """Refuse consents without a time: told again, they would undo a later withdrawal.

    Raises:
        AuthorError: with the place in the mapping.
    """
    stated = (mapping.people and mapping.people.at) or (mapping.events and mapping.events.at)
    for index, consent in enumerate(mapping.consents):
        if not (consent.at or stated):
            raise AuthorError(
                "a consent that is read again and again needs `at:`, the time it was given",
                where=text.where(("consents", index)),
                hint="without it, each reading would undo what the person said meanwhile",
            )


def pages_of(mapped: MappedRows, *, before: str | None, after: str) -> Iterator[Page]:
    """All of a mapped table in pages; only the last one moves the cursor."""
    events = (msgspec.json.decode(event) for event in mapped.events())
    page = list(islice(events, PAGE_EVENTS))
    while len(page) == PAGE_EVENTS:
        yield Page(events=page, cursor=before)
        page = list(islice(events, PAGE_EVENTS))
    items = list(mapped.items())
    yield Page(events=page, items=items, rejected=rejected(mapped), cursor=after)


def rejected(mapped: MappedRows) -> dict[str, int]:
    """How many rows each reason rejected."""
    return {tally.reason: tally.rows for tally in mapped.tallies() if tally.reason}


def _in_chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, PAGE_ROWS)):
        yield chunk


def _plain(name: str) -> str:
    """A name as the database's answer has it, in any case of letters."""
    quoted = name[0] in '"`['
    return (name[1:-1] if quoted else name).casefold()


def _indexes(names: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where columns stand in an answer."""
    found = {column.casefold(): index for index, column in enumerate(columns)}
    for name in names:
        if _plain(name) not in found:
            raise unknown_name("column", name, columns)
    return [found[_plain(name)] for name in names]


class _TornEvents:
    """Finds rows of one event that do not stand together, as far as one page shows it.

    Args:
        text: The mapping.
        incremental: The column that rows are read by.
        columns: Those of the table.
    """

    def __init__(self, text: YamlText, incremental: str, columns: Sequence[str]) -> None:
        events = read_mapping(text).events
        grouped = {_plain(name) for name in events.group_by} if events else set()
        self._incremental = incremental
        # Where the column is one of the group's, rows that differ in it are several events.
        self._grouped = [
            index
            for index, column in enumerate(columns)
            if column.casefold() in grouped and _plain(incremental) not in grouped
        ]
        self._values: dict[Row, Any] = {}

    def begin_page(self) -> None:
        """Forget the last one."""
        self._values.clear()

    def check(self, value: Any, rows: Iterable[Row]) -> None:
        """Refuse rows of an event that had another incremental value before."""
        if not self._grouped:
            return
        for group in {tuple(row[index] for index in self._grouped) for row in rows}:
            if self._values.setdefault(group, value) != value:
                raise DataError(
                    f"rows of one event differ in {self._incremental}: they would be two events,"
                    " of which one counts",
                    hint="go on by a column that the whole event has, such as the order's date",
                )


class _Digest:
    """What a table says as a whole, in whatever order its rows come."""

    def __init__(self) -> None:
        self._sum = self._rows = 0

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, each noted."""
        for row in rows:
            self._sum += int.from_bytes(fingerprint_of([row]))
            self._rows += 1
            yield row

    def text(self) -> str:
        return f"{self._rows}:{self._sum % 2**64:016x}"


def _too_many_alike(options: TableOptions) -> DataError:
    names = ", ".join(filter(None, [options.incremental, *options.key]))
    return DataError(
        f"more than {MOST_TOGETHER:,} rows have one value of {names}",
        hint="add columns to `key:` that tell them apart",
    )
