"""Partials of Handlebars and Mustache, written out where they are put in."""

from dataclasses import replace
from typing import TYPE_CHECKING

from vocative.compose.authoring.source import MAX_SOURCE_CHARACTERS
from vocative.compose.dialects._handlebars.scope import Body, Scope
from vocative.compose.dialects._handlebars.tree import (
    Expression,
    Inline,
    Node,
    Partial,
    Path,
    Span,
    Text,
    moved_to,
)
from vocative.compose.dialects._handlebars.values import (
    NOTHING,
    Context,
    Extended,
    Item,
    Root,
    Value,
)
from vocative.compose.dialects._unreadable import Unreadable

if TYPE_CHECKING:
    from vocative.compose.dialects._handlebars.write import LiquidWriter

MAX_PARTIALS = 1_000
MAX_SELF_PARTIALS = 5
MAX_BLOCKS = 15
"""Liquid blocks open at once before a partial stops using itself."""
_BLOCK = "@partial-block"


class Partials:
    """Puts partials in for a writer."""

    def __init__(self, writer: "LiquidWriter") -> None:
        self._writer = writer
        self._parsed: dict[tuple[str, str], tuple[Node, ...]] = {}
        self._put_in = 0

    def write(self, node: Partial, scope: Scope) -> None:
        """Put one partial in.

        Raises:
            Unreadable: too many are put in, or this one cannot be read.
        """
        span = node.span
        if node.name is None:
            self._writer.refuse(
                span, "which partial is put in depends on the data", "choose with {{#if}} instead"
            )
            return
        self._put_in += 1
        if self._put_in > MAX_PARTIALS:
            raise Unreadable(
                f"more than {MAX_PARTIALS:,} partials are put in", span.start, "use fewer"
            )
        found = self._find_partial(node, scope)
        if found is None:
            if node.body is None:
                self._writer.refuse(
                    span, f'The partial "{node.name}" could not be found', "hand it in, too"
                )
                return
            found = Body(node.body, scope.names, scope.partial_block)
        if scope.inside.count(node.name) >= MAX_SELF_PARTIALS or (
            node.name in scope.inside and scope.blocks >= MAX_BLOCKS
        ):
            self._writer.approximate(
                span,
                f"a partial that uses itself is written out {MAX_SELF_PARTIALS} levels deep",
                "use a loop where the data can be deeper",
            )
            return
        self._writer.translation.carried(span.start, span.end)
        self._put_body(node, found, scope)

    def _put_body(self, node: Partial, found: Body, scope: Scope) -> None:
        block = found.partial_block
        partials = scope.partials
        if node.body is not None and found.nodes is not node.body:
            block = Body(node.body, scope.names, scope.partial_block)
            partials = {**partials, **own_partials(node.body, scope)}
        inner = replace(
            scope,
            context=self._partial_context(node, scope),
            names=found.names,
            partials=partials,
            partial_block=block,
            inside=(*scope.inside, node.name or ""),
        )
        nodes = moved_to(found.nodes, node.span)
        if node.indent and self._writer.options.indents and self._indents_output():
            self._indented(node, nodes, inner)
            return
        if node.indent and not self._writer.options.indents_source:
            self._writer.literal(Text(node.indent, node.span, moved=True), 0, len(node.indent))
        self._writer.nodes(nodes, inner)

    def _indents_output(self) -> bool:
        # In HTML blanks before a line mean nothing, and a filter would have to keep markup.
        return not self._writer.options.indents_source and (
            self._writer.options.exact or self._writer.translation.medium != "html"
        )

    def _indented(self, node: Partial, nodes: tuple[Node, ...], scope: Scope) -> None:
        name = self._writer.translation.new_name("part")
        self._writer.tag(f"capture {name}", node.span.start)
        self._writer.body(nodes, scope.deeper())
        self._writer.tag("endcapture", node.span.start)
        blanks = self._writer.translation.string(node.indent, node.span.start)
        written = f'{name} | handlebars: "indent", {blanks}'
        self._writer.put_raw(written, node.span.start)

    def _find_partial(self, node: Partial, scope: Scope) -> Body | None:
        name = str(node.name)
        if name == _BLOCK:
            return scope.partial_block
        if name in scope.partials:
            return scope.partials[name]
        passage = self._writer.translation.parts.get(name)
        if passage is None:
            return None
        indent = node.indent if self._writer.options.indents_source else ""
        key = (name, indent)
        if key not in self._parsed:
            text = _indent_lines(passage.text, indent) if indent else passage.text
            if len(text) > MAX_SOURCE_CHARACTERS:
                raise Unreadable("a partial is too long", node.span.start, "cut it down")
            try:
                self._parsed[key] = self._writer.options.parse(text)
            except Unreadable as error:
                raise error.in_passage(passage) from error
        return Body(self._parsed[key])

    def _partial_context(self, node: Partial, scope: Scope) -> Context:
        context = scope.context
        outer: Context | None = context
        if node.context is not None:
            context, _ = self._writer.context_of(node.context, scope, node.span)
        elif self._writer.options.partials_see_nothing:
            context = Item(NOTHING, scope.context)
        if not node.named:
            return context
        added = {name: self._added(given, scope, node.span) for name, given in node.named.items()}
        return Extended(context, added, outer)

    def _added(self, given: Expression, scope: Scope, span: Span) -> Value | Root:
        """What a parameter stands for: a value, or the data as a whole, which have none."""
        if isinstance(given, Path) and not given.parts and not given.is_data:
            around = self._writer.lookup.context_at(given, scope)
            if isinstance(around, Root):
                return around
        return self._writer.simple(self._writer.value(given, scope, span), span.start)


def own_partials(nodes: tuple[Node, ...], scope: Scope) -> dict[str, Body]:
    """The inline partials that nodes define; they hold for all of these nodes."""
    return {
        node.name: Body(node.body, scope.names, scope.partial_block)
        for node in nodes
        if isinstance(node, Inline)
    }


def _indent_lines(text: str, indent: str) -> str:
    return "".join(indent + line for line in text.splitlines(keepends=True))
