"""Reconciliations: two sources that should tell of the same things, as a definition says it.

A definition `reconciliations/NAME.yaml` names two sides. Its expressions are those of features:
they may name the columns of `events` and parts of `properties`. Out come its two sides with
expressions that are checked, and the SQL that finds what is on both sides, on one alone, or told
differently.
"""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from vocative.clock import naive_utc
from vocative.errors import AuthorError
from vocative.sql import Catalog, Names, Node, Type, check, in_document, parse, quote_text, to_sql
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.facts import fact_fields, fact_sql, json_columns
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlPath

Texts = str | list[str]
SLACK_DAYS = 7
"""By so much the two sides may tell of one thing at different times."""


class SideBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One side; what it leaves out is as for both."""

    source: str | None = None
    event: Texts | None = None
    key: str | None = None
    amount: str | None = None
    where: str | None = None


class ReconciliationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reconciliation file."""

    between: dict[str, SideBody | None]
    event: Texts | None = None
    key: str | None = None
    amount: str | None = None
    where: str | None = None
    tolerance: float = 0.005
    timezone: str | None = None
    settles_after: str | None = None
    describe: str = ""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side, checked."""

    name: str
    source: str
    events: tuple[str, ...]
    key: Node
    amount: Node | None
    where: Node | None


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """A checked definition."""

    name: str
    describe: str
    one: Side
    other: Side
    tolerance: float
    timezone: str
    settles_seconds: int


def check_definitions(workspace: Workspace) -> None:
    """Check the workspace's reconciliations.

    Raises:
        AuthorError: one is wrong somewhere.
    """
    read_reconciliations(workspace)


def read_reconciliations(workspace: Workspace) -> dict[str, Reconciliation]:
    """Every reconciliation, by name.

    Raises:
        AuthorError: one is wrong somewhere.
    """
    return {
        name: _read(definition, workspace.settings.timezone)
        for name, definition in workspace.definitions("reconciliation").items()
    }


def _read(definition: Definition, timezone: str) -> Reconciliation:
    body = convert(definition.text, (), definition.body, ReconciliationBody)
    for path, message, hint in _faults(body):
        raise AuthorError(message, where=definition.where(*path), hint=hint)
    one, other = (_side(definition, body, name) for name in body.between)
    if (one.amount is None) != (other.amount is None):
        raise AuthorError(
            "only one side has an amount",
            where=definition.where("between"),
            hint="say `amount:` for both, or for none",
        )
    return Reconciliation(
        name=definition.name,
        describe=body.describe,
        one=one,
        other=other,
        tolerance=body.tolerance,
        timezone=body.timezone or timezone,
        settles_seconds=seconds_of(body.settles_after) or 0 if body.settles_after else 0,
    )


def _faults(body: ReconciliationBody) -> Iterator[tuple[YamlPath, str, str | None]]:
    """(where, what, what next) of everything that no single field can tell."""
    if len(body.between) != 2:
        yield ("between",), "a reconciliation is between two", "name two sources"
    for name, said in body.between.items():
        for field in ("event", "key"):
            if getattr(body, field) is None and getattr(said, field, None) is None:
                hint = f"add `{field}:`, for both or for each"
                yield ("between", name), f"this side has no {field}", hint
    if body.tolerance < 0:
        yield ("tolerance",), "a tolerance is 0 or more", None
    if body.timezone and body.timezone not in zoneinfo.available_timezones():
        yield ("timezone",), "unknown time zone", "use a name such as Europe/Berlin"
    if body.settles_after is not None and seconds_of(body.settles_after) is None:
        yield ("settles_after",), "this is no length of time", "write it as in 6h or 2d"


def _side(definition: Definition, body: ReconciliationBody, name: str) -> Side:
    said = body.between[name] or SideBody()

    def node(field: str, *wanted: Type) -> Node | None:
        own = getattr(said, field)
        text = getattr(body, field) if own is None else own
        path = (field,) if own is None else ("between", name, field)
        return None if text is None else _checked(definition, path, text, wanted)

    events = said.event or body.event or []
    key = node("key")
    assert key is not None  # noqa: S101 - `_faults` looked
    return Side(
        name=name,
        source=said.source or name,
        events=(events,) if isinstance(events, str) else tuple(events),
        key=key,
        amount=node("amount", Type.NUMBER, Type.INTEGER),
        where=node("where", Type.BOOLEAN),
    )


_CATALOG = Catalog(
    fields=fact_fields("events"), now=False, json_columns=json_columns("events"), about="an event"
)


def _checked(definition: Definition, path: YamlPath, text: str, wanted: tuple[Type, ...]) -> Node:
    start = definition.where(*path)
    place = in_document(text, file=definition.text.file, document=definition.text.text, start=start)
    node = check(parse(text, place), _CATALOG).node
    if wanted and node.type not in wanted:
        raise AuthorError(f"this gives {node.type}, not {wanted[0]}", where=start)
    return node


def records_sql(said: Reconciliation) -> str:
    """SQL of every record that the two sides tell of.

    It takes the parameters of `parameters`.

    Returns:
        A query; a row per key: record_key, on_day (DATE), state (both, one, other or differs),
        one_records, one_amount, other_records, other_amount.
    """
    local = f"timezone({quote_text(said.timezone)}, timezone('UTC', happened_at))"
    alike = (
        f"coalesce(abs(one.amount - other.amount) <= {said.tolerance!r},"
        " one.amount IS NULL AND other.amount IS NULL)"
    )
    return (
        f"WITH one AS (\n{_side_sql(said.one)}\n), other AS (\n{_side_sql(said.other)}\n),"
        " matched AS (\n"
        "SELECT coalesce(one.record_key, other.record_key) AS record_key,"
        " coalesce(one.happened_at, other.happened_at) AS happened_at,"
        " one.records AS one_records, one.amount AS one_amount,"
        " other.records AS other_records, other.amount AS other_amount,\n"
        "CASE WHEN other.record_key IS NULL THEN 'one' WHEN one.record_key IS NULL THEN 'other'"
        f" WHEN {alike} THEN 'both' ELSE 'differs' END AS state\n"
        "FROM one FULL JOIN other ON one.record_key = other.record_key)\n"
        f"SELECT record_key, CAST({local} AS DATE) AS on_day,"
        " state, one_records, one_amount, other_records, other_amount\n"
        "FROM matched WHERE happened_at >= $since AND happened_at < $until"
    )


def days_sql(said: Reconciliation) -> str:
    """SQL of counts and sums per day; a row per day, the oldest first."""
    return (
        "SELECT on_day, count(one_records) AS one_records, sum(one_amount) AS one_amount,"
        " count(other_records) AS other_records, sum(other_amount) AS other_amount,\n"
        + ",\n".join(
            f"sum(CASE WHEN state = '{state}' THEN 1 ELSE 0 END) AS {name}"
            for state, name in _STATES.items()
        )
        + ",\nsum(CASE WHEN one_records > 1 OR other_records > 1 THEN 1 ELSE 0 END) AS doubled\n"
        f"FROM (\n{records_sql(said)}\n) AS records GROUP BY on_day ORDER BY on_day"
    )


_STATES = {"one": "only_one", "other": "only_other", "differs": "differing"}


def differing_sql(said: Reconciliation, *, limit: int | None) -> str:
    """SQL of the records that are not alike, or doubled, the newest day first."""
    most = "" if limit is None else f" LIMIT {limit:d}"
    return (
        f"SELECT * FROM (\n{records_sql(said)}\n) AS records"
        " WHERE state <> 'both' OR one_records > 1 OR other_records > 1"
        f" ORDER BY on_day DESC, record_key{most}"
    )


def _side_sql(side: Side) -> str:
    names = Names(field=fact_sql, now="NULL", segment=str, score=str)
    key = f"CAST({to_sql(side.key, names)} AS VARCHAR)"
    amount = "NULL" if side.amount is None else to_sql(side.amount, names)
    events = ", ".join(quote_text(name) for name in side.events)
    where = "" if side.where is None else f" AND {to_sql(side.where, names)}"
    return (
        f"SELECT {key} AS record_key, count(*) AS records,"
        f' sum(CAST({amount} AS DOUBLE)) AS amount, min(e."at") AS happened_at\n'
        "FROM events AS e\n"
        f"WHERE e.source = {quote_text(side.source)} AND e.name IN ({events})"
        f' AND e."at" >= $earliest AND e."at" < $latest'
        f" AND {key} <> ''{where}\nGROUP BY {key}"
    )


def parameters(since: datetime, until: datetime) -> dict[str, datetime]:
    """What the queries take: of which time is told, and in which the other side is looked for."""
    slack = timedelta(days=SLACK_DAYS)
    return {
        "since": naive_utc(since),
        "until": naive_utc(until),
        "earliest": naive_utc(since - slack),
        "latest": naive_utc(until + slack),
    }
