"""Nodes of a template as Python statements that write parts of a text into a list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.cycle_tag import CycleNode
from liquid.builtin.tags.doc_tag import DocNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.builtin.tags.inline_comment_tag import InlineCommentNode
from liquid.builtin.tags.liquid_tag import LiquidNode
from liquid.expression import Expression

from vocative.compose.compiler.code import Code
from vocative.compose.compiler.expressions import Expressions, Unsupported
from vocative.compose.compiler.fragments import Fragments, Reads, has_conditions
from vocative.compose.compiler.names import Loop, Unit, assigned_names, children_of
from vocative.compose.compiler.quick import SHORT
from vocative.compose.compiler.sinks import Sink
from vocative.compose.language.branches import Arm, NotedCase, NotedIf, NotedUnless
from vocative.compose.language.nodes import BlockScopeNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vocative.compose.language.environments import ParsedText

_WORK_BETWEEN_LOOKS = 1_024
"""About how many nodes and values loops go through between two looks at the time."""


class Statements:
    """Writes the nodes of one template.

    Args:
        template: The parsed template.
        expressions: Writes its expressions.
        sink: What becomes of what it prints.
        captured: The same for what is captured.
        texts: Other texts for some of its nodes, by the nodes' ids.
        sinks: The same of sinks.
    """

    def __init__(
        self,
        template: "ParsedText",
        expressions: Expressions,
        *,
        sink: Sink,
        captured: Sink,
        texts: Mapping[int, str],
        sinks: Mapping[int, Sink],
    ) -> None:
        self._template, self._expressions = template, expressions
        self._sink, self._captured = sink, captured
        self._texts, self._sinks = texts, sinks
        self.code = expressions.code
        self.functions: list[str] = []
        self.fragments: list[tuple[Fragments, str]] = []
        self._parts = "parts"
        self._static: list[Any] = []
        self._waiting: list[str] = []
        self._muted = False
        self._loops = 0
        self._ready: dict[int, str] = {}
        self._local_bytes = template.env.local_namespace_limit or 0

    def whole(self, nodes: Sequence[Node]) -> None:
        """Write a whole template."""
        self._enter(nodes, is_whole=True)
        self._nodes(nodes)
        self._flush()

    def _enter(
        self, nodes: Sequence[Node], *, given: dict[str, str] | None = None, is_whole: bool = False
    ) -> None:
        """Begin a stretch with names of its own."""
        names = {name: self.code.name("own") for name in assigned_names(nodes)}
        for variable in names.values():
            self.code.line(f"{variable} = UNSET")
        cycles = self.code.name("cycles")
        self.code.line(f"{cycles} = {{}}")
        self._expressions.unit = Unit(names, given or {}, is_whole=is_whole, cycles=cycles)

    def _nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._node(node)

    def _node(self, node: Node) -> None:
        if isinstance(node, ContentNode):
            if not self._muted:
                self._static.append(self._sink.static(self._texts.get(id(node), node.text)))
            return
        if isinstance(node, CommentNode | InlineCommentNode | DocNode):
            return
        if isinstance(node, OutputNode):
            self._print(node)
            return
        self._flush()
        for kind, written in _WRITTEN.items():
            if isinstance(node, kind):
                written(self, node)
                self._flush()
                return
        raise Unsupported(type(node).__name__)

    def _block(self, block: Node) -> None:
        """Nodes between two tags; of blank ones nothing but their effects remain."""
        if not isinstance(block, BlockNode):
            raise Unsupported(type(block).__name__)
        muted = self._muted
        self._muted = muted or bool(
            block.blank and self._template.env.suppress_blank_control_flow_blocks
        )
        try:
            self._nodes(block.nodes)
            self._flush()
        finally:
            self._muted = muted

    def _flush(self) -> None:
        """Write what has been waiting for more of it."""
        self._end_static()
        if len(self._waiting) == 1:
            self.code.line(f"{self._parts}.append({self._waiting[0]})")
        elif self._waiting:
            self.code.line(f"{self._parts}.extend(({', '.join(self._waiting)}))")
        self._waiting.clear()

    def _end_static(self) -> None:
        text = self._sink.empty.join(self._static)
        self._static.clear()
        if text:
            self._waiting.append(self.code.object(text, "text"))

    def _write(self, python: str) -> None:
        """Have the value of an expression written."""
        self._end_static()
        self._waiting.append(python)

    def _print(self, node: OutputNode) -> None:
        expression = node.expression
        sink = self._sinks.get(id(node), self._sink)
        if id(node) in self._ready:
            self._write(self._ready[id(node)])
        elif self._expressions.is_constant(expression):
            try:
                self._static.append(sink.printed(self._expressions.constant(expression)))
            except Unsupported:
                self._flush()
                self._expressions.refused()
        else:
            self._write(self._printed(expression, sink))

    def _printed(self, expression: Expression, sink: Sink) -> str:
        """Python for what is written of an expression."""
        if isinstance(expression, FilteredExpression) and expression.filters:
            name, rest = self._expressions.quick(expression, but_escape=sink.escapes)
            escape = self._expressions.quick_call(rest[0], name) if rest else None
            if escape is not None:  # only the last one is left although it has a quick form
                printed = self.code.object(sink.printed, "printed")
                plain = f"type({name}) is str and len({name}) < {SHORT}"
                return f"{sink.of_text.format(name)} if {plain} else {printed}({escape})"
            if rest:
                return self._chained(name, rest, sink)
        else:
            counted = self._expressions.counted(expression)
            if counted is not None:
                return sink.of_int.format(counted)
            name = self._expressions.kept(expression)
        printed = self.code.object(sink.printed, "printed")
        return f"{sink.of_text.format(name)} if type({name}) is str else {printed}({name})"

    def _chained(self, value: str, filters: list[Filter], sink: Sink) -> str:
        chain, inputs = self._expressions.chain(value, filters, printed=sink.printed)
        call = f"{chain}(state, {', '.join(inputs)})"
        if len(inputs) > 1:
            return call
        recent = self.code.object(self.code.objects[chain].recent.get, "recent")  # type: ignore[attr-defined]
        name = self.code.name("t")
        self.code.line(f"{name} = {recent}({value}) if type({value}) is str else None")
        return f"{call} if {name} is None else {name}"

    # Tags

    def _if(self, node: NotedIf | NotedUnless) -> None:
        holds = self._expressions.condition(node.condition)
        with self.code.block(
            f"if not {holds}:" if isinstance(node, NotedUnless) else f"if {holds}:"
        ):
            self._arm(node.arms[0], node.consequence)
        rest = list(zip(node.arms[1:], node.alternatives, strict=False))
        self._otherwise(node, rest)

    def _otherwise(self, node: NotedIf | NotedUnless, rest: list[tuple[Arm, Any]]) -> None:
        if rest:
            (arm, alternative), *others = rest
            with self.code.block("else:"):
                holds = self._expressions.condition(alternative.expression)
                with self.code.block(f"if {holds}:"):
                    self._arm(arm, alternative.block)
                self._otherwise(node, others)
        elif node.default:
            with self.code.block("else:"):
                self._arm(node.arms[-1], node.default)

    def _arm(self, arm: Arm, block: Node) -> None:
        self._take(arm)
        self._block(block)

    def _take(self, arm: Arm) -> None:
        self.code.line(f"taken[{self.code.object(arm, 'arm')}] = None")

    def _case(self, node: NotedCase) -> None:
        matched = self.code.name("matched")
        self.code.line(f"{matched} = False")
        for block in node.blocks:
            if isinstance(block, BlockNode):
                with self.code.block(f"if not {matched}:"):
                    self._arm(node.arms[id(block)], block)
            else:
                self._when(node.arms[id(block)], block, matched)

    def _when(self, arm: Arm, block: Any, matched: str) -> None:
        subject, values = block.expression.left, block.expression.expressions
        if len(values) > 1 and any(
            isinstance(one, BreakNode | ContinueNode) for one in _all_nodes(block)
        ):
            raise Unsupported("break in a when of several values")
        left = self._expressions.value(subject)
        times = " + ".join(f"eq({left}, {self._expressions.value(one)})" for one in values)
        count = self.code.name("count")
        self.code.line(f"{count} = {times}")
        with self.code.block(f"if {count}:"):
            if len(values) > 1:  # Liquid renders the block once for each value that is equal
                with self.code.block(f"for _ in range({count}):"):
                    self._block(block.block)
            else:
                self._block(block.block)
            self._take(arm)
            self.code.line(f"{matched} = True")

    def _for(self, node: ForNode) -> None:
        loop = node.expression
        if loop.identifier == "forloop":
            raise Unsupported("an item named forloop")
        code = self.code
        value = self._expressions.value(loop.iterable)
        limit, offset = self._whole(loop.limit), self._whole(loop.offset)
        items, length = code.name("items"), code.name("length")
        if limit == offset == "None" and not loop.reversed:
            code.line(f"{items} = {value} if type({value}) is list else items_of({value})")
        else:
            code.line(
                f"{items} = items_of({value}, {limit}, {offset}, backwards={bool(loop.reversed)})"
            )
        code.line(f"{length} = len({items})")
        with code.block(f"if {length}:"):
            code.line(f"spent += {length}")
            with code.block("if spent > MAX_ITERATIONS:"):
                code.line("raise Unusual")
            self._rounds(node, items, length)
        if node.default:
            with code.block("else:"):
                self._block(node.default)

    def _rounds(self, node: ForNode, items: str, length: str) -> None:
        code, loop = self.code, node.expression
        at, item = code.name("at"), code.name("item")
        entered = Loop(
            loop.identifier,
            item,
            at,
            length,
            f"{loop.identifier}-{loop.iterable}",
            is_frozen=self._expressions.is_frozen(loop.iterable),
        )
        cost = sum(1 + _leaves(one.expressions()) for one in _all_nodes(node.block))
        self._loops += 1
        ready = self._ready
        self._ready = {**ready, **self._printed_before(node.block, loop.identifier)}
        with code.block(f"for {at}, {item} in enumerate({items}):"):
            code.line(f"work += {cost}")
            with code.block(f"if work > {_WORK_BETWEEN_LOOKS}:"):
                code.line("work = 0")
                code.line(f"state.pause({self._parts}, {self._sink.empty!r})")
            with self._expressions.unit.loop(entered):
                self._body(node.block, entered)
        self._loops -= 1
        self._ready = ready

    def _printed_before(self, block: BlockNode, identifier: str) -> dict[int, str]:
        """Values of the data that every round prints, made once: Python variables by nodes' ids."""
        ready = {}
        for node in block.nodes:
            if isinstance(node, OutputNode) and self._expressions.is_of_data(
                node.expression, identifier
            ):
                sink = self._sinks.get(id(node), self._sink)
                ready[id(node)] = self.code.name("ready")
                self.code.line(f"{ready[id(node)]} = {self._printed(node.expression, sink)}")
        return ready

    def _whole(self, expression: Expression | None) -> str:
        if expression is None:
            return "None"
        if isinstance(expression, StringLiteral) and expression.value == "continue":
            raise Unsupported("a loop that continues another")
        return f"to_int({self._expressions.value(expression)})"

    def _jump(self, node: BreakNode | ContinueNode) -> None:
        if not self._loops:
            raise Unsupported("break outside of a loop")
        self.code.line("break" if isinstance(node, BreakNode) else "continue")

    def _assign(self, node: AssignNode) -> None:
        self._set(str(node.name), self._expressions.value(node.expression))

    def _set(self, name: str, value: str) -> None:
        unit = self._expressions.unit
        limit = self._local_bytes // len(unit.assigned)
        self.code.line(f"{unit.assigned[name]} = assigned({value}, {limit})")

    def _capture(self, node: CaptureNode) -> None:
        outer = self._parts, self._sink, self._muted
        self._parts = self.code.name("parts")
        self._sink, self._muted = self._captured, False
        self.code.line(f"{self._parts} = []")
        self._block(node.block)
        inner = self._parts
        self._parts, self._sink, self._muted = outer
        text = self.code.name("t")
        self.code.line(f"weigh({inner})")
        self.code.line(f"{text} = ''.join({inner})")
        self.code.line(f"captured += len({text})")
        escaped = self._template.env.autoescape
        self._set(str(node.name), f"Markup({text})" if escaped else text)

    def _cycle(self, node: CycleNode) -> None:
        group = self._expressions.value(node.group) if node.group else "ABSENT"
        values = ", ".join([self._expressions.value(one) for one in node.args])
        call = f"turn({self._expressions.unit.cycles}, {group}, [{values}])"
        printed = self.code.object(self._sink.cycled, "printed")
        # Whose turn it is changes, so it is written at once.
        self.code.line(f"{self._parts}.append({printed}({call}))")

    def _liquid(self, node: LiquidNode) -> None:
        self._block(node.block)

    def _block_scope(self, node: BlockScopeNode) -> None:
        outer = self._expressions.unit
        given = {}
        for argument in node.args:
            name = self.code.name("given")
            self.code.line(f"{name} = {self._expressions.value(argument.value)}")
            given[str(argument.name)] = name
        self._enter(node.block.nodes, given=given)
        self._block(node.block)
        self._expressions.unit = outer

    # Fragments

    def _body(self, block: BlockNode, loop: Loop) -> None:
        """A loop's body: what depends on the item alone becomes fragments."""
        reads = Reads(self._template.env, loop.identifier, self._expressions.is_constant)
        stretches = [] if self._muted or block.blank else reads.stretches(block.nodes)
        fields = reads.fields([node for is_kept, nodes in stretches if is_kept for node in nodes])
        if not fields:
            self._block(block)
            return
        kept = [nodes for is_kept, nodes in stretches if is_kept]
        found = self._look_up(kept, fields, loop)
        number = 0
        for is_kept, nodes in stretches:
            if is_kept:
                self._write(f"{found}[{number}][0]")
                if has_conditions(nodes):
                    self.code.line(f"taken.update({found}[{number}][1])")
                number += 1
            else:
                self._nodes(nodes)
        self._flush()

    def _look_up(
        self, stretches: list[list[Node]], fields: list[tuple[str, ...]], loop: Loop
    ) -> str:
        """Look up what the item's fields gave before, or make it: a Python variable for it."""
        code = self.code
        fragments = Fragments()
        called = code.object(fragments, "fragments")
        recent = code.object(fragments.recent.get, "recent")
        key, found = code.name("key"), code.name("found")
        read = ", ".join(loop.item + "".join(f"[{one!r}]" for one in keys) for keys in fields)
        if loop.is_frozen:
            by_item = code.object(fragments.recent_items.get, "recent")
            code.line(f"{found} = {by_item}(id({loop.item}))")
            with code.block(f"if {found} is None:"):
                self._look_up_fields(read, key)
                code.line(f"{found} = {called}.of_frozen({key}, state, {loop.item})")
        else:
            self._look_up_fields(read, key)
            code.line(f"{found} = {recent}({key}) if {key} is not None else None")
            with code.block(f"if {found} is None:"):
                code.line(f"{found} = {called}({key}, state, {loop.item})")
        for nodes in stretches:
            self.fragments.append((fragments, self._function(nodes, loop)))
        return found

    def _look_up_fields(self, read: str, key: str) -> None:
        with self.code.block("try:"):
            self.code.line(f"{key} = ({read},)")
            self.code.line(f"{key} = ({key}, tuple(map(type, {key})))")
            self.code.line(f"hash({key})")
        with self.code.block("except LOOKUP:"):
            self.code.line(f"{key} = None")

    def _function(self, nodes: list[Node], loop: Loop) -> str:
        """A function of its own that makes a fragment of an item."""
        outer, name = self.code, self.code.name("make")
        saved = self._parts
        with self._writing_to(Code(outer.objects)):
            self._parts = "parts"
            self._nodes(nodes)
            self._flush()
            lines = self.code.lines
        self._parts = saved
        self.functions += [
            f"def {name}(state, {loop.item}):",
            "    taken, parts = {}, []",
            *lines,
            f"    return {self._sink.empty!r}.join(parts), taken",
        ]
        return name

    @contextmanager
    def _writing_to(self, code: Code) -> "Iterator[None]":
        outer = self.code
        self.code = self._expressions.code = code
        try:
            yield
        finally:
            self.code = self._expressions.code = outer


def _all_nodes(node: Node) -> "Iterator[Node]":
    pending = [node]
    while pending:
        found = pending.pop()
        yield found
        pending += children_of(found)


def _leaves(expressions: Iterable[Expression]) -> int:
    """How many values expressions are made of."""
    pending, count = list(expressions), 0
    while pending:
        children = pending.pop().children()
        count += not children
        pending += children
    return count


_WRITTEN: dict[type[Node], Callable[[Statements, Any], None]] = {
    NotedIf: Statements._if,
    NotedUnless: Statements._if,
    NotedCase: Statements._case,
    ForNode: Statements._for,
    BreakNode: Statements._jump,
    ContinueNode: Statements._jump,
    AssignNode: Statements._assign,
    CaptureNode: Statements._capture,
    CycleNode: Statements._cycle,
    LiquidNode: Statements._liquid,
    BlockScopeNode: Statements._block_scope,
}
