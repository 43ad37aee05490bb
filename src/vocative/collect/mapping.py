"""Mappings: how the rows of somebody's table become people, items and events.

A mapping is a YAML file. Its expressions are of the published SQL subset; the columns of the
table are its fields, all of them text. Records of JSON have no columns: there a name leads to a
part of the record (`customer.email`), and what a record does not have is unknown. What a mapping
can say is `Mapping` below.
"""

import codecs
import zoneinfo
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from vocative.errors import AuthorError, nearest, unknown_name
from vocative.sql import (
    Catalog,
    Expression,
    Field,
    FieldRef,
    Names,
    Type,
    check,
    in_document,
    parse,
    quote_name,
    to_sql,
)
from vocative.workspace import Workspace
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
    each: str | None = None
    """Of records: the list that gives one row for each of its entries."""
    timezone: str | None = None
    """The zone of times without one; the workspace's unless told."""
    time_format: str | None = None
    """How times are written (strptime codes), when not as in ISO 8601."""
    delimiter: str | None = None
    """Between a CSV's values; the one that its header has most of unless told."""
    encoding: str = "utf-8"
    """How a CSV's text is written, such as `cp1252` for old spreadsheets."""
    money: str | None = None
    """An amount per row, added up for every reason, so that totals can be compared."""
    reject: list[Rejection] = []
    people: People | None = None
    items: dict[str, str] | None = None
    events: Events | None = None
    consents: list[Consent] = []


RECORD = '"@record"'
"""The column of rows of records with the number of the record, from 0 on."""
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
    """A mapping and the text it is written in: compiles its expressions to SQL.

    Everything is compiled at once, so that a wrong expression is told before anything is done.

    Args:
        text: The mapping.
        columns: Those of the table; None for records of JSON, which have what is asked for.

    Raises:
        AuthorError: an expression is wrong, or names a column that the file does not have.
    """

    def __init__(self, text: YamlText, columns: Iterable[str] | None) -> None:
        self.text = text
        self.mapping = read_mapping(text)
        parsed = {path: self._parse(path) for path, _ in _expressions(self.mapping)}
        grouped = self.mapping.events.group_by if self.mapping.events else []
        if columns is None:
            named = {_column_of(field) for one in parsed.values() for field in _fields(one)}
            self.columns = sorted(named.union(grouped))
            self._catalog = _catalog_of_records(parsed.values())
        else:
            if self.mapping.each is not None:
                raise self.wrong(
                    "a table has no lists inside its rows", "each", hint="use group_by"
                )
            self.columns = list(columns)
            self._catalog = Catalog(
                fields=_text_fields(self.columns), now=False, about="a row of the file"
            )
        self._compiled = {
            path: self._compile(path, parsed[path], want)
            for path, want in _expressions(self.mapping)
        }
        self.group_by = [self._column("events", "group_by", index) for index in range(len(grouped))]
        self.one_event_by = self.group_by
        """Quoted columns; rows that agree in them are one event. Empty: each row is one."""
        if columns is None and self.mapping.events and (grouped or self.mapping.events.products):
            self.one_event_by = [RECORD, *self.group_by]

    def sql(self, *path: str | int) -> str | None:
        """SQL of the expression at a path of the mapping; None where none is written."""
        return self._compiled.get(path)

    def wrong(self, message: str, *path: str | int, hint: str | None = None) -> AuthorError:
        """An error that points at a path of the mapping."""
        return AuthorError(message, where=self.text.where(path), hint=hint)

    def _parse(self, path: YamlPath) -> Expression:
        written = str(_at(self.text.value, path))
        place = in_document(
            written,
            file=self.text.file,
            document=self.text.text,
            start=self.text.where(path),
        )
        return parse(written, place)

    def _compile(self, path: YamlPath, expression: Expression, want: Type | None) -> str:
        node = check(expression, self._catalog).node
        if want is not None and node.type not in (want, Type.NULL):
            hint = None
            if want is Type.TEXT and path[-1] in ("user_id", "anonymous_id", "message_id"):
                hint = "an id is text: 17850 and 17850.0 are two"
            raise self.wrong(f"this gives {node.type}, not {want}", *path, hint=hint)
        return to_sql(node, _NAMES)

    def _column(self, *path: str | int) -> str:
        """The quoted name of the column that is named at a path."""
        name = str(_at(self.text.value, path))
        if name not in self.columns:
            raise unknown_name("column", name, self.columns, where=self.text.where(path))
        return quote_name(name)


def read_mapping(text: YamlText) -> Mapping:
    """The mapping of a file, as far as it can be checked without a table.

    Raises:
        AuthorError: it is wrong somewhere.
    """
    mapping = convert(text, (), text.value, Mapping)
    for path, message, hint in (*_faults(mapping), *_option_faults(mapping)):
        raise AuthorError(message, where=text.where(path), hint=hint)
    return mapping


def _faults(mapping: Mapping) -> Iterator[tuple[YamlPath, str, str | None]]:
    """(where, what, what next) of everything that no single field can tell."""
    people, events, items = mapping.people, mapping.events, mapping.items
    if not (people or items or events):
        yield (), "this mapping makes nothing of a row", "add people:, items: or events:"
    for name in items or {}:
        if name not in ITEM_FIELDS:
            guess = nearest(name, ITEM_FIELDS)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(ITEM_FIELDS)}"
            yield ("items", name, "@key"), f"an item has no field {name!r}", hint
    if items is not None and "item_id" not in items:
        yield ("items",), "items need an item_id", None
    if people and not (people.user_id or people.anonymous_id):
        yield ("people",), "people need a user_id or an anonymous_id", None
    if mapping.consents and not people:
        yield ("consents",), "consents need people: who gave them", None
    if events and events.products and not (events.group_by or mapping.each):
        hint = "name the columns in which the rows of one event agree"
        yield ("events", "products"), "products need group_by", hint
    for index, rule in enumerate(mapping.reject):
        if (rule.when is None) == (not rule.duplicate):
            yield ("reject", index), "a rejection needs either `when:` or `duplicate: true`", None
        if not rule.reason.strip():
            yield ("reject", index, "reason"), "a rejection needs a reason", None


def _option_faults(mapping: Mapping) -> Iterator[tuple[YamlPath, str, str | None]]:
    if mapping.delimiter is not None and (
        len(mapping.delimiter) != 1 or mapping.delimiter in '\r\n"\0'
    ):
        yield ("delimiter",), "a delimiter is one character", 'a tab is written "\\t"'
    if not _is_encoding(mapping.encoding):
        hint = "use a name such as utf-8, utf-16, cp1252 or latin-1"
        yield ("encoding",), f"unknown encoding {mapping.encoding!r}", hint
    if mapping.timezone and mapping.timezone not in zoneinfo.available_timezones():
        guess = nearest(mapping.timezone, zoneinfo.available_timezones())
        hint = f"did you mean {guess!r}?" if guess else "use a name such as Europe/Berlin"
        yield ("timezone",), f"unknown time zone {mapping.timezone!r}", hint


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


def _expressions(mapping: Mapping) -> Iterator[tuple[YamlPath, Type | None]]:
    """(path, wanted type) of every expression that is written."""
    if mapping.money is not None:
        yield ("money",), Type.NUMBER
    for index, rule in enumerate(mapping.reject):
        if rule.when is not None:
            yield ("reject", index, "when"), Type.BOOLEAN
    for name in mapping.items or {}:
        yield ("items", name), Type.TEXT if name == "item_id" else None
    yield from _event_expressions(mapping)
    for index, consent in enumerate(mapping.consents):
        for field, want in _CONSENT_TYPES.items():
            if getattr(consent, field) is not None:
                yield ("consents", index, field), want


def _event_expressions(mapping: Mapping) -> Iterator[tuple[YamlPath, Type | None]]:
    for part in ("people", "events"):
        stated = getattr(mapping, part)
        for field in ("user_id", "anonymous_id", "at", "name", "message_id"):
            if getattr(stated, field, None) is not None:
                yield (part, field), Type.TEXT
        for field in ("traits", "properties", "products"):
            for name in getattr(stated, field, None) or {}:
                yield (part, field, name), None


_CONSENT_TYPES = {
    "given": Type.BOOLEAN,
    "withdrawn": Type.BOOLEAN,
    "at": Type.TEXT,
    "source": None,
}
_NAMES = Names(
    field=lambda node: quote_name(_column_of(node)),
    now="now()",
    segment=str,
    score=str,
)


def _fields(expression: Expression) -> Iterator[FieldRef]:
    return (node for node in expression.node.walk() if isinstance(node, FieldRef))


def _column_of(field: FieldRef) -> str:
    """The column that a field stands for: `customer.email` and `"customer.email"` are one."""
    return ".".join((field.name, *field.path))


def _text_fields(names: Iterable[str]) -> dict[str, Field]:
    return {name: Field(name=name, kind="column", type=Type.TEXT) for name in names}


def _catalog_of_records(expressions: Iterable[Expression]) -> Catalog:
    """Records have whatever is asked of them."""
    named = [field for expression in expressions for field in _fields(expression)]
    return Catalog(
        fields=_text_fields(field.name for field in named if not field.path),
        json_columns={field.name for field in named if field.path},
        now=False,
        about="a record",
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
        read_mapping(definition.text)
