"""Compares people with one another: records in, scored pairs out.

Everything happens in memory, in a database of its own that cannot write to disk and is gone
afterwards. The same people give the same pairs with the same figures, in whatever order they
come.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from vocative.errors import EngineError
from vocative.identify.matching.comparisons import (
    COMPARISONS,
    KEYS,
    PERSONAL,
    Comparison,
    most_sharing,
)
from vocative.identify.matching.model import Settings, estimate, splink_linker, splink_table
from vocative.identify.matching.pairs import Matches, ScoredPair, Step
from vocative.identify.matching.records import COLUMNS, Record

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AT_LEAST = 0.5
"""The probability from which a pair is worth showing: more likely one person than two. It is
fixed, and no labels were looked at to choose it."""
_LEAST_WEIGHT = -10.0
"""log₂ of the odds below which a pair is not even looked at: one in a thousand."""
_ROUNDS = 200
_DIGITS = 6
"""Of a probability. Sums of floats differ beyond that with the order of what is summed."""


def score_people(people: Mapping[str, Record], *, at_least: float = AT_LEAST) -> Matches:
    """Find the pairs of people who may be one.

    Args:
        people: Person id → record (`record_of`).
        at_least: The probability from which a pair is returned.

    Returns:
        Scored pairs, the most probable first.

    Raises:
        Unsupported: Splink is not installed.
        EngineError: there is not enough memory, or the analysis failed.
    """
    compared = _comparable(people)
    if len(people) < 2 or not compared:
        return Matches(people=len(people), compared=0, expected=0.0, pairs=[])
    with _in_memory() as connection:
        _load(connection, people)
        table = splink_table(connection)
        settings = estimate(connection, table, len(people), compared)
        settings["blocking_rules_to_generate_predictions"] = _blocking_rules()
        return _scored(connection, table, settings, compared, len(people), at_least)


def _comparable(people: Mapping[str, Record]) -> list[Comparison]:
    """The comparisons that can tell people apart: at least two values of its column are there."""
    values: dict[str, set[str]] = {}
    for record in people.values():
        for column, value in record.items():
            seen = values.setdefault(column, set())
            if len(seen) < 2:
                seen.add(value)
    return [one for column, one in COMPARISONS.items() if len(values.get(column, ())) > 1]


@contextmanager
def _in_memory() -> Iterator["duckdb.DuckDBPyConnection"]:
    """A database that personal data cannot leave.

    Its errors can quote values, so none is shown or chained.
    """
    import duckdb

    # One thread: several would sum in another order each time. No place to spill to.
    config: dict[str, Any] = {
        "threads": 1,
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        yield connection
    except duckdb.OutOfMemoryException:
        raise EngineError(
            "there is not enough memory to match so many people",
            hint="run it on a machine with more; personal data are not spilled to disk",
        ) from None
    except duckdb.Error as error:
        raise EngineError(f"matching failed: {type(error).__name__}") from None
    finally:
        connection.close()


def _load(connection: "duckdb.DuckDBPyConnection", people: Mapping[str, Record]) -> None:
    """Make the table `people`: id, every column, and a column per key."""
    import pyarrow as pa

    ids = sorted(people)
    table: dict[str, Any] = {"person_id": pa.array(ids, pa.string())}
    for column in COLUMNS:
        values = [people[person_id].get(column) for person_id in ids]
        table[column] = pa.array(values, pa.string())
    connection.register("records", pa.table(table))
    most = most_sharing(len(people))
    keys = ", ".join(f"{_key_sql(columns, most)} AS key_{key}" for key, columns in KEYS.items())
    connection.execute(
        f"CREATE TABLE people AS SELECT *, {keys} FROM records ORDER BY person_id"
    ).fetchall()
    connection.unregister("records")


def _key_sql(columns: tuple[str, ...], most: int) -> str:
    """A key, which is NULL where a part is unknown or too many people share it."""
    value = " || chr(31) || ".join(columns)
    return f"CASE WHEN count(*) OVER (PARTITION BY {value}) <= {most} THEN {value} END"


def _blocking_rules() -> list[str]:
    """Who is compared: whoever shares a key, and whose names stand in each other's place."""
    rules = [f"l.key_{key} = r.key_{key}" for key in KEYS]
    crossed = [("first_name", "last_name"), ("last_name", "first_name")]
    return rules + [f"l.key_{one} = r.key_{other}" for one, other in crossed]


def _scored(
    connection: "duckdb.DuckDBPyConnection",
    table: Any,
    settings: Settings,
    compared: list[Comparison],
    people: int,
    at_least: float,
) -> Matches:
    found = splink_linker(table, settings).inference.predict(threshold_match_weight=_LEAST_WEIGHT)
    columns = ["person_id_l", "person_id_r"]
    for one in compared:
        columns += [f"gamma_{one.column}", f"mw_{one.column}"]
        columns += [f"mw_tf_adj_{one.column}"] * one.by_rarity
    rows = connection.sql(
        f"SELECT {', '.join(columns)} FROM {found.physical_name} ORDER BY 1, 2"
    ).to_arrow_table()
    weights = {one.column: _weights(rows, one) for one in compared}
    _count_name_once(rows, weights)
    shared = _sum(rows.num_rows, [weights[c] for c in weights if c not in PERSONAL])
    personal = _sum(rows.num_rows, [weights[c] for c in weights if c in PERSONAL])
    odds, probability = _with_prior(shared, personal, people)
    chosen = np.flatnonzero(probability >= at_least)
    steps = _steps(rows.take(chosen), compared, {c: weights[c][chosen] for c in weights})
    ids = zip(
        rows.column("person_id_l").take(chosen).to_pylist(),
        rows.column("person_id_r").take(chosen).to_pylist(),
        strict=True,
    )
    pairs = [
        ScoredPair(one=min(pair), other=max(pair), probability=chance, weight=weight, steps=why)
        for pair, chance, weight, why in zip(
            ids,
            probability[chosen].tolist(),
            np.round(odds[chosen], 1).tolist(),
            steps,
            strict=True,
        )
    ]
    pairs.sort(key=lambda pair: (-pair.probability, pair.one, pair.other))
    return Matches(
        people=people,
        compared=rows.num_rows,
        expected=round(float(probability.sum()), 1),
        pairs=pairs,
    )


def _count_name_once(rows: Any, weights: dict[str, "Floats"]) -> None:
    """Take from the weight of alike addresses of e-mail what the names say already.

    Addresses are made of names, so two people of one name have alike ones. Only what an address
    says beyond that counts; one and the same address says it all.
    """
    if "email" not in weights:
        return
    names = _sum(rows.num_rows, [weights[c] for c in ("first_name", "last_name") if c in weights])
    said = np.minimum(np.maximum(names, 0.0), np.maximum(weights["email"], 0.0))
    same = _numbers(rows, "gamma_email") == len(COMPARISONS["email"].steps) - 1
    weights["email"] = weights["email"] - np.where(same, 0.0, said)


def _steps(
    rows: Any, compared: list[Comparison], weights: Mapping[str, "Floats"]
) -> list[tuple[Step, ...]]:
    """What each pair's comparisons came to."""
    steps: list[list[Step]] = [[] for _ in range(rows.num_rows)]
    for one in compared:
        reached = rows.column(f"gamma_{one.column}").to_pylist()
        told = np.round(weights[one.column], 1).tolist()
        for found, number, weight in zip(steps, reached, told, strict=True):
            # Splink counts levels from 0, the least alike; −1 is not known of one of the two.
            if number >= 0:
                found.append(Step(one.column, one.levels[-1 - number], weight))
    return [tuple(found) for found in steps]


def _sum(rows: int, weights: list["Floats"]) -> "Floats":
    total: Floats = np.sum(weights, axis=0) if weights else np.zeros(rows)
    return total


def _numbers(rows: Any, column: str) -> "Floats":
    return np.asarray(rows.column(column).to_numpy(zero_copy_only=False), dtype=np.float64)


def _weights(rows: Any, comparison: Comparison) -> "Floats":
    weights = _numbers(rows, f"mw_{comparison.column}")
    if comparison.by_rarity:
        weights = weights + _numbers(rows, f"mw_tf_adj_{comparison.column}")
    return np.nan_to_num(weights)


def _with_prior(shared: "Floats", personal: "Floats", people: int) -> tuple["Floats", "Floats"]:
    """(log₂ of the odds, probability) of each pair.

    How many pairs of one person there are is found from the pairs themselves: the share of them
    all that it takes for their probabilities to sum up to it (expectation maximisation with all
    but that share known).

    What a household shares makes one person at most as likely as two, however much of it there
    is: last name, address and phone come together, so their weights must not simply add up. Only
    what a household does not share decides beyond that.
    """
    possible = people * (people - 1) / 2
    share, odds, probability = 1 / people, personal, np.zeros(len(personal))
    for _ in range(_ROUNDS):
        prior = np.log2(share / (1 - share))
        odds = np.minimum(prior + shared, 0.0) + personal
        probability = 1 / (1 + np.exp2(-np.clip(odds, -100, 100)))
        # At least a tenth of a pair: a share of none would stay none.
        share, before = min(max(float(probability.sum()), 0.1) / possible, 0.5), share
        if abs(share - before) < 1e-9 * before:
            break
    return odds, np.round(probability, _DIGITS)
