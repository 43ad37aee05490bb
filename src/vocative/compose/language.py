"""Liquid as templates may use it: escaped, bounded, strict about names.

Three environments: HTML (every printed value escaped), plain text, and single lines such as the
subject. A name that does not exist is an error when printed; in a condition it is false, and
`default` replaces it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

import liquid
from liquid.ast import BlockNode, Node, Partial, PartialScope
from liquid.builtin.expressions import (
    FilteredExpression,
    Identifier,
    parse_primitive,
)
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.primitive import Blank, RangeLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.context import RenderContext
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.parser import get_parser
from liquid.stringify import to_liquid_string
from liquid.tag import Tag
from liquid.template import BoundTemplate
from liquid.token import TOKEN_TAG, Token
from liquid.undefined import UNDEFINED, FalsyStrictUndefined
from liquid.utils import ReadOnlyChainMap

from vocative.compose import filters
from vocative.compose.blocks import SCOPE_TAG
from vocative.compose.branches import NotingCaseTag, NotingIfTag, NotingUnlessTag
from vocative.compose.limits import MAX_OUTPUT_BYTES, Run, check_size

if TYPE_CHECKING:
    from liquid.stream import TokenStream

_TAG_IN_TEXT = re.compile(r"<(?=[A-Za-z/!?])")


class Missing(FalsyStrictUndefined):
    """A name that does not exist: false in a condition, replaced by `default`, never printed."""

    force_liquid_default = True


class Context(RenderContext):
    """What one render sees. It has no clock of its own: `now` comes from the run."""

    __slots__ = ("run",)
    run: Run

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def get(
        self, path: list[object], *, token: Token | None, default: object = UNDEFINED
    ) -> object:
        """The value of a path; the common case, keys of dicts, without Liquid's detours."""
        try:
            found: Any = self.scope[path[0]]  # type: ignore[index]
            for key in path[1:]:
                if type(found) is not dict:
                    return super().get(path, token=token, default=default)
                found = found[key]
        except (KeyError, TypeError):
            return super().get(path, token=token, default=default)
        return found

    def assign(self, key: str, val: Any) -> None:
        """Set a name, within the limits of a value."""
        self.run.check_time()
        check_size(val)
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count a loop's rounds against the whole render's."""
        self.run.spend_iterations(length)

    @contextmanager
    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Iterator[RenderContext]:
        """Enter a loop that looks at the time in each round."""
        forloop.it = self.run.timed(forloop.it)
        with super().loop(namespace, forloop) as context:
            yield context

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """A buffer for `capture`, within what the output has left."""
        return _buffer(MAX_OUTPUT_BYTES - (buf.size if isinstance(buf, LimitedStringIO) else 0))

    def copy(self, *args: Any, **kwargs: Any) -> "Context":
        """A scope of its own within the same run."""
        copied: Any = super().copy(*args, **kwargs)
        copied.run = self.run
        return copied  # type: ignore[no-any-return]


class _BoundedRange(RangeLiteral):
    """`(a..b)` that cannot be longer than a list may be, whoever walks through it."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        found = super().evaluate(context)
        check_size(found)
        return found


class _Blank(Blank):
    """`blank` as the Liquid reference has it: nothing and false are blank, too."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return other is None or other is False or super().__eq__(other)


_ADAPTED: dict[type[Expression], type[Expression]] = {RangeLiteral: _BoundedRange, Blank: _Blank}


class _Printed(OutputNode):
    """`{{ … }}` that looks at what it prints."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if type(value) is list:
            check_size(value)
        text = to_liquid_string(value, context.autoescape)
        if "<" in text and isinstance(context.env, TextEnvironment):
            # In plain text only the author writes `<address>`, so data cannot plant a link.
            text = _TAG_IN_TEXT.sub("< ", text)
        return buffer.write(text)


class _PrintedByEcho(_Printed, EchoNode):
    pass


class _OutputTag(Output):
    node_class = _Printed


class _EchoTag(EchoTag):
    node_class = _PrintedByEcho


class BlockScopeNode(Node):
    """A block that was put in: it sees the data and its arguments, nothing else."""

    __slots__ = ("args", "block", "name")

    def __init__(
        self, token: Token, name: str, args: list[KeywordArgument], block: BlockNode
    ) -> None:
        super().__init__(token)
        self.name, self.args, self.block = name, args, block
        self.blank = block.blank

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Render the block in its own scope."""
        given = {arg.name: arg.value.evaluate(context) for arg in self.args}
        inner = context.copy(given, carry_loop_iterations=True)
        return self.block.render(inner, buffer)

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


class _BlockScopeTag(Tag):
    name = SCOPE_TAG
    end = f"end{SCOPE_TAG}"

    def parse(self, stream: "TokenStream") -> Node:
        token = stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=True)
        name: Any = parse_primitive(self.env, tokens)
        args = KeywordArgument.parse(self.env, tokens)
        block = get_parser(self.env).parse_block(stream, frozenset((self.end,)))
        stream.expect(TOKEN_TAG, value=self.end)
        return BlockScopeNode(token, name.value, args, block)


class ParsedText(BoundTemplate):
    """Parsed Liquid that renders as a bounded run."""

    context_class = Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for node in self.nodes:
            _adapt(node, self)

    def render_run(self, data: Mapping[str, object], run: Run) -> str:
        """The text for one person's data."""
        context = Context(self, globals=data)
        context.run = run
        buffer = self._get_buffer()
        self.render_with_context(context, buffer)
        return buffer.getvalue()

    def _get_buffer(self) -> StringIO:
        return _buffer(MAX_OUTPUT_BYTES)


def _buffer(limit: int) -> LimitedStringIO:
    # Without a newline of its own the buffer would turn CR LF into LF.
    return LimitedStringIO(limit, newline="\n")


def _adapt(node: Node, template: BoundTemplate) -> None:
    """Give the expressions of a parsed template our own behaviour, wherever they stand.

    Raises:
        UnknownFilterError: a filter does not exist; Liquid itself would tell when it renders.
    """
    pending = list(node.expressions())
    while pending:
        expression = pending.pop()
        if type(expression) in _ADAPTED:
            expression.__class__ = _ADAPTED[type(expression)]
        if isinstance(expression, FilteredExpression):
            for one in expression.filters or ():
                one.validate_filter_arguments(template.env)
        pending += expression.children()
    for child in node.children(Context(template), include_partials=False):
        _adapt(child, template)


class Environment(liquid.Environment):
    """Liquid with our limits, filters and memory of branches; also the one for single lines."""

    template_class = ParsedText
    block_nesting_limit = 20
    local_namespace_limit = 1_000_000
    output_stream_limit = MAX_OUTPUT_BYTES

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"undefined": Missing, **kwargs})

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the tags and filters a template may use."""
        super().setup_tags_and_filters(extra=extra)
        tags: list[type[Tag]] = [NotingIfTag, NotingUnlessTag, NotingCaseTag]
        tags += [_BlockScopeTag, _OutputTag, _EchoTag]
        for tag in tags:
            self.add_tag(tag)
        filters.register(self)


class HtmlEnvironment(Environment):
    """Every printed value is escaped."""

    def __init__(self) -> None:
        super().__init__(autoescape=True)


class TextEnvironment(Environment):
    """Plain text: filters that write HTML do nothing, data cannot look like a link."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the tags and filters a template may use."""
        super().setup_tags_and_filters(extra=extra)
        filters.register_plain(self)


@cache
def environment(kind: Callable[[], "Environment"]) -> "Environment":
    """The process's one environment of a kind; it holds no state of a render."""
    return kind()
