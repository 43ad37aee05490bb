"""YAML read as a value together with the place of everything in it.

Text comes in, plain dicts, lists and scalars go out, and `YamlText.where(path)` points at any
key or element for an error message. Refused: duplicate keys, anchors, tags, deep nesting, and
documents that are not a mapping. Only `true` and `false` are booleans (the country code NO stays
text), and dates stay text.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from vocative.errors import AuthorError, Where

YamlPath = tuple[str | int, ...]
MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_DIGITS = 100


class _Refused(Exception):
    """This subset does not have what stands at a character of the text."""

    def __init__(self, message: str, index: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.index, self.hint = message, index, hint


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core scalars instead of YAML 1.1's surprises; no anchors, no tags."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        start = event.start_mark.index if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(
                "anchors and aliases (& and *) are not supported",
                start,
                "write the value out, or put quotes around the text",
            )
        if getattr(event, "tag", None) is not None:
            raise _Refused(
                "tags (!) are not supported", start, "leave it out, or put quotes around the text"
            )
        if self.depth >= MAX_DEPTH:
            raise _Refused(f"this is nested deeper than {MAX_DEPTH} levels", start)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false|True|False)$", "tfTF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+0123456789.",
    ),
    ("null", r"^(?:~|null|Null|)$", "~nN\0"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))
_Loader.yaml_implicit_resolvers.setdefault("", []).append(
    ("tag:yaml.org,2002:null", re.compile(r"^$"))
)


class YamlText:
    """A parsed document and where each part of it stands."""

    def __init__(self, value: dict[str, Any], file: str, text: str, places: dict[YamlPath, int]):
        self.value = value
        self.file = file
        self.text = text
        self._places = places

    def where(self, path: YamlPath = (), *, offset: int = 0) -> Where:
        """The place of the value at `path`, or of its nearest parent that stands in the text.

        Args:
            path: Keys and indexes from the root; a trailing `"@key"` means the key itself.
            offset: Characters into a one-line scalar, for a caret inside an expression.
        """
        while path and path not in self._places:
            path, offset = path[:-1], 0
        return Where.in_text(self.file, self.text, self._places.get(path, 0) + offset)


def read_yaml(path: Path, *, shown_as: str | None = None) -> YamlText:
    """Read a file.

    Raises:
        AuthorError: it is missing, not UTF-8, too large or not YAML.
    """
    shown_as = shown_as or path.name
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise AuthorError(f"there is no file {shown_as}", where=shown_as) from error
    except OSError as error:
        raise AuthorError(f"{shown_as} cannot be read: {error.strerror}", where=shown_as) from error
    if len(raw) > MAX_BYTES:
        raise AuthorError(f"{shown_as} is larger than {MAX_BYTES:,} bytes", where=shown_as)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AuthorError(
            f"{shown_as} is not UTF-8 text (byte {error.start})",
            where=shown_as,
            hint="save it as UTF-8",
        ) from error
    return parse_yaml(text, shown_as)


def parse_yaml(text: str, file: str) -> YamlText:
    """Parse YAML text; an empty document is an empty mapping.

    Raises:
        AuthorError: it is not YAML, or uses what this subset refuses.
    """
    text = text.replace("\r\n", "\n")
    places: dict[YamlPath, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        value = None if node is None else _value(node, (), places)
    except _Refused as refused:
        where = Where.in_text(file, text, refused.index)
        raise AuthorError(refused.message, where=where, hint=refused.hint) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise AuthorError(
            f"this is not valid YAML: {error.problem or error.context}",
            where=Where.in_text(file, text, mark.index if mark else 0),
            hint="check the indentation, and put quotes around text that holds : or #",
        ) from error
    except yaml.reader.ReaderError as error:
        raise AuthorError(
            "this is not valid YAML: a character that text does not have",
            where=Where.in_text(file, text, error.position),
            hint='delete it, or write it as an escape such as "\\u0000"',
        ) from error
    if value is None:
        return YamlText({}, file, text, {})
    if not isinstance(value, dict):
        raise AuthorError(
            "expected names and values (`name: value`)", where=Where.in_text(file, text, 0)
        )
    return YamlText(value, file, text, places)


def _value(node: yaml.Node, path: YamlPath, places: dict[YamlPath, int]) -> Any:
    start = node.start_mark.index
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    places[path] = start + 1 if quoted else start
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, index), places) for index, child in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key_node, child in node.value:
        start = key_node.start_mark.index
        if not isinstance(key_node, yaml.ScalarNode):
            raise _Refused("a name must be plain text", start)
        key = _whole(key_node)
        if key in found:
            raise _Refused(f"{key!r} is written twice", start, "keep one of them")
        places[(*path, key, "@key")] = start
        found[key] = _value(child, (*path, key), places)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value in ("true", "True")
    if kind == "float":
        return float(node.value)
    if kind == "int":
        if len(node.value) > MAX_DIGITS:
            raise _Refused("this number has too many digits", node.start_mark.index)
        return int(node.value)
    return _whole(node)


def _whole(node: yaml.ScalarNode) -> str:
    """The text, with a rare character that JSON wrote in two halves joined again."""
    text: str = node.value
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _Refused("this escape is half a character", node.start_mark.index) from None
