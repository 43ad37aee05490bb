"""Training sets: (person, as_of) rows, features as of that instant, and what happened after it.

In: an engine, the segment plan and a model definition. Out: rows at several cuts, oldest first,
with features from the same plan as segments and a label over (as_of, as_of + within]. Refused:
features that know the future, by the checks in `leaks.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.predict.columns import Columns, columns_of
from vocative.predict.definitions import Propensity
from vocative.predict.interactions import Floats, Ints
from vocative.segment.batch import LOCAL_ZONE, person_names, point_in_time, trait_sql, uses_zone
from vocative.sql import quote_name, to_sql

if TYPE_CHECKING:
    import pyarrow as pa

    from vocative.segment.plan import Plan

MOST_CUTS = 6
MOST_ROWS = 150_000

Compute = Callable[[Engine, "pa.Table"], "pa.Table"]
"""Features of a population of (person_id, as_of)."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """From the first to the last event that is known."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows of people at cuts, ordered by cut and then person.

    `recency_days` (NaN: never) and `frequency` are of the predicted event: what simple rules use.
    """

    cuts: tuple[datetime, ...]
    person: npt.NDArray[np.str_]
    cut: Ints
    columns: Columns
    label: Ints
    recency_days: Floats
    frequency: Floats

    def rows_at(self, *cuts: int) -> Ints:
        """Positions of the rows of some cuts."""
        return np.nonzero(np.isin(self.cut, cuts))[0]


def known_span(engine: Engine, *, until: datetime) -> Span | None:
    """The instants of the first and last event about a person, none of them after `until`."""
    row = engine.rows(
        "SELECT epoch_us(min(e.at)) AS first, epoch_us(max(e.at)) AS last FROM events e"
        " WHERE e.person_id IS NOT NULL AND e.at <= $until",
        {"until": naive_utc(until)},
    )[0]
    if row["first"] is None:
        return None
    from vocative.clock import from_micros

    return Span(start=from_micros(row["first"]), end=from_micros(row["last"]))


def choose_cuts(span: Span, within: timedelta) -> tuple[datetime, ...]:
    """Instants to look ahead from, oldest first; no two label windows overlap.

    The last one looks ahead to the end of what is known. The first leaves as much time before it
    as it looks ahead, so that there is something to learn from.
    """
    found: list[datetime] = []
    cut = span.end - within
    while len(found) < MOST_CUTS and cut - within >= span.start:
        found.append(cut)
        cut -= within
    return tuple(reversed(found))


def build_dataset(
    engine: Engine, plan: "Plan", model: Propensity, cuts: tuple[datetime, ...]
) -> Dataset:
    """Rows, features and labels of a model at the given cuts.

    Raises:
        DataError: a feature knows the future.
    """
    population = population_table(engine, cuts, most_rows=MOST_ROWS)
    table = features_of(engine, plan, model, population)
    engine.register("predict_rows", table.select(["person_id", "as_of"]))
    outcome = engine.query(
        outcome_sql(),
        {"names": list(model.events), "within_us": int(model.within.total_seconds() * 1e6)},
    )
    table = table.append_column("label", outcome.column("label"))
    instants = np.asarray(table.column("as_of").to_numpy(zero_copy_only=False), "datetime64[us]")
    edges = np.array([naive_utc(cut) for cut in cuts], dtype="datetime64[us]")
    return Dataset(
        cuts=cuts,
        person=np.asarray(table.column("person_id").to_pylist(), dtype=np.str_),
        cut=np.searchsorted(edges, instants).astype(np.int64),
        columns=columns_of(table, model.features),
        label=np.asarray(table.column("label").to_numpy(), dtype=np.int64),
        recency_days=_numbers(outcome.column("recency_days")),
        frequency=_numbers(outcome.column("frequency")),
    )


def population_table(
    engine: Engine, cuts: tuple[datetime, ...], *, most_rows: int | None = None
) -> "pa.Table":
    """Everyone who was known at each cut: person_id, as_of.

    A person is known from the first event or profile on. Above `most_rows`, people are left out
    by a hash of their id, the same ones at every cut.
    """
    instants = ", ".join(f"(TIMESTAMP '{naive_utc(cut).isoformat(sep=' ')}')" for cut in cuts)
    known = (
        f"WITH cuts(as_of) AS (VALUES {instants}), known AS ("
        "  SELECT p.person_id, least(p.first_seen_at, min(e.at)) AS since"
        "  FROM people p LEFT JOIN events e USING (person_id)"
        "  GROUP BY p.person_id, p.first_seen_at)"
        " SELECT person_id, as_of FROM known JOIN cuts ON since <= as_of"
    )
    if most_rows is not None:
        rows = engine.value(f"SELECT count(*) FROM ({known})") or 0
        if rows > most_rows:
            kept = int(1_000_000 * most_rows / rows)
            known += f" WHERE hash(person_id) % 1000000 < {kept}"
    return engine.query(known)


def features_of(
    engine: Engine, plan: "Plan", model: Propensity, population: "pa.Table"
) -> "pa.Table":
    """Features of those of a population who belong to the model's, by cut and person.

    Returns:
        A table of person_id, as_of and the model's features and traits; a row per person and cut.
    """
    table = compute_table(engine, plan, model, population)
    condition, columns = _selection(model)
    engine.register("predict_features", table)
    return engine.query(
        f"SELECT {columns} FROM (SELECT population.*{_traits_sql(plan, model)}"
        " FROM predict_features AS population LEFT JOIN people USING (person_id))"
        f" WHERE {condition} ORDER BY as_of, person_id"
    )


def compute_table(
    engine: Engine, plan: "Plan", model: Propensity, population: "pa.Table"
) -> "pa.Table":
    """The plan's features that the model and its population name, for a whole population."""
    names = [name for name in _names(model) if name in plan.features]
    return point_in_time(engine, plan, population, names)


def _names(model: Propensity) -> list[str]:
    asked = model.population.expression.fields if model.population else frozenset()
    return sorted({*model.features, *asked})


def _traits_sql(plan: "Plan", model: Propensity) -> str:
    zoned = model.population is not None and uses_zone([model.population.node])
    return "".join(
        f", {trait_sql(name)} AS {quote_name(name)}"
        for name in _names(model)
        if name in plan.traits
    ) + (f", people.{LOCAL_ZONE}" if zoned else "")


def _selection(model: Propensity) -> tuple[str, str]:
    condition = (
        "TRUE" if model.population is None else to_sql(model.population.node, person_names())
    )
    columns = ", ".join(quote_name(name) for name in ("person_id", "as_of", *model.features))
    return condition, columns


def outcome_sql() -> str:
    """What each row of `predict_rows` did: label, recency_days and frequency, in its order."""
    return (
        "SELECT r.person_id, r.as_of,"
        " CAST(coalesce(bool_or(e.at > r.as_of"
        "  AND e.at <= r.as_of + to_microseconds($within_us)), FALSE) AS BIGINT) AS label,"
        " date_diff('microsecond', max(e.at) FILTER (WHERE e.at <= r.as_of), r.as_of) / 86400e6"
        "  AS recency_days,"
        " CAST(count(e.at) FILTER (WHERE e.at <= r.as_of AND e.at > r.as_of - INTERVAL 365 DAY)"
        "  AS DOUBLE) AS frequency"
        " FROM predict_rows r LEFT JOIN events e"
        " ON e.person_id = r.person_id AND list_contains($names, e.name)"
        " GROUP BY r.person_id, r.as_of ORDER BY r.as_of, r.person_id"
    )


def _numbers(column: Any) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=float)
