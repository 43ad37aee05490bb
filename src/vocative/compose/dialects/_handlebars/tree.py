"""What a Handlebars or Mustache template consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands in its text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Path:
    """A name: `user.first_name`, `../total`, `@index`, `this`."""

    parts: tuple[str, ...]
    depth: int = 0
    """How many contexts it goes up."""
    is_data: bool = False
    """It begins with `@`."""
    scoped: bool = False
    """It begins with `this`, `.` or `..` and so is no helper."""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, true, false, or nothing (null and undefined)."""

    value: str | int | float | bool | None
    original: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A name with what it is given; without anything it may be a field or a helper."""

    path: Path
    params: tuple["Expression", ...] = ()
    named: Mapping[str, "Expression"] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """It is given nothing."""
        return not self.params and not self.named


Expression = Path | Literal | Call


@dataclass(frozen=True, slots=True)
class Text:
    """Text that means itself."""

    value: str
    span: Span
    moved: bool = False
    """It is not in the source letter by letter, because something was indented or left out."""


@dataclass(frozen=True, slots=True)
class Print:
    """`{{x}}`, or `{{{x}}}` unescaped."""

    call: Call
    span: Span
    escaped: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """`{{#x}}…{{else}}…{{/x}}`; with `{{^x}}` the body is what stands for else."""

    call: Call
    span: Span
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...] = ()
    names: tuple[str, ...] = ()
    """Block parameters, as in `as |item index|`."""


@dataclass(frozen=True, slots=True)
class Partial:
    """`{{> name}}`, with a body `{{#> name}}…{{/name}}`."""

    name: str | None
    """None when a subexpression says which."""
    span: Span
    context: Expression | None = None
    named: Mapping[str, Expression] = field(default_factory=dict)
    indent: str = ""
    body: tuple["Node", ...] | None = None


@dataclass(frozen=True, slots=True)
class Inline:
    """`{{#*inline "name"}}…{{/inline}}`: a partial of the template's own."""

    name: str
    span: Span
    body: tuple["Node", ...]


Node = Text | Print | Block | Partial | Inline


def moved_to(nodes: tuple[Node, ...], span: Span) -> tuple[Node, ...]:
    """The nodes of a partial as if they stood where it is put in, so that notes point there."""
    return tuple(_moved(node, span) for node in nodes)


def _moved(node: Node, span: Span) -> Node:
    if isinstance(node, Text):
        return replace(node, span=span, moved=True)
    if isinstance(node, Print):
        return replace(node, span=span)
    if isinstance(node, Block):
        otherwise = moved_to(node.otherwise, span)
        return replace(node, span=span, body=moved_to(node.body, span), otherwise=otherwise)
    if isinstance(node, Partial):
        body = moved_to(node.body, span) if node.body is not None else None
        return replace(node, span=span, body=body)
    return replace(node, span=span, body=moved_to(node.body, span))
