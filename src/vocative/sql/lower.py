"""sqlglot's tree to ours: one method per admitted kind of node, everything else is refused.

Each method takes the parts it knows; a part that it does not know (an escape, a filter, a
subquery) is refused too, so that nothing is silently dropped.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from sqlglot import exp

from vocative.errors import AuthorError, unknown_name
from vocative.sql.functions import FUNCTIONS
from vocative.sql.literals import SPANS, moment_of, span_of
from vocative.sql.nodes import (
    Arithmetic,
    Between,
    Call,
    Case,
    Compare,
    FieldRef,
    In,
    InSegment,
    Is,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    Now,
    Score,
    Span,
    Zone,
)
from vocative.sql.types import Type

if TYPE_CHECKING:
    from vocative.sql.parse import Refusal

MAX_NODE_DEPTH = 100
_COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}


class Lowering:
    """Turns one tree; `refuse` makes an error from an offset."""

    def __init__(self, refuse: Refusal) -> None:
        self.refuse = refuse
        self._depth = 0

    def node(self, tree: Any) -> Node:
        """Our node for a node of sqlglot's."""
        self._depth += 1
        if self._depth > MAX_NODE_DEPTH:
            raise self.refuse(_span(tree)[0], "the expression is nested too deeply")
        if isinstance(tree, exp.Paren):
            lowered = self.node(self._part(tree, "this"))
        elif type(tree) in _COMPARISONS:
            lowered = self._comparison(tree)
        elif type(tree) in _ARITHMETIC:
            lowered = self._arithmetic(tree)
        else:
            method = self._methods.get(type(tree))
            if method is None:
                raise self._stray(tree)
            lowered = getattr(self, method)(tree)
        self._depth -= 1
        return lowered

    _methods: ClassVar[dict[Any, str]] = {
        exp.And: "_logic",
        exp.Or: "_logic",
        exp.Not: "_not",
        exp.Neg: "_negate",
        exp.Column: "_column",
        exp.Literal: "_literal",
        exp.Boolean: "_boolean",
        exp.Null: "_null",
        exp.Is: "_is",
        exp.In: "_in",
        exp.Between: "_between",
        exp.Like: "_like",
        exp.ILike: "_like",
        exp.Case: "_case",
        exp.Interval: "_interval",
        exp.Extract: "_extract",
        exp.Cast: "_typed_literal",
        exp.Anonymous: "_call",
    }

    def _part(self, tree: Any, *names: str) -> Any:
        """The named parts of a node; refuses a node that has others."""
        extra = {name for name, value in tree.args.items() if value not in (None, [], False)}
        if extra - set(names):
            raise self._stray(tree)
        parts = [tree.args.get(name) for name in names]
        return parts[0] if len(parts) == 1 else parts

    def _stray(self, tree: Any) -> AuthorError:
        start, _ = _span(tree)
        if isinstance(tree, exp.Alias):
            alias = tree.args["alias"]
            start = _span(alias)[0]
            return self.refuse(start, f"{alias.name!r} does not fit here; an operator is missing")
        if isinstance(tree, exp.NullSafeEQ | exp.NullSafeNEQ):
            return self.refuse(start, "`is [not] distinct from` is not part of the language")
        if isinstance(tree, exp.Concat):
            return self.refuse(start, "two texts stand side by side; an operator is missing")
        if isinstance(tree, exp.Star):
            return self.refuse(start, "`*` does not fit here")
        if isinstance(tree, exp.Tuple):
            return self.refuse(start, "a list of values only follows `in`")
        return self.refuse(start, "this is not part of the expression language")

    def _comparison(self, tree: Any) -> Node:
        left, right = self._part(tree, "this", "expression")
        if isinstance(left, tuple(_COMPARISONS)):
            raise self.refuse(
                _span(right)[0], "comparisons cannot be chained", "join them with and"
            )
        for side in (left, right):
            if isinstance(side, exp.Null):
                raise self.refuse(
                    _span(side)[0], "nothing equals null", "write `is null` or `is not null`"
                )
        return self._placed(
            tree,
            Compare(
                operator=_COMPARISONS[type(tree)], left=self.node(left), right=self.node(right)
            ),
        )

    def _arithmetic(self, tree: Any) -> Node:
        parts = dict(tree.args)
        parts.pop("typed", None)
        parts.pop("safe", None)
        if not isinstance(tree, exp.Div):
            self._part(tree, "this", "expression")
        left, right = parts["this"], parts["expression"]
        return self._placed(
            tree,
            Arithmetic(
                operator=_ARITHMETIC[type(tree)], left=self.node(left), right=self.node(right)
            ),
        )

    def _logic(self, tree: Any) -> Node:
        # Long chains lean to the left; a loop keeps them from using up the stack.
        kind, operands = type(tree), []
        while type(tree) is kind:
            left, right = self._part(tree, "this", "expression")
            operands.append(right)
            tree = left
        operands.append(tree)
        lowered = tuple(self.node(operand) for operand in reversed(operands))
        flat: list[Node] = []
        operator = "and" if kind is exp.And else "or"
        for operand in lowered:
            same = isinstance(operand, Logic) and operand.operator == operator
            flat.extend(operand.children() if same else (operand,))
        return Logic(operator=operator, operands=tuple(flat), start=flat[0].start, end=flat[-1].end)

    def _not(self, tree: Any) -> Node:
        return self._placed(tree, Not(operand=self.node(self._part(tree, "this"))))

    def _negate(self, tree: Any) -> Node:
        operand = self.node(self._part(tree, "this"))
        if isinstance(operand, Literal) and isinstance(operand.value, int | float | Span):
            value = operand.value
            minus = value.negated() if isinstance(value, Span) else -value
            return self._placed(tree, Literal(value=minus, type=operand.type, nullable=False))
        return self._placed(tree, Negate(operand=operand))

    def _column(self, tree: Any) -> Node:
        if isinstance(tree.this, exp.Star) or len(tree.parts) > 3:
            raise self._stray(tree)
        name, *path = (part.name for part in tree.parts)
        return self._placed(tree, FieldRef(name=name, path=tuple(path)))

    def _literal(self, tree: Any) -> Node:
        if tree.is_string:
            return self._placed(tree, Literal(value=tree.this, type=Type.TEXT, nullable=False))
        value, kind = self._number(tree)
        return self._placed(tree, Literal(value=value, type=kind, nullable=False))

    def _number(self, tree: Any) -> tuple[int | float, Type]:
        text = str(tree.this)
        if text.isdecimal() and text.isascii() and len(text) <= 18:
            return int(text), Type.INTEGER
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.refuse(_span(tree)[0], f"{text[:40]!r} is not a number")
        return value, Type.NUMBER

    def _boolean(self, tree: Any) -> Node:
        return self._placed(tree, Literal(value=bool(tree.this), type=Type.BOOLEAN, nullable=False))

    def _null(self, tree: Any) -> Node:
        return self._placed(tree, Literal(value=None, type=Type.NULL))

    def _is(self, tree: Any) -> Node:
        operand, value = self._part(tree, "this", "expression")
        if isinstance(value, exp.Null):
            return self._placed(tree, Is(operand=self.node(operand), value=None))
        if isinstance(value, exp.Boolean):
            return self._placed(tree, Is(operand=self.node(operand), value=bool(value.this)))
        raise self.refuse(_span(value)[0], "after `is` comes null, true or false")

    def _in(self, tree: Any) -> Node:
        if tree.args.get("query") or tree.args.get("unnest"):
            raise self._stray(tree)
        operand, options, single = self._part(tree, "this", "expressions", "field")
        if single is not None or not options:
            place = _span(single)[0] if single is not None else _span(tree)[1]
            raise self.refuse(place, "after `in` comes a list in brackets: in ('a', 'b')")
        for option in options:
            if isinstance(option, exp.Null):
                raise self.refuse(_span(option)[0], "null in a list matches nothing", "use is null")
        lowered = tuple(self.node(option) for option in options)
        return self._placed(tree, In(operand=self.node(operand), options=lowered))

    def _between(self, tree: Any) -> Node:
        operand, low, high = self._part(tree, "this", "low", "high")
        return self._placed(
            tree,
            Between(operand=self.node(operand), low=self.node(low), high=self.node(high)),
        )

    def _like(self, tree: Any) -> Node:
        operand, pattern, negate = self._part(tree, "this", "expression", "negate")
        like = self._placed(
            tree,
            Like(
                operand=self.node(operand),
                pattern=self.node(pattern),
                ignore_case=isinstance(tree, exp.ILike),
            ),
        )
        return self._placed(tree, Not(operand=like)) if negate else like

    def _case(self, tree: Any) -> Node:
        subject, ifs, default = self._part(tree, "this", "ifs", "default")
        if subject is not None and not isinstance(subject, exp.Column):
            # It is compared once per branch: nested ones would multiply.
            raise self.refuse(
                _span(subject)[0],
                "after `case` comes a field or `when`",
                "write case when … then …",
            )
        branches = []
        for branch in ifs:
            condition, value = self._part(branch, "this", "true")
            tested = self.node(condition)
            if subject is not None:
                tested = self._placed(
                    branch, Compare(operator="=", left=self.node(subject), right=tested)
                )
            branches.append((tested, self.node(value)))
        otherwise = None if default is None else self.node(default)
        return self._placed(tree, Case(branches=tuple(branches), otherwise=otherwise))

    def _interval(self, tree: Any) -> Node:
        amount, unit = self._part(tree, "this", "unit")
        text = amount.name if isinstance(amount, exp.Literal) else ""
        if unit is not None:
            text = f"{text} {unit.name if isinstance(unit, exp.Var) else '?'}"
        span = span_of(text)
        if span is None:
            raise self.refuse(
                _span(tree)[0],
                "an interval is a whole number and a unit: interval '60 days'",
                "units: " + ", ".join(SPANS),
            )
        return self._placed(tree, Literal(value=span, type=Type.INTERVAL, nullable=False))

    def _extract(self, tree: Any) -> Node:
        unit, operand = self._part(tree, "this", "expression")
        literal = Literal(
            value=unit.name.lower(), type=Type.TEXT, nullable=False, start=_span(operand)[0]
        )
        return self._placed(
            tree, Call(function="date_part", arguments=(literal, self.node(operand)))
        )

    def _typed_literal(self, tree: Any) -> Node:
        literal, kind, *_ = tree.args["this"], tree.args["to"]
        if not isinstance(literal, exp.Literal) or not literal.is_string:
            raise self._stray(tree)
        wanted = Type.DATE if kind.sql().upper() == "DATE" else Type.INSTANT
        value = moment_of(literal.this, wanted)
        if value is None:
            raise self.refuse(_span(literal)[0], f"{literal.this[:40]!r} is no {wanted}")
        return self._placed(tree, Literal(value=value, type=wanted, nullable=False))

    def _call(self, tree: Any) -> Node:
        name, arguments = self._part(tree, "this", "expressions")
        start, _ = _span(tree)
        if not isinstance(name, str):
            raise self.refuse(start, "a function name is written without quotes")
        function = FUNCTIONS.get(name.lower())
        if function is None:
            raise unknown_name("function", name, FUNCTIONS, where=self.refuse.place(start))
        lowered = tuple(self.node(argument) for argument in arguments or ())
        least = len(function.takes) - function.optional
        most = None if function.repeats else len(function.takes)
        if len(lowered) < least or (most is not None and len(lowered) > most):
            raise self.refuse(start, f"{function.name} is called as {function.usage}")
        return self._placed(tree, self._special(function.name, lowered, start))

    def _special(self, name: str, arguments: tuple[Node, ...], start: int) -> Node:
        if name == "now":
            return Now(type=Type.INSTANT, nullable=False)
        if name == "days_since":
            now = Now(type=Type.INSTANT, nullable=False, start=start, end=start)
            return Call(function="days_between", arguments=(*arguments, now))
        if FUNCTIONS[name].local or name == "today":
            return self._local(name, arguments, start)
        if name in ("in_segment", "score"):
            target = arguments[0]
            if not isinstance(target, Literal) or not isinstance(target.value, str):
                raise self.refuse(
                    target.start, f"{name} takes a name in single quotes: {name}('…')"
                )
            if name == "score":
                return Score(model=target.value, type=Type.NUMBER, name_at=target.start)
            return InSegment(
                segment=target.value, type=Type.BOOLEAN, nullable=False, name_at=target.start
            )
        return Call(function=name, arguments=arguments)

    def _local(self, name: str, arguments: tuple[Node, ...], start: int) -> Node:
        """A function of local time, with the argument that is not written."""
        if name == "today":
            now = Now(type=Type.INSTANT, nullable=False, start=start, end=start)
            name, arguments = "local_date", (now,)
        if name != "days_to_anniversary":
            zone = Zone(type=Type.TEXT, nullable=False, start=start, end=start)
            return Call(function=name, arguments=(*arguments, zone))
        if not isinstance(arguments[0], FieldRef | Literal):
            # Its month and day are looked at several times: nested calls would multiply.
            raise self.refuse(
                arguments[0].start,
                f"{name} takes a date by its name",
                "make the expression a feature and name that",
            )
        return Call(function=name, arguments=(*arguments, self._local("today", (), start)))

    def _placed(self, tree: Any, node: Node) -> Node:
        start, end = _span(tree)
        return replace(node, start=start, end=end)


def _span(tree: Any) -> tuple[int, int]:
    """Offsets of the first and last character sqlglot knows of below a node."""
    starts, ends = [], []
    for node in tree.walk():
        meta = node.meta
        if "start" in meta:
            starts.append(meta["start"])
            ends.append(meta["end"])
    return (min(starts), max(ends)) if starts else (0, 0)
