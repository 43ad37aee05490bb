"""What one render may cost. Templates are untrusted: each limit ends in an error, never a hang.

python-liquid's own limits count the depth of loops, not their sum, and do not look at filters.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from liquid.exceptions import LoopIterationLimitError, ResourceLimitError

from vocative.clock import Clock

if TYPE_CHECKING:
    from vocative.compose.language.branches import Arm

MAX_ITERATIONS = 10_000
MAX_CPU_SECONDS = 0.5
MAX_OUTPUT_CHARACTERS = 1_000_000
MAX_VALUE_CHARACTERS = 100_000
MAX_LIST_ITEMS = 2_000
MAX_INTEGER_BITS = 128


class Run:
    """One render: what it may still spend, what time it is, which branches it took."""

    __slots__ = ("_deadline", "_iterations", "clock", "taken")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.taken: dict[Arm, None] = {}
        self._iterations = 0
        # Begins with the first look at the time: what comes before takes next to none.
        self._deadline: float | None = None

    def begin_again(self) -> None:
        """Forget what was rendered so far; the time it took counts."""
        self.taken.clear()
        self._iterations = 0

    def spend_iterations(self, count: int) -> None:
        """Count a loop's rounds, over all loops of the render."""
        self._iterations += count
        if self._iterations > MAX_ITERATIONS:
            raise LoopIterationLimitError(
                f"the loops of a template may run {MAX_ITERATIONS:,} times in all", token=None
            )

    def check_time(self) -> None:
        """Stop when the render has used up its processor time."""
        now = time.thread_time()
        if self._deadline is None:
            self._deadline = now + MAX_CPU_SECONDS
        elif now > self._deadline:
            raise ResourceLimitError(
                f"a render may take {MAX_CPU_SECONDS:g} s of processor time", token=None
            )

    def timed(self, items: Iterator[Any]) -> Iterator[Any]:
        """The items of a loop, looking at the time before each."""
        for item in items:
            self.check_time()
            yield item


def check_size(value: object) -> None:
    """Refuse a value that is too large to work with.

    Raises:
        ResourceLimitError: text, list, range or whole number is over its limit.
    """
    kind = type(value)
    if kind is int:
        if value.bit_length() > MAX_INTEGER_BITS:  # type: ignore[attr-defined]
            raise ResourceLimitError("a number became too large", token=None)
    elif isinstance(value, str):
        check_length(len(value))
    elif isinstance(value, list | tuple | range):
        # A range can be longer than len() can say.
        items = value.stop - value.start if isinstance(value, range) else len(value)
        if items > MAX_LIST_ITEMS:
            raise ResourceLimitError(
                f"a list may have {MAX_LIST_ITEMS:,} items in a template", token=None
            )
        if not isinstance(value, range):
            check_length(sum(len(item) for item in value if isinstance(item, str)))


def check_length(characters: int) -> None:
    """Refuse text of so many characters when that is too many."""
    if characters > MAX_VALUE_CHARACTERS:
        raise ResourceLimitError(
            f"a value may have {MAX_VALUE_CHARACTERS:,} characters in a template", token=None
        )
