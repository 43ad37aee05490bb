"""What compiled templates call: everything that is not worth writing out in their code.

Each function gives what the interpreter would give, or raises. An error of any kind means that the
interpreter renders instead, and tells in its own words what is wrong.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import markupsafe
from liquid.builtin.expressions.logical import is_truthy
from liquid.limits import to_int
from liquid.stringify import to_liquid_string
from liquid.undefined import is_undefined
from markupsafe import Markup

from vocative.compose.language.context import Context
from vocative.compose.language.limits import MAX_OUTPUT_CHARACTERS, Run, check_size
from vocative.compose.language.nodes import TAG_IN_TEXT

if TYPE_CHECKING:
    from vocative.compose.language.environments import ParsedText

# `escape` without making a Markup of the result, which costs more than escaping.
escape_text: Callable[[str], str] = markupsafe._escape_inner  # type: ignore[attr-defined]
LOOKUP = (KeyError, TypeError, IndexError)
"""What reading a path of plain dicts may raise."""
PLAIN = frozenset((str, int, float, dict, list, Markup))
"""Types whose values are true, all of them."""
_MANY_PARTS = 200
_TOO_MANY_PARTS = 4_096


class Unusual(Exception):
    """This render is left to the interpreter."""


class Absent:
    """What stands for a name that the data does not have."""


ABSENT = Absent()
UNSET: Any = Absent()
"""What stands for a name of the template's own that has no value yet."""


class Watched:
    """In the place of a context, its run and the run's clock: all that such filters look at."""

    __slots__ = ("_run", "asked")

    def __init__(self, run: Run) -> None:
        self._run = run
        self.asked = False

    @property
    def run(self) -> "Watched":
        """The run."""
        return self

    @property
    def clock(self) -> "Watched":
        """The run's clock."""
        return self

    def check_time(self) -> None:
        """Stop when the render has used up its processor time."""
        self._run.check_time()

    def now(self) -> datetime:
        """The present instant."""
        self.asked = True
        return self._run.clock.now()


class State:
    """What one render holds apart from its values."""

    __slots__ = ("_context", "data", "run", "template")

    def __init__(self, template: "ParsedText", run: Run, data: Mapping[str, object]) -> None:
        self.template, self.run, self.data = template, run, data
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """A context for filters that want one: it sees the data."""
        if self._context is None:
            self._context = Context(self.template, globals=self.data)
            self._context.run = self.run
        return self._context

    def watched(self) -> "Watched":
        """What filters get that see no data; it notices whether the time was asked for."""
        return Watched(self.run)

    def pause(self, parts: list[Any], empty: Any) -> None:
        """Look at the time in a loop, and put what is written together before it grows."""
        self.run.check_time()
        if len(parts) > _TOO_MANY_PARTS:
            weigh(parts)
            parts[:] = [empty.join(parts)]


def weigh(parts: list[Any]) -> None:
    """Refuse to put together what is more than a mail may have."""
    if len(parts) > _MANY_PARTS and sum(map(len, parts)) > MAX_OUTPUT_CHARACTERS:
        raise Unusual


def bounded(text: Any, captured: int) -> Any:
    """What was written, when it is not more than a mail may have.

    Args:
        text: Text or bytes.
        captured: How many characters `capture` took: the interpreter counts them, too, while
            it captures.
    """
    if len(text) + captured > MAX_OUTPUT_CHARACTERS:
        raise Unusual
    return text


def finder(template: "ParsedText") -> Callable[[object, tuple[Any, ...], object], object]:
    """A function that follows keys from a value, as Liquid does, or gives `missing`."""
    get_item = Context(template).get_item

    def find(value: object, keys: tuple[Any, ...], missing: object) -> object:
        if value is ABSENT:
            return missing
        for key in keys:
            try:
                value = get_item(value, key)
            except LOOKUP:
                return missing
        return value

    return find


def is_true(value: object) -> bool:
    """Whether a value counts as true."""
    return is_truthy(value)


def items_of(
    value: object, limit: object = None, offset: object = None, *, backwards: bool = False
) -> Sequence[Any]:
    """The items that a loop goes through."""
    if isinstance(value, Mapping):
        items: Sequence[Any] = list(value.items())
    elif isinstance(value, str):
        items = [value] if value else []
    elif isinstance(value, Sequence):
        items = value
    else:
        items = []
    if limit is not None or offset is not None:
        start = 0 if offset is None else to_int(offset)
        stop = None if limit is None else to_int(limit) + start
        first = min(max(start, 0), len(items))
        last = min(stop or len(items), len(items))
        # islice refuses numbers below zero.
        if last < 0:
            raise Unusual
        items = items[first:last] if last > first else []
    return list(reversed(items)) if backwards else items


def span(start: Any, stop: Any) -> range:
    """`(start..stop)`."""
    found = range(_whole(start), _whole(stop) + 1)
    if found.stop <= found.start:
        return range(0)
    check_size(found)
    return found


def _whole(value: Any) -> int:
    try:
        return to_int(value)
    except (ValueError, TypeError):
        return 0


def assigned(value: object, limit_bytes: int) -> object:
    """A value for a name of the template's own; the interpreter adds up how large they are."""
    check_size(value)
    if sys.getsizeof(value, 1) > limit_bytes:
        raise Unusual
    return value


def turn(cycles: dict[object, int], group: object, values: list[object]) -> object:
    """The next value of a cycle."""
    name = "" if group is ABSENT else "__UNDEFINED" if is_undefined(group) else str(group)
    key = name or str(values)
    index = cycles.setdefault(key, 0)
    cycles[key] = (index + 1) % len(values)
    return values[index] if index < len(values) else ""


def escaped(value: object) -> str:
    """A printed value in HTML."""
    if type(value) is str:
        return escape_text(value)
    if type(value) is Markup:
        return value
    if type(value) is int:
        return str(value)
    if value is None:
        return ""
    if type(value) is list:
        check_size(value)
    return to_liquid_string(value, autoescape=True)


def unescaped(value: object) -> str:
    """A printed value in a single line."""
    if type(value) is str:
        return value
    if type(value) is list:
        check_size(value)
    return to_liquid_string(value, autoescape=False)


def in_text(value: object) -> str:
    """A printed value in plain text: it opens no tag."""
    text = unescaped(value)
    return TAG_IN_TEXT.sub("< ", text) if "<" in text else text
