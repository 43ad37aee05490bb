"""What goes into compiled expressions and what comes out: operands, names, lines of Python.

Values in generated code: numbers are floats, integers ints, text str, conditions bool; instants
and dates are microseconds since 1970 UTC (a date is its midnight), intervals microseconds; unknown
is None. The two infinite instants are the microseconds of `datetime.min` and `datetime.max`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vocative.sql import runtime
from vocative.sql.nodes import FieldRef

NEVER: int = runtime.NEVER
"""The instant of what never happens: later than every other."""
_ATOM = re.compile(r"-?[A-Za-z0-9_.]+|'[^'\\\n]*'")


@dataclass(frozen=True, kw_only=True)
class Operand:
    """A value in generated code, and how long it stays what it is if nothing but time passes.

    Attributes:
        code: A local name or a literal. An expression is taken too; it is evaluated once per
            mention, and not at all where the answer is known without it.
        nullable: Whether it can be None.
        until: A local name or literal: the first instant, in microseconds, at which the value may
            differ (after now); None when it does not depend on time.
        slope: For instants and intervals, by how much the value moves when now moves by one:
            "0", "1", "-1", or a local name that holds such a number. `until` is then when it may
            stop moving so.
        finite: A number is never infinite and never not a number; an instant is never infinite.
    """

    code: str
    nullable: bool = True
    until: str | None = None
    slope: str = "0"
    finite: bool = False


def _knows_nothing(_: FieldRef, __: str, ___: float | int) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class PythonNames:
    """How the names in an expression are written in one function.

    `field`, `segment` and `score` are asked once per name, before anything of the expression is
    written, so they may write lines of their own. `crossing` may write lines too, at the place of
    the comparison; what it leaves in local names must not be used elsewhere.

    Attributes:
        field: A trait, feature or column.
        segment: Whether the person is in a segment: True or False.
        score: A model's score.
        now: A local name that holds the instant asked about.
        zone: A local name that holds the name of the person's time zone.
        crossing: When the answer to `field operator number` may change, for fields that know more
            than their own `until`; None when they do not.
    """

    field: Callable[[FieldRef], Operand]
    segment: Callable[[str], Operand]
    score: Callable[[str], Operand]
    now: str = "now"
    zone: str = "zone"
    crossing: Callable[[FieldRef, str, float | int], str | None] = _knows_nothing


def is_atom(code: str) -> bool:
    """Whether code costs nothing to mention twice."""
    return _ATOM.fullmatch(code) is not None


class Writer:
    """The lines of one function's body, and the objects they name.

    >>> writer = Writer()
    >>> writer.line("return a + 1")
    >>> writer.function("more", ["a"])(2)
    3
    """

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self._lines: list[str] = []
        self._depth = 1
        self._names = 0

    def fresh(self, prefix: str = "v") -> str:
        """A local name that nothing else has."""
        self._names += 1
        return f"{prefix}_{self._names}"

    def line(self, text: str) -> None:
        """Write one line at the present depth."""
        self._lines.append("    " * self._depth + text)

    def let(self, code: str, prefix: str = "v") -> str:
        """A local name for a value; the code itself when it is one already."""
        if is_atom(code):
            return code
        name = self.fresh(prefix)
        self.line(f"{name} = {code}")
        return name

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Lines inside `if …:` and the like; at least one must be written."""
        self.line(opening)
        self._depth += 1
        yield
        self._depth -= 1

    def constant(self, value: Any, prefix: str = "c") -> str:
        """A name for an object that the function uses."""
        name = self.fresh(f"_{prefix}")
        self.constants[name] = value
        return name

    def runtime(self, name: str) -> str:
        """A name for a function of `runtime.py`."""
        self.constants[f"_{name}"] = getattr(runtime, name)
        return f"_{name}"

    def text(self) -> str:
        """The lines so far."""
        return "\n".join(self._lines)

    def function(self, name: str, parameters: Sequence[str]) -> Callable[..., Any]:
        """The lines so far as a function of these parameters."""
        source = f"def {name}({', '.join(parameters)}):\n{self.text() or '    pass'}\n"
        scope: dict[str, Any] = dict(self.constants)
        exec(compile(source, f"<{name}>", "exec"), scope)  # noqa: S102 - written here, of a checked tree
        made: Callable[..., Any] = scope[name]
        return made
