"""Looking many values up at once, in statements of a size that every database takes."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
LIST_SIZE = 400


def in_lists(values: Sequence[T]) -> Iterator[tuple[str, dict[str, T]]]:
    """Pieces of a list for `IN (…)`: the binds to write there, and their values.

    >>> list(in_lists(["a", "b"]))
    [(':v0, :v1', {'v0': 'a', 'v1': 'b'})]
    """
    for start in range(0, len(values), LIST_SIZE):
        piece = values[start : start + LIST_SIZE]
        bound = {f"v{index}": value for index, value in enumerate(piece)}
        yield ", ".join(f":{name}" for name in bound), bound
