"""Additive sufficient statistics: all that experiments need to know of the people in an arm.

In come columns of numbers, one value per person, or the sums an engine computed; out come counts,
means, variances and covariances. Two sets of people add up: `statistics_of(a) + statistics_of(b)`
is `statistics_of(a and b)`. Engines only count, sum and multiply.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

Pair = tuple[str, str]


class Statistics(msgspec.Struct, frozen=True):
    """Count, sums, and sums of products of the named columns over one set of people.

    `products[(x, y)]` is the sum of x * y with x <= y; `products[(x, x)]` the sum of squares.
    """

    count: int = 0
    sums: dict[str, float] = {}
    products: dict[Pair, float] = {}

    def __add__(self, other: "Statistics") -> "Statistics":
        """The statistics of both sets of people together.

        Raises:
            ValueError: the two know different columns.
        """
        if not isinstance(other, Statistics):
            return NotImplemented
        if not self.count and not self.sums:
            return other
        if not other.count and not other.sums:
            return self
        if self.sums.keys() != other.sums.keys() or self.products.keys() != other.products.keys():
            raise ValueError(
                f"statistics of different columns do not add up: {sorted(self.sums)}"
                f" and {sorted(other.sums)}"
            )
        return Statistics(
            self.count + other.count,
            {name: value + other.sums[name] for name, value in self.sums.items()},
            {pair: value + other.products[pair] for pair, value in self.products.items()},
        )

    def total(self, name: str) -> float:
        """The sum of a column; 0.0 when nobody is in the set."""
        return self.sums[name] if self.count else 0.0

    def mean(self, name: str) -> float:
        """The mean of a column; NaN when nobody is in the set."""
        return self.sums[name] / self.count if self.count else math.nan

    def covariance(self, left: str, right: str) -> float:
        """The unbiased sample covariance of two columns; NaN below two people."""
        if self.count < 2:
            return math.nan
        product = self.products[(min(left, right), max(left, right))]
        return (product - self.sums[left] * self.sums[right] / self.count) / (self.count - 1)

    def variance(self, name: str) -> float:
        """The unbiased sample variance of a column; NaN below two people."""
        if self.count < 2:
            return math.nan
        # Of a constant column the difference of two sums can round to just below zero.
        return max(0.0, self.covariance(name, name))


def statistics_of(
    columns: Mapping[str, Sequence[float]], products: Iterable[Pair] = ()
) -> Statistics:
    """The statistics of columns with one value per person.

    Args:
        columns: the values by column name; all columns have the same length.
        products: pairs of columns whose products are wanted besides every column's square.

    Raises:
        ValueError: the columns differ in length.

    >>> statistics_of({"revenue": [0.0, 0.0, 30.0]}).mean("revenue")
    10.0
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns have different lengths: {sorted(lengths)}")
    wanted = {(name, name) for name in columns} | {(min(p), max(p)) for p in products}
    return Statistics(
        lengths.pop() if lengths else 0,
        {name: math.fsum(values) for name, values in columns.items()},
        {
            (left, right): math.fsum(
                x * y for x, y in zip(columns[left], columns[right], strict=True)
            )
            for left, right in sorted(wanted)
        },
    )


def rate_statistics(name: str, successes: int, people: int) -> Statistics:
    """The statistics of a column of ones (`successes` of them) and zeros.

    >>> rate_statistics("converted", 30, 1000).mean("converted")
    0.03
    """
    return Statistics(people, {name: float(successes)}, {(name, name): float(successes)})
