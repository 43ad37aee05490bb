"""A map from places in a text that was made to places in the text it was made from."""

import bisect


class Offsets:
    """Grows from left to right as a text is written; a part keeps or loses its inner offsets."""

    def __init__(self) -> None:
        self._here: list[int] = []
        self._there: list[tuple[int, bool]] = []

    def add(self, here: int, there: int, *, exact: bool = True) -> None:
        """From `here` on the text came from `there`; an inexact part maps to its start."""
        self._here.append(here)
        self._there.append((there, exact))

    def source(self, here: int) -> int:
        """The offset in the original text."""
        index = bisect.bisect_right(self._here, here) - 1
        if index < 0:
            return 0
        there, exact = self._there[index]
        return there + (here - self._here[index] if exact else 0)
