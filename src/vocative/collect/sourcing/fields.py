"""What the options of a kind are, in the words that stand under them in its code."""

import ast
import inspect
import textwrap

import msgspec


class FieldText(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a definition."""

    name: str
    type: str
    required: bool
    secret: bool
    about: str


def fields_of(options: type[msgspec.Struct]) -> list[FieldText]:
    """The fields of a kind's options, in their order."""
    annotated: dict[str, tuple[str, str]] = {}
    for kind in reversed(options.__mro__[: options.__mro__.index(msgspec.Struct)]):
        annotated |= _annotated(kind)
    found = []
    for one in msgspec.structs.fields(options):
        written, about = annotated.get(one.name, ("", ""))
        found.append(
            FieldText(
                name=one.encode_name,
                type=written,
                required=one.required,
                secret="Secret" in written,
                about=" ".join(about.split()),
            )
        )
    return found


def _annotated(options: type) -> dict[str, tuple[str, str]]:
    """(annotation, words under it) by field; nothing where there is no source text."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(options)))
    except (OSError, TypeError, SyntaxError):
        return {}
    (struct,) = tree.body
    assert isinstance(struct, ast.ClassDef)  # noqa: S101 - it is the source of a class
    found: dict[str, tuple[str, str]] = {}
    for node, after in zip(struct.body, [*struct.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = ast.unparse(node.annotation), _words(after)
    return found


def _words(node: ast.stmt | None) -> str:
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return node.value.value
    return ""
