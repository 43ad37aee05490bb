"""Why a score is what it is, in words: the features that moved it most, with their values.

In: contributions on the log-odds and the values behind them. Out: up to three short sentences per
person, `Orders in the last 90 days: 4 (usually 1), raises it`.
"""

import numpy as np

from vocative.predict.columns import Columns
from vocative.predict.encoding import Code, NumberCode
from vocative.predict.interactions import Floats

MOST_REASONS = 3
LEAST_MOVE = 0.05


def reasons_of(
    columns: Columns,
    features: tuple[str, ...],
    contributions: Floats,
    codes: dict[str, Code],
    described: dict[str, str],
) -> list[list[str]]:
    """The sentences for every row, the strongest first.

    Args:
        columns: The values of the features.
        features: Names of the columns of `contributions`.
        contributions: What each feature added to or took from the log-odds, per row.
        codes: How the model reads each feature: holds the usual value.
        described: What each feature is, in words.
    """
    if not features:
        return [[] for _ in range(columns.n_rows)]
    width = min(MOST_REASONS, len(features))
    strongest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :width]
    sentences = {
        name: _values_in_words(name, columns, codes.get(name), described.get(name, ""))
        for name in {features[place] for place in np.unique(strongest)}
    }
    found = []
    for row, places in enumerate(strongest.tolist()):
        said = []
        for place in places:
            move = contributions[row, place]
            if abs(move) >= LEAST_MOVE:
                effect = "raises it" if move > 0 else "lowers it"
                said.append(f"{sentences[features[place]][row]}, {effect}")
        found.append(said)
    return found


def _values_in_words(name: str, columns: Columns, code: Code | None, description: str) -> list[str]:
    label = description or name.replace("_", " ")
    kind = columns.kinds.get(name, "number")
    if kind == "word":
        return [
            f"{label}: {value if value is not None else 'unknown'}"
            for value in columns.words(name).tolist()
        ]
    usual = ""
    if isinstance(code, NumberCode) and kind != "flag":
        usual = f" (usually {_short(code.typical)})"
    return [_in_words(label, value, kind, usual) for value in columns.numbers(name).tolist()]


def _in_words(label: str, value: float, kind: str, usual: str) -> str:
    if value != value:  # noqa: PLR0124  NaN is the missing value
        return f"{label}: {'never' if kind == 'days' else 'unknown'}"
    if kind == "flag":
        return f"{label}: {'yes' if value else 'no'}"
    if kind == "days":
        return f"{label}: {_short(value)} days ago{usual}"
    return f"{label}: {_short(value)}{usual}"


def _short(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
