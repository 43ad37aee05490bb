"""HTML as it stands in a mail: bytes that no step after this one has to encode or break.

The template's own text is encoded once. Characters that ASCII lacks become character references
(`&#233;`), so every mail server takes the body as it is. A mail that does not fit, because a value
is very long or holds a line break or a link leads nowhere it may, is rendered as text and encoded
as quoted-printable; so is every mail of a template for which this cannot be decided beforehand.
"""

import logging
import re
from binascii import b2a_qp
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.cycle_tag import CycleNode

from vocative.compose.compiler.expressions import Unsupported
from vocative.compose.compiler.lines import VALUE_BYTES, Lines
from vocative.compose.compiler.names import children_of
from vocative.compose.compiler.program import CompiledText, compile_text, write_function
from vocative.compose.compiler.runtime import State, Unusual, escape_text, escaped
from vocative.compose.compiler.sinks import Sink
from vocative.compose.language.limits import Run
from vocative.compose.links import refuse_unsafe_links

if TYPE_CHECKING:
    from vocative.compose.language.environments import ParsedText

_LOG = logging.getLogger(__name__)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VALUE, _TAG = "\0", "\1"
_HREF = re.compile('href="')
# What `refuse_unsafe_links` lets stand, as far as the beginning tells.
_SAFE_LINK = re.compile(r"(?i:https?|mailto|tel|sms):|#")
# Where values or repetitions could make an href that the template does not show.
_HIDDEN_HREF = re.compile(
    r'(?:h|hr|hre|href|href=)[\x00\x01]+(?:"|="|f="|ef="|ref=")'
    r'|(?:hr|hre|href|href=)\x01|\x01ref="|href="\x01'
)
_RAW_TEXT = re.compile(r"(?is)<(style|script)\b.*?(?:</\1|\Z)")
_QP_LINE = 76
_SMALL = 10**15
_KNOWN_VALUES = 4_096
_WEB = ("https://", "http://")


class Body(NamedTuple):
    """A part of a mail as it is sent."""

    content: bytes
    """Lines end in CR LF."""
    transfer_encoding: Literal["7bit", "quoted-printable"]


class CompiledBody:
    """A template's HTML, encoded, for one person after the other.

    Args:
        parsed: The template.
        text: The same as text.
        function: The same as bytes; None when the template does not allow it.
    """

    def __init__(
        self,
        parsed: "ParsedText",
        text: CompiledText,
        function: Callable[..., bytes] | None,
    ) -> None:
        self._parsed, self._text, self._function = parsed, text, function
        self.as_text = 0
        """How many mails were rendered as text and encoded then."""

    @property
    def is_direct(self) -> bool:
        """Whether the template gives bytes without being text first."""
        return self._function is not None

    def render_run(self, data: Mapping[str, object], run: Run) -> Body:
        """The body for one person's data.

        Raises:
            LiquidError: as the interpreter does.
        """
        if self._function is not None:
            try:
                return Body(self._function(State(self._parsed, run, data), data), "7bit")
            except Exception as error:  # noqa: BLE001 - as text it is told what is wrong
                _LOG.debug("rendered as text: %s", type(error).__name__)
            run.check_time()
            run.begin_again()
        self.as_text += 1
        html = refuse_unsafe_links(self._text.render_run(data, run))
        return Body(quoted_printable(html), "quoted-printable")


def compile_body(
    parsed: "ParsedText",
    constants: Mapping[str, object] | None = None,
    *,
    frozen: Collection[str] = (),
) -> CompiledBody:
    """Compile a template of HTML to a function that gives the bytes of a mail's body.

    Args:
        parsed: The template, of an environment that escapes.
        constants: Names whose values are the same for everybody; a value must not change.
        frozen: Names of lists whose items never change; see `compile_text`.

    Raises:
        Unsupported: something in it is not compiled.
    """
    known = constants or {}
    text = compile_text(parsed, known, frozen=frozen)
    try:
        function = _bytes_function(parsed, known, frozen)
    except (Unsupported, Unusual) as error:
        _LOG.debug("the template is encoded as quoted-printable: %s", error)
        function = None
    return CompiledBody(parsed, text, function)


def quoted_printable(text: str) -> bytes:
    r"""Text in the transfer encoding of this name; its lines end in CR LF.

    >>> quoted_printable("Grüße\nAnn")
    b'Gr=C3=BC=C3=9Fe\r\nAnn'
    """
    return b"\r\n".join(_quoted(line.removesuffix("\r")) for line in text.split("\n"))


def _quoted(line: str) -> bytes:
    plain = len(line) <= _QP_LINE and line.isascii() and line.isprintable() and "=" not in line
    if plain and line != "." and not line.endswith(" "):
        return line.encode()
    encoded = b2a_qp(line.encode(errors="replace"), quotetabs=False, istext=False)
    return encoded.replace(b"=\n", b"=\r\n")


def _bytes_function(
    parsed: "ParsedText", constants: Mapping[str, object], frozen: Collection[str]
) -> Callable[..., bytes]:
    links = _first_values_of_links(parsed.nodes)
    lines = Lines(parsed.nodes)
    values, first_values = _sinks()
    function: Callable[..., bytes] = write_function(
        parsed,
        values,
        constants=constants,
        frozen=frozen,
        texts=lines.texts,
        sinks=dict.fromkeys(links, first_values),
    )
    return function


# What is printed


def _static(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("ascii")


def _fitting(text: str) -> bytes:
    """A value in ASCII, if it neither makes lines long nor breaks them."""
    encoded = text.encode("ascii", "xmlcharrefreplace")
    if len(encoded) > VALUE_BYTES or _CONTROL.search(text):
        raise Unusual
    return encoded


def _sinks() -> tuple[Sink, Sink]:
    """How values are written, and how they are where a link's address begins."""
    # Names and places come back; what holds nothing but ASCII does not need it.
    fitting = lru_cache(maxsize=_KNOWN_VALUES)(_fitting)

    def printed(value: object) -> bytes:
        if value is None:
            return b""
        if type(value) is int and -_SMALL < value < _SMALL:
            return b"%d" % value
        text = escaped(value)
        # Markup that holds quotes could be part of a tag.
        if '"' in text:
            raise Unusual
        return fitting(text)

    def linked(value: object) -> bytes:
        if not _SAFE_LINK.match(escaped(value)):
            raise Unusual
        return printed(value)

    ascii_only = (
        f"(e if len(e := escape_text({{0}}).encode()) <= {VALUE_BYTES}"
        " and e.isascii() and {0}.isprintable()"
    )
    values = Sink(
        printed=printed,
        of_text=f"{ascii_only} else fitting(escape_text({{0}})))",
        objects={"escape_text": escape_text, "fitting": fitting, "linked": linked, "WEB": _WEB},
        cycled=printed,
        of_int="b'%d' % {0}",
        static=_static,
        escapes=True,
        empty=b"",
    )
    links = replace(
        values,
        printed=linked,
        of_text=f"{ascii_only} and {{0}}.startswith(WEB) else linked({{0}}))",
    )
    return values, links


# What the template's own text allows


def _first_values_of_links(nodes: Sequence[Node]) -> set[int]:
    """The ids of nodes that print the beginning of a link's address.

    Raises:
        Unsupported: what a link begins with, or whether character references are understood,
            cannot be told from the template alone.
    """
    laid_out = _Outline(nodes)
    outline = laid_out.text
    if _HIDDEN_HREF.search(outline):
        raise Unsupported("a link that comes together while rendering")
    for raw in _RAW_TEXT.finditer(outline):
        if not raw[0].isascii() or _VALUE in raw[0]:
            raise Unsupported("a style that needs more than ASCII")
    found = set()
    for href in _HREF.finditer(outline):
        if outline[href.end() : href.end() + 1] == _VALUE:
            found.add(laid_out.printing[href.end()])
        elif not _SAFE_LINK.match(outline, href.end()) and outline[href.end() :][:1] != '"':
            raise Unsupported("an unsafe link")
    return found


class _Outline:
    """A template's text with a sign for each value and each tag, and where values stand."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.printing: dict[int, int] = {}
        """The ids of nodes that print, by their places."""
        self._add_nodes(nodes)
        self.text = "".join(self._parts)

    def _add_nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if isinstance(node, ContentNode):
                self._add(node.text)
            elif isinstance(node, OutputNode | CycleNode):
                self.printing[self._length] = id(node)
                self._add(_VALUE)
            elif isinstance(node, BlockNode):
                self._add_nodes(node.nodes)
            elif not isinstance(node, CaptureNode):
                for child in children_of(node):
                    self._add(_TAG)
                    self._add_nodes([child])
                self._add(_TAG)

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
