"""From feature columns to a matrix, the same way in training and in scoring.

In: `Columns`. Out: a float matrix whose columns each belong to one feature. What was learned (the
medians, scales and words) is a plain struct that is stored as JSON. Columns are found by name:
their order means nothing; a column that is gone counts as missing; a word never seen before gets
no column of its own.
"""

import math
from collections import Counter
from typing import Literal

import msgspec
import numpy as np

from vocative.errors import DataError
from vocative.predict.columns import Columns, Kind
from vocative.predict.interactions import Floats

MOST_WORDS = 12
LEAST_ROWS_PER_WORD = 20
LEAST_COVERED = 0.5
SKEWED = 2.0


class NumberCode(msgspec.Struct, frozen=True, kw_only=True, tag="number"):
    """How one numeric feature becomes one or two columns."""

    feature: str
    kind: Kind
    typical: float
    logarithm: bool
    mean: float
    scale: float
    can_miss: bool


class WordCode(msgspec.Struct, frozen=True, kw_only=True, tag="word"):
    """How one word feature becomes one column per frequent word, and one for missing."""

    feature: str
    words: tuple[str, ...]
    kind: Literal["word"] = "word"


Code = NumberCode | WordCode


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to turn feature columns into a matrix; `scaled` for linear models."""

    codes: tuple[Code, ...]
    scaled: bool

    def check(self) -> None:
        """Refuse numbers that would silently spoil every score.

        Raises:
            DataError: a mean or scale is not usable, or a feature is coded twice.
        """
        names = [code.feature for code in self.codes]
        if len(set(names)) != len(names):
            raise DataError("a feature is coded twice in this model")
        for code in self.codes:
            if isinstance(code, NumberCode):
                known = all(map(math.isfinite, (code.typical, code.mean, code.scale)))
                if not known or code.scale <= 0:
                    raise DataError(f"the coding of the feature {code.feature!r} is malformed")

    @property
    def columns(self) -> tuple[str, ...]:
        """A name for each column of the matrix, free of characters that LightGBM rewrites."""
        return tuple(f"c{number}" for number in range(len(self.sources)))

    @property
    def sources(self) -> tuple[str, ...]:
        """The feature that each column of the matrix comes from."""
        found: list[str] = []
        for code in self.codes:
            if isinstance(code, WordCode):
                width = len(code.words) + 1
            else:
                width = 2 if code.can_miss and self.scaled else 1
            found.extend([code.feature] * width)
        return tuple(found)

    @property
    def features(self) -> tuple[str, ...]:
        """The features, in the order of the matrix."""
        return tuple(code.feature for code in self.codes)

    def matrix(self, columns: Columns) -> Floats:
        """One row per row of `columns`; linear models get no missing values, trees do."""
        blocks = [
            _word_block(code, columns)
            if isinstance(code, WordCode)
            else _number_block(code, columns, scaled=self.scaled)
            for code in self.codes
        ]
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((columns.n_rows, 0))

    def gathered(self, by_column: Floats) -> Floats:
        """Values per matrix column added up per feature; shape (rows, features)."""
        place = {feature: number for number, feature in enumerate(self.features)}
        total = np.zeros((len(by_column), len(place)))
        for number, source in enumerate(self.sources):
            total[:, place[source]] += by_column[:, number]
        return total


def learn_encoding(columns: Columns, *, scaled: bool) -> Encoding:
    """Learn medians, scales and words; features that never vary are left out."""
    codes: list[Code] = []
    for name in sorted(columns.kinds):
        kind = columns.kinds[name]
        code = (
            _learn_words(name, columns)
            if kind == "word"
            else _learn_number(name, kind, columns, scaled=scaled)
        )
        if code is not None:
            codes.append(code)
    return Encoding(codes=tuple(codes), scaled=scaled)


def _learn_number(name: str, kind: Kind, columns: Columns, *, scaled: bool) -> NumberCode | None:
    values = columns.numbers(name)
    known = values[np.isfinite(values)]
    can_miss = len(known) < len(values)
    if not len(known) or (known.min() == known.max() and not can_miss):
        return None
    typical = float(np.median(known))
    logarithm = scaled and kind != "flag" and _is_skewed(known)
    filled = np.where(np.isfinite(values), values, typical)
    shaped = _signed_log(filled) if logarithm else filled
    scale = float(shaped.std())
    return NumberCode(
        feature=name,
        kind=kind,
        typical=typical,
        logarithm=logarithm,
        mean=float(shaped.mean()),
        scale=scale if scale > 1e-12 else 1.0,
        can_miss=can_miss,
    )


def _learn_words(name: str, columns: Columns) -> WordCode | None:
    counts = Counter(word for word in columns.words(name).tolist() if word is not None)
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS]
    words = tuple(word for word, count in frequent if count >= LEAST_ROWS_PER_WORD)
    known = sum(counts.values())
    varies = len(counts) + (known < columns.n_rows) > 1
    # Product ids and the like: too many words for any of them to say much.
    covered = sum(counts[word] for word in words) >= LEAST_COVERED * known
    return WordCode(feature=name, words=words) if words and varies and covered else None


def _number_block(code: NumberCode, columns: Columns, *, scaled: bool) -> Floats:
    values = columns.numbers(code.feature)
    if not scaled:
        return values[:, None]
    missing = ~np.isfinite(values)
    filled = np.where(missing, code.typical, values)
    shaped = _signed_log(filled) if code.logarithm else filled
    block = (shaped - code.mean) / code.scale
    # Far outside of what was seen, a straight line is a guess: hold it at the edge.
    block = np.clip(block, -8.0, 8.0)
    return np.stack([block, missing], axis=1) if code.can_miss else block[:, None]


def _word_block(code: WordCode, columns: Columns) -> Floats:
    values = columns.words(code.feature)
    found = [values == word for word in code.words]
    missing = np.array([value is None for value in values], dtype=np.bool_)
    return np.stack([*found, missing], axis=1).astype(float)


def _is_skewed(values: Floats) -> bool:
    spread = values.std()
    if spread == 0:
        return False
    return bool(abs(np.mean(((values - values.mean()) / spread) ** 3)) > SKEWED)


def _signed_log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=float)
