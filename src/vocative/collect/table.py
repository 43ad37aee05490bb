"""Rows with a mapping: every row is used or rejected for a reason that is counted.

A CSV file (plain, gzip or zstd), JSON lines, Parquet or rows that somebody else brought into an
embedded DuckDB come in. Events, items and a tally of all rows go out. The work is done set-based;
for a file it spills to disk, encrypted, so the file may be larger than memory.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.clock import naive_utc
from vocative.collect.event import EARLIEST, TOLERANCE
from vocative.collect.mapping import MappingText, read_mapping
from vocative.collect.rows import LINE, load_rows
from vocative.errors import AuthorError
from vocative.privacy.addresses import normal_email
from vocative.sql import quote_name, quote_text
from vocative.workspace.yaml_text import YamlText

if TYPE_CHECKING:
    import duckdb

_CHUNK = 5_000
_REASON = '"@reason"'
_AT = '"@at"'
_WHO = '"@who"'
# A time that says its own offset: only after a time of day, for 2011-01-05 ends like one.
_OFFSET = r"\d:\d\d.*(Z|UTC|[+-]\d\d(:?\d\d)?)\s*$"
_REAL_OFFSET = r"(Z|UTC|[+-](0\d|1[0-5])(:?[0-5]\d)?)\s*$"


class Tally(msgspec.Struct, kw_only=True):
    """Rows of one reason (or the used ones): how many, how much money, an example."""

    reason: str
    rows: int
    money: float | None = None
    example_line: int | None = None


class MappedRows:
    """The rows of one table with one mapping; nothing has been taken in yet.

    Args:
        db: A DuckDB with the tables `rows` (every column of the mapping as text, and `LINE`) and
            `unreadable` (line, reason). `rows` is taken over.
        mapping: The mapping over these columns.
        origin: Where the rows are from, for consents that do not say it.
        timezone: The zone of times that state none, unless the mapping tells another.
        now: Times must not be later.
        reading: What tells this reading of the table from an earlier one. Without it, a statement
            that names no time counts once, however often it is read.
        is_sound: The mapping was tried on other rows of the same columns.

    Raises:
        AuthorError: the mapping's expressions do not fit together.
    """

    def __init__(
        self,
        db: "duckdb.DuckDBPyConnection",
        mapping: MappingText,
        *,
        origin: str,
        timezone: str,
        now: datetime,
        reading: str = "",
        is_sound: bool = False,
    ) -> None:
        self._db = db
        self._reading = reading
        self.mapping = mapping
        self._origin = origin
        self._zone = mapping.mapping.timezone or timezone
        self._latest = naive_utc(now) + TOLERANCE
        self.notes: dict[str, int] = {}
        self._check_time_format()
        self._classify()
        for sql in () if is_sound else self._queries():
            self._prepare(sql)

    def tallies(self) -> list[Tally]:
        """The used rows first (reason ""), then the reasons from the most frequent on."""
        money = self.mapping.sql("money")
        amount = f"fsum(CASE WHEN isfinite({money}) THEN {money} END)" if money else "NULL"
        rows = self._fetch(
            f"SELECT * FROM (SELECT {_REASON} AS reason, count(*) AS n, {amount}, min({LINE})"
            " FROM sorted GROUP BY 1 UNION ALL SELECT 'unreadable line: ' || reason, count(*),"
            " NULL, min(line) FROM unreadable GROUP BY 1) ORDER BY reason <> '', n DESC, reason"
        )
        return [
            Tally(
                reason=reason,
                rows=count,
                money=None if total is None else round(total, 4),
                example_line=None if reason == "" else int(first),
            )
            for reason, count, total, first in rows
        ]

    def rejected_lines(self) -> Iterator[tuple[int, str]]:
        """(line in the file, reason) of every rejected row, in the order of the file."""
        yield from self._stream(
            f"SELECT {LINE}, {_REASON} FROM sorted WHERE {_REASON} <> ''"
            " UNION ALL SELECT line, 'unreadable line: ' || reason FROM unreadable ORDER BY 1"
        )

    def items(self) -> Iterator[dict[str, Any]]:
        """Catalog entries, one per item id: the last known value of each field wins."""
        if self.mapping.mapping.items is not None:
            yield from self._dicts(self._items_sql())

    def events(self) -> Iterator[bytes]:
        """Every event as JSON: identifies, then consents, then events by their time."""
        mapping = self.mapping.mapping
        if mapping.people is not None:
            yield from self._identifies()
        for index in range(len(mapping.consents)):
            yield from self._consents(index)
        if mapping.events is not None:
            yield from self._tracked()

    def _check_time_format(self) -> None:
        import duckdb

        layout = self.mapping.mapping.time_format
        if layout is None:
            return
        try:
            self._db.execute("SELECT try_strptime('', ?)", [layout])
        except duckdb.Error as error:
            raise self.mapping.wrong(
                "this is no way of writing times",
                "time_format",
                hint="use codes such as %d/%m/%Y %H:%M:%S, and %z for an offset",
            ) from error

    def _classify(self) -> None:
        """The table `sorted`: every row with its person, its time and why it is rejected, or ''."""
        mapping, sql = self.mapping.mapping, self.mapping.sql
        columns = ", ".join(quote_name(name) for name in self.mapping.columns)
        duplicate = "false"
        whens = []
        for index, rule in enumerate(mapping.reject):
            if rule.duplicate:
                duplicate = f"row_number() OVER (PARTITION BY {columns} ORDER BY {LINE}) > 1"
            condition = '"@again"' if rule.duplicate else sql("reject", index, "when")
            whens.append(f"WHEN {condition} THEN {quote_text(rule.reason)}")
        if mapping.events:
            whens.append(f"WHEN {_AT} IS NULL THEN 'no readable time'")
            whens.append(f"WHEN {sql('events', 'name')} IS NULL THEN 'no event name'")
            for name, column in zip(mapping.events.group_by, self.mapping.group_by, strict=True):
                whens.append(f"WHEN {column} IS NULL THEN {quote_text(f'no {name}')}")
        elif mapping.people:
            whens.append(f"WHEN {_WHO} IS NULL THEN 'no person'")
        elif mapping.items:
            whens.append(f"WHEN {sql('items', 'item_id')} IS NULL THEN 'no item id'")
        whens.append(
            f"WHEN {_AT} < TIMESTAMP '{EARLIEST:%Y-%m-%d}' OR {_AT} > TIMESTAMP '{self._latest}'"
            " THEN 'a time in the future or before 1990'"
        )
        at = self._time_sql("events", "at") or self._time_sql("people", "at") or "NULL::TIMESTAMP"
        self._db.execute(
            f"CREATE TABLE sorted AS SELECT *, CASE {' '.join(whens)} ELSE '' END AS {_REASON}"
            f' FROM (SELECT *, {at} AS {_AT}, {self._who_sql()} AS {_WHO}, {duplicate} AS "@again"'
            " FROM rows)"
        )
        self._db.execute("DROP TABLE rows")
        if mapping.events and mapping.people:
            nobody = self._fetch(
                f"SELECT count(*) FROM sorted WHERE {_REASON} = '' AND {_WHO} IS NULL"
            )[0][0]
            if nobody:
                self.notes["used row without a person: it counts for its items only"] = nobody

    def _time_sql(self, *path: str | int) -> str | None:
        """The instant (TIMESTAMP, UTC) that is written at a path; NULL where it is unreadable."""
        written = self.mapping.sql(*path)
        if written is None:
            return None
        zone = quote_text(self._zone)
        layout = self.mapping.mapping.time_format
        if layout is not None:
            read = f"try_strptime({written}, {quote_text(layout)})"
            if "%z" in layout.lower():
                return f"timezone('UTC', {read})"
            return f"timezone('UTC', timezone({zone}, {read}))"
        return (
            f"CASE WHEN regexp_matches({written}, {quote_text(_OFFSET)}, 'i')"
            f" THEN CASE WHEN regexp_matches({written}, {quote_text(_REAL_OFFSET)}, 'i')"
            f" THEN timezone('UTC', TRY_CAST({written} AS TIMESTAMPTZ)) END"
            f" ELSE timezone('UTC', timezone({zone}, TRY_CAST({written} AS TIMESTAMP))) END"
        )

    def _who_sql(self) -> str:
        ids = (self.mapping.sql("people", name) for name in ("user_id", "anonymous_id"))
        return f"coalesce({', '.join([*(part for part in ids if part), 'NULL'])}, NULL)"

    def _person_columns(self) -> str:
        user = self.mapping.sql("people", "user_id") or "NULL"
        device = self.mapping.sql("people", "anonymous_id") or "NULL"
        return f"{user} AS user_id, {device} AS anonymous_id"

    def _queries(self) -> Iterator[str]:
        """Every query that will be asked, so that all are known to be sound beforehand."""
        mapping = self.mapping.mapping
        if mapping.items is not None:
            yield self._items_sql()
        if mapping.people is not None:
            yield self._identifies_sql()
        for index in range(len(mapping.consents)):
            yield self._consents_sql(index)
        if mapping.events is not None:
            yield self._tracked_sql()

    def _items_sql(self) -> str:
        fields = self.mapping.mapping.items or {}
        # Later in time is later; rows of one time are later in the order of the file.
        order = f"{{'at': coalesce({_AT}, TIMESTAMP '-infinity'), 'line': {LINE}}}"
        chosen = [f"{self.mapping.sql('items', 'item_id')} AS item_id"]
        for name in fields:
            if name != "item_id":
                value = self.mapping.sql("items", name)
                chosen.append(f"arg_max({value}, {order}) AS {quote_name(name)}")
        return (
            f"SELECT {', '.join(chosen)} FROM sorted WHERE {_REASON} = '' AND"
            f" {self.mapping.sql('items', 'item_id')} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )

    def _identifies_sql(self) -> str:
        """One row per person: each trait's last stated value."""
        stated = self.mapping.mapping.people
        order = f"{{'at': coalesce({_AT}, TIMESTAMP '-infinity'), 'line': {LINE}}}"
        traits = "".join(
            f", arg_max({self.mapping.sql('people', 'traits', name)}, {order})"
            f" AS {quote_name('t_' + name)}"
            for name in (stated.traits if stated else {})
        )
        return (
            f"SELECT {self._person_columns()}, max({_AT}) AS happened, min({LINE}) AS line{traits}"
            f" FROM sorted WHERE {_REASON} = '' AND {_WHO} IS NOT NULL GROUP BY 1, 2 ORDER BY line"
        )

    def _identifies(self) -> Iterator[bytes]:
        for row in self._dicts(self._identifies_sql()):
            found = {name[2:]: value for name, value in row.items() if name.startswith("t_")}
            if found.get("email") and normal_email(str(found["email"])) is None:
                note = "unusable e-mail address"
                self.notes[note] = self.notes.get(note, 0) + 1
            reading = self._reading if row["happened"] is None else ""
            yield _encoded({"type": "identify", "traits": found, **_common(row)}, mark=reading)

    def _consents_sql(self, index: int) -> str:
        given = self.mapping.sql("consents", index, "given")
        withdrawn = self.mapping.sql("consents", index, "withdrawn") or "false"
        at = self._time_sql("consents", index, "at") or "NULL"
        source = self.mapping.sql("consents", index, "source") or "NULL"
        return (
            f"SELECT {self._person_columns()}, coalesce({at}, {_AT}) AS happened, {LINE} AS line,"
            f" {source} AS source, CASE WHEN {withdrawn} THEN 'Consent Withdrawn'"
            f" ELSE 'Consent Given' END AS event FROM sorted WHERE {_REASON} = ''"
            f" AND {_WHO} IS NOT NULL AND (({given}) OR ({withdrawn})) ORDER BY line"
        )

    def _consents(self, index: int) -> Iterator[bytes]:
        consent = self.mapping.mapping.consents[index]
        for row in self._dicts(self._consents_sql(index)):
            properties = {
                "purpose": consent.purpose,
                "channel": consent.channel,
                "source": row["source"] or self._origin,
            }
            stated = {"type": "track", "event": row["event"], "properties": properties}
            # A yes without a time may be older than a no that came since: it is heard once. A no is
            # heard whenever it is said.
            again = row["happened"] is None and row["event"] == "Consent Withdrawn"
            yield _encoded({**stated, **_common(row)}, mark=self._reading if again else "")

    def _tracked_sql(self) -> str:
        events, sql = self.mapping.mapping.events, self.mapping.sql
        group = self.mapping.one_event_by
        # In a group, the first row that states a value speaks for all.
        value = f"arg_min({{}}, {LINE})" if group else "{}"
        first = "min({})" if group else "{}"
        columns = [f"{value.format(sql('events', 'name'))} AS event"]
        if sql("events", "message_id"):
            columns.append(f"{value.format(sql('events', 'message_id'))} AS message_id")
        for name in events.properties if events else {}:
            stated = value.format(sql("events", "properties", name))
            columns.append(f"{stated} AS {quote_name('p_' + name)}")
        if events and events.products:
            fields = ", ".join(
                f"{quote_name(name)} := {sql('events', 'products', name)}"
                for name in events.products
            )
            columns.append(f"list(struct_pack({fields}) ORDER BY {LINE}) AS products")
        grouping = f" GROUP BY 1, 2, {', '.join(group)}" if group else ""
        return (
            f"SELECT {self._person_columns()}, {first.format(_AT)} AS happened,"
            f" {first.format(LINE)} AS line, {', '.join(columns)} FROM sorted"
            f" WHERE {_REASON} = ''{grouping} ORDER BY happened, line"
        )

    def _tracked(self) -> Iterator[bytes]:
        same: Counter[bytes] = Counter()
        then = None
        for row in self._dicts(self._tracked_sql()):
            properties = {name[2:]: row[name] for name in row if name.startswith("p_")}
            if "products" in row:
                properties["products"] = row["products"]
                properties.setdefault("revenue", _total(row["products"]))
            event = {"type": "track", "event": row["event"], "properties": properties}
            event |= _common(row)
            if row.get("message_id"):
                yield msgspec.json.encode({**event, "messageId": row["message_id"]})
                continue
            # Two rows that say the same at one time are two events, in every import alike.
            if row["happened"] != then:
                then = row["happened"]
                same.clear()
            body = msgspec.json.encode(event)
            yield _encoded(event, mark=str(same[body] or ""))
            same[body] += 1

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute(sql).fetchall()

    def _prepare(self, sql: str) -> None:
        import duckdb

        try:
            self._db.execute(f"EXPLAIN {sql}")
        except duckdb.Error as error:
            raise AuthorError(
                f"the mapping's expressions do not fit together: {str(error).splitlines()[0]}",
                where=self.mapping.text.file,
            ) from error

    def _stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        result = self._db.cursor().execute(sql)
        while rows := result.fetchmany(_CHUNK):
            yield from rows

    def _dicts(self, sql: str) -> Iterator[dict[str, Any]]:
        result = self._db.cursor().execute(sql)
        names = [column[0] for column in result.description or ()]
        while rows := result.fetchmany(_CHUNK):
            for row in rows:
                yield dict(zip(names, row, strict=True))


class TableFile(MappedRows):
    """One file opened with one mapping; nothing has been taken in yet.

    Args:
        path: CSV, JSON lines or Parquet.
        text: The mapping.
        timezone: The zone of times that state none, unless the mapping tells another.
        scratch: A folder for what does not fit into memory.
        now: Times must not be later.
        reading: As of `MappedRows`.

    Raises:
        AuthorError: the mapping is wrong, or does not fit the file's columns.
        DataError: the file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        text: YamlText,
        *,
        timezone: str,
        scratch: Path,
        now: datetime,
        reading: str = "",
    ) -> None:
        read_mapping(text)
        db = open_spilling(scratch)
        try:
            mapping = load_rows(db, path, text)
            super().__init__(
                db, mapping, origin=path.name, timezone=timezone, now=now, reading=reading
            )
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Let the memory go."""
        self._db.close()


def open_spilling(scratch: Path) -> "duckdb.DuckDBPyConnection":
    """A DuckDB that spills, encrypted, into a folder; what was in the folder is removed."""
    import duckdb

    # What a killed import left there; one import at a time is the rule, see `import_file`.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect(
        config={
            "memory_limit": "700MB",
            "threads": 2,
            "temp_directory": str(scratch),
            "temp_file_encryption": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    db.execute("SET TimeZone = 'UTC'")
    return db


def _common(row: dict[str, Any]) -> dict[str, Any]:
    common: dict[str, Any] = {}
    if row["happened"] is not None:
        common["timestamp"] = f"{row['happened'].isoformat()}Z"
    if row["user_id"]:
        common["userId"] = row["user_id"]
    if row["anonymous_id"]:
        common["anonymousId"] = row["anonymous_id"]
    if not row["user_id"] and not row["anonymous_id"]:
        # A sale nobody signed for still counts for its items; it is nobody's history.
        common["context"] = {"nobody": True}
    return common


def _encoded(event: dict[str, Any], *, mark: str = "") -> bytes:
    """The event with an id derived from its content: importing a file twice adds nothing.

    A mark tells it from another event that says the same.
    """
    body = msgspec.json.encode(event) + (b"#" + mark.encode() if mark else b"")
    return msgspec.json.encode({**event, "messageId": hashlib.sha256(body).hexdigest()[:32]})


def _total(products: list[dict[str, Any]]) -> float:
    return round(sum((p.get("price") or 0.0) * (p.get("quantity") or 0.0) for p in products), 6)
