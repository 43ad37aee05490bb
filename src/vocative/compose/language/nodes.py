"""Nodes and expressions of our own, put in the place of Liquid's in a parsed template.

Some are bounded, some print differently in plain text, and some do exactly what Liquid's do with
fewer steps: a mail is rendered as often as it has readers.
"""

import re
from typing import TYPE_CHECKING, Any, TextIO

from liquid.ast import BlockNode, Node, Partial, PartialScope
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    Identifier,
    Path,
    parse_primitive,
)
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.logical import is_truthy
from liquid.builtin.expressions.primitive import Blank, RangeLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.expression import Expression
from liquid.output import NullIO
from liquid.parser import get_parser
from liquid.stringify import to_liquid_string
from liquid.tag import Tag
from liquid.token import TOKEN_TAG, Token
from markupsafe import escape

from vocative.compose.authoring.blocks import SCOPE_TAG
from vocative.compose.language.context import Context
from vocative.compose.language.limits import check_size
from vocative.compose.language.raw_html import is_capture, refuse_kept_html

if TYPE_CHECKING:
    from liquid.context import RenderContext
    from liquid.stream import TokenStream
    from liquid.template import BoundTemplate

TAG_IN_TEXT = re.compile(r"<(?=[A-Za-z/!?])")
_PLAIN = frozenset((str, int, float, dict, list))


class _BoundedRange(RangeLiteral):
    """`(a..b)` that cannot be longer than a list may be, whoever walks through it."""

    __slots__ = ()

    def evaluate(self, context: "RenderContext") -> range:
        found = super().evaluate(context)
        check_size(found)
        return found


class _Blank(Blank):
    """`blank` as the Liquid reference has it: nothing and false are blank, too."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return other is None or other is False or super().__eq__(other)


class _PlainPath(Path):
    """A path without a path in brackets in it."""

    __slots__ = ()

    def evaluate(self, context: "RenderContext") -> object:
        return context.get(self.path, token=self.token)  # type: ignore[arg-type]


class _Truth(BooleanExpression):
    """A condition, with the common answers first."""

    __slots__ = ()

    def evaluate(self, context: "RenderContext") -> bool:
        value = self.expression.evaluate(context)
        if type(value) is bool:
            return value
        return value is not None and (type(value) in _PLAIN or is_truthy(value))


class _Block(BlockNode):
    """The nodes between two tags."""

    __slots__ = ()

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        if self.blank and context.env.suppress_blank_control_flow_blocks:
            buffer = NullIO()
        if context.disabled_tags:
            return sum(node.render(context, buffer) for node in self.nodes)
        for node in self.nodes:
            node.render_to_output(context, buffer)
        return 0


class Printed(OutputNode):
    """`{{ … }}` that looks at what it prints."""

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Print the value, escaped where everything is."""
        value = self.expression.evaluate(context)
        if type(value) is str:
            return buffer.write(escape(value) if context.autoescape else value)
        if type(value) is list:
            check_size(value)
        return buffer.write(to_liquid_string(value, context.autoescape))


class PrintedInText(OutputNode):
    """`{{ … }}` in plain text, where only the author writes `<address>`: data plants no link."""

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Print the value, a space behind each `<` that could begin a link or a tag."""
        value = self.expression.evaluate(context)
        if type(value) is list:
            check_size(value)
        text = to_liquid_string(value, autoescape=False)
        return buffer.write(TAG_IN_TEXT.sub("< ", text) if "<" in text else text)


class _Echoed(Printed, EchoNode):
    pass


class _EchoedInText(PrintedInText, EchoNode):
    pass


class PrintTag(Output):
    """`{{ … }}`."""

    node_class = Printed


class PrintEchoTag(EchoTag):
    """`{% echo … %}`."""

    node_class = _Echoed


class PrintInTextTag(Output):
    """`{{ … }}` in plain text."""

    node_class = PrintedInText


class PrintEchoInTextTag(EchoTag):
    """`{% echo … %}` in plain text."""

    node_class = _EchoedInText


class BlockScopeNode(Node):
    """A block that was put in: it sees the data and its arguments, nothing else."""

    __slots__ = ("args", "block", "name")

    def __init__(
        self, token: Token, name: str, args: list[KeywordArgument], block: BlockNode
    ) -> None:
        super().__init__(token)
        self.name, self.args, self.block = name, args, block
        self.blank = block.blank

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Render the block in its own scope."""
        assert isinstance(context, Context)  # noqa: S101 - the environment makes no other
        given = {arg.name: arg.value.evaluate(context) for arg in self.args}
        with context.block_scope(given):
            return self.block.render(context, buffer)

    def children(self, *_: object, **__: object) -> list[Node]:
        """What it holds."""
        return [self.block]

    def expressions(self) -> list[Expression]:
        """What it is given."""
        return [arg.value for arg in self.args]

    def partial_scope(self) -> Partial:
        """The names it sees."""
        names = [Identifier(arg.name, token=arg.token) for arg in self.args]
        return Partial(self.name, PartialScope.ISOLATED, names)


class BlockScopeTag(Tag):
    """The tag that `assemble` writes around a block."""

    name = SCOPE_TAG
    end = f"end{SCOPE_TAG}"

    def parse(self, stream: "TokenStream") -> Node:
        """Parse the arguments and the block."""
        token = stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=True)
        name: Any = parse_primitive(self.env, tokens)
        args = KeywordArgument.parse(self.env, tokens)
        block = get_parser(self.env).parse_block(stream, frozenset((self.end,)))
        stream.expect(TOKEN_TAG, value=self.end)
        return BlockScopeNode(token, name.value, args, block)


_EXPRESSIONS: dict[type[Expression], type[Expression]] = {
    RangeLiteral: _BoundedRange,
    Blank: _Blank,
    BooleanExpression: _Truth,
}


def adapt(node: Node, template: "BoundTemplate", *, captured: bool = False) -> None:
    """Put our nodes and expressions in the place of Liquid's, from `node` down.

    Raises:
        UnknownFilterError: a filter does not exist; Liquid itself would tell when it renders.
        LiquidSyntaxError: HTML from data is not printed where it stands.
    """
    if type(node) is BlockNode:
        node.__class__ = _Block
    refuse_kept_html(node, captured=captured)
    pending = list(node.expressions())
    while pending:
        expression = pending.pop()
        if type(expression) in _EXPRESSIONS:
            expression.__class__ = _EXPRESSIONS[type(expression)]
        elif type(expression) is Path and not expression.children():
            expression.__class__ = _PlainPath
        elif isinstance(expression, FilteredExpression):
            for one in expression.filters or ():
                one.validate_filter_arguments(template.env)
        pending += expression.children()
    for child in node.children(Context(template), include_partials=False):
        adapt(child, template, captured=captured or is_capture(node))
