"""The names a template uses, held against the data it will have.

In comes parsed Liquid and the shape of the data, out go findings: names that do not exist, values
that may be missing where they are printed, values used as what they are not, branches that nobody
can get into. A value is safe behind `default`, and inside a condition that proves it is there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from liquid import RenderContext
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.logical import EqExpression
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

from vocative.compose.checking.contexts import Context as TagContext
from vocative.compose.checking.fields import ANYTHING, ITEM, TEXT, Shape, child
from vocative.compose.checking.guards import Segments, prove, prove_case
from vocative.compose.checking.outcomes import NOTHING, Facts, Outcome, judge, look
from vocative.compose.checking.scope import Name, Proven, Scope
from vocative.compose.checking.uses import UseCheck, place_of
from vocative.compose.findings import Finding, Severity
from vocative.compose.language.context import Context
from vocative.compose.language.nodes import BlockScopeNode
from vocative.errors import Where, nearest

_WARNINGS = frozenset(("dead_branch", "unsafe_url", "unsafe_context", "html_of_a_person"))


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
        self._where = where
        self._scope = Scope(data)
        self._uses = UseCheck(self._scope, contexts, self._note)
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
            self._uses.check_context(node)
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
                self._scope.names[str(node.name)] = self._assigned(node.expression, proven)
            elif isinstance(node, CaptureNode):
                begins = not isinstance(next(iter(node.block.nodes), None), OutputNode)
                self._scope.names[str(node.name)] = Name(None, TEXT, written=begins)
            else:
                for name in node.template_scope():
                    self._scope.names[str(name)] = Name(None, TEXT)
            self._walk(node.children(self._context, include_partials=False), proven)

    def _visit_condition(self, node: IfNode | UnlessNode, proven: Proven) -> None:
        conditions = [node.condition, *(arm.expression for arm in node.alternatives)]
        blocks = [node.consequence, *(arm.block for arm in node.alternatives)]
        arms: list[_Arm] = []
        facts, dead = self._scope.facts, False
        for number, (condition, block) in enumerate(zip(conditions, blocks, strict=True)):
            if number:
                self._check_names(condition)
            self._uses.check_compared(condition)
            proof = prove(condition, self._scope.resolve)
            outcome = judge(condition, facts, self._scope.value)
            if number == 0 and isinstance(node, UnlessNode):
                proof, outcome = type(proof)(proof.false, proof.true), outcome.reversed()
            if dead or outcome.always is False:
                self._add_dead(place_of(condition), f"`{condition}` cannot be true here")
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
        arms = [_Arm(None, proven, self._scope.facts)]
        facts = self._scope.facts
        for block in node.blocks:
            if isinstance(block, MultiExpressionBlockNode):
                self._check_names(block.expression)
                proof = prove_case(
                    node.expression, block.expression.expressions, self._scope.resolve
                )
                outcomes = [
                    self._judge_when(node.expression, value, block.token.start_index)
                    for value in block.expression.expressions
                ]
                for outcome in outcomes:
                    facts = {**facts, **outcome.false}
                entered = _entered(outcomes[0]) if len(outcomes) == 1 else self._scope.facts
                arms.append(_Arm(block.block, proven | proof.true, entered))
            else:
                arms = [*arms[1:], _Arm(block, proven, facts)]
        self._walk_arms(arms)

    def _judge_when(self, subject: Expression, value: Expression, start: int) -> Outcome:
        equal = EqExpression(subject.token, subject, value)
        self._uses.check_compared(equal)
        outcome = judge(equal, self._scope.facts, self._scope.value)
        if outcome.always is False:
            self._add_dead(start, f"`{subject}` cannot be {value} here")
        return outcome

    def _walk_arms(self, arms: "list[_Arm]") -> None:
        """Walk arms of which one is taken; a name is as sure as the least sure arm left it."""
        before, facts = self._scope.names, self._scope.facts
        after: dict[str, Name] = {}
        for arm in arms:
            self._scope.names = dict(before)
            self._scope.facts = facts if arm.facts is None else arm.facts
            if arm.block is not None:
                self._walk([arm.block], arm.proven)
            for name, found in self._scope.names.items():
                if name not in after or not found.sure:
                    changed = name in after and after[name] is not found
                    after[name] = found.again() if changed else found
                elif after[name] is not found:
                    after[name] = after[name].again()
        self._scope.names, self._scope.facts = after, facts

    def _visit_loop(self, node: ForNode | TablerowNode, proven: Proven) -> None:
        for name in self._set_in(node.block):
            # From its second round on the loop sees what the round before set.
            if name in self._scope.names:
                self._scope.names[name] = self._scope.names[name].again()
        outer = dict(self._scope.names)
        loop = node.expression
        self._uses.check_looped(loop.iterable)
        path = self._scope.resolve(loop.iterable) if isinstance(loop.iterable, Path) else None
        item = Name(None, ANYTHING)
        if path is not None:
            item = Name((*path, ITEM), self._scope.shape_at((*path, ITEM)) or ANYTHING, sure=False)
        self._scope.names[loop.identifier] = item
        for name in ("forloop", "tablerowloop"):
            self._scope.names[name] = Name(None, ANYTHING)
        self._walk([node.block], proven)
        for name in (loop.identifier, "forloop", "tablerowloop"):
            self._scope.names.pop(name, None)
            if name in outer:
                self._scope.names[name] = outer[name]
        if isinstance(node, ForNode) and node.default:
            self._walk([node.default], proven)

    def _visit_block(self, node: BlockScopeNode, proven: Proven) -> None:
        given = {arg.name: self._assigned(arg.value, proven) for arg in node.args}
        outer, self._scope.names = (self._scope.names, self._scope.facts), given
        # Others use the block, too: what is dead only here is no fault of it.
        self._scope.facts = {}
        self._walk([node.block], proven)
        self._scope.names, self._scope.facts = outer

    def _set_in(self, block: Node) -> Iterator[str]:
        """The names that are set somewhere within a block."""
        for node in block.children(self._context, include_partials=False):
            yield from (str(name) for name in node.template_scope())
            yield from self._set_in(node)

    def _assigned(self, expression: Expression, proven: Proven) -> Name:
        filters: list[str] = []
        if isinstance(expression, FilteredExpression):
            filters = [one.name for one in expression.filters or ()]
            expression = expression.left
        if not isinstance(expression, Path):
            return Name(None, ANYTHING, written=True)
        path = self._scope.resolve(expression)
        if path is None or "default" in filters:
            return Name(None, ANYTHING)
        sure = self._scope.missing(path, proven) is None
        if filters:
            return Name(None if sure else path, ANYTHING, sure=sure)
        return Name(path, self._scope.shape_of(expression) or ANYTHING, sure=sure)

    def _check_printed(self, expression: Expression, proven: Proven) -> None:
        if not isinstance(expression, FilteredExpression):
            return
        filters = expression.filters or ()
        names = [one.name for one in filters]
        if isinstance(expression.left, Path):
            self._uses.check_kind(expression.left, names)
            if self._check_swapped(expression.left):
                return
        printed = [] if "default" in names else [expression.left]
        for one in filters:
            if one.name != "default":
                printed += [argument.value for argument in one.args]
        for value in printed:
            if isinstance(value, Path):
                self._check_present(value, proven)

    def _check_swapped(self, path: Path) -> bool:
        """Whether a value is printed just where it is known to be empty."""
        value = self._scope.value(path)
        known = look(value, self._scope.facts) if value else NOTHING
        if known.there is not False and known.shown is not False:
            return False
        message = f"{path} is shown only where it is empty"
        self._add("shown_where_empty", message, path, "swap the two branches of the condition")
        return True

    def _check_present(self, path: Path, proven: Proven) -> None:
        name = self._scope.names.get(str(path.path[0]))
        full = self._scope.resolve(path)
        if full is None or (name is not None and name.sure and len(path.path) == 1):
            return
        missing = self._scope.missing(full, proven)
        if missing is None:
            return
        what = _written(missing)
        fix = f'{{{{ {path} | default: "…" }}}}, or put it inside {{% if {what} %}}'
        message = f"{what} may be missing for some people, and is printed as if it were there"
        self._add("may_be_missing", message, path, fix)

    def _check_names(self, expression: Expression) -> None:
        pending = [expression]
        while pending:
            one = pending.pop()
            pending += one.children()
            if isinstance(one, Path):
                self._check_path(one)

    def _check_path(self, path: Path) -> None:
        root = str(path.path[0])
        shape = self._scope.root(root)
        if shape is None:
            self._add_unknown(path, root, self._known_roots(root))
            return
        for index, segment in enumerate(path.path[1:], start=1):
            found = ANYTHING if isinstance(segment, Path) else child(shape, segment)
            if found is None:
                before = ".".join(str(part) for part in path.path[:index])
                self._add_unknown(path, f"{before}.{segment}", _known_fields(shape, before))
                return
            shape = found

    def _known_roots(self, name: str) -> list[str]:
        person = self._scope.root("person")
        if person and person.fields and name in person.fields:
            return [f"person.{name}"]
        return self._scope.known_roots()

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
