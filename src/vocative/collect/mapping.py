"""Mappings: how the rows of somebody's table become people, items and events.

A mapping is a YAML file. Its expressions are of the published SQL subset; the columns of the
table are its fields, all of them text. What a mapping can say is `Mapping` below.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from vocative.errors import AuthorError
from vocative.sql import (
    Catalog,
    CheckedExpression,
    Field,
    Names,
    Type,
    check,
    in_document,
    parse,
    quote_name,
    to_sql,
)
from vocative.workspace import Definition, Workspace
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlPath, YamlText


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that cannot be used, and why. The first rule that holds counts."""

    reason: str
    when: str | None = None
    duplicate: bool = False
    """The row equals an earlier one in every column."""


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which person a row is about, and what it states of them."""

    user_id: str | None = None
    anonymous_id: str | None = None
    traits: dict[str, str] = {}
    at: str | None = None


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event a row, or a group of rows, stands for."""

    name: str
    at: str
    group_by: list[str] = []
    """Columns; rows that agree in them are the lines of one event."""
    message_id: str | None = None
    properties: dict[str, str] = {}
    products: dict[str, str] = {}
    """One product per row of a group."""


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consent that a row states."""

    given: str
    withdrawn: str | None = None
    purpose: str = "marketing"
    channel: str = "email"
    at: str | None = None
    source: str | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file."""

    describe: str = ""
    source: str | None = None
    timezone: str | None = None
    """The zone of times without one; the workspace's unless told."""
    time_format: str | None = None
    """How times are written (strptime codes), when not as in ISO 8601."""
    delimiter: str | None = None
    money: str | None = None
    """An amount per row, added up for every reason, so that totals can be compared."""
    reject: list[Rejection] = []
    people: People | None = None
    items: dict[str, str] | None = None
    events: Events | None = None
    consents: list[Consent] = []


ITEM_FIELDS = [
    "item_id",
    "title",
    "category",
    "price",
    "currency",
    "url",
    "image_url",
    "stock",
    "margin",
    "active",
]


class MappingText:
    """A mapping and the text it is written in: compiles its expressions to SQL."""

    def __init__(self, text: YamlText, columns: Iterable[str]) -> None:
        self.text = text
        self.mapping = convert(text, (), text.value, Mapping)
        self.columns = list(columns)
        self._catalog = Catalog(
            fields={
                column: Field(name=column, kind="column", type=Type.TEXT) for column in self.columns
            },
            now=False,
            about="a row of the file",
        )
        self._check_shape()

    def sql(self, *path: str | int, want: Type | None = None) -> str | None:
        """SQL of the expression at a path of the mapping; None where none is written."""
        expression = _at(self.text.value, path)
        if expression is None:
            return None
        checked = self._checked(str(expression), path)
        if want is not None and checked.node.type not in (want, Type.NULL):
            raise AuthorError(
                f"this gives {checked.node.type}, not {want}", where=self.text.where(path)
            )
        return to_sql(checked.node, _NAMES)

    def column(self, *path: str | int) -> str:
        """The quoted name of the column that is named at a path."""
        name = str(_at(self.text.value, path))
        # Parsing it as an expression gives the same error as elsewhere.
        self._checked(f'"{name}"' if not name.isidentifier() else name, path)
        return quote_name(name)

    def _checked(self, expression: str, path: YamlPath) -> CheckedExpression:
        place = in_document(
            expression,
            file=self.text.file,
            document=self.text.text,
            start=self.text.where(path),
        )
        return check(parse(expression, place), self._catalog)

    def _check_shape(self) -> None:
        mapping = self.mapping
        for name in mapping.items or {}:
            if name not in ITEM_FIELDS:
                raise AuthorError(
                    f"an item has no field {name!r}",
                    where=self.text.where(("items", name, "@key")),
                    hint=f"known: {', '.join(ITEM_FIELDS)}",
                )
        if mapping.items is not None and "item_id" not in mapping.items:
            raise AuthorError("items need an item_id", where=self.text.where(("items",)))
        if mapping.people and not (mapping.people.user_id or mapping.people.anonymous_id):
            raise AuthorError(
                "people need a user_id or an anonymous_id", where=self.text.where(("people",))
            )
        if mapping.events and mapping.events.products and not mapping.events.group_by:
            raise AuthorError(
                "products need group_by: the columns in which the rows of one event agree",
                where=self.text.where(("events", "products")),
            )
        if not (mapping.people or mapping.items or mapping.events):
            raise AuthorError(
                "this mapping makes nothing of a row",
                where=self.text.file,
                hint="add people:, items: or events:",
            )
        for index, rule in enumerate(mapping.reject):
            if (rule.when is None) == (not rule.duplicate):
                raise AuthorError(
                    "a rejection needs either `when:` or `duplicate: true`",
                    where=self.text.where(("reject", index)),
                )


_NAMES = Names(
    field=lambda node: quote_name(node.name),
    now="now()",
    segment=str,
    score=str,
)


def _at(value: Any, path: YamlPath) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value


def check_definitions(workspace: Workspace) -> None:
    """Check the mappings of a workspace as far as that goes without a file to map.

    Raises:
        AuthorError: a mapping is wrong somewhere.
    """
    for definition in workspace.definitions("mapping").values():
        _check_one(definition)


def _check_one(definition: Definition) -> None:
    convert(definition.text, definition.path, definition.body, Mapping)
