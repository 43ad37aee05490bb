"""Does a feature know the future? Three checks, each for a leak that the others cannot see.

1. *Truncation.* Features are computed twice for a sample of rows: over all of history, and over a
   history that ends at the cut. A column that differs looks at later events.
2. *Instants.* A feature that is an instant after its own `as_of` (in `columns.py`).
3. *Too good.* Traits have no history: today's value may have been set by the very outcome. One
   that alone separates the outcomes almost perfectly is refused; `trust:` overrules this check.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.errors import AuthorError
from vocative.predict.columns import Columns
from vocative.predict.dataset import Compute
from vocative.predict.definitions import Propensity, traits_behind
from vocative.predict.interactions import Floats, Ints
from vocative.predict.metrics import roc_auc

if TYPE_CHECKING:
    import pyarrow as pa

    from vocative.segment.plan import Plan

SAMPLE = 400
TOO_GOOD = 0.985
LEAST_ROWS = 200


def future_columns(engine: Engine, compute: Compute, population: "pa.Table") -> list[str]:
    """Columns that change when history is cut off at the population's own instant.

    Args:
        engine: Where all of history is.
        compute: Gives features of a population over an engine.
        population: person_id and as_of, all rows of one instant.

    Returns:
        Names of the columns whose values differ, sorted.
    """
    if population.num_rows == 0:
        return []
    step = max(1, population.num_rows // SAMPLE)
    sample = population.take(np.arange(0, population.num_rows, step)[:SAMPLE])
    as_of = sample.column("as_of")[0].as_py()
    full = compute(engine, sample)
    with truncated(engine, as_of) as past:
        known = compute(past, sample)
    order = [("as_of", "ascending"), ("person_id", "ascending")]
    full, known = full.sort_by(order), known.sort_by(order)
    return sorted(
        name
        for name in full.column_names
        if not _same(full.column(name).to_pylist(), known.column(name).to_pylist())
    )


def truncated(engine: Engine, as_of: datetime) -> Engine:
    """A second engine whose history ends at `as_of`; the caller closes it."""
    from vocative.engines.duckdb import DuckDbEngine

    until = naive_utc(as_of) if as_of.tzinfo else as_of
    past = DuckDbEngine(history_files={})
    for relation in ("events", "order_lines"):
        rows = engine.query(f"SELECT * FROM {relation} e WHERE e.at <= $until", {"until": until})
        past.register(relation, rows)
    for relation in ("people", "items"):
        past.register(relation, engine.query(f"SELECT * FROM {relation}"))
    return past


def refuse_future_columns(model: Propensity, found: Iterable[str]) -> None:
    """Refuse a model that was given a feature which looks ahead.

    Raises:
        AuthorError: names the features.
    """
    names = [name for name in found if name in model.features]
    if names:
        raise AuthorError(
            f"the model {model.name!r} would learn from the future: {_listed(names)} would have"
            " had another value at the time",
            where=model.definition.where("features"),
            hint="compute it from events up to the instant, or leave it out of `features:`",
        )


def refuse_too_good(plan: "Plan", model: Propensity, columns: Columns, label: Ints) -> None:
    """Refuse a trait, or a feature made from one, that alone tells the outcomes apart.

    Raises:
        AuthorError: names the feature and how to insist on it.
    """
    if len(label) < LEAST_ROWS:
        return
    for name in sorted(columns.kinds):
        if name in model.trusted or not traits_behind(plan, name):
            continue
        if alone(columns, name, label) >= TOO_GOOD:
            raise AuthorError(
                f"the model {model.name!r} would learn from the future: {name!r} alone tells"
                " almost perfectly who did it, so it was most likely set afterwards",
                where=model.definition.where("features"),
                hint=f"leave {name} out of `features:`; if it really is known before, add"
                f" trust: [{name}]",
            )


def alone(columns: Columns, name: str, label: Ints) -> float:
    """The ROC-AUC of one feature by itself, in the direction that suits it, 0.5 to 1."""
    if columns.kinds[name] == "word":
        score = _rate_by_word(columns.words(name), label)
    else:
        score = np.nan_to_num(columns.numbers(name), nan=-1e18)
    value = roc_auc(label, score).value
    missing = roc_auc(label, (score == -1e18).astype(float)).value
    return max(value, 1 - value, missing, 1 - missing)


def _rate_by_word(words: Any, label: Ints) -> Floats:
    _, place = np.unique(np.array([str(word) for word in words]), return_inverse=True)
    counts = np.bincount(place)
    # A word of its own for each person would separate them perfectly and mean nothing.
    rate = (np.bincount(place, weights=label) + label.mean() * 10) / (counts + 10)
    return np.asarray(rate[place], dtype=float)


def _same(left: list[Any], right: list[Any]) -> bool:
    return all(
        a == b or (isinstance(a, float) and isinstance(b, float) and bool(np.isclose(a, b)))
        for a, b in zip(left, right, strict=True)
    )


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
