"""What an AMPscript text consists of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, true or false."""

    value: str | int | float | bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`@name`, in lower case."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """`[First Name]` or `FirstName`: what is known of the person."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """`Function(a, b)`."""

    name: str
    arguments: tuple["Expression", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    """`not a`."""

    value: "Expression"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Both:
    """`a == b`, `a and b` and their like."""

    operator: str
    left: "Expression"
    right: "Expression"
    start: int
    end: int


Expression = Constant | Variable | Attribute | Call | Not | Both


@dataclass(frozen=True, slots=True)
class Text:
    """Text that means itself."""

    value: str
    start: int


@dataclass(frozen=True, slots=True)
class Show:
    """`%%=expression=%%`, or `%%Name%%`."""

    value: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Declare:
    """`var @a, @b`."""

    names: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Assign:
    """`set @a = expression`."""

    name: str
    value: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Arm:
    """A condition and what stands under it."""

    condition: Expression
    body: tuple["Statement", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Choose:
    """`if … elseif … else … endif`."""

    arms: tuple[Arm, ...]
    otherwise: tuple["Statement", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Loop:
    """`for @i = 1 to 10 do … next`."""

    name: str
    first: Expression
    last: Expression
    down: bool
    body: tuple["Statement", ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Do:
    """An expression that stands alone in a block; only some functions do anything there."""

    value: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Left:
    """A part that was left out, and why."""

    reason: str
    fix: str
    start: int
    end: int


Statement = Text | Show | Declare | Assign | Choose | Loop | Do | Left
