"""Blocks of Handlebars as Liquid: conditions, loops, contexts, and what only the data decide."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vocative.compose.dialects._handlebars.helpers import CONDITIONS
from vocative.compose.dialects._handlebars.scope import Round, Scope
from vocative.compose.dialects._handlebars.tree import Block, Inline, Node, Partial
from vocative.compose.dialects._handlebars.values import (
    NOTHING,
    UNKNOWN,
    Item,
    Section,
    Value,
)
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import Writer

if TYPE_CHECKING:
    from vocative.compose.dialects._handlebars.write import LiquidWriter


class Blocks:
    """Writes blocks for a writer."""

    def __init__(self, writer: "LiquidWriter") -> None:
        self._writer = writer

    def write(self, node: Block, scope: Scope) -> None:
        """Write one block."""
        name = node.call.path.original
        if not self._writer.is_helper(node.call, scope) or name not in _WRITERS:
            if node.call.is_plain:
                self._section(node, scope)
            else:
                self._writer.refuse_helper(node.call, node.span)
            return
        _WRITERS[name](self, node, scope)

    def _condition(self, node: Block, scope: Scope) -> None:
        condition = self._writer.helpers.condition(node.call, scope, node.span)
        self._writer.translation.carried(node.span.start, node.span.end)
        at = node.span.start
        if condition in ("true", "false"):
            self._writer.body(node.body if condition == "true" else node.otherwise, scope)
            return
        word = "unless" if node.call.path.original in ("unless", "notEquals") else "if"
        self._writer.tag(f"{word} {condition}", at)
        self._writer.body(node.body, scope.deeper())
        self._alternatives(node.otherwise, scope.deeper())
        self._writer.tag(f"end{word}", at)

    def _alternatives(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        """Write `elsif` and `else`."""
        while nodes:
            chained = self._chained(nodes, scope)
            if chained is None:
                self._writer.tag("else", nodes[0].span.start)
                self._writer.body(nodes, scope)
                return
            body, nodes = chained
            self._writer.body(body, scope)

    def _chained(
        self, nodes: tuple[Node, ...], scope: Scope
    ) -> tuple[tuple[Node, ...], tuple[Node, ...]] | None:
        """Write `elsif` for `{{else if …}}` when its condition needs nothing set before."""
        node = nodes[0]
        chains = (
            len(nodes) == 1 and isinstance(node, Block) and self._writer.is_helper(node.call, scope)
        )
        if not chains or not isinstance(node, Block) or node.call.path.original not in _CHAINS:
            return None
        outer, self._writer.translation.writer = self._writer.translation.writer, Writer()
        notes = len(self._writer.translation.notes)
        try:
            condition = self._writer.helpers.condition(node.call, scope, node.span)
            direct = not self._writer.translation.writer.text
        finally:
            self._writer.translation.writer = outer
        if not direct or condition in ("true", "false"):
            del self._writer.translation.notes[notes:]
            return None
        self._writer.translation.carried(node.span.start, node.span.end)
        self._writer.tag(f"elsif {condition}", node.span.start)
        return node.body, node.otherwise

    def _each(self, node: Block, scope: Scope) -> None:
        call, at = node.call, node.span.start
        if not call.params:
            raise Unreadable("Must pass iterator to #each", at, "name a list: {{#each items}}")
        value = self._writer.value(call.params[0], scope, node.span)
        self._writer.translation.carried(node.span.start, node.span.end)
        keyed = len(node.names) > 1 or self._uses_key(node.body)
        rows = value.text
        if not (value.is_simple and value.text == "products") or keyed:
            rows = self._writer.translation.new_name("items")
            through = value.filtered('handlebars: "entries"' if keyed else 'handlebars: "each"')
            self._writer.tag(f"assign {rows} = {through}", at)
        item = self._writer.translation.new_name("item")
        inner = Value(f"{item}.value" if keyed else item)
        key = Value(f"{item}.key") if keyed else None
        self._writer.tag(f"for {item} in {rows}", at)
        within = replace(
            scope.deeper(),
            context=Item(inner, scope.context),
            rounds=(*scope.rounds, Round(scope.loops + 1, key)),
            loops=scope.loops + 1,
        )
        names = dict(zip(node.names, (inner, key or NOTHING), strict=False))
        self._writer.body(node.body, within.named(names))
        if node.otherwise:
            self._writer.tag("else", at)
            self._writer.body(node.otherwise, scope.deeper())
        self._writer.tag("endfor", at)

    def _with(self, node: Block, scope: Scope) -> None:
        call, span = node.call, node.span
        if not call.params:
            raise Unreadable("#with requires exactly one argument", span.start, "name an object")
        self._writer.translation.carried(span.start, span.end)
        context, value = self._writer.context_of(call.params[0], scope, span)
        inner = scope.within(context)
        if value is None:
            self._writer.body(node.body, inner)
            return
        inner = inner.named(dict(zip(node.names, (value,), strict=False)))
        if value.constant is not UNKNOWN:
            self._writer.body(node.body if value.constant else node.otherwise, inner)
            return
        self._writer.tag(f"if {value} == 0 or {value} and {value} != empty", span.start)
        self._writer.body(node.body, inner.deeper())
        if node.otherwise:
            self._writer.tag("else", span.start)
            self._writer.body(node.otherwise, scope.deeper())
        self._writer.tag("endif", span.start)

    def _section(self, node: Block, scope: Scope) -> None:
        """`{{#x}}`: a loop, a condition or a context, as the data decide."""
        at = node.span.start
        value = self._writer.lookup.find(node.call.path, scope, node.span)
        self._writer.translation.carried(node.span.start, node.span.end)
        if value.constant is not UNKNOWN:
            self._writer.body(
                node.body if value.constant not in (None, False) else node.otherwise, scope
            )
            return
        rows = self._writer.translation.new_name("section")
        through = value.filtered('handlebars: "section"')
        self._writer.tag(f"assign {rows} = {through}", at)
        if not node.body:
            self._writer.tag(f"if {rows} == empty", at)
            self._writer.body(node.otherwise, scope.deeper())
            self._writer.tag("endif", at)
            return
        item = self._writer.translation.new_name("item")
        self._writer.tag(f"for {item} in {rows}", at)
        within = replace(
            scope.deeper(),
            context=Section(Value(item), scope.context),
            rounds=(*scope.rounds, Round(scope.loops + 1)),
            loops=scope.loops + 1,
        )
        names = dict(zip(node.names, (Value(item),), strict=False))
        self._writer.body(node.body, within.named(names))
        if node.otherwise:
            self._writer.tag("else", at)
            self._writer.body(node.otherwise, scope.deeper())
        self._writer.tag("endfor", at)

    def _uses_key(self, nodes: tuple[Node, ...]) -> bool:
        """Whether `@key` may be asked for within nodes or the partials they put in."""
        source = self._writer.translation.source
        for node in nodes:
            if "@key" in source[node.span.start : node.span.end] or isinstance(node, Partial):
                return self._mentions_key()
            if isinstance(node, Block | Inline):
                otherwise = node.otherwise if isinstance(node, Block) else ()
                if self._uses_key(node.body) or self._uses_key(otherwise):
                    return True
        return False

    def _mentions_key(self) -> bool:
        texts = [
            self._writer.translation.source,
            *(part.text for part in self._writer.translation.parts.values()),
        ]
        return any("@key" in text or "/key" in text for text in texts)


_WRITERS: dict[str, Callable[[Blocks, Block, Scope], None]] = {
    **dict.fromkeys(CONDITIONS, Blocks._condition),
    "each": Blocks._each,
    "with": Blocks._with,
}
_CHAINS = CONDITIONS - {"unless", "notEquals"}
