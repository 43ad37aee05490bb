"""Feature columns as arrays: numbers, yes/no, instants turned into days, and words.

In: an Arrow table with `person_id`, `as_of` and features. Out: `Columns`, in which an instant has
become "days before as_of", so that rows of different cuts can be learned from together. Refuses
instants that lie after their row's `as_of`: such a feature knows the future.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vocative.errors import DataError
from vocative.predict.interactions import Floats

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["number", "flag", "days", "word"]
Words = npt.NDArray[np.object_]
DAY_MICROS = 86_400_000_000


@dataclass(frozen=True)
class Columns:
    """Named columns of equal length; numbers miss as NaN, words as None. Order means nothing."""

    kinds: dict[str, Kind]
    values: dict[str, Any]
    n_rows: int

    def numbers(self, name: str) -> Floats:
        """A number, flag or days column; all missing when it is not there."""
        found = self.values.get(name)
        if found is None or self.kinds[name] == "word":
            return np.full(self.n_rows, np.nan)
        return np.asarray(found, dtype=float)

    def words(self, name: str) -> Words:
        """A word column; all missing when it is not there."""
        found = self.values.get(name)
        if found is None or self.kinds[name] != "word":
            return np.full(self.n_rows, None, dtype=object)
        return np.asarray(found, dtype=object)

    def only(self, names: Iterable[str]) -> "Columns":
        """Some of the columns; names that are not there are passed over."""
        kept = [name for name in names if name in self.kinds]
        return Columns(
            {name: self.kinds[name] for name in kept},
            {name: self.values[name] for name in kept},
            self.n_rows,
        )

    def take(self, rows: Any) -> "Columns":
        """Some rows, by position or by flag."""
        picked = {name: values[rows] for name, values in self.values.items()}
        return Columns(self.kinds, picked, len(np.arange(self.n_rows)[rows]))


def columns_of(table: "pa.Table", names: tuple[str, ...]) -> Columns:
    """The feature columns `names` of a table; others are left alone.

    Raises:
        DataError: a column is of a kind no model reads, or an instant lies after `as_of`.
    """
    import pyarrow as pa
    import pyarrow.types as kinds_of

    kinds: dict[str, Kind] = {}
    values: dict[str, Any] = {}
    for name in names:
        column = table.column(name)
        kind = column.type
        if kinds_of.is_boolean(kind):
            kinds[name], values[name] = "flag", _floats(column.cast(pa.int8()))
        elif kinds_of.is_integer(kind) or kinds_of.is_floating(kind) or kinds_of.is_decimal(kind):
            kinds[name], values[name] = "number", _floats(column)
        elif kinds_of.is_timestamp(kind) or kinds_of.is_date(kind):
            kinds[name] = "days"
            values[name] = _days_before(
                name, column, table.column("as_of"), whole=kinds_of.is_date(kind)
            )
        elif kinds_of.is_string(kind) or kinds_of.is_large_string(kind):
            kinds[name] = "word"
            values[name] = np.asarray(column.to_pylist(), dtype=object)
        else:
            raise DataError(
                f"the feature {name!r} is of type {kind}, which no model reads",
                hint="use a number, yes/no, text or instant, or leave it out of `features:`",
            )
    return Columns(kinds, values, table.num_rows)


def _floats(column: Any) -> Floats:
    import pyarrow as pa

    found = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(found), found, np.nan)


def _days_before(name: str, column: Any, as_of: Any, *, whole: bool) -> Floats:
    micros, now = _micros(column), _micros(as_of)
    # A date has no hour: today's date is not the future.
    allowance = DAY_MICROS if whole else 0
    with np.errstate(invalid="ignore"):
        late = int(np.count_nonzero(micros > now + allowance))
    if late:
        raise DataError(
            f"the feature {name!r} lies after the instant it was computed for in {late:,} rows:"
            " it knows the future",
            hint="compute it from events before as_of only, or leave it out of `features:`",
        )
    return np.asarray((now - micros) / DAY_MICROS, dtype=float)


def _micros(column: Any) -> Floats:
    import pyarrow as pa

    instants = column.cast(pa.timestamp("us"))
    found = instants.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=float)
