"""A table file with a mapping: every row is used or rejected for a reason that is counted.

A CSV file (plain, gzip or zstd), JSON lines or Parquet comes in. Events, items and a tally of
all rows go out. The work is done set-based by an embedded DuckDB that spills to disk, so the
file may be larger than memory.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vocative.collect.mapping import MappingText
from vocative.errors import AuthorError, DataError
from vocative.privacy.addresses import normal_email
from vocative.sql import Type, quote_name, quote_text
from vocative.workspace.yaml_text import YamlText

_CHUNK = 5_000
_ROW = '"@row"'
_REASON = '"@reason"'
_AT = '"@at"'


class Tally(msgspec.Struct, kw_only=True):
    """Rows of one reason (or the used ones): how many, how much money, an example."""

    reason: str
    rows: int
    money: float | None = None
    example_line: int | None = None


class TableFile:
    """One file opened with one mapping."""

    def __init__(self, path: Path, text: YamlText, *, timezone: str, scratch: Path) -> None:
        import duckdb

        if not path.is_file():
            raise DataError(f"there is no file {path.name}", where=str(path), hint="check the path")
        self._path = path
        self.notes: dict[str, int] = {}
        scratch.mkdir(parents=True, exist_ok=True)
        self._db = duckdb.connect(
            config={
                "memory_limit": "700MB",
                "threads": 2,
                "temp_directory": str(scratch),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self._load(text)
        self.mapping = MappingText(text, self._columns)
        self._zone = ZoneInfo(self.mapping.mapping.timezone or timezone)
        self._classify()

    def close(self) -> None:
        """Let the memory go."""
        self._db.close()

    def tallies(self) -> list[Tally]:
        """The used rows first (reason ""), then each reason in the mapping's order."""
        money = self.mapping.sql("money", want=Type.NUMBER)
        rows = self._fetch(
            f"SELECT {_REASON}, count(*), {f'sum({money})' if money else 'NULL'}, min({_ROW})"
            f" FROM sorted GROUP BY 1 ORDER BY min({_REASON} <> ''), count(*) DESC"
        )
        found = [
            Tally(
                reason=reason,
                rows=count,
                money=None if total is None else round(total, 4),
                example_line=None if reason == "" else int(first) + 1,
            )
            for reason, count, total, first in rows
        ]
        unreadable = [
            Tally(reason=f"unreadable line: {reason}", rows=count, example_line=line)
            for reason, count, line in self._unreadable
        ]
        return [*found, *unreadable]

    def rejected_lines(self) -> Iterator[tuple[int, str]]:
        """(line in the file, reason) of every rejected row."""
        for row, reason in self._fetch(
            f"SELECT {_ROW}, {_REASON} FROM sorted WHERE {_REASON} <> '' ORDER BY 1"
        ):
            yield int(row) + 1, reason

    def items(self) -> list[dict[str, Any]]:
        """Catalog entries, one per item id: the last known value of each field wins."""
        stated = self.mapping.mapping.items
        if stated is None:
            return []
        key = self.mapping.sql("items", "item_id", want=Type.TEXT)
        columns = []
        for name in stated:
            if name != "item_id":
                value = self.mapping.sql("items", name)
                columns.append(f"arg_max({value}, {_ROW}) AS {quote_name(name)}")
        order = _AT if self.mapping.mapping.events else _ROW
        chosen = ", ".join([f"{key} AS item_id", *columns]).replace(f", {_ROW})", f", {order})")
        rows = self._dicts(
            f"SELECT {chosen} FROM sorted WHERE {_REASON} = '' AND {key} IS NOT NULL GROUP BY {key}"
        )
        return list(rows)

    def events(self) -> Iterator[bytes]:
        """Every event as JSON, in the order of the file: identifies, consents, then events."""
        mapping = self.mapping.mapping
        if mapping.people is not None:
            yield from self._identifies()
        for index in range(len(mapping.consents)):
            yield from self._consents(index)
        if mapping.events is not None:
            yield from self._tracked()

    def _load(self, text: YamlText) -> None:
        import duckdb

        name = self._path.name.removesuffix(".zst").removesuffix(".gz")
        try:
            if name.endswith(".parquet"):
                source = "read_parquet($path)"
            elif name.endswith((".jsonl", ".ndjson", ".json")):
                source = "read_json($path, format='newline_delimited')"
            else:
                options = "all_varchar=true, header=true, store_rejects=true, sample_size=20000"
                delimiter = text.value.get("delimiter")
                if delimiter:
                    options += f", delim={quote_text(str(delimiter))}"
                source = f"read_csv($path, {options})"
            self._db.execute(
                f"CREATE TABLE rows AS SELECT row_number() OVER () AS {_ROW}, * FROM {source}",
                {"path": str(self._path)},
            )
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise DataError(
                f"{self._path.name} cannot be read as a table",
                where=str(self._path),
                hint="check that it is CSV with a header line (UTF-8; .gz and .zst are fine),"
                " JSON lines or Parquet; a CSV's `delimiter:` can be set in the mapping",
            ) from error
        described = self._fetch("SELECT name, type FROM pragma_table_info('rows')")
        names = [column for column, _ in described if column != "@row"]
        casts = ", ".join(f"CAST({quote_name(n)} AS VARCHAR) AS {quote_name(n)}" for n in names)
        if any(kind != "VARCHAR" for column, kind in described if column != "@row"):
            self._db.execute(f"CREATE OR REPLACE TABLE rows AS SELECT {_ROW}, {casts} FROM rows")
        self._columns = names
        self._unreadable = self._unreadable_lines()
        if not self._columns:
            raise DataError(f"{self._path.name} has no columns", where=str(self._path))

    def _unreadable_lines(self) -> list[tuple[str, int, int]]:
        tables = self._fetch("SELECT table_name FROM duckdb_tables()")
        if ("reject_errors",) not in tables:
            return []
        return self._fetch(
            "SELECT lower(replace(CAST(error_type AS VARCHAR), '_', ' ')), count(DISTINCT line),"
            " min(line) FROM reject_errors GROUP BY 1 ORDER BY 1"
        )

    def _classify(self) -> None:
        """The table `sorted`: every row with its time and the reason it is rejected, or ''."""
        whens = []
        columns = ", ".join(quote_name(name) for name in self._columns)
        duplicate = "false"
        for index, rule in enumerate(self.mapping.mapping.reject):
            if rule.duplicate:
                condition = '"@again"'
                duplicate = f"row_number() OVER (PARTITION BY {columns} ORDER BY {_ROW}) > 1"
            else:
                condition = self.mapping.sql("reject", index, "when", want=Type.BOOLEAN) or "false"
            whens.append(f"WHEN {condition} THEN {quote_text(rule.reason)}")
        at = self._time_sql("events", "at") or self._time_sql("people", "at")
        if self.mapping.mapping.events:
            whens.append(f"WHEN {_AT} IS NULL THEN 'no readable time'")
        elif self.mapping.mapping.people:
            who = self._who_sql()
            whens.append(f"WHEN {who} IS NULL THEN 'no person'")
        if self.mapping.mapping.items and not self.mapping.mapping.events:
            key = self.mapping.sql("items", "item_id", want=Type.TEXT)
            whens.append(f"WHEN {key} IS NULL THEN 'no item id'")
        reason = f"CASE {' '.join(whens)} ELSE '' END" if whens else "''"
        self._db.execute(
            f"CREATE TABLE sorted AS SELECT *, {reason} AS {_REASON} FROM (SELECT *,"
            f' {at or "NULL::TIMESTAMP"} AS {_AT}, {duplicate} AS "@again" FROM rows)'
        )
        self._db.execute("DROP TABLE rows")

    def _time_sql(self, *path: str) -> str | None:
        written = self.mapping.sql(*path, want=Type.TEXT)
        if written is None:
            return None
        layout = self.mapping.mapping.time_format
        if layout:
            return f"try_strptime({written}, {quote_text(layout)})"
        return f"TRY_CAST({written} AS TIMESTAMP)"

    def _who_sql(self) -> str:
        user = self.mapping.sql("people", "user_id", want=Type.TEXT)
        device = self.mapping.sql("people", "anonymous_id", want=Type.TEXT)
        return f"coalesce({', '.join(part for part in (user, device) if part)})"

    def _person_columns(self) -> str:
        if self.mapping.mapping.people is None:
            return "NULL AS user_id, NULL AS anonymous_id"
        user = self.mapping.sql("people", "user_id") or "NULL"
        device = self.mapping.sql("people", "anonymous_id") or "NULL"
        return f"{user} AS user_id, {device} AS anonymous_id"

    def _identifies(self) -> Iterator[bytes]:
        """One identify per person: each trait's last stated value."""
        stated = self.mapping.mapping.people
        assert stated is not None  # noqa: S101 - the caller looked
        traits = {
            name: f"arg_max({self.mapping.sql('people', 'traits', name)}, {_ROW})"
            for name in stated.traits
        }
        chosen = "".join(f", {sql} AS {quote_name('t_' + name)}" for name, sql in traits.items())
        rows = self._dicts(
            f"SELECT {self._person_columns()}, min({_AT}) AS happened, min({_ROW}) AS line{chosen}"
            f" FROM sorted WHERE {_REASON} = '' AND {self._who_sql()} IS NOT NULL"
            " GROUP BY 1, 2 ORDER BY line"
        )
        for row in rows:
            found = {name: row[f"t_{name}"] for name in traits}
            if found.get("email") and normal_email(str(found["email"])) is None:
                self.notes["unusable e-mail address"] = (
                    self.notes.get("unusable e-mail address", 0) + 1
                )
            yield _encoded({"type": "identify", "traits": found, **self._common(row)})

    def _consents(self, index: int) -> Iterator[bytes]:
        consent = self.mapping.mapping.consents[index]
        given = self.mapping.sql("consents", index, "given", want=Type.BOOLEAN)
        withdrawn = self.mapping.sql("consents", index, "withdrawn", want=Type.BOOLEAN) or "false"
        written = self.mapping.sql("consents", index, "at", want=Type.TEXT)
        at = f"TRY_CAST({written} AS TIMESTAMP)" if written else _AT
        source = self.mapping.sql("consents", index, "source") or quote_text(self._path.name)
        rows = self._dicts(
            f"SELECT {self._person_columns()}, coalesce({at}, {_AT}) AS happened, {_ROW} AS line,"
            f" {source} AS source, CASE WHEN {withdrawn} THEN 'Consent Withdrawn'"
            f" ELSE 'Consent Given' END AS event FROM sorted WHERE {_REASON} = ''"
            f" AND {self._who_sql()} IS NOT NULL AND (({given}) OR ({withdrawn})) ORDER BY line"
        )
        for row in rows:
            properties = {
                "purpose": consent.purpose,
                "channel": consent.channel,
                "source": row["source"] or self._path.name,
            }
            yield _encoded(
                {
                    "type": "track",
                    "event": row["event"],
                    "properties": properties,
                    **self._common(row),
                }
            )

    def _tracked(self) -> Iterator[bytes]:
        events = self.mapping.mapping.events
        assert events is not None  # noqa: S101 - the caller looked
        group = [self.mapping.column("events", "group_by", i) for i in range(len(events.group_by))]
        value = "any_value({})" if group else "{}"
        columns = [f"{value.format(self.mapping.sql('events', 'name', want=Type.TEXT))} AS event"]
        if events.message_id:
            columns.append(
                f"{value.format(self.mapping.sql('events', 'message_id'))} AS message_id"
            )
        for name in events.properties:
            sql = self.mapping.sql("events", "properties", name)
            columns.append(f"{value.format(sql)} AS {quote_name('p_' + name)}")
        if events.products:
            fields = ", ".join(
                f"{quote_name(name)} := {self.mapping.sql('events', 'products', name)}"
                for name in events.products
            )
            columns.append(f"list(struct_pack({fields}) ORDER BY {_ROW}) AS products")
        first = "min({})" if group else "{}"
        order = f"{first.format(_AT)} AS happened, {first.format(_ROW)} AS line"
        grouping = f" GROUP BY 1, 2, {', '.join(group)}" if group else ""
        rows = self._dicts(
            f"SELECT {self._person_columns()}, {order}, {', '.join(columns)} FROM sorted"
            f" WHERE {_REASON} = ''{grouping} ORDER BY happened, line"
        )
        for row in rows:
            properties = {name: row[f"p_{name}"] for name in events.properties}
            if events.products:
                properties["products"] = row["products"]
                properties.setdefault("revenue", _total(row["products"]))
            event = {"type": "track", "event": row["event"], "properties": properties}
            if events.message_id and row["message_id"]:
                event["messageId"] = str(row["message_id"])
            yield _encoded({**event, **self._common(row)})

    def _common(self, row: dict[str, Any]) -> dict[str, Any]:
        at: datetime | None = row["happened"]
        common: dict[str, Any] = {}
        if at is not None:
            local = at if at.tzinfo else at.replace(tzinfo=self._zone)
            common["timestamp"] = local.astimezone(UTC).isoformat()
        if row["user_id"]:
            common["userId"] = str(row["user_id"])
        if row["anonymous_id"]:
            common["anonymousId"] = str(row["anonymous_id"])
        if not row["user_id"] and not row["anonymous_id"]:
            # A sale nobody signed for still counts for its items; it is nobody's history.
            common["context"] = {"nobody": True}
        return common

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute(sql).fetchall()

    def _dicts(self, sql: str) -> Iterator[dict[str, Any]]:
        import duckdb

        try:
            result: duckdb.DuckDBPyConnection = self._db.cursor().execute(sql)
        except duckdb.Error as error:
            raise AuthorError(
                f"the mapping's expressions do not fit together: {str(error).splitlines()[0]}",
                where=self.mapping.text.file,
                hint="every property of a grouped event must be one value per group",
            ) from error
        names = [column[0] for column in result.description or ()]
        while rows := result.fetchmany(_CHUNK):
            for row in rows:
                yield dict(zip(names, row, strict=True))


def _encoded(event: dict[str, Any]) -> bytes:
    """The event with an id derived from its content: importing a file twice adds nothing."""
    body = msgspec.json.encode(event)
    if "messageId" in event:
        return body
    return msgspec.json.encode({**event, "messageId": hashlib.sha256(body).hexdigest()[:32]})


def _total(products: list[dict[str, Any]]) -> float:
    return round(sum((p.get("price") or 0.0) * (p.get("quantity") or 0.0) for p in products), 6)
