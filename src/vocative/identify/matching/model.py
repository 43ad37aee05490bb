"""The model: how often one person, and how often two, reach each level of each comparison.

Splink estimates it without labels, after Fellegi and Sunter (1969), "A Theory for Record
Linkage": *u*, the share of two people's pairs that reach a level, from all pairs or a sample of
them; *m*, the share of one person's pairs, by expectation maximisation among people who share a
key. Where the data are silent (nobody ever changed their address) m is drawn a little towards
what `comparisons.py` expects, so that no single comparison can rule a pair in or out.
"""

import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from vocative.errors import Unsupported
from vocative.identify.matching.comparisons import (
    KEYS,
    NAMING,
    TRAINING_KEYS,
    Comparison,
)

if TYPE_CHECKING:
    import duckdb

SEED = 20_261
LEAST_WEIGHT = -10.0
"""log₂ of the odds below which a pair is not even looked at: one in a thousand."""
MOST_U_PAIRS = 1_000_000
"""Pairs from which u is estimated; where there are fewer, all are taken."""
MOST_TRAINING_PAIRS = 2_500_000
"""Pairs who share a key from which m is estimated; where there are fewer, all are taken."""
LEAST_TRAINING_PAIRS = 50
"""With fewer pairs a key teaches nothing but chance."""
EXPECTED_SHARE = 0.05
"""How much of m is what was expected beforehand."""

Settings = dict[str, Any]


def refuse_without_splink() -> None:
    """Say what to install where Splink is not there.

    Raises:
        Unsupported: it is not installed.
    """
    try:
        import splink  # noqa: F401
    except ImportError as error:
        raise Unsupported(
            "the package splink is not installed, which matching people needs",
            hint="pip install 'vocative[matching]'",
        ) from error
    # It tells at length how it is getting on, and what it would like to be told.
    logging.getLogger("splink").setLevel(logging.CRITICAL)


def splink_table(connection: "duckdb.DuckDBPyConnection") -> Any:
    """The table `people` of a connection, as Splink takes it."""
    from splink import DuckDBAPI

    return DuckDBAPI(connection).register(connection.table("people"))


def splink_linker(table: Any, settings: Settings) -> Any:
    """Splink over a table, with a model."""
    from splink import Linker

    return Linker(table, settings, log_level=None)


def estimate(
    connection: "duckdb.DuckDBPyConnection", table: Any, people: int, compared: list[Comparison]
) -> Settings:
    """Learn the model from the table `people` of a connection.

    Args:
        connection: Holds `people` with `person_id`, its columns and a column per key.
        table: The same, as Splink takes it.
        people: How many there are; at least two.
        compared: What can be compared.

    Returns:
        Splink's settings with m and u of every level. What was expected of the number of doubled
        people beforehand is one for two people.
    """
    settings = first_settings(people, compared)
    linker = splink_linker(table, settings)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=MOST_U_PAIRS, seed=SEED, min_count_per_level=None, num_chunks=1
    )
    seen = min(people * (people - 1) / 2, MOST_U_PAIRS)
    known = _learned(linker, "u")
    for column, levels in _levels(settings).items():
        # A level that no pair reached is rare, not impossible: half a pair is added to each.
        counts = [share * seen + 0.5 for share in known[column]]
        for level, count in zip(levels, counts, strict=True):
            level["u_probability"] = count / sum(counts)
    taught = [
        _trained(table, settings, key, compared, pairs)
        for key in TRAINING_KEYS
        if (pairs := _pairs_of(connection, key)) >= LEAST_TRAINING_PAIRS
    ]
    for column, levels in _levels(settings).items():
        lessons = [m[column] for m in taught if column in m]
        for index, level in enumerate(levels if lessons else []):
            mean = sum(lesson[index] for lesson in lessons) / len(lessons)
            expected = level["m_probability"]
            level["m_probability"] = EXPECTED_SHARE * expected + (1 - EXPECTED_SHARE) * mean
    return settings


def first_settings(people: int, compared: list[Comparison]) -> Settings:
    """Splink's settings before anything was learned."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "person_id",
        "linker_uid": "vocative",
        "probability_two_random_records_match": 1 / max(people, 2),
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
        "comparisons": [_comparison(comparison) for comparison in compared],
        "blocking_rules_to_generate_predictions": [],
    }


def _comparison(comparison: Comparison) -> Settings:
    column = comparison.column
    levels: list[Settings] = [
        {
            "sql_condition": f"{column}_l IS NULL OR {column}_r IS NULL",
            "label_for_charts": "unknown",
            "is_null_level": True,
        }
    ]
    for name, sql, expected in comparison.steps:
        level: Settings = {
            "sql_condition": comparison.sql(sql) if sql else "ELSE",
            "label_for_charts": name,
            "m_probability": expected,
        }
        if name == "same" and comparison.by_rarity:
            level |= {"tf_adjustment_column": column, "tf_adjustment_weight": 1.0}
        levels.append(level)
    return {"output_column_name": column, "comparison_levels": levels}


def _pairs_of(connection: "duckdb.DuckDBPyConnection", key: str) -> int:
    rows = connection.execute(
        f"SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT count(*) AS n FROM people"
        f" WHERE key_{key} IS NOT NULL GROUP BY key_{key})"
    ).fetchall()
    return int(rows[0][0])


def _trained(
    table: Any, settings: Settings, key: str, compared: list[Comparison], pairs: int
) -> dict[str, list[float]]:
    """What people who share a key teach of m: column → share of each level.

    Nothing can be learned of a comparison that reads what is in the key, or what goes with it.
    Of too many pairs, as large a share of the key's values is taken as keeps it feasible.
    """
    from splink.internals.exceptions import EMTrainingException

    apart = {one.column for one in compared if _is_apart(one, KEYS[key])}
    if len(apart) < 2:
        return {}  # of one thing alone nobody can tell who is one person
    comparisons = [one for one in settings["comparisons"] if one["output_column_name"] in apart]
    # A linker for each key: a training that fails leaves its own unusable.
    linker = splink_linker(table, deepcopy(settings | {"comparisons": comparisons}))
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            f"l.key_{key} = r.key_{key}" + _sampled(key, pairs)
        )
    except (EMTrainingException, ValueError):
        # Nothing can be told apart among them, or a share became too small to be a number.
        return {}
    learned = _learned(linker, "m")
    return {
        column: [share / sum(shares) for share in shares]
        for column, shares in learned.items()
        if sum(shares)
    }


def _sampled(key: str, pairs: int) -> str:
    if pairs <= MOST_TRAINING_PAIRS:
        return ""
    return f" AND hash(l.key_{key}) % {pairs} < {MOST_TRAINING_PAIRS}"


def _is_apart(comparison: Comparison, key: tuple[str, ...]) -> bool:
    """Whether a comparison can differ freely among people who share a key."""
    if not set(comparison.columns).isdisjoint(key):
        return False
    return comparison.column not in NAMING or not {*NAMING, "mailbox"}.intersection(key)


def _learned(linker: Any, kind: str) -> dict[str, list[float]]:
    """What Splink learned of m or u: column → share of each level."""
    return {
        one["output_column_name"]: [
            # What was not seen is told as a text, or not at all.
            _number(level.get(f"{kind}_probability"))
            for level in one["comparison_levels"][1:]
        ]
        for one in linker.misc.save_model_to_json()["comparisons"]
    }


def _number(share: Any) -> float:
    return float(share) if isinstance(share, int | float) else 0.0


def _levels(settings: Settings) -> dict[str, list[Settings]]:
    """The levels of each comparison by its column, without that of what is unknown."""
    return {
        one["output_column_name"]: one["comparison_levels"][1:] for one in settings["comparisons"]
    }
