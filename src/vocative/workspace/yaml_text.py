"""YAML read as a value together with the place of everything in it.

Text comes in, plain dicts, lists and scalars go out, and `YamlText.where(path)` points at any
key or element for an error message. Refused: duplicate keys, anchors, and documents that are not
a mapping. Only `true` and `false` are booleans (the country code NO stays text), and dates stay
text.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from vocative.errors import AuthorError, Where

YamlPath = tuple[str | int, ...]
MAX_BYTES = 2_000_000


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core scalars instead of YAML 1.1's surprises."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false|True|False)$", "tfTF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
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
    try:
        _refuse_anchors(text, file)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where.in_text(file, text, mark.index) if mark else Where(file=file)
        raise AuthorError(
            f"this is not valid YAML: {error.problem or error.context}",
            where=where,
            hint="check the indentation, and put quotes around text that holds : or #",
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise AuthorError("this is not valid YAML", where=file) from error
    places: dict[YamlPath, int] = {}
    value = {} if node is None else _value(node, (), places, file, text)
    if not isinstance(value, dict):
        raise AuthorError("expected names and values (`name: value`)", where=file)
    return YamlText(value, file, text, places)


def _refuse_anchors(text: str, file: str) -> None:
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            mark = event.start_mark
            raise AuthorError(
                "anchors and aliases (& and *) are not supported",
                where=Where.in_text(file, text, mark.index if mark else 0),
                hint="write the value out, or put quotes around the text",
            )


def _value(
    node: yaml.Node, path: YamlPath, places: dict[YamlPath, int], file: str, text: str
) -> Any:
    start = node.start_mark.index
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    places[path] = start + 1 if quoted else start
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, file, text)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(child, (*path, index), places, file, text)
            for index, child in enumerate(node.value)
        ]
    found: dict[str, Any] = {}
    for key_node, child in node.value:
        place = Where.in_text(file, text, key_node.start_mark.index)
        if not isinstance(key_node, yaml.ScalarNode):
            raise AuthorError("a name must be plain text", where=place)
        key = str(key_node.value)
        if key in found:
            raise AuthorError(f"{key!r} is written twice", where=place, hint="keep one of them")
        places[(*path, key, "@key")] = key_node.start_mark.index
        found[key] = _value(child, (*path, key), places, file, text)
    return found


def _scalar(node: yaml.ScalarNode, file: str, text: str) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() == "true"
    if kind == "int":
        return int(node.value)
    if kind == "float":
        return float(node.value)
    if kind == "str":
        return node.value
    raise AuthorError(
        f"the tag {node.tag} is not supported",
        where=Where.in_text(file, text, node.start_mark.index),
    )
