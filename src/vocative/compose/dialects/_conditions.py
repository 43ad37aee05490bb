"""Conditions as trees, and as Liquid, which has neither `not` nor parentheses.

Liquid reads `and` and `or` from the right: `a and b or c` is `a and (b or c)`. A tree that fits is
written as it stands; of any other the parts that do not fit are decided first and kept in a name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Atom:
    """A comparison that Liquid can write, and the condition that holds where it does not."""

    text: str
    opposite: "Condition | None" = None


@dataclass(frozen=True)
class All:
    """Every part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Some:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Condition = Union[Atom, All, Some, Not]  # noqa: UP007 - a name in quotes takes no |
Set = Callable[[str], str]
"""Decides a condition in Liquid beforehand and returns a name that is true where it holds."""


def equality(left: str, right: str, *, equal: bool = True) -> Atom:
    """Whether two values are equal, or differ."""
    same, differ = f"{left} == {right}", f"{left} != {right}"
    return Atom(same, Atom(differ)) if equal else Atom(differ, Atom(same))


def write_condition(condition: Condition, decide: Set) -> str:
    """A condition as Liquid.

    Args:
        condition: The tree.
        decide: What to do with a part that cannot stand where it does.
    """
    return _linear(_without_not(condition, decide, negated=False), decide)


def _without_not(condition: Condition, decide: Set, *, negated: bool) -> Condition:
    if isinstance(condition, Not):
        return _without_not(condition.part, decide, negated=not negated)
    if isinstance(condition, Atom):
        if not negated:
            return condition
        if condition.opposite is not None:
            return _without_not(condition.opposite, decide, negated=False)
        return Atom(f"{decide(condition.text)} == false")
    parts = tuple(_without_not(part, decide, negated=negated) for part in condition.parts)
    return Some(parts) if isinstance(condition, All) == negated else All(parts)


def _linear(condition: Condition, decide: Set) -> str:
    if not isinstance(condition, All | Some):
        return condition.text if isinstance(condition, Atom) else "false"
    parts = _flat(condition)
    simple = [part.text for part in parts if isinstance(part, Atom)]
    nested = [part for part in parts if not isinstance(part, Atom)]
    # Only the last part may be of another kind: it takes all that follows.
    simple += [decide(_linear(part, decide)) for part in nested[:-1]]
    written = simple + [_linear(part, decide) for part in nested[-1:]]
    joint = " and " if isinstance(condition, All) else " or "
    return joint.join(written) or ("true" if isinstance(condition, All) else "false")


def _flat(condition: All | Some) -> list[Condition]:
    found: list[Condition] = []
    for part in condition.parts:
        if type(part) is type(condition):
            found += _flat(part)
        else:
            found.append(part)
    return found
