"""The names that a place in a template sees: the data, and the template's own names.

Both are asked what shape a path has, whether it can be missing, and what is known of its value.
"""

from dataclasses import dataclass, field, replace
from itertools import count

from liquid.builtin.expressions import Path
from liquid.expression import Expression

from vocative.compose.checking.fields import ANYTHING, ITEM, Shape, child
from vocative.compose.checking.guards import Segments, is_proven
from vocative.compose.checking.kinds import NUMBERS, kind_of, kind_of_literal
from vocative.compose.checking.outcomes import NOTHING, Facts, Key, Known, Value

Proven = frozenset[Segments]
_numbers = count()


@dataclass(frozen=True)
class Name:
    """A name of the template's own: the data it stands for, or just a shape."""

    path: Segments | None
    shape: Shape
    sure: bool = True
    """It cannot be missing, or was proven when it was set."""
    written: bool = False
    """Its beginning is the author's own words."""
    number: int = field(default_factory=lambda: next(_numbers))
    """Changes whenever it is set: what was known of it before no longer holds."""

    def again(self) -> "Name":
        """The same name, set anew."""
        return replace(self, number=next(_numbers))

    def known_as(self, rest: Segments) -> Key:
        """What facts about it, or a part of it, are kept under."""
        if self.path is not None and ITEM not in self.path:
            return (*self.path, *rest)
        return (("name", self.number), *rest)


class Scope:
    """What is seen at one place of a walk through a template; the walk changes it as it goes."""

    def __init__(self, data: Shape) -> None:
        self.names: dict[str, Name] = {}
        """The template's own."""
        self.facts: Facts = {}
        """What the conditions around say."""
        self._data = data

    def root(self, name: str) -> Shape | None:
        """The shape of a name of the data or of the template's own."""
        found = self.names.get(name)
        return found.shape if found is not None else child(self._data, name)

    def known_roots(self) -> list[str]:
        """Everything that may stand first in a path."""
        return [*(self._data.fields or ()), *self.names]

    def resolve(self, path: Path) -> Segments | None:
        """The path in the data that a written path stands for, if it stands for one."""
        segments = tuple(part for part in path.path if not isinstance(part, Path))
        if len(segments) < len(path.path):
            return None
        name = self.names.get(str(segments[0]))
        if name is None:
            return segments
        return None if name.path is None else (*name.path, *segments[1:])

    def shape_at(self, path: Segments) -> Shape | None:
        """The shape at a path in the data; None when there is no such name."""
        shape: Shape | None = self._data
        for segment in path:
            if shape is None:
                return None
            shape = child(shape, segment)
        return shape

    def missing(self, path: Segments, proven: Proven) -> Segments | None:
        """The first part of a path that may be missing and is not proven to be there."""
        shape: Shape | None = self._data
        for length, segment in enumerate(path, start=1):
            shape = child(shape, segment) if shape else None
            if shape is None:
                return None
            if shape.nullable and not is_proven(path[:length], proven):
                return path[:length]
        return None

    def kind_of(self, expression: Expression) -> str | None:
        """The kind of what an expression stands for; None when it can be anything."""
        if isinstance(expression, Path):
            return kind_of(self.shape_of(expression))
        return kind_of_literal(expression)

    def value(self, path: Path) -> Value | None:
        """What is known of a path whatever the conditions around it say."""
        rest = tuple(part for part in path.path if not isinstance(part, Path))
        if len(rest) < len(path.path):
            return None
        name = self.names.get(str(rest[0]))
        shape = self.shape_of(path)
        if name is None:
            key: Key = rest
            full: Segments | None = rest
        else:
            key = name.known_as(rest[1:])
            full = None if name.path is None else (*name.path, *rest[1:])
        known = NOTHING
        kind = kind_of(shape)
        if full is not None and kind is not None and self.missing(full, frozenset()) is None:
            known = Known(there=True)
        if rest[-1] == "size":
            known = Known(there=known.there, low=0)
        return Value(key, known, may_be_false=kind in (None, "boolean"))

    def shape_of(self, path: Path) -> Shape | None:
        """The shape of what a path leads to; None when there is no such name."""
        shape = self.root(str(path.path[0]))
        for segment in path.path[1:]:
            if shape is None:
                return None
            shape = ANYTHING if isinstance(segment, Path) else child(shape, segment)
        return shape

    def begins_safely(self, value: Expression) -> bool:
        """Whether a value begins as the author wrote it, or is an address as a whole."""
        if not isinstance(value, Path):
            return True
        name = self.names.get(str(value.path[0]))
        if name is not None and name.written:
            return True
        return kind_of(self.shape_of(value)) in (None, "url")

    def is_harmless(self, value: Expression) -> bool:
        """Whether no rule of CSS can be smuggled in with a value."""
        if not isinstance(value, Path):
            return True
        name = self.names.get(str(value.path[0]))
        if name is not None and name.written and name.shape.open:
            return True
        return kind_of(self.shape_of(value)) in (None, "boolean", *NUMBERS)
