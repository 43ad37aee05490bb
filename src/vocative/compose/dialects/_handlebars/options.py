"""Ways in which one template language of this family differs from another."""

from collections.abc import Callable
from dataclasses import dataclass

from vocative.compose.dialects._handlebars.parse import parse_handlebars
from vocative.compose.dialects._handlebars.tree import Node


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the writer has to know; the defaults are Handlebars as SendGrid runs it."""

    parse: Callable[[str], tuple[Node, ...]] = parse_handlebars
    sendgrid: bool = True
    """SendGrid's own names and tags mean what they mean there."""
    helpers: bool = True
    """`if`, `each` and their like are helpers, not names of fields."""
    outwards: str | None = None
    """The filter's word for looking a name up in outer contexts, too; None: it is not done."""
    exact: bool = False
    """Escaping and printing are written out, for Liquid that is rendered without escaping."""
    escapes: bool = True
    partials_see_nothing: bool = False
    """A partial without a context gets an empty one."""
    indents_source: bool = False
    """A partial alone on its line is indented as it is written, not as it comes out."""
    indents: bool = True
