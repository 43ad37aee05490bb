"""A Handlebars or Mustache tree written as Liquid.

Contexts are resolved while writing: a name becomes the path of what it stands for at its place.
What only the data decide (whether `{{#x}}` is a loop, a condition or a context) is left to the
filter `handlebars`.
"""

from dataclasses import replace

from vocative.compose.authoring.source import MAX_SOURCE_CHARACTERS
from vocative.compose.authoring.tags import MAX_TAGS
from vocative.compose.dialects._handlebars.blocks import Blocks
from vocative.compose.dialects._handlebars.helpers import Helpers
from vocative.compose.dialects._handlebars.lookup import Lookup
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects._handlebars.partials import Partials, own_partials
from vocative.compose.dialects._handlebars.scope import Scope
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
    Literal,
    Node,
    Partial,
    Path,
    Print,
    Span,
    Text,
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
from vocative.compose.dialects.base import Translation


class LiquidWriter:
    """Writes one tree through a translation; blocks and partials have writers of their own."""

    def __init__(self, translation: Translation, options: Options) -> None:
        self.translation = translation
        self.options = options
        self.lookup = Lookup(translation, self.quote, self.simple, outwards=options.outwards)
        self.helpers = Helpers(self)
        self._blocks = Blocks(self)
        self._partials = Partials(self)
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
        self.nodes(nodes, Scope(Root()))

    def value(self, expression: Expression, scope: Scope, span: Span) -> Value:
        """The value of an expression; what has to be set for it is written."""
        if isinstance(expression, Literal):
            return self._constant(expression.value, span)
        if isinstance(expression, Path):
            return self.lookup.find(expression, scope, span)
        return self.helpers.value(expression, scope, span)

    def simple(self, value: Value, at: int) -> Value:
        """The value as one that can stand anywhere; filters are set before."""
        if value.is_simple:
            return value
        name = self.translation.new_name("value")
        self.tag(f"assign {name} = {value}", at)
        return Value(name, fallback=value.fallback)

    def quote(self, text: str) -> str:
        """A text as a Liquid literal."""
        return self.translation.string(text, self._at)

    def refuse(self, span: Span, reason: str, fix: str) -> Value:
        """Note what cannot be carried; nothing is put in its place."""
        self.translation.refused(span.start, span.end, reason, fix)
        return NOTHING

    def approximate(self, span: Span, difference: str, fix: str | None = None) -> None:
        """Note what is carried with a difference."""
        self.translation.approximated(span.start, span.end, difference, fix)

    def tag(self, words: str, at: int) -> None:
        """Write `{% words %}`."""
        self._check_size(len(words) + 6, tags=1)
        self.translation.writer.tag(words, at)

    def nodes(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        """Write nodes in a scope."""
        own = own_partials(nodes, scope)
        if own:
            scope = replace(scope, partials={**scope.partials, **own})
        for node in nodes:
            self._at = node.span.start
            if isinstance(node, Text):
                self._text(node)
            elif isinstance(node, Print):
                self._print(node, scope)
            elif isinstance(node, Block):
                self._blocks.write(node, scope)
            elif isinstance(node, Partial):
                self._partials.write(node, scope)

    def _text(self, node: Text) -> None:
        at = 0
        if self.options.sendgrid and not self.options.exact:
            for found in find_legacy_tags(node.value, self.translation.maps):
                self.literal(node, at, found.start)
                span = (
                    node.span
                    if node.moved
                    else Span(node.span.start + found.start, node.span.start + found.end)
                )
                named = self.translation.field(found.name, span.start, span.end, found.usual)
                value = Value(named.path, fallback=found.fallback or named.fallback)
                self.translation.carried(span.start, span.end)
                self.put(value, span)
                at = found.end
        self.literal(node, at, len(node.value))

    def literal(self, node: Text, start: int, end: int) -> None:
        """Write part of a text as it stands."""
        text = node.value[start:end]
        if not text:
            return
        self._check_size(len(text))
        if text.isspace():
            self._blanks += 1
        else:
            self._ink += 1
        at = node.span.start if node.moved else node.span.start + start
        self.translation.writer.literal(text, at, exact=not node.moved)

    def _print(self, node: Print, scope: Scope) -> None:
        call, span = node.call, node.span
        if self.is_helper(call, scope):
            if call.path.original == "log":
                self.translation.carried(span.start, span.end)
                return
            value = self.helpers.value(call, scope, span)
        elif not call.is_plain:
            self.refuse_helper(call, span)
            return
        elif self._is_own_name(call.path, scope) and call.path.original in ADDRESS_PARTS:
            self.approximate(span, "it stands in the postal address already")
            return
        elif self._is_own_name(call.path, scope):
            name = call.path.parts[0]
            named = self.translation.field(name, span.start, span.end, OWN_NAMES[name])
            value = Value(named.path)
        else:
            value = self.lookup.find(call.path, scope, span)
        self._note_print(node, value)
        self.put(value, span, escaped=node.escaped and self.options.escapes)

    def _note_print(self, node: Print, value: Value) -> None:
        own = value.text in OWN_NAMES.values() or self._is_in_markup(node.span.start)
        if own or node.escaped or self.translation.medium != "html" or self.options.exact:
            self.translation.carried(node.span.start, node.span.end)
        else:
            self.approximate(
                node.span,
                "HTML within the value is shown as text: data cannot bring markup into a mail",
                "write the markup into the template, or leave it at that for links and words",
            )

    def _is_in_markup(self, at: int) -> bool:
        """Whether an offset is within an element's tag, where markup has no place anyway."""
        before = self.translation.source[max(0, at - 2_000) : at]
        return before.rfind("<") > before.rfind(">")

    def put(self, value: Value, span: Span, *, escaped: bool = True) -> None:
        """Print a value."""
        if value.constant is None:
            return
        self._ink += 1
        if self.options.exact:
            value = value.filtered('handlebars: "escape"' if escaped else 'handlebars: "text"')
        elif value.text not in ALWAYS_THERE and not value.text.startswith("forloop"):
            fallback = self.translation.string(value.fallback, span.start)
            kept = "" if value.fallback else ", allow_false: true"
            value = value.filtered(f"default: {fallback}{kept}")
        self._check_size(len(str(value)) + 6, tags=1)
        self.translation.writer.output(str(value), span.start)

    def put_raw(self, expression: str, at: int) -> None:
        """Print an expression that is ready as it is."""
        self._ink += 1
        self.translation.writer.output(expression, at)

    def body(self, nodes: tuple[Node, ...], scope: Scope) -> None:
        """Write nodes between two tags of Liquid, which drops them when they are blank."""
        ink, blanks = self._ink, self._blanks
        self.nodes(nodes, scope)
        if self._ink == ink and self._blanks > blanks:
            self.translation.writer.output("''", nodes[-1].span.end)
            self._ink += 1

    def context_of(
        self, expression: Expression, scope: Scope, span: Span
    ) -> tuple[Context, Value | None]:
        """The context that an expression opens, and its value; None: it is the data as a whole."""
        if isinstance(expression, Path) and not expression.is_data:
            around = self.lookup.context_at(expression, scope)
            if around is not None and not expression.parts:
                return around, self._value_of(around, span)
            named = expression.parts and expression.parts[0] in scope.names
            if isinstance(around, Root) and not named and self.options.outwards is None:
                names = around.names + expression.parts
                return Root(names, scope.context), self.lookup.field(names, span)
        value = self.simple(self.value(expression, scope, span), span.start)
        return Item(value, scope.context), value

    def _value_of(self, context: Context, span: Span) -> Value | None:
        if isinstance(context, Root):
            return self.lookup.field(context.names, span) if context.names else None
        if isinstance(context, Extended):
            return self._value_of(context.base, span)
        return context.value

    def _constant(self, value: object, span: Span) -> Value:
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return Value("true" if value else "false", constant=value)
        if isinstance(value, str):
            return Value(self.translation.string(value, span.start), constant=value)
        return Value(str(value), constant=value)

    def is_helper(self, call: Call, scope: Scope) -> bool:
        """Whether a call is one of a helper rather than the name of a field."""
        name = call.path.original
        if not self.options.helpers or call.path.scoped or name in scope.names:
            return False
        return self.helpers.knows(name) and (not call.is_plain or name in ("log", "each", "with"))

    def _is_own_name(self, path: Path, scope: Scope) -> bool:
        plain = len(path.parts) == 1 and path.depth == 0 and not path.scoped and not path.is_data
        return (
            plain
            and self.options.sendgrid
            and path.parts[0] in {*OWN_NAMES, *ADDRESS_PARTS}
            and isinstance(scope.context, Root)
        )

    def refuse_helper(self, call: Call, span: Span) -> None:
        """Note a helper that is not one of Handlebars' or SendGrid's own."""
        name = call.path.original
        self.refuse(span, f'there is no helper "{name}" here', "say it with the ones there are")

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
