"""Compares people with one another: records in, scored pairs out.

The model is learned in the memory of this process; so many pairs are enough for it that they fit.
Whoever may be one is then compared there as well, or on Spark. The same people give the same pairs
with the same figures, in whatever order they come and wherever they are compared.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vocative.identify.matching.comparisons import COMPARISONS, KEYS, PERSONAL, Comparison
from vocative.identify.matching.model import estimate, splink_table
from vocative.identify.matching.on_duckdb import in_memory, load, predict
from vocative.identify.matching.on_spark import predict_on_spark, spark_session
from vocative.identify.matching.pairs import Matches, ScoredPair, Step
from vocative.identify.matching.records import Record

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ComparingEngine = Literal["duckdb", "spark"]
"""Where people are compared: in this process, or on Spark."""
AT_LEAST = 0.5
"""The probability from which a pair is worth showing: more likely one person than two. It is
fixed, and no labels were looked at to choose it."""
_ROUNDS = 200
_DIGITS = 6
"""Of a probability. Sums of floats differ beyond that with the order of what is summed."""


def score_people(
    people: Mapping[str, Record],
    *,
    at_least: float = AT_LEAST,
    engine: ComparingEngine = "duckdb",
) -> Matches:
    """Find the pairs of people who may be one.

    Args:
        people: Person id → record (`record_of`).
        at_least: The probability from which a pair is returned.
        engine: Where they are compared.

    Returns:
        Scored pairs, the most probable first.

    Raises:
        Unsupported: Splink is not installed, or pyspark is too old.
        AuthorError: pyspark is not installed.
        EngineError: there is not enough memory, Spark cannot start, or the analysis failed.
        PrivacyError: Spark would leave personal data readable.
    """
    compared = _comparable(people)
    if len(people) < 2 or not compared:
        return Matches(people=len(people), compared=0, expected=0.0, pairs=[])
    spark = spark_session() if engine == "spark" else nullcontext()
    with spark as session, in_memory() as connection:
        load(connection, people)
        table = splink_table(connection)
        settings = estimate(connection, table, len(people), compared)
        settings["blocking_rules_to_generate_predictions"] = _blocking_rules(people)
        columns = _columns(compared)
        if session is None:
            rows = predict(connection, table, settings, columns)
        else:
            everybody = connection.table("people").to_arrow_table()
            rows = predict_on_spark(session, everybody, settings, columns)
    # Sums of floats differ with their order.
    rows = rows.sort_by([("person_id_l", "ascending"), ("person_id_r", "ascending")])
    return _scored(rows, compared, len(people), at_least)


def _comparable(people: Mapping[str, Record]) -> list[Comparison]:
    """The comparisons that can tell people apart: at least two values of its column are there."""
    values: dict[str, set[str]] = {}
    for record in people.values():
        for column, value in record.items():
            seen = values.setdefault(column, set())
            if len(seen) < 2:
                seen.add(value)
    return [one for column, one in COMPARISONS.items() if len(values.get(column, ())) > 1]


def _blocking_rules(people: Mapping[str, Record]) -> list[str]:
    """Who is compared: whoever shares a key, and whose names stand in each other's place.

    A key of what nobody has brings nobody together, and would only cost.
    """
    known = {column for record in people.values() for column in record}
    keys = {key for key, columns in KEYS.items() if known.issuperset(columns)}
    crossed = [("first_name", "last_name"), ("last_name", "first_name")]
    rules = [(key, key) for key in KEYS] + crossed
    return [f"l.key_{one} = r.key_{other}" for one, other in rules if keys.issuperset((one, other))]


def _columns(compared: list[Comparison]) -> list[str]:
    """What is read of Splink's predictions."""
    columns = ["person_id_l", "person_id_r"]
    for one in compared:
        columns += [f"gamma_{one.column}", f"mw_{one.column}"]
        columns += [f"mw_tf_adj_{one.column}"] * one.by_rarity
    return columns


def _scored(rows: "pa.Table", compared: list[Comparison], people: int, at_least: float) -> Matches:
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
