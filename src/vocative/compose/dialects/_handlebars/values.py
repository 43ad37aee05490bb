"""Values as Liquid writes them, and the contexts in which names are looked up.

A context says what a name means at one place of a template: at the root it is a field of the data,
within `{{#each}}` a part of the item, within a partial perhaps a parameter.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*\Z")
# Liquid answers these itself, whatever the data hold.
_LIQUIDS_OWN = frozenset(("size", "first", "last", "length"))
# Words that no path of Liquid may have.
RESERVED = frozenset(
    "and as blank cols contains continue else empty false for if in limit nil not null offset or"
    " required reversed true with".split()
)
_RESERVED_STEP = re.compile(rf"\.({'|'.join(sorted(RESERVED))})(?=[.\[]|\Z)")


class Unknown:
    """No constant."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Value:
    """A Liquid expression: a path or a literal, and perhaps filters."""

    text: str
    filters: str = ""
    fallback: str = ""
    """What is printed where there is nothing."""
    constant: object = UNKNOWN
    """What it is, when that is known already."""

    @property
    def is_simple(self) -> bool:
        """It can stand anywhere in Liquid, not only where filters may."""
        return not self.filters

    def filtered(self, filters: str) -> "Value":
        """The value through one more filter."""
        joined = f"{self.filters} | {filters}" if self.filters else filters
        return Value(self.text, joined)

    def __str__(self) -> str:
        return f"{self.text} | {self.filters}" if self.filters else self.text


NOTHING = Value("nil", constant=None)


def in_liquid(path: str) -> str:
    """A path with the names in brackets that Liquid keeps for itself.

    >>> in_liquid("person.limit.offset"), in_liquid("person.limits")
    ('person["limit"]["offset"]', 'person.limits')
    """
    return _RESERVED_STEP.sub(r'["\1"]', path)


def part_of(value: Value, names: tuple[str, ...], quote: Callable[[str], str]) -> Value:
    """A value inside another one.

    Args:
        value: The outer one.
        names: The steps to it.
        quote: Writes a text as a Liquid literal.
    """
    if not names:
        return value
    if value.constant is not UNKNOWN:
        inside = isinstance(value.constant, str) and names == ("length",)
        return Value(str(len(str(value.constant)))) if inside else NOTHING
    steps = [f"[{name}]" if name.isdigit() else f".{name}" for name in names]
    plain = all(
        name.isdigit() or (_PLAIN_NAME.match(name) and name not in _LIQUIDS_OWN | RESERVED)
        for name in names
    )
    if plain and value.is_simple:
        return Value(value.text + "".join(steps))
    return value.filtered(f'handlebars: "get", {", ".join(quote(name) for name in names)}')


@dataclass(frozen=True, slots=True)
class Root:
    """The data, or an object in it: names are fields."""

    names: tuple[str, ...] = ()
    outer: "Context | None" = None


@dataclass(frozen=True, slots=True)
class Item:
    """One value, such as an item of a loop."""

    value: Value
    outer: "Context | None" = None


@dataclass(frozen=True, slots=True)
class Section:
    """The value of `{{#value}}`: when it is `true`, what is around it goes on to count."""

    value: Value
    outer: "Context"


@dataclass(frozen=True, slots=True)
class Extended:
    """A context with names added, as a partial's parameters add them."""

    base: "Context"
    added: "Mapping[str, Value | Root]" = field(default_factory=dict)
    outer: "Context | None" = None


Context = Root | Item | Section | Extended
