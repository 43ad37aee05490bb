"""A Handlebars or Mustache tree written as Liquid.

Contexts are resolved while writing: a name becomes the path of what it stands for at its place.
What only the data decide (whether `{{#x}}` is a loop, a condition or a context) is left to the
filter `handlebars`.
"""

from collections.abc import Callable
from dataclasses import replace

from vocative.compose.dialects._handlebars.helpers import Helpers
from vocative.compose.dialects._handlebars.lookup import WHOLE, Lookup
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects._handlebars.scope import Body, Round, Scope
from vocative.compose.dialects._handlebars.sendgrid import (
    ADDRESS_PARTS,
    ALWAYS_THERE,
    OWN_NAMES,
    find_legacy_tags,
)
from vocative.compose.dialects._handlebars.tree import (
    Block,
    Call,
    Expression,
    Inline,
    Literal,
    Node,
    Partial,
    Path,
    Print,
    Span,
    Text,
    moved_to,
)
from vocative.compose.dialects._handlebars.values import (
    NOTHING,
    UNKNOWN,
    Context,
    Extended,
    Item,
    Root,
    Section,
    Value,
)
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import Writer
from vocative.compose.dialects.base import Translation
from vocative.compose.source import MAX_SOURCE_CHARACTERS
from vocative.compose.tags import MAX_TAGS

MAX_PARTIALS = 1_000
MAX_SELF_PARTIALS = 5
MAX_BLOCKS = 15
"""Liquid blocks open at once before a partial stops using itself."""
_BLOCK = "@partial-block"


class LiquidWriter:
    """Writes one tree through a translation."""

    def __init__(self, translation: Translation, options: Options) -> None:
        self._translation = translation
        self._options = options
        self._lookup = Lookup(translation, self.quote, self.simple, outwards=options.outwards)
        self._helpers = Helpers(self)
        self._parsed: dict[tuple[str, str], tuple[Node, ...]] = {}
        self._put_in = 0
        self._at = 0
        self._written = 0
        self._tags = 0
        self._ink = 0
        """How much was written that Liquid does not take for blank."""
        self._blanks = 0

    def write(self, nodes: tuple[Node, ...]) -> None:
        """Write the nodes of a whole text.

        Raises:
            Unreadable: Handlebars would refuse it, or it grows too large.
        """
        self._nodes(nodes, Scope(Root()))

    def value(self, expression: Expression, scope: Scope, span: Span) -> Value:
        """The value of an expression; what has to be set for it is written."""
        if isinstance(expression, Literal):
            return self._constant(expression.value, span)
        if isinstance(expression, Path):
            return self._lookup.find(expression, scope, span)
        return self._helpers.value(expression, scope, span)

    def simple(self, value: Value, at: int) -> Value:
        """The value as one that can stand anywhere; filters are set before."""
        if value.is_simple:
            return value
        name = self._translation.new_name("value")
        self.tag(f"assign {name} = {value}", at)
        return Value(name, fallback=value.fallback)

    def quote(self, text: str) -> str:
        """A text as a Liquid literal."""
        return self._translation.string(text, self._at)

    def refuse(self, span: Span, reason: str, fix: str) -> Value:
        """Note what cannot be carried; nothing is put in its place."""
        self._translation.refused(span.start, span.end, reason, fix)
        return NOTHING

    def approximate(self, span: Span, difference: str, fix: str | None = None) -> None:
        """Note what is carried with a difference."""
        self._translation.approximated(span.start, span.end, difference, fix)

    def tag(self, words: str, at: int) -> None:
        """Write `{% words %}`."""
        self._check_size(len(words) + 6, tags=1)
        self._translation.writer.tag(words, at)

    def _nodes(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        own = {
            node.name: Body(node.body, scope.names, scope.partial_block)
            for node in nodes
            if isinstance(node, Inline)
        }
        if own:
            scope = replace(scope, partials={**scope.partials, **own})
        for node in nodes:
            self._at = node.span.start
            if isinstance(node, Text):
                self._text(node)
            elif isinstance(node, Print):
                self._print(node, scope)
            elif isinstance(node, Block):
                self._block(node, scope)
            elif isinstance(node, Partial):
                self._partial(node, scope)

    def _text(self, node: Text) -> None:
        at = 0
        if self._options.sendgrid and not self._options.exact:
            for found in find_legacy_tags(node.value, self._translation.maps):
                self._literal(node, at, found.start)
                span = (
                    node.span
                    if node.moved
                    else Span(node.span.start + found.start, node.span.start + found.end)
                )
                named = self._translation.field(found.name, span.start, span.end, found.usual)
                value = Value(named.path, fallback=found.fallback or named.fallback)
                self._translation.carried(span.start, span.end)
                self.put(value, span)
                at = found.end
        self._literal(node, at, len(node.value))

    def _literal(self, node: Text, start: int, end: int) -> None:
        text = node.value[start:end]
        if not text:
            return
        self._check_size(len(text))
        if text.isspace():
            self._blanks += 1
        else:
            self._ink += 1
        at = node.span.start if node.moved else node.span.start + start
        self._translation.writer.literal(text, at, exact=not node.moved)

    def _print(self, node: Print, scope: Scope) -> None:
        call, span = node.call, node.span
        if self._is_helper(call, scope):
            if call.path.original == "log":
                self._translation.carried(span.start, span.end)
                return
            value = self._helpers.value(call, scope, span)
        elif not call.is_plain:
            self.refuse_helper(call, span)
            return
        elif self._is_own_name(call.path, scope) and call.path.original in ADDRESS_PARTS:
            self.approximate(span, "it stands in the postal address already")
            return
        elif self._is_own_name(call.path, scope):
            name = call.path.parts[0]
            named = self._translation.field(name, span.start, span.end, OWN_NAMES[name])
            value = Value(named.path)
        else:
            value = self._lookup.find(call.path, scope, span)
        if value.text == WHOLE and value.is_simple:
            self.refuse(span, "there is no object of all data", "print one of its fields")
            return
        self._note_print(node, value)
        self.put(value, span, escaped=node.escaped and self._options.escapes)

    def _note_print(self, node: Print, value: Value) -> None:
        own = value.text in OWN_NAMES.values() or self._is_in_markup(node.span.start)
        if own or node.escaped or self._translation.medium != "html" or self._options.exact:
            self._translation.carried(node.span.start, node.span.end)
        else:
            self.approximate(
                node.span,
                "HTML within the value is shown as text: data cannot bring markup into a mail",
                "write the markup into the template, or leave it at that for links and words",
            )

    def _is_in_markup(self, at: int) -> bool:
        """Whether an offset is within an element's tag, where markup has no place anyway."""
        before = self._translation.source[max(0, at - 2_000) : at]
        return before.rfind("<") > before.rfind(">")

    def put(self, value: Value, span: Span, *, escaped: bool = True) -> None:
        """Print a value."""
        if value.constant is None:
            return
        self._ink += 1
        if self._options.exact:
            value = value.filtered('handlebars: "escape"' if escaped else 'handlebars: "text"')
        elif value.text not in ALWAYS_THERE and not value.text.startswith("forloop"):
            fallback = self._translation.string(value.fallback, span.start)
            kept = "" if value.fallback else ", allow_false: true"
            value = value.filtered(f"default: {fallback}{kept}")
        self._check_size(len(str(value)) + 6, tags=1)
        self._translation.writer.output(str(value), span.start)

    def _block(self, node: Block, scope: Scope) -> None:
        name = node.call.path.original
        if not self._is_helper(node.call, scope) or name not in _BLOCKS:
            if node.call.is_plain:
                self._section(node, scope)
            else:
                self.refuse_helper(node.call, node.span)
            return
        _BLOCKS[name](self, node, scope)

    def _condition(self, node: Block, scope: Scope) -> None:
        condition = self._helpers.condition(node.call, scope, node.span)
        self._translation.carried(node.span.start, node.span.end)
        at = node.span.start
        if condition in ("true", "false"):
            self._body(node.body if condition == "true" else node.otherwise, scope)
            return
        word = "unless" if node.call.path.original in ("unless", "notEquals") else "if"
        self.tag(f"{word} {condition}", at)
        self._body(node.body, scope.deeper())
        self._alternatives(node.otherwise, scope.deeper())
        self.tag(f"end{word}", at)

    def _alternatives(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        """Write `elsif` and `else`."""
        while nodes:
            chained = self._chained(nodes, scope)
            if chained is None:
                self.tag("else", nodes[0].span.start)
                self._body(nodes, scope)
                return
            body, nodes = chained
            self._body(body, scope)

    def _chained(
        self, nodes: tuple[Node, ...], scope: Scope
    ) -> tuple[tuple[Node, ...], tuple[Node, ...]] | None:
        """Write `elsif` for `{{else if …}}` when its condition needs nothing set before."""
        node = nodes[0]
        chains = len(nodes) == 1 and isinstance(node, Block) and self._is_helper(node.call, scope)
        if not chains or not isinstance(node, Block) or node.call.path.original not in _CHAINS:
            return None
        outer, self._translation.writer = self._translation.writer, Writer()
        notes = len(self._translation.notes)
        try:
            condition = self._helpers.condition(node.call, scope, node.span)
            direct = not self._translation.writer.text
        finally:
            self._translation.writer = outer
        if not direct or condition in ("true", "false"):
            del self._translation.notes[notes:]
            return None
        self._translation.carried(node.span.start, node.span.end)
        self.tag(f"elsif {condition}", node.span.start)
        return node.body, node.otherwise

    def _each(self, node: Block, scope: Scope) -> None:
        call, at = node.call, node.span.start
        if not call.params:
            raise Unreadable("Must pass iterator to #each", at, "name a list: {{#each items}}")
        value = self.value(call.params[0], scope, node.span)
        self._translation.carried(node.span.start, node.span.end)
        keyed = len(node.names) > 1 or self._uses_key(node.body)
        rows = value.text
        if not (value.is_simple and value.text == "products") or keyed:
            rows = self._translation.new_name("items")
            through = value.filtered('handlebars: "entries"' if keyed else 'handlebars: "each"')
            self.tag(f"assign {rows} = {through}", at)
        item = self._translation.new_name("item")
        inner = Value(f"{item}.value" if keyed else item)
        key = Value(f"{item}.key") if keyed else None
        self.tag(f"for {item} in {rows}", at)
        within = replace(
            scope.deeper(),
            context=Item(inner, scope.context),
            rounds=(*scope.rounds, Round(scope.loops + 1, key)),
            loops=scope.loops + 1,
        )
        names = dict(zip(node.names, (inner, key or NOTHING), strict=False))
        self._body(node.body, within.named(names))
        if node.otherwise:
            self.tag("else", at)
            self._body(node.otherwise, scope.deeper())
        self.tag("endfor", at)

    def _with(self, node: Block, scope: Scope) -> None:
        call, span = node.call, node.span
        if not call.params:
            raise Unreadable("#with requires exactly one argument", span.start, "name an object")
        self._translation.carried(span.start, span.end)
        context, value = self._context_of(call.params[0], scope, span)
        names = dict(zip(node.names, (value,), strict=False))
        inner = scope.within(context).named(names)
        if value.text == WHOLE or (isinstance(context, Root) and not context.names):
            self._body(node.body, inner)
            return
        if value.constant is not UNKNOWN:
            self._body(node.body if value.constant else node.otherwise, inner)
            return
        self.tag(f"if {value} == 0 or {value} and {value} != empty", span.start)
        self._body(node.body, inner.deeper())
        if node.otherwise:
            self.tag("else", span.start)
            self._body(node.otherwise, scope.deeper())
        self.tag("endif", span.start)

    def _section(self, node: Block, scope: Scope) -> None:
        """`{{#x}}`: a loop, a condition or a context, as the data decide."""
        at = node.span.start
        value = self._lookup.find(node.call.path, scope, node.span)
        self._translation.carried(node.span.start, node.span.end)
        if value.constant is not UNKNOWN:
            self._body(node.body if value.constant not in (None, False) else node.otherwise, scope)
            return
        rows = self._translation.new_name("section")
        through = value.filtered('handlebars: "section"')
        self.tag(f"assign {rows} = {through}", at)
        if not node.body:
            self.tag(f"if {rows} == empty", at)
            self._body(node.otherwise, scope.deeper())
            self.tag("endif", at)
            return
        item = self._translation.new_name("item")
        self.tag(f"for {item} in {rows}", at)
        within = replace(
            scope.deeper(),
            context=Section(Value(item), scope.context),
            rounds=(*scope.rounds, Round(scope.loops + 1)),
            loops=scope.loops + 1,
        )
        names = dict(zip(node.names, (Value(item),), strict=False))
        self._body(node.body, within.named(names))
        if node.otherwise:
            self.tag("else", at)
            self._body(node.otherwise, scope.deeper())
        self.tag("endfor", at)

    def _body(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        """Write nodes between two tags of Liquid, which drops them when they are blank."""
        ink, blanks = self._ink, self._blanks
        self._nodes(nodes, scope)
        if self._ink == ink and self._blanks > blanks:
            self._translation.writer.output("''", nodes[-1].span.end)
            self._ink += 1

    def _partial(self, node: Partial, scope: Scope) -> None:
        span = node.span
        if node.name is None:
            self.refuse(
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
                self.refuse(
                    span, f'The partial "{node.name}" could not be found', "hand it in, too"
                )
                return
            found = Body(node.body, scope.names, scope.partial_block)
        if scope.inside.count(node.name) >= MAX_SELF_PARTIALS or (
            node.name in scope.inside and scope.blocks >= MAX_BLOCKS
        ):
            self.approximate(
                span,
                f"a partial that uses itself is written out {MAX_SELF_PARTIALS} levels deep",
                "use a loop where the data can be deeper",
            )
            return
        self._translation.carried(span.start, span.end)
        self._put_body(node, found, scope)

    def _put_body(self, node: Partial, found: Body, scope: Scope) -> None:
        block = found.partial_block
        partials = scope.partials
        if node.body is not None and found.nodes is not node.body:
            block = Body(node.body, scope.names, scope.partial_block)
            own = {
                one.name: Body(one.body, scope.names, scope.partial_block)
                for one in node.body
                if isinstance(one, Inline)
            }
            partials = {**partials, **own}
        inner = replace(
            scope,
            context=self._partial_context(node, scope),
            names=found.names,
            partials=partials,
            partial_block=block,
            inside=(*scope.inside, node.name or ""),
        )
        nodes = moved_to(found.nodes, node.span)
        if node.indent and self._options.indents and self._indents_output():
            self._indented(node, nodes, inner)
            return
        if node.indent and not self._options.indents_source:
            self._literal(Text(node.indent, node.span, moved=True), 0, len(node.indent))
        self._nodes(nodes, inner)

    def _indents_output(self) -> bool:
        # In HTML blanks before a line mean nothing, and a filter would have to keep markup.
        return not self._options.indents_source and (
            self._options.exact or self._translation.medium != "html"
        )

    def _indented(self, node: Partial, nodes: tuple[Node, ...], scope: Scope) -> None:
        name = self._translation.new_name("part")
        self.tag(f"capture {name}", node.span.start)
        self._body(nodes, scope.deeper())
        self.tag("endcapture", node.span.start)
        blanks = self._translation.string(node.indent, node.span.start)
        written = f'{name} | handlebars: "indent", {blanks}'
        self._translation.writer.output(written, node.span.start)
        self._ink += 1

    def _find_partial(self, node: Partial, scope: Scope) -> Body | None:
        name = str(node.name)
        if name == _BLOCK:
            return scope.partial_block
        if name in scope.partials:
            return scope.partials[name]
        passage = self._translation.parts.get(name)
        if passage is None:
            return None
        indent = node.indent if self._options.indents_source else ""
        key = (name, indent)
        if key not in self._parsed:
            text = _indent_lines(passage.text, indent) if indent else passage.text
            if len(text) > MAX_SOURCE_CHARACTERS:
                raise Unreadable("a partial is too long", node.span.start, "cut it down")
            try:
                self._parsed[key] = self._options.parse(text)
            except Unreadable as error:
                raise error.in_passage(passage) from error
        return Body(self._parsed[key])

    def _partial_context(self, node: Partial, scope: Scope) -> Context:
        context = scope.context
        outer: Context | None = context
        if node.context is not None:
            context, _ = self._context_of(node.context, scope, node.span)
        elif self._options.partials_see_nothing:
            context = Item(NOTHING, scope.context)
        if not node.named:
            return context
        added = {
            name: self.simple(self.value(given, scope, node.span), node.span.start)
            for name, given in node.named.items()
        }
        for name, given in node.named.items():
            if isinstance(given, Path) and not given.parts and not given.is_data:
                added[name] = self._whole(given, added[name], scope)
        return Extended(context, added, outer)

    def _whole(self, path: Path, value: Value, scope: Scope) -> Value:
        """A context handed on as a parameter; the data as a whole have no value of their own."""
        found = self._lookup.context_at(path, scope)
        if isinstance(found, Root) and value.text == WHOLE:
            return Value(WHOLE)
        return value

    def _context_of(
        self, expression: Expression, scope: Scope, span: Span
    ) -> tuple[Context, Value]:
        """The context that an expression opens, and its value."""
        if isinstance(expression, Path) and not expression.is_data:
            around = self._lookup.context_at(expression, scope)
            if around is not None and not expression.parts:
                return around, self._value_of(around, span)
            named = expression.parts and expression.parts[0] in scope.names
            if isinstance(around, Root) and not named and self._options.outwards is None:
                names = around.names + expression.parts
                return Root(names, scope.context), self._lookup.field(names, span)
        value = self.simple(self.value(expression, scope, span), span.start)
        return Item(value, scope.context), value

    def _value_of(self, context: Context, span: Span) -> Value:
        if isinstance(context, Root):
            return self._lookup.field(context.names, span)
        if isinstance(context, Extended):
            return self._value_of(context.base, span)
        return context.value

    def _constant(self, value: object, span: Span) -> Value:
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return Value("true" if value else "false", constant=value)
        if isinstance(value, str):
            return Value(self._translation.string(value, span.start), constant=value)
        return Value(str(value), constant=value)

    def _is_helper(self, call: Call, scope: Scope) -> bool:
        """Whether a call is one of a helper rather than the name of a field."""
        name = call.path.original
        if not self._options.helpers or call.path.scoped or name in scope.names:
            return False
        return self._helpers.knows(name) and (not call.is_plain or name in ("log", "each", "with"))

    def _is_own_name(self, path: Path, scope: Scope) -> bool:
        plain = len(path.parts) == 1 and path.depth == 0 and not path.scoped and not path.is_data
        return (
            plain
            and self._options.sendgrid
            and path.parts[0] in {*OWN_NAMES, *ADDRESS_PARTS}
            and isinstance(scope.context, Root)
        )

    def refuse_helper(self, call: Call, span: Span) -> None:
        """Note a helper that is not one of Handlebars' or SendGrid's own."""
        name = call.path.original
        self.refuse(span, f'there is no helper "{name}" here', "say it with the ones there are")

    def _uses_key(self, nodes: tuple[Node, ...]) -> bool:
        """Whether `@key` may be asked for within nodes or the partials they put in."""
        source = self._translation.source
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
            self._translation.source,
            *(part.text for part in self._translation.parts.values()),
        ]
        return any("@key" in text or "/key" in text for text in texts)

    def _check_size(self, more: int, *, tags: int = 0) -> None:
        self._tags += tags
        if self._tags > MAX_TAGS:
            raise Unreadable(
                f"a template may have {MAX_TAGS:,} Liquid tags", self._at, "use loops instead"
            )
        self._written += more
        if self._written > MAX_SOURCE_CHARACTERS:
            raise Unreadable(
                "written as Liquid, this text would be too long", self._at, "use fewer partials"
            )


def _indent_lines(text: str, indent: str) -> str:
    return "".join(indent + line for line in text.splitlines(keepends=True))


_BLOCKS: dict[str, Callable[[LiquidWriter, Block, Scope], None]] = {
    "if": LiquidWriter._condition,
    "unless": LiquidWriter._condition,
    "equals": LiquidWriter._condition,
    "notEquals": LiquidWriter._condition,
    "greaterThan": LiquidWriter._condition,
    "lessThan": LiquidWriter._condition,
    "and": LiquidWriter._condition,
    "or": LiquidWriter._condition,
    "each": LiquidWriter._each,
    "with": LiquidWriter._with,
}
_CHAINS = frozenset(("if", "equals", "greaterThan", "lessThan", "and", "or"))
