"""`{% skip_message "why" %}`: a template decides that this person gets no message after all.

The reason is written in the template, so that it holds nothing of anybody's data.
"""

from typing import TYPE_CHECKING, Any, TextIO

from liquid.ast import Node
from liquid.builtin.expressions import parse_primitive
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.exceptions import LiquidSyntaxError
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_TAG, Token

from vocative.errors import StateError

if TYPE_CHECKING:
    from liquid.context import RenderContext
    from liquid.stream import TokenStream

DEFAULT_REASON = "the template skips this person"
_LONGEST_REASON = 200


class MessageSkipped(StateError):
    """The template says that there is nothing to say to this person."""

    kind = "message_skipped"


class SkipNode(Node):
    """A place in a template at which the message is given up."""

    __slots__ = ("reason",)

    def __init__(self, token: Token, reason: str) -> None:
        super().__init__(token)
        self.reason = reason
        self.blank = False

    def render_to_output(self, _context: "RenderContext", _buffer: TextIO) -> int:
        """Give the message up."""
        raise MessageSkipped(self.reason)


class SkipTag(Tag):
    """`{% skip_message %}` or `{% skip_message "why" %}`."""

    name = "skip_message"
    block = False

    def parse(self, stream: "TokenStream") -> Node:
        """Parse the reason, which is a text or left out."""
        token = stream.current
        if stream.peek.kind != TOKEN_EXPRESSION:
            return SkipNode(token, DEFAULT_REASON)
        stream.eat(TOKEN_TAG)
        tokens = stream.into_inner(tag=token, eat=False)
        reason: Any = parse_primitive(self.env, tokens)
        if not isinstance(reason, StringLiteral):
            raise LiquidSyntaxError("skip_message needs its reason as a text", token=token)
        tokens.expect_eos()
        return SkipNode(token, " ".join(reason.value.split())[:_LONGEST_REASON] or DEFAULT_REASON)
