"""Opens the analytic engine over what the store says is committed.

Out comes an engine with the relations events, order_lines, people and items.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.clock import from_micros, micros_from_unix, naive_utc
from vocative.errors import AuthorError, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

    from vocative.engines.base import Engine
    from vocative.stores import Transaction
    from vocative.workspace.settings import Trait
    from vocative.workspace.workspace import Workspace


def open_engine(workspace: "Workspace") -> "Engine":
    """The workspace's engine over committed history, people and items.

    Raises:
        AuthorError: it cannot be started with the workspace's settings.
        Unsupported: Vocative writes that engine's SQL but does not run it.
    """
    name = workspace.settings.engine
    if name == "duckdb":
        return open_embedded(workspace)
    engine = _started(workspace, name)
    try:
        with open_embedded(workspace) as embedded:
            for relation in RELATIONS:
                engine.register(relation, embedded.query(f"SELECT * FROM {relation}"))
    except BaseException:
        engine.close()
        raise
    return engine


OF_ADDRESS = ("email_domain", "email_kind")
"""What everybody may know of a person's e-mail address."""
RELATIONS = ("events", "order_lines", "people", "items")
"""What every engine holds when it is opened."""


def _started(workspace: "Workspace", name: str) -> "Engine":
    """An engine other than DuckDB, still empty."""
    if name == "spark":
        from vocative.engines.spark import SparkEngine

        return SparkEngine()
    if name != "postgres":
        raise Unsupported(
            f"Vocative writes SQL for {name}, but does not run it there",
            where="vocative.yaml",
            hint="choose `engine: duckdb`, `postgres` or `spark` to compute features and segments",
        )
    from vocative.engines.postgres import PostgresEngine
    from vocative.workspace.settings import secret

    url = secret(workspace.settings.store or "", setting="store")
    if not url.startswith("postgres"):
        raise AuthorError(
            "the engine postgres works in the database of `store:`, which is no PostgreSQL",
            where="vocative.yaml",
            hint="add `store: postgresql://user@host/database`, or choose another engine",
        )
    return PostgresEngine(url)


def open_embedded(workspace: "Workspace") -> "Engine":
    """DuckDB over the history's own files."""
    from vocative.engines.duckdb import DuckDbEngine

    with workspace.store.read() as tx:
        history = _history(workspace, tx)
        people = people_table(tx, workspace.traits, workspace.settings.timezone)
        items = items_table(tx)
    engine = DuckDbEngine(**history)
    engine.register("people", people)
    engine.register("items", items)
    return engine


def open_history(
    workspace: "Workspace", tx: "Transaction | None" = None, *, apart: bool = False
) -> "Engine":
    """DuckDB over the history's own files, and nothing else.

    Args:
        workspace: Whose history.
        tx: What it sees is shown, also what it has not committed; what is committed unless given.
        apart: Show facts of people who consist of several under the profile that each came with.
    """
    from vocative.engines.duckdb import DuckDbEngine

    with nullcontext(tx) if tx is not None else workspace.store.read() as reading:
        history = _history(workspace, reading)
    if apart:
        del history["survivors"]
    return DuckDbEngine(**history)


def _history(workspace: "Workspace", tx: "Transaction") -> dict[str, Any]:
    return {
        "history_files": workspace.history.parts(tx),
        "history_tail": workspace.history.tail(tx),
        "survivors": survivors_table(tx),
    }


def people_table(tx: "Transaction", traits: dict[str, "Trait"], zone: str) -> "pa.Table":
    """One row per person: person_id, first_seen_at, `OF_ADDRESS`, open traits and `local_zone`.

    Args:
        tx: Where people are read.
        traits: The catalog of traits.
        zone: The workspace's time zone, for people of whom none is known.
    """
    import pyarrow as pa

    shown = {name: trait for name, trait in traits.items() if not trait.personal}
    fields = {
        **dict.fromkeys(OF_ADDRESS, "text"),
        **{name: trait.type for name, trait in shown.items()},
    }
    rows = tx.tuples(
        "SELECT person_id, first_seen_at, traits FROM profiles WHERE merged_into IS NULL"
        " ORDER BY person_id"
    )
    decoder = msgspec.json.Decoder(dict[str, Any])
    stated = [decoder.decode(row[2]) for row in rows]
    columns: dict[str, Any] = {
        "person_id": pa.array([row[0] for row in rows], pa.string()),
        "first_seen_at": pa.array([row[1] for row in rows], pa.timestamp("us")),
    }
    for name, kind in fields.items():
        values = [fitting(traits_.get(name), kind) for traits_ in stated]
        columns[name] = pa.array(values, _arrow(kind))
    zones = [local_zone(traits_.get("timezone"), zone) for traits_ in stated]
    columns["local_zone"] = pa.array(zones, pa.string())
    return pa.table(columns)


def local_zone(stated: Any, otherwise: str) -> str:
    """The IANA time zone that a person's local days and hours go by; never one no engine knows.

    Args:
        stated: The person's trait `timezone`, whatever it holds.
        otherwise: The workspace's time zone.
    """
    return stated if isinstance(stated, str) and stated in _zones() else otherwise


@cache
def _zones() -> frozenset[str]:
    import zoneinfo

    # "localtime" is whatever the machine is set to; engines do not know it.
    return frozenset(zoneinfo.available_timezones() - {"localtime"})


def _arrow(kind: str) -> "pa.DataType":
    import pyarrow as pa

    return {
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "instant": pa.timestamp("us"),
        "date": pa.date32(),
    }[kind]


def fitting(value: Any, kind: str) -> Any:
    """A trait as its declared type; what does not fit is unknown, never a failure.

    Args:
        value: As it was stated.
        kind: A type of `traits.yaml`. Instants come out naive UTC.
    """
    if value is None or value == "":
        return None
    try:
        return _CONVERT[kind](value)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    number = int(value)
    return number if number == float(value) and -(2**63) <= number < 2**63 else None


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _instant(value: Any) -> datetime:
    if isinstance(value, int | float):
        return naive_utc(from_micros(micros_from_unix(value)))
    instant = datetime.fromisoformat(str(value))
    return naive_utc(instant) if instant.tzinfo else instant


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "instant": _instant,
    "date": lambda value: date.fromisoformat(str(value)[:10]),
}


def survivors_table(tx: "Transaction") -> "pa.Table":
    """One row per profile that was merged away: person_id, survivor."""
    import pyarrow as pa

    # Sorted here: asked for an order, SQLite reads everybody.
    rows = sorted(
        tx.tuples("SELECT person_id, merged_into FROM profiles WHERE merged_into IS NOT NULL")
    )
    return pa.table(
        {
            "person_id": pa.array([row[0] for row in rows], pa.string()),
            "survivor": pa.array([row[1] for row in rows], pa.string()),
        }
    )


def items_table(tx: "Transaction") -> "pa.Table":
    """The catalog: one row per item."""
    import pyarrow as pa

    schema = pa.schema(
        [
            ("item_id", pa.string()),
            ("title", pa.string()),
            ("category", pa.string()),
            ("price", pa.float64()),
            ("currency", pa.string()),
            ("url", pa.string()),
            ("image_url", pa.string()),
            ("stock", pa.int64()),
            ("margin", pa.float64()),
            ("active", pa.bool_()),
        ]
    )
    names = schema.names
    rows = tx.rows(f"SELECT {', '.join(names)} FROM items ORDER BY item_id")
    for row in rows:
        row["active"] = bool(row["active"])
    return pa.Table.from_pylist(rows, schema=schema)
