"""The names a template uses, held against the data it will have.

In comes parsed Liquid and the shape of the data, out go findings: names that do not exist, and
values that may be missing where they are printed. A value is safe behind `default`, and inside a
condition that proves it is there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from liquid import RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
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

from vocative.compose.context import Context
from vocative.compose.fields import ANYTHING, ITEM, TEXT, Shape, child
from vocative.compose.findings import Finding
from vocative.compose.guards import Segments, is_proven, prove, prove_case
from vocative.compose.nodes import BlockScopeNode
from vocative.errors import Where, nearest

Proven = frozenset[Segments]


@dataclass(frozen=True)
class _Name:
    """A name of the template's own: the data it stands for, or just a shape."""

    path: Segments | None
    shape: Shape
    sure: bool = True
    """It cannot be missing, or was proven when it was set."""


class NameCheck:
    """One walk through a parsed template."""

    def __init__(self, template: BoundTemplate, data: Shape, where: Callable[[int], Where]) -> None:
        self.findings: list[Finding] = []
        self._data = data
        self._where = where
        self._names: dict[str, _Name] = {}
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
                self._names[str(node.name)] = _Name(None, TEXT)
            else:
                for name in node.template_scope():
                    self._names[str(name)] = _Name(None, TEXT)
            self._walk(node.children(self._context, include_partials=False), proven)

    def _visit_condition(self, node: IfNode | UnlessNode, proven: Proven) -> None:
        proof = prove(node.condition, self._resolve)
        if isinstance(node, UnlessNode):
            proof = type(proof)(proof.false, proof.true)
        arms: list[tuple[Node | None, Proven]] = [(node.consequence, proven | proof.true)]
        proven |= proof.false
        for arm in node.alternatives:
            self._check_names(arm.expression)
            proof = prove(arm.expression, self._resolve)
            arms.append((arm.block, proven | proof.true))
            proven |= proof.false
        self._walk_arms([*arms, (node.default, proven)])

    def _visit_case(self, node: CaseNode, proven: Proven) -> None:
        arms: list[tuple[Node | None, Proven]] = [(None, proven)]
        for block in node.blocks:
            if isinstance(block, MultiExpressionBlockNode):
                self._check_names(block.expression)
                proof = prove_case(node.expression, block.expression.expressions, self._resolve)
                arms.append((block.block, proven | proof.true))
            else:
                arms = [*arms[1:], (block, proven)]
        self._walk_arms(arms)

    def _walk_arms(self, arms: list[tuple[Node | None, Proven]]) -> None:
        """Walk arms of which one is taken; a name is as sure as the least sure arm left it."""
        before = self._names
        after: dict[str, _Name] = {}
        for block, proven in arms:
            self._names = dict(before)
            if block is not None:
                self._walk([block], proven)
            for name, found in self._names.items():
                if name not in after or not found.sure:
                    after[name] = found
        self._names = after

    def _visit_loop(self, node: ForNode | TablerowNode, proven: Proven) -> None:
        outer = dict(self._names)
        loop = node.expression
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
        outer, self._names = self._names, given
        self._walk([node.block], proven)
        self._names = outer

    def _assigned(self, expression: Expression, proven: Proven) -> _Name:
        filters: list[str] = []
        if isinstance(expression, FilteredExpression):
            filters = [one.name for one in expression.filters or ()]
            expression = expression.left
        if not isinstance(expression, Path):
            return _Name(None, ANYTHING)
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
        printed = [] if any(one.name == "default" for one in filters) else [expression.left]
        for one in filters:
            if one.name != "default":
                printed += [argument.value for argument in one.args]
        for value in printed:
            if isinstance(value, Path):
                self._check_present(value, proven)

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
        where = self._where(path.token.start_index)
        found = Finding(severity="error", code=code, message=message, where=where, fix=fix)
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


def check_names(
    template: BoundTemplate, data: Shape, where: Callable[[int], Where]
) -> list[Finding]:
    """Findings about the names in a parsed template.

    Args:
        template: The parsed text.
        data: The shape of what it is rendered with.
        where: The author's place of an offset in the parsed text.
    """
    return NameCheck(template, data, where).findings
