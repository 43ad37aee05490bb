"""The names a template uses, held against the data it will have.

In comes parsed Liquid and the shape of the data, out go findings: names that do not exist, values
that may be missing where they are printed, values used as what they are not, branches that nobody
can get into. A value is safe behind `default`, and inside a condition that proves it is there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from liquid import RenderContext
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.tablerow_tag import TablerowNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression
from liquid.template import BoundTemplate
from liquid.token import TOKEN_TAG

from vocative.compose.context import Context
from vocative.compose.contexts import Context as TagContext
from vocative.compose.fields import ANYTHING, ITEM, TEXT, Shape, child
from vocative.compose.findings import Finding, Severity
from vocative.compose.guards import Segments, is_proven, prove, prove_case
from vocative.compose.kinds import (
    NUMBERS,
    incomparable,
    kind_of,
    kind_of_literal,
    misused,
    named,
    unprintable,
)
from vocative.compose.nodes import BlockScopeNode
from vocative.compose.outcomes import NOTHING, Facts, Key, Known, Outcome, Value, judge, look
from vocative.errors import Where, nearest

Proven = frozenset[Segments]
_numbers = count()
_COMPARISONS = (
    EqExpression,
    NeExpression,
    LtExpression,
    LeExpression,
    GtExpression,
    GeExpression,
    ContainsExpression,
)
_WARNINGS = frozenset(("dead_branch", "unsafe_url", "unsafe_context"))
_UNSAFE_PLACES = {
    "style": ("a value in a style can add rules of its own", "choose between two css-class names"),
    "event": ("mail programs run no scripts", "remove the attribute"),
    "comment": ("nobody sees a value in a comment", "take it out of the comment"),
}


@dataclass(frozen=True)
class _Name:
    """A name of the template's own: the data it stands for, or just a shape."""

    path: Segments | None
    shape: Shape
    sure: bool = True
    """It cannot be missing, or was proven when it was set."""
    written: bool = False
    """Its beginning is the author's own words."""
    number: int = field(default_factory=lambda: next(_numbers))
    """Changes whenever it is set: what was known of it before no longer holds."""

    def again(self) -> "_Name":
        """The same name, set anew."""
        return replace(self, number=next(_numbers))

    def known_as(self, rest: Segments) -> Key:
        """What facts about it, or a part of it, are kept under."""
        if self.path is not None and ITEM not in self.path:
            return (*self.path, *rest)
        return (("name", self.number), *rest)


@dataclass(frozen=True)
class _Arm:
    """One arm of a condition, and what holds in it."""

    block: Node | None
    proven: Proven
    facts: Facts | None
    """None: nobody gets into it."""


class NameCheck:
    """One walk through a parsed template."""

    def __init__(
        self,
        template: BoundTemplate,
        data: Shape,
        where: Callable[[int], Where],
        contexts: Mapping[int, TagContext],
    ) -> None:
        self.findings: list[Finding] = []
        self._data = data
        self._where = where
        self._contexts = contexts
        self._names: dict[str, _Name] = {}
        self._facts: Facts = {}
        self._context: RenderContext = Context(template)
        self._walk(template.nodes, frozenset())

    def _walk(self, nodes: Iterable[Node], proven: Proven) -> None:
        for node in nodes:
            self._visit(node, proven)

    def _visit(self, node: Node, proven: Proven) -> None:
        for expression in node.expressions():
            self._check_names(expression)
        if isinstance(node, OutputNode):
            self._check_printed(node.expression, proven)
            self._check_context(node)
        elif isinstance(node, IfNode | UnlessNode):
            self._visit_condition(node, proven)
        elif isinstance(node, CaseNode):
            self._visit_case(node, proven)
        elif isinstance(node, ForNode | TablerowNode):
            self._visit_loop(node, proven)
        elif isinstance(node, BlockScopeNode):
            self._visit_block(node, proven)
        else:
            if isinstance(node, AssignNode):
                self._names[str(node.name)] = self._assigned(node.expression, proven)
            elif isinstance(node, CaptureNode):
                begins = not isinstance(next(iter(node.block.nodes), None), OutputNode)
                self._names[str(node.name)] = _Name(None, TEXT, written=begins)
            else:
                for name in node.template_scope():
                    self._names[str(name)] = _Name(None, TEXT)
            self._walk(node.children(self._context, include_partials=False), proven)

    def _visit_condition(self, node: IfNode | UnlessNode, proven: Proven) -> None:
        conditions = [node.condition, *(arm.expression for arm in node.alternatives)]
        blocks = [node.consequence, *(arm.block for arm in node.alternatives)]
        arms: list[_Arm] = []
        facts, dead = self._facts, False
        for number, (condition, block) in enumerate(zip(conditions, blocks, strict=True)):
            if number:
                self._check_names(condition)
            self._check_compared(condition)
            proof = prove(condition, self._resolve)
            outcome = judge(condition, facts, self._value)
            if number == 0 and isinstance(node, UnlessNode):
                proof, outcome = type(proof)(proof.false, proof.true), outcome.reversed()
            if dead or outcome.always is False:
                self._add_dead(_place(condition), f"`{condition}` cannot be true here")
            arms.append(_Arm(block, proven | proof.true, None if dead else _entered(outcome)))
            proven |= proof.false
            facts = outcome.false
            dead = dead or outcome.always is True
        if node.default and dead:
            self._add_dead(
                _tag_before(node.default),
                f"`{conditions[0]}` or another condition before always holds",
            )
        self._walk_arms([*arms, _Arm(node.default, proven, None if dead else facts)])

    def _visit_case(self, node: CaseNode, proven: Proven) -> None:
        arms = [_Arm(None, proven, self._facts)]
        facts = self._facts
        for block in node.blocks:
            if isinstance(block, MultiExpressionBlockNode):
                self._check_names(block.expression)
                proof = prove_case(node.expression, block.expression.expressions, self._resolve)
                outcomes = [
                    self._judge_when(node.expression, value, block.token.start_index)
                    for value in block.expression.expressions
                ]
                for outcome in outcomes:
                    facts = {**facts, **outcome.false}
                entered = _entered(outcomes[0]) if len(outcomes) == 1 else self._facts
                arms.append(_Arm(block.block, proven | proof.true, entered))
            else:
                arms = [*arms[1:], _Arm(block, proven, facts)]
        self._walk_arms(arms)

    def _judge_when(self, subject: Expression, value: Expression, start: int) -> Outcome:
        equal = EqExpression(subject.token, subject, value)
        self._check_compared(equal)
        outcome = judge(equal, self._facts, self._value)
        if outcome.always is False:
            self._add_dead(start, f"`{subject}` cannot be {value} here")
        return outcome

    def _walk_arms(self, arms: "list[_Arm]") -> None:
        """Walk arms of which one is taken; a name is as sure as the least sure arm left it."""
        before, facts = self._names, self._facts
        after: dict[str, _Name] = {}
        for arm in arms:
            self._names = dict(before)
            self._facts = facts if arm.facts is None else arm.facts
            if arm.block is not None:
                self._walk([arm.block], arm.proven)
            for name, found in self._names.items():
                if name not in after or not found.sure:
                    changed = name in after and after[name] is not found
                    after[name] = found.again() if changed else found
                elif after[name] is not found:
                    after[name] = after[name].again()
        self._names, self._facts = after, facts

    def _visit_loop(self, node: ForNode | TablerowNode, proven: Proven) -> None:
        for name in self._set_in(node.block):
            # From its second round on the loop sees what the round before set.
            if name in self._names:
                self._names[name] = self._names[name].again()
        outer = dict(self._names)
        loop = node.expression
        self._check_looped(loop.iterable)
        path = self._resolve(loop.iterable) if isinstance(loop.iterable, Path) else None
        item = _Name(None, ANYTHING)
        if path is not None:
            item = _Name((*path, ITEM), self._shape_at((*path, ITEM)) or ANYTHING, sure=False)
        self._names[loop.identifier] = item
        for name in ("forloop", "tablerowloop"):
            self._names[name] = _Name(None, ANYTHING)
        self._walk([node.block], proven)
        for name in (loop.identifier, "forloop", "tablerowloop"):
            self._names.pop(name, None)
            if name in outer:
                self._names[name] = outer[name]
        if isinstance(node, ForNode) and node.default:
            self._walk([node.default], proven)

    def _visit_block(self, node: BlockScopeNode, proven: Proven) -> None:
        given = {arg.name: self._assigned(arg.value, proven) for arg in node.args}
        outer, self._names = (self._names, self._facts), given
        # Others use the block, too: what is dead only here is no fault of it.
        self._facts = {}
        self._walk([node.block], proven)
        self._names, self._facts = outer

    def _set_in(self, block: Node) -> Iterator[str]:
        """The names that are set somewhere within a block."""
        for node in block.children(self._context, include_partials=False):
            yield from (str(name) for name in node.template_scope())
            yield from self._set_in(node)

    def _assigned(self, expression: Expression, proven: Proven) -> _Name:
        filters: list[str] = []
        if isinstance(expression, FilteredExpression):
            filters = [one.name for one in expression.filters or ()]
            expression = expression.left
        if not isinstance(expression, Path):
            return _Name(None, ANYTHING, written=True)
        path = self._resolve(expression)
        if path is None or "default" in filters:
            return _Name(None, ANYTHING)
        sure = self._missing(path, proven) is None
        if filters:
            return _Name(None if sure else path, ANYTHING, sure=sure)
        return _Name(path, self._shape_at(path) or ANYTHING, sure=sure)

    def _check_printed(self, expression: Expression, proven: Proven) -> None:
        if not isinstance(expression, FilteredExpression):
            return
        filters = expression.filters or ()
        names = [one.name for one in filters]
        if isinstance(expression.left, Path):
            self._check_kind(expression.left, names)
            if self._check_swapped(expression.left):
                return
        printed = [] if "default" in names else [expression.left]
        for one in filters:
            if one.name != "default":
                printed += [argument.value for argument in one.args]
        for value in printed:
            if isinstance(value, Path):
                self._check_present(value, proven)

    def _check_kind(self, path: Path, filters: list[str]) -> None:
        kind = kind_of(self._shape_of(path))
        wrong = misused(kind, filters)
        if wrong is not None:
            message = f"{wrong[0]} cannot use {named(wrong[1])}, and {path} brings it one"
            self._add("wrong_type", message, path, "use a filter or a field that fits")
        elif unprintable(kind, filters) is not None:
            message = f"{path} is {named(unprintable(kind, filters) or '')}, not a single value"
            self._add("wrong_type", message, path, "print a part of it, or loop over it")

    def _check_swapped(self, path: Path) -> bool:
        """Whether a value is printed just where it is known to be empty."""
        value = self._value(path)
        known = look(value, self._facts) if value else NOTHING
        if known.there is not False and known.shown is not False:
            return False
        message = f"{path} is shown only where it is empty"
        self._add("shown_where_empty", message, path, "swap the two branches of the condition")
        return True

    def _check_context(self, node: OutputNode) -> None:
        """Hold a value against the place in the HTML where it is printed."""
        context = self._contexts.get(node.token.start_index)
        if context is None or not isinstance(node.expression, FilteredExpression):
            return
        value = node.expression.left
        if context.place == "address" and (not context.first or self._is_address(node.expression)):
            return
        if context.place == "style" and self._is_harmless(value):
            return
        start = (value if isinstance(value, Path) else node).token.start_index
        if context.place == "address":
            message = f"{value} alone decides where this leads"
            fix = f"write what it begins with: https://shop.example/{{{{ {value} }}}}"
            self._note("unsafe_url", message, start, fix)
        else:
            message, fix = _UNSAFE_PLACES[context.place]
            self._note(
                "unsafe_context", f"{value} stands where it is not safe: {message}", start, fix
            )

    def _is_address(self, expression: FilteredExpression) -> bool:
        """Whether a value begins as the workspace, the catalog or the author wrote it."""
        values = [expression.left]
        for one in expression.filters or ():
            if one.name == "default":
                values += [argument.value for argument in one.args]
        return all(self._begins_safely(value) for value in values)

    def _begins_safely(self, value: Expression) -> bool:
        if not isinstance(value, Path):
            return True
        name = self._names.get(str(value.path[0]))
        if name is not None and name.written:
            return True
        return kind_of(self._shape_of(value)) in (None, "url")

    def _is_harmless(self, value: Expression) -> bool:
        """Whether no rule of CSS can be smuggled in with a value."""
        if not isinstance(value, Path):
            return True
        name = self._names.get(str(value.path[0]))
        if name is not None and name.written and name.shape.open:
            return True
        return kind_of(self._shape_of(value)) in (None, "boolean", *NUMBERS)

    def _check_compared(self, condition: Expression) -> None:
        pending = [condition]
        while pending:
            one = pending.pop()
            pending += one.children()
            if isinstance(one, _COMPARISONS):
                kinds = (self._kind_of(one.left), self._kind_of(one.right))
                wrong = incomparable(one, *kinds)
                if wrong is not None:
                    self._note(
                        "wrong_type", f"`{one}`: {wrong}", _place(one), "compare it with its like"
                    )

    def _check_looped(self, iterable: Expression) -> None:
        kind = self._kind_of(iterable)
        if isinstance(iterable, Path) and kind not in (None, "list", "object"):
            message = (
                f"{iterable} is {named(kind or '')}, not a list: there is nothing to loop over"
            )
            self._add("wrong_type", message, iterable, "loop over a list, such as products")

    def _kind_of(self, expression: Expression) -> str | None:
        if isinstance(expression, Path):
            return kind_of(self._shape_of(expression))
        return kind_of_literal(expression)

    def _value(self, path: Path) -> Value | None:
        """What is known of a path whatever the conditions around it say."""
        rest = tuple(part for part in path.path if not isinstance(part, Path))
        if len(rest) < len(path.path):
            return None
        name = self._names.get(str(rest[0]))
        shape = self._shape_of(path)
        if name is None:
            key: Key = rest
            full: Segments | None = rest
        else:
            key = name.known_as(rest[1:])
            full = None if name.path is None else (*name.path, *rest[1:])
        known = NOTHING
        kind = kind_of(shape)
        if full is not None and kind is not None and self._missing(full, frozenset()) is None:
            known = Known(there=True)
        if rest[-1] == "size":
            known = Known(there=known.there, low=0)
        return Value(key, known, may_be_false=kind in (None, "boolean"))

    def _shape_of(self, path: Path) -> Shape | None:
        """The shape of what a path leads to; None when there is no such name."""
        name = self._names.get(str(path.path[0]))
        shape = name.shape if name is not None else child(self._data, str(path.path[0]))
        for segment in path.path[1:]:
            if shape is None:
                return None
            shape = ANYTHING if isinstance(segment, Path) else child(shape, segment)
        return shape

    def _check_present(self, path: Path, proven: Proven) -> None:
        name = self._names.get(str(path.path[0]))
        full = self._resolve(path)
        if full is None or (name is not None and name.sure and len(path.path) == 1):
            return
        missing = self._missing(full, proven)
        if missing is None:
            return
        what = _written(missing)
        fix = f'{{{{ {path} | default: "…" }}}}, or put it inside {{% if {what} %}}'
        message = f"{what} may be missing for some people, and is printed as if it were there"
        self._add("may_be_missing", message, path, fix)

    def _missing(self, path: Segments, proven: Proven) -> Segments | None:
        """The first part of a path that may be missing and is not proven to be there."""
        shape: Shape | None = self._data
        for length, segment in enumerate(path, start=1):
            shape = child(shape, segment) if shape else None
            if shape is None:
                return None
            if shape.nullable and not is_proven(path[:length], proven):
                return path[:length]
        return None

    def _check_names(self, expression: Expression) -> None:
        pending = [expression]
        while pending:
            one = pending.pop()
            pending += one.children()
            if isinstance(one, Path):
                self._check_path(one)

    def _check_path(self, path: Path) -> None:
        root = str(path.path[0])
        if root in self._names:
            shape = self._names[root].shape
        else:
            found = child(self._data, root)
            if found is None:
                self._add_unknown(path, root, self._known_roots(root))
                return
            shape = found
        for index, segment in enumerate(path.path[1:], start=1):
            found = ANYTHING if isinstance(segment, Path) else child(shape, segment)
            if found is None:
                before = ".".join(str(part) for part in path.path[:index])
                self._add_unknown(path, f"{before}.{segment}", _known_fields(shape, before))
                return
            shape = found

    def _known_roots(self, name: str) -> list[str]:
        roots = [*(self._data.fields or ()), *self._names]
        person = child(self._data, "person")
        if person and person.fields and name in person.fields:
            return [f"person.{name}"]
        return roots

    def _add_unknown(self, path: Path, name: str, known: list[str]) -> None:
        guess = known[0] if len(known) == 1 else nearest(name, known)
        known_names = ", ".join(sorted(known)[:12])
        fix = f"did you mean {guess}?" if guess else f"known: {known_names}" if known else None
        self._add("unknown_field", f"there is no {name}", path, fix)

    def _add(self, code: str, message: str, path: Path, fix: str | None) -> None:
        self._note(code, message, path.token.start_index, fix)

    def _add_dead(self, start: int, why: str) -> None:
        self._note(
            "dead_branch",
            f"nobody gets into this branch: {why}",
            start,
            "remove it, or put the narrower condition first",
        )

    def _note(self, code: str, message: str, start: int, fix: str | None) -> None:
        severity: Severity = "warning" if code in _WARNINGS else "error"
        where = self._where(start)
        found = Finding(severity=severity, code=code, message=message, where=where, fix=fix)
        if found not in self.findings:
            self.findings.append(found)

    def _resolve(self, path: Path) -> Segments | None:
        """The path in the data that a written path stands for, if it stands for one."""
        segments = tuple(part for part in path.path if not isinstance(part, Path))
        if len(segments) < len(path.path):
            return None
        name = self._names.get(str(segments[0]))
        if name is None:
            return segments
        return None if name.path is None else (*name.path, *segments[1:])

    def _shape_at(self, path: Segments) -> Shape | None:
        shape: Shape | None = self._data
        for segment in path:
            if shape is None:
                return None
            shape = child(shape, segment)
        return shape


def _known_fields(shape: Shape, before: str) -> list[str]:
    return [f"{before}.{name}" for name in shape.fields or ()]


def _written(path: Segments) -> str:
    """A path as an author would write it: items of a list by the list's name in the singular."""
    words: list[str] = []
    for segment in path:
        if segment == ITEM:
            words[-1] = words[-1].removesuffix("s")
        else:
            words.append(str(segment))
    return ".".join(words)


def _entered(outcome: Outcome) -> Facts | None:
    return None if outcome.always is False else outcome.true


def _tag_before(block: BlockNode) -> int:
    """Where the tag stands that a block follows; the block's own token is the one behind it."""
    first = block.nodes[0].token if block.nodes else block.token
    start = first.start_index
    if first.kind == TOKEN_TAG:
        start = first.source.rfind("{%", 0, start)
    return max(first.source.rfind("{%", 0, start), 0)


def _place(condition: Expression) -> int:
    """Where a condition stands: at its first name, if it has one."""
    pending = [condition]
    while pending:
        one = pending.pop(0)
        if isinstance(one, Path):
            return one.token.start_index
        pending += one.children()
    return max(condition.token.start_index, 0)


def check_names(
    template: BoundTemplate,
    data: Shape,
    where: Callable[[int], Where],
    contexts: Mapping[int, TagContext] | None = None,
) -> list[Finding]:
    """Findings about the names in a parsed template.

    Args:
        template: The parsed text.
        data: The shape of what it is rendered with.
        where: The author's place of an offset in the parsed text.
        contexts: Where in the HTML the tags stand that are not simply in text, by offset.
    """
    return NameCheck(template, data, where, contexts or {}).findings
