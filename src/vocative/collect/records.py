"""Records of JSON with a mapping: each is used as a whole, or refused as a whole for a reason.

What a webhook or an API brought comes in. Ready events and items go out, and of each record that
cannot be used why. Names of a mapping lead into a record: `customer.email`; into a list by number,
`"tags.0"`. With `each:` a record is one row per entry of a list.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.collect.mapping import RECORD, MappingText
from vocative.collect.rows import LINE
from vocative.collect.table import MappedRows
from vocative.sql import quote_name
from vocative.workspace.yaml_text import YamlText

if TYPE_CHECKING:
    import duckdb

Record = Mapping[str, Any]
"""An object as JSON has it."""
MOST_ENTRIES = 10_000
"""Of a record's list that `each` goes through: an order of a wholesaler has thousands of lines."""
MOST_ROWS = 200_000
"""Of all records that are mapped together: what they hold is in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """What became of some records."""

    events: list[dict[str, Any]]
    items: list[dict[str, Any]]
    refused: dict[int, str]
    """Why a record, by its number from 0 on, cannot be used."""
    notes: dict[str, int]
    """What should be known of used records: how many there are of each kind."""

    def add(self, later: "Mapped", *, after: int) -> None:
        """Add what became of the records after so many others."""
        self.events.extend(later.events)
        self.items.extend(later.items)
        self.refused.update({after + number: why for number, why in later.refused.items()})
        for note, count in later.notes.items():
            self.notes[note] = self.notes.get(note, 0) + count


class MapsRecords(ABC):
    """A source whose records go through a mapping: what it refused can be mapped again."""

    @abstractmethod
    def map_records(self, records: Sequence[Record]) -> Mapped:
        """Map records by the mapping as it is now.

        Raises:
            AuthorError: the mapping is wrong.
        """

    def secret_headers(self) -> Collection[str]:
        """Headers of its calls that hold secrets, when their names do not say so."""
        return ()


def not_mapped(record: Record, reason: str) -> dict[str, Any]:
    """What stands on the log for a record that cannot be used.

    It is no event: whoever applies the log counts it with its reason, and its body stays there.
    """
    return {"type": "record", "notMapped": {"reason": reason, "record": record}}


def record_of(raw: bytes) -> Record | None:
    """The record of what `not_mapped` made; None when it was made by somebody else."""
    try:
        return msgspec.json.decode(raw, type=_NotMapped).notMapped.record
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Kept(msgspec.Struct):
    record: dict[str, Any]


class _NotMapped(msgspec.Struct):
    notMapped: _Kept  # noqa: N815 - as it stands in the event


class RecordMapper:
    """Maps records by one mapping, some at a time; for one thread.

    Args:
        text: The mapping.
        timezone: The zone of times that state none, unless the mapping tells another.
        origin: Where records are from, for consents that do not say it.

    Raises:
        AuthorError: the mapping is wrong.
    """

    def __init__(self, text: YamlText, *, timezone: str, origin: str) -> None:
        self.mapping = MappingText(text, None)
        self._timezone = timezone
        self._origin = origin
        self._db = _open()
        self._is_sound = False

    def map(
        self, records: Sequence[Record], *, now: datetime, heard_at: datetime | None = None
    ) -> Mapped:
        """Make events and items of records.

        Args:
            records: Objects of JSON.
            now: Times must not be much later.
            heard_at: When that is so for which a record names no time; what is heard again later
                is stated again. Without it, it is so when it is applied, and counts once.

        Raises:
            AuthorError: the mapping's expressions do not fit together.
        """
        refused = dict(_too_many(records, self.mapping.mapping.each))
        kept = [number for number in range(len(records)) if number not in refused]
        while True:
            rows = self._rows(records, kept, now, heard_at)
            wrong = {kept[number]: reason for number, reason in _refused(self._db, rows)}
            if not wrong:
                break
            # An order must not come in without one of its lines: the whole record waits.
            refused |= wrong
            kept = [number for number in kept if number not in wrong]
        events = [msgspec.json.decode(event) for event in rows.events()]
        if heard_at is not None:
            for event in events:
                event.setdefault("timestamp", heard_at.isoformat())
        return Mapped(
            events=events,
            items=list(rows.items()),
            refused=dict(sorted(refused.items())),
            notes=rows.notes,
        )

    def close(self) -> None:
        """Let the memory go."""
        self._db.close()

    def _rows(
        self,
        records: Sequence[Record],
        kept: Sequence[int],
        now: datetime,
        heard_at: datetime | None,
    ) -> MappedRows:
        import pyarrow as pa

        columns = self.mapping.columns
        typed = "".join(f", {quote_name(name)} VARCHAR" for name in columns)
        for table in ("rows", "sorted", "unreadable"):
            self._db.execute(f"DROP TABLE IF EXISTS {table}")
        self._db.execute(f"CREATE TABLE rows ({LINE} BIGINT, {RECORD} BIGINT{typed})")
        self._db.execute("CREATE TABLE unreadable (line BIGINT, reason VARCHAR)")
        values = [
            (place, row)
            for place, number in enumerate(kept)
            for row in _rows_of(records[number], columns, self.mapping.mapping.each)
        ]
        if values:
            table = pa.table(
                {
                    "line": pa.array(range(len(values)), pa.int64()),
                    "record": pa.array([place for place, _ in values], pa.int64()),
                    **{
                        f"c{n}": pa.array([row[n] for _, row in values], pa.string())
                        for n in range(len(columns))
                    },
                }
            )
            self._db.register("brought", table)
            self._db.execute("INSERT INTO rows SELECT * FROM brought")
            self._db.unregister("brought")
        rows = MappedRows(
            self._db,
            self.mapping,
            origin=self._origin,
            timezone=self._timezone,
            now=now,
            reading="" if heard_at is None else heard_at.isoformat(),
            is_sound=self._is_sound,
        )
        self._is_sound = True
        return rows


def value_at(record: Record, name: str) -> Any:
    """What a name leads to in a record; None where there is nothing.

    >>> value_at({"customer": {"tags": ["new", "vip"]}}, "customer.tags.1")
    'vip'
    """
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def names_in(record: Record, *, each: str | None = None, within: str = "") -> Iterator[str]:
    """Every name that leads to a value of a record, in its order; lists by their first entry.

    >>> list(names_in({"id": 1, "lines": [{"sku": "a"}]}))
    ['id', 'lines', 'lines.0.sku']
    >>> list(names_in({"id": 1, "lines": [{"sku": "a"}]}, each="lines"))
    ['id', 'lines', 'lines.sku']
    """
    for key, value in record.items():
        name = f"{within}{key}"
        if isinstance(value, Mapping):
            yield from names_in(value, each=each, within=f"{name}.")
        else:
            yield name
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            entry = f"{name}." if name == each else f"{name}.0."
            yield from names_in(value[0], each=each, within=entry)


def _too_many(records: Sequence[Record], each: str | None) -> Iterator[tuple[int, str]]:
    """(number, reason) of records that make too many rows, alone or with those before them."""
    rows = 0
    for number, record in enumerate(records):
        listed = None if each is None else value_at(record, each)
        entries = len(listed) if isinstance(listed, list) else 1
        if entries > MOST_ENTRIES:
            yield number, f"a list of more than {MOST_ENTRIES:,} entries"
        elif rows + entries > MOST_ROWS:
            yield number, "too many entries at once"
        else:
            rows += entries


def _rows_of(
    record: Record, columns: Sequence[str], each: str | None
) -> Iterator[list[str | None]]:
    """The values of a record's columns: one row, or one for each entry of a list."""
    if each is None:
        yield [_text(value_at(record, name)) for name in columns]
        return
    listed = value_at(record, each)
    # Some senders write a list of one as the one itself.
    for entry in listed if isinstance(listed, list) and listed else [listed]:
        yield [_text(_value_of_entry(record, entry, name, each)) for name in columns]


def _value_of_entry(record: Record, entry: Any, name: str, each: str) -> Any:
    if name == each:
        return entry
    if name.startswith(f"{each}."):
        part = name.removeprefix(f"{each}.")
        return value_at(entry, part) if isinstance(entry, Mapping) else None
    return value_at(record, name)


def _text(value: Any) -> str | None:
    """A value as the text that an expression sees; an empty one is unknown, as in tables."""
    if value is None or isinstance(value, str):
        return (value or "").replace("\0", "") or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def _refused(db: "duckdb.DuckDBPyConnection", rows: MappedRows) -> Iterator[tuple[int, str]]:
    """(record, reason) of every record with a row that cannot be used."""
    wrong = dict(rows.rejected_lines())
    if wrong:
        for line, record in db.execute(f"SELECT {LINE}, {RECORD} FROM sorted").fetchall():
            if line in wrong:
                yield record, wrong[line]


def _open() -> "duckdb.DuckDBPyConnection":
    """A small DuckDB that writes nothing to the disk."""
    import duckdb

    db = duckdb.connect(
        config={
            "memory_limit": "300MB",
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    db.execute("SET TimeZone = 'UTC'")
    return db
