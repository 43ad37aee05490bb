"""Filters in a row, each under the guard that the interpreter puts it under.

A chain whose filters depend on nothing but what they are given keeps its results: a shop's prices,
categories and dates come back mail after mail.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from vocative.compose.compiler.memo import Memo, is_key, weight_of
from vocative.compose.compiler.runtime import State

if TYPE_CHECKING:
    from liquid import Environment

ENTRIES = 2_048
CHARACTERS = 256_000
_NOTHING = object()
"""Stands in a key for a name that does not exist."""

Give = Callable[[tuple[object, ...]], object]
"""Takes an argument of a filter from the inputs of its chain."""


class Step:
    """One filter of a chain."""

    __slots__ = ("arguments", "function", "named")

    def __init__(
        self, function: Callable[..., object], arguments: list[Give], named: dict[str, Give]
    ) -> None:
        self.function, self.arguments, self.named = function, arguments, named


def keeps_results(environment: "Environment", names: list[str]) -> bool:
    """Whether filters depend on nothing but what they are given, and perhaps on the time."""
    return all(getattr(environment.filters[name], "given_only", False) for name in names)


def is_timeless(environment: "Environment", names: list[str]) -> bool:
    """Whether filters depend on nothing but what they are given."""
    timed = any(getattr(environment.filters[name], "asks_time", False) for name in names)
    return not timed and keeps_results(environment, names)


class Chain:
    """A value through its filters, and printed if that is what becomes of it.

    Args:
        steps: The filters.
        printed: Makes of the result what is written; None when it is kept as a value.
        missing: What stands for an input whose name does not exist.
        keeps: Whether results may be used again.
    """

    __slots__ = ("_memo", "_missing", "_printed", "_steps", "recent")

    def __init__(
        self,
        steps: list[Step],
        *,
        printed: Callable[[object], Any] | None,
        missing: object,
        keeps: bool,
    ) -> None:
        self._steps, self._printed, self._missing = steps, printed, missing
        self._memo: Memo[Any] | None = Memo(entries=ENTRIES, weight=CHARACTERS) if keeps else None
        self.recent: dict[Hashable, Any] = self._memo.recent if self._memo else {}

    def __call__(self, state: State, *inputs: object) -> Any:
        """The result for the inputs: the value first, then what the filters' arguments read."""
        key = self._key(inputs)
        if key is None or self._memo is None:
            return self._result(inputs, state.context if self._memo is None else state)
        found = self.recent.get(key)
        if found is None:
            found = self._memo.recall(key)
        if found is None:
            watched = state.watched()
            found = self._result(inputs, watched)
            if not watched.asked and type(found) is not list and found is not None:
                self._memo.keep(key, found, weight_of(found) + weight_of(key))
        return found

    def _result(self, inputs: tuple[object, ...], context: object) -> Any:
        value = inputs[0]
        for step in self._steps:
            arguments = [give(inputs) for give in step.arguments]
            named = {name: give(inputs) for name, give in step.named.items()}
            value = step.function(value, *arguments, **named, context=context)
        return value if self._printed is None else self._printed(value)

    def _key(self, inputs: tuple[object, ...]) -> Hashable | None:
        """What stands for the inputs; a text alone stands for itself."""
        if len(inputs) == 1 and type(inputs[0]) is str:
            return inputs[0]
        if self._memo is None:
            return None
        shown = tuple(_NOTHING if one is self._missing else one for one in inputs)
        if not is_key(tuple(one for one in shown if one is not _NOTHING)):
            return None
        return (*shown, *map(type, shown))
