"""Looking many values up at once, in statements of a size that every database takes."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeVar

T = TypeVar("T")
LIST_SIZE = 400


def in_lists(values: Sequence[T]) -> Iterator[tuple[str, dict[str, T]]]:
    """Pieces of a list for `IN (…)`: the binds to write there, and their values.

    The last value is repeated up to a power of two: a database has to read a statement's text
    only once, and the same few texts come back whatever the length.

    >>> list(in_lists(["a", "b", "c"]))
    [(':v0, :v1, :v2, :v3', {'v0': 'a', 'v1': 'b', 'v2': 'c', 'v3': 'c'})]
    """
    for start in range(0, len(values), LIST_SIZE):
        piece = values[start : start + LIST_SIZE]
        names, marks = _binds(min(1 << (len(piece) - 1).bit_length(), LIST_SIZE))
        bound = dict.fromkeys(names, piece[-1])
        bound.update(zip(names, piece, strict=False))
        yield marks, bound


@cache
def _binds(count: int) -> tuple[list[str], str]:
    names = [f"v{index}" for index in range(count)]
    return names, ", ".join(f":{name}" for name in names)
