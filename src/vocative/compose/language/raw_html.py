"""HTML that comes as data, such as the text of an offer: cleaned, and only between tags.

`{{ offer.text | html }}` is the one way in which data becomes markup. What a mail program
would not show, obey or should not follow is taken out by nh3. Refused when a template is compiled:
the filter anywhere but at the end of a `{{ … }}` that stands as text. Kept in a name, or in an
attribute, the quotes of cleaned HTML would end what stands around them.
"""

import html
import re
from collections.abc import Iterable

import nh3
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.undefined import is_undefined
from markupsafe import Markup

from vocative.compose.markup.pieces import RAW_TEXT
from vocative.compose.markup.protect import Protected
from vocative.errors import AuthorError

FILTER = "html"
_HINT = "print it between tags: <mj-text>{{ offer.text | html }}</mj-text>"
_TAGS = frozenset(
    "a b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins li ol p pre"
    " q s small span strong sub sup table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
}
_SCHEMES = {"https", "http", "mailto", "tel"}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    attributes=_ATTRIBUTES,
    url_schemes=_SCHEMES,
    # A mail has no page that an address could be relative to.
    url_relative="deny",
    link_rel=None,
)
_NO_TAGS = nh3.Cleaner(tags=set(), attributes={}, link_rel=None)
_LINE_ENDS = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6]|blockquote|pre)\s*>", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r" ?\n[ \n]*")


def clean(value: object) -> Markup:
    """HTML with nothing in it but text, lists, tables, pictures and links to the web.

    >>> clean("<p onclick=x()>Warm <b>wool</b><script>x()</script>")
    Markup('<p>Warm <b>wool</b></p>')
    """
    return Markup(_CLEANER.clean(_text(value)))  # noqa: S704 - it is clean


def as_text(value: object) -> str:
    r"""The words of HTML, a line for each of its paragraphs.

    >>> as_text("<p>Warm <b>wool</b></p><ul><li>washable &amp; soft</li></ul>")
    'Warm wool\nwashable & soft'
    """
    # Line breaks in HTML are spaces.
    lines = _LINE_ENDS.sub("\x01", _text(value).replace("\n", " "))
    words = html.unescape(_NO_TAGS.clean(lines)).replace("\x01", "\n")
    return _EMPTY_LINES.sub("\n", _SPACES.sub(" ", words)).strip()


def _text(value: object) -> str:
    return "" if value is None or is_undefined(value) else str(value).replace("\x01", "")


def refuse_kept_html(node: Node, *, captured: bool) -> None:
    """Refuse the filter in a node's own expressions, unless the node prints it as it is.

    Args:
        node: A node of a parsed template.
        captured: Whether what it prints is kept in a name.

    Raises:
        LiquidSyntaxError: its HTML would be kept, or changed.
    """
    prints = isinstance(node, OutputNode) and not isinstance(node, EchoNode) and not captured
    for expression in node.expressions():
        names = _filters(expression)
        if FILTER in (names[:-1] if prints else names):
            raise LiquidSyntaxError(
                f"{FILTER} stands last in what is printed, where it is printed", token=node.token
            )


def is_capture(node: Node) -> bool:
    """Whether what stands in a node is kept in a name."""
    return isinstance(node, CaptureNode)


def refuse_html_in_markup(nodes: Iterable[Node], protected: Protected) -> None:
    """Refuse the filter where its tags would not be tags: in an attribute, a comment, a style.

    Args:
        nodes: Those of the layout, parsed as it was written.
        protected: The layout.

    Raises:
        AuthorError: it stands there.
    """
    printing = {offset for node in nodes for offset in _printing_html(node)}
    if not printing:
        return
    as_text_only = {
        tag.start
        for piece in protected.pieces
        if piece.kind == "text" and piece.parent not in RAW_TEXT
        for tag in protected.tags_in(protected.plain[piece.start : piece.end])
    }
    for offset in sorted(printing - as_text_only):
        raise AuthorError(
            "HTML from data can only stand between tags, not inside one",
            where=protected.layout.where(offset),
            hint=_HINT,
        )


def _printing_html(node: Node) -> Iterable[int]:
    if isinstance(node, OutputNode) and FILTER in _filters(node.expression):
        yield node.token.start_index
    for child in node.children(None, include_partials=False):  # type: ignore[arg-type]
        yield from _printing_html(child)


def _filters(expression: Expression) -> list[str]:
    if not isinstance(expression, FilteredExpression):
        return []
    return [one.name for one in expression.filters or ()]
