"""Types: every name must exist, every operand must fit.

A tree without types comes in, the same tree with types goes out; text literals that stand where an
instant or a date is wanted have become one. Refused with the place of the operand: unknown
fields, segments and models (with the nearest name), personal fields, and operands that do not fit.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dc_field

from vocative.errors import AuthorError, unknown_name
from vocative.sql.functions import FUNCTIONS, LISTS, TEXT, Function, Special
from vocative.sql.literals import moment_of
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
from vocative.sql.parse import Expression
from vocative.sql.types import MOMENTS, NUMERIC, Field, Type


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What an expression may name.

    `segments` and `scores` None mean that in_segment or score do not fit here. A segment of a
    family (`country:FR`) is known by the family's name before the colon.
    """

    fields: Mapping[str, Field]
    segments: Collection[str] | None = None
    families: Collection[str] = ()
    scores: Collection[str] | None = None
    now: bool = True
    json_columns: Collection[str] = ()
    records: Mapping[str, Mapping[str, Field]] = dc_field(default_factory=dict)
    about: str = "a person"


@dataclass(frozen=True, kw_only=True)
class CheckedExpression:
    """An expression whose names exist and whose types fit."""

    expression: Expression
    node: Node

    @property
    def type(self) -> Type:
        """What the expression gives."""
        return self.node.type

    @property
    def nullable(self) -> bool:
        """Whether it can be unknown."""
        return self.node.nullable


def check(
    expression: Expression, catalog: Catalog, *, wanted: Collection[Type] | None = None
) -> CheckedExpression:
    """The expression with types.

    Args:
        expression: What was parsed.
        catalog: What it may name.
        wanted: The types the whole may have; any unless told.

    Raises:
        UnknownName: a field, segment or model does not exist.
        AuthorError: something does not fit; the error points at it.
    """
    checker = Checker(expression, catalog)
    node = checker.node(expression.node)
    checker.refuse_months(node)
    if wanted is not None and node.type not in wanted:
        shown = " or ".join(sorted(wanted))
        hint = "a condition compares something, for example spend_180d > 500"
        raise AuthorError(
            f"this gives {_a(node.type)}, but {_a(shown)} is needed",
            where=expression.place(node.start),
            hint=hint if Type.BOOLEAN in wanted else None,
        )
    return CheckedExpression(expression=expression, node=node)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


class Checker:
    """Checks one expression from the leaves up."""

    def __init__(self, expression: Expression, catalog: Catalog) -> None:
        self.place = expression.place
        self.catalog = catalog

    def node(self, node: Node) -> Node:
        """The node with types, its children first."""
        return _CHECKS[type(node)](self, node)

    def error(self, node: Node, message: str, hint: str | None = None) -> AuthorError:
        """An error at a node."""
        return AuthorError(message, where=self.place(node.start), hint=hint)

    def boolean(self, node: Node, role: str) -> Node:
        """A child that must be a condition."""
        checked = self.node(node)
        if checked.type not in (Type.BOOLEAN, Type.NULL):
            raise self.error(
                node,
                f"{role} must be a condition, this is {_a(checked.type)}",
                "compare it with something, for example = 'yes' or > 0",
            )
        return checked

    def refuse_months(self, *nodes: Node) -> None:
        """Refuse months where an interval is a value of its own, of no fixed length."""
        for node in nodes:
            if isinstance(node, Literal) and isinstance(node.value, Span) and node.value.months:
                raise self.error(
                    node,
                    "months and years have no length of their own",
                    "add them to an instant or compare with them; here use days",
                )

    def fitted(self, node: Node, wanted: Collection[Type], role: str) -> Node:
        """A checked child of one of the wanted types; text literals become instants or dates."""
        if node.type in wanted or node.type is Type.NULL:
            return node
        moment = next((kind for kind in (Type.INSTANT, Type.DATE) if kind in wanted), None)
        if moment is not None and isinstance(node, Literal) and isinstance(node.value, str):
            return self.moment(node, moment)
        shown = " or ".join(sorted(wanted))
        raise self.error(node, f"{role} must be {_a(shown)}, this is {_a(node.type)}")

    def moment(self, node: Literal, kind: Type) -> Node:
        """A text literal read as an instant or a date."""
        value = moment_of(str(node.value), kind)
        if value is None:
            example = "'2026-01-31'" if kind is Type.DATE else "'2026-01-31T12:00:00Z'"
            raise self.error(
                node, f"{str(node.value)[:40]!r} is no {kind}", f"write it as {example}"
            )
        return replace(node, value=value, type=kind)

    def alike(self, nodes: Iterable[Node], role: str) -> tuple[tuple[Node, ...], Type]:
        """Checked children brought to one type."""
        nodes = tuple(nodes)
        known = [node for node in nodes if node.type is not Type.NULL]
        kinds = {node.type for node in known if not _is_text_literal(node)}
        if kinds and kinds <= MOMENTS:
            common = Type.INSTANT if Type.INSTANT in kinds else Type.DATE
        elif kinds and kinds <= NUMERIC:
            common = Type.NUMBER if Type.NUMBER in kinds else Type.INTEGER
        elif known:
            common = next((node.type for node in known if not _is_text_literal(node)), Type.TEXT)
        else:
            return nodes, Type.NULL
        accepted = {common}
        if common is Type.NUMBER:
            accepted = {*NUMERIC}
        elif common is Type.INSTANT:
            accepted = {*MOMENTS}
        return tuple(self.fitted(node, accepted, role) for node in nodes), common


def _is_text_literal(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, str)


def _any_nullable(*nodes: Node) -> bool:
    return any(node.nullable for node in nodes)


def _leaf(_: Checker, node: Node) -> Node:
    return node


def _zone(checker: Checker, node: Zone) -> Node:
    if not checker.catalog.now:
        raise checker.error(
            node, f"local time does not fit in an expression about {checker.catalog.about}"
        )
    return node


def _now(checker: Checker, node: Now) -> Node:
    if not checker.catalog.now:
        raise checker.error(
            node,
            f"now() does not fit in an expression about {checker.catalog.about}",
            "use `window:` to look back from now",
        )
    return node


def _field(checker: Checker, node: FieldRef) -> Node:
    catalog = checker.catalog
    where = checker.place(node.start)
    if node.path:
        return replace(node, type=_part_type(checker, node), nullable=True)
    if node.name in catalog.records:
        some = ", ".join(f"{node.name}.{name}" for name in list(catalog.records[node.name])[:3])
        raise AuthorError(f"{node.name!r} has fields; name one of them", where=where, hint=some)
    field = catalog.fields.get(node.name)
    if field is None:
        shown = {name for name, known in catalog.fields.items() if not known.personal}
        raise unknown_name("field", node.name, shown, where=where)
    if field.personal:
        raise AuthorError(
            f"{node.name!r} is personal: it is kept in the vault and cannot be used here",
            where=where,
            hint="use a trait that does not identify, or mark it `personal: false` in traits.yaml",
        )
    return replace(node, type=field.type, nullable=field.nullable)


def _part_type(checker: Checker, node: FieldRef) -> Type:
    """The type of `record.field`, or text for a part of a JSON column."""
    catalog = checker.catalog
    where = checker.place(node.start)
    if node.name in catalog.records:
        fields = catalog.records[node.name]
        found = fields.get(node.path[0])
        if found is None or len(node.path) > 1:
            raise unknown_name(f"field of {node.name}", ".".join(node.path), fields, where=where)
        return found.type
    if node.name not in catalog.json_columns:
        raise AuthorError(f"{node.name!r} has no parts; write one plain name", where=where)
    strange = next((part for part in node.path if not part or set(part) & set(_STRANGE)), None)
    if strange is not None:
        raise AuthorError(
            f"{strange!r} cannot be the name of a part", where=where, hint=f"without {_STRANGE}"
        )
    return Type.TEXT


_STRANGE = '"*\\'
"""What the paths of JSON in SQL read in ways of their own."""


def _in_segment(checker: Checker, node: InSegment) -> Node:
    catalog = checker.catalog
    if catalog.segments is None:
        raise checker.error(node, f"in_segment does not fit in an expression about {catalog.about}")
    family = node.segment.partition(":")[0] if ":" in node.segment else None
    if node.segment not in catalog.segments and family not in catalog.families:
        known = [*catalog.segments, *(f"{name}:…" for name in catalog.families)]
        raise unknown_name("segment", node.segment, known, where=checker.place(node.name_at))
    return node


def _score(checker: Checker, node: Score) -> Node:
    catalog = checker.catalog
    if catalog.scores is None:
        raise checker.error(node, f"score does not fit in an expression about {catalog.about}")
    if node.model not in catalog.scores:
        raise unknown_name("model", node.model, catalog.scores, where=checker.place(node.name_at))
    return node


def _logic(checker: Checker, node: Logic) -> Node:
    operands = tuple(
        checker.boolean(operand, f"each side of `{node.operator}`") for operand in node.operands
    )
    return replace(node, operands=operands, type=Type.BOOLEAN, nullable=_any_nullable(*operands))


def _not(checker: Checker, node: Not) -> Node:
    operand = checker.boolean(node.operand, "what follows `not`")
    return replace(node, operand=operand, type=Type.BOOLEAN, nullable=operand.nullable)


def _compare(checker: Checker, node: Compare) -> Node:
    (left, right), kind = checker.alike(
        (checker.node(node.left), checker.node(node.right)), "the other side of the comparison"
    )
    if kind in (Type.BOOLEAN, Type.TEXT_LIST) and node.operator not in ("=", "<>"):
        raise checker.error(node.right, f"`{node.operator}` does not order {kind} values")
    return replace(
        node, left=left, right=right, type=Type.BOOLEAN, nullable=_any_nullable(left, right)
    )


def _arithmetic(checker: Checker, node: Arithmetic) -> Node:
    left, right = checker.node(node.left), checker.node(node.right)
    if node.operator in "+-" and {left.type, right.type} & {*MOMENTS, Type.INTERVAL}:
        return _time_arithmetic(checker, node, left, right)
    role = f"each side of `{node.operator}`"
    left, right = (checker.fitted(side, NUMERIC, role) for side in (left, right))
    divides_by_zero = node.operator == "/" and not (isinstance(right, Literal) and right.value)
    whole = node.operator != "/" and Type.NUMBER not in (left.type, right.type)
    return replace(
        node,
        left=left,
        right=right,
        type=Type.INTEGER if whole else Type.NUMBER,
        # A result too large for an integer is unknown.
        nullable=_any_nullable(left, right) or divides_by_zero or whole,
    )


def _time_arithmetic(checker: Checker, node: Arithmetic, left: Node, right: Node) -> Node:
    sides = (left.type in MOMENTS, right.type in MOMENTS)
    if Type.INTERVAL in (left.type, right.type) and (
        sides == (True, False) or (sides == (False, True) and node.operator == "+")
    ):
        kind = Type.INSTANT
    elif node.operator == "-" and Type.INTERVAL not in (left.type, right.type):
        left = checker.fitted(left, MOMENTS, "each side of `-`")
        right = checker.fitted(right, MOMENTS, "each side of `-`")
        kind = Type.INTERVAL
    else:
        raise checker.error(
            node.right,
            f"{_a(left.type)} `{node.operator}` {_a(right.type)} means nothing",
            "an instant plus or minus an interval is an instant;"
            " an instant minus an instant is an interval",
        )
    unknown = kind is Type.INTERVAL or _any_nullable(left, right)
    return replace(node, left=left, right=right, type=kind, nullable=unknown)


def _negate(checker: Checker, node: Negate) -> Node:
    operand = checker.fitted(checker.node(node.operand), NUMERIC, "what follows `-`")
    kind = Type.NUMBER if operand.type is Type.NULL else operand.type
    overflows = kind is Type.INTEGER
    return replace(node, operand=operand, type=kind, nullable=operand.nullable or overflows)


def _is(checker: Checker, node: Is) -> Node:
    if node.value is None:
        operand = checker.node(node.operand)
    else:
        operand = checker.boolean(node.operand, "what `is true` asks about")
    return replace(node, operand=operand, type=Type.BOOLEAN, nullable=False)


def _in(checker: Checker, node: In) -> Node:
    parts = (checker.node(part) for part in node.children())
    (operand, *options), _ = checker.alike(parts, "every value of the list")
    return replace(
        node,
        operand=operand,
        options=tuple(options),
        type=Type.BOOLEAN,
        nullable=_any_nullable(operand, *options),
    )


def _between(checker: Checker, node: Between) -> Node:
    parts = (checker.node(part) for part in node.children())
    (operand, low, high), kind = checker.alike(parts, "each end of `between`")
    if kind in (Type.BOOLEAN, Type.TEXT_LIST):
        raise checker.error(node, f"`between` does not order {kind} values")
    return replace(
        node,
        operand=operand,
        low=low,
        high=high,
        type=Type.BOOLEAN,
        nullable=_any_nullable(operand, low, high),
    )


def _like(checker: Checker, node: Like) -> Node:
    operand = checker.fitted(checker.node(node.operand), TEXT, "what `like` looks at")
    pattern = checker.fitted(checker.node(node.pattern), TEXT, "the pattern of `like`")
    return replace(
        node,
        operand=operand,
        pattern=pattern,
        type=Type.BOOLEAN,
        nullable=_any_nullable(operand, pattern),
    )


def _case(checker: Checker, node: Case) -> Node:
    conditions = [
        checker.boolean(condition, "what follows `when`") for condition, _ in node.branches
    ]
    values = [checker.node(value) for _, value in node.branches]
    if node.otherwise is not None:
        values.append(checker.node(node.otherwise))
    fitted, kind = checker.alike(values, "every branch of the case")
    checker.refuse_months(*fitted)
    otherwise = fitted[-1] if node.otherwise is not None else None
    return replace(
        node,
        branches=tuple(zip(conditions, fitted[: len(conditions)], strict=True)),
        otherwise=otherwise,
        type=kind,
        nullable=otherwise is None or _any_nullable(*fitted),
    )


def _call(checker: Checker, node: Call) -> Node:
    function = FUNCTIONS[node.function]
    if node.function == "date_part" and _asks_epoch(node):
        raise checker.error(
            node.arguments[0], "epoch is not supported", "use days_between(…) or days_since(…)"
        )
    arguments, same = _arguments(checker, function, node)
    if function.local:
        # Not written, so not checked against what the function takes.
        arguments = (*arguments, checker.node(node.arguments[-1]))
    nullable = {
        "any": _any_nullable(*arguments),
        "all": all(argument.nullable for argument in arguments),
        "always": True,
        "never": False,
    }[function.unknown_when]
    return replace(node, arguments=arguments, type=function.gives or same, nullable=nullable)


def _asks_epoch(node: Call) -> bool:
    unit = node.arguments[0]
    return isinstance(unit, Literal) and unit.value == "epoch"


def _arguments(checker: Checker, function: Function, node: Call) -> tuple[tuple[Node, ...], Type]:
    written = node.arguments[:-1] if function.local else node.arguments
    takes = [*function.takes, *function.takes[-1:] * (len(written) - len(function.takes))]
    role = f"what {function.name} takes"
    checked = [
        _argument(checker, function, wanted, argument, role)
        for wanted, argument in zip(takes, written, strict=False)
    ]
    if Special.SAME not in takes:
        return tuple(checked), Type.NULL
    fitted, same = checker.alike(checked, f"every value of {function.name}")
    checker.refuse_months(*fitted)
    # DuckDB's greatest() takes a day for more than 48 hours.
    unordered = same in (Type.BOOLEAN, Type.INTERVAL) and function.name in ("greatest", "least")
    if same in LISTS or unordered:
        raise checker.error(node, f"{function.name} does not take {same} values")
    return fitted, same


def _argument(
    checker: Checker, function: Function, wanted: frozenset[Type] | Special, node: Node, role: str
) -> Node:
    if wanted is Special.SAME:
        return checker.node(node)
    if wanted is Special.UNIT:
        unit = node.value if isinstance(node, Literal) else None
        if not isinstance(unit, str) or unit.lower() not in function.units:
            raise checker.error(
                node, f"{function.name} needs a unit first", "units: " + ", ".join(function.units)
            )
        return replace(node, value=unit.lower())  # type: ignore[call-arg]
    if wanted is Special.MARK:
        if not _is_text_literal(node) or not getattr(node, "value", ""):
            raise checker.error(node, f"{function.name} needs a text in single quotes here")
        return node
    if wanted is Special.DIGITS:
        digits = node.value if isinstance(node, Literal) else None
        if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= 15:
            raise checker.error(node, f"{function.name} needs decimals from 0 to 15, as a number")
        return node
    return checker.fitted(checker.node(node), wanted, role)


_CHECKS: dict[type[Node], Callable[..., Node]] = {
    Literal: _leaf,
    FieldRef: _field,
    Now: _now,
    Zone: _zone,
    InSegment: _in_segment,
    Score: _score,
    Logic: _logic,
    Not: _not,
    Compare: _compare,
    Arithmetic: _arithmetic,
    Negate: _negate,
    Is: _is,
    In: _in,
    Between: _between,
    Like: _like,
    Case: _case,
    Call: _call,
}
