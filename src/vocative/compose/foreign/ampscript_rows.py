"""AMPscript's functions on sets of rows: lists of objects, such as the chosen products."""

from collections.abc import Callable, Mapping
from typing import Any

from vocative.compose.foreign.ampscript_numbers import number_or_none, whole

_MAX_ROWS = 2_000


def rowset_from_text(text: object, separator: object) -> list[list[str]]:
    """Rows of one field each, from a text cut at a separator."""
    return [[part] for part in str(text or "").split(str(separator))] if text else []


def row(rows: Any, number: object) -> Any:
    """One row; the first is number 1.

    Raises:
        LookupError: there are not so many.
    """
    index = whole(number)
    if index < 1:
        raise LookupError("rows are counted from 1")
    return rows[index - 1]


def row_count(rows: object) -> int:
    """How many rows there are."""
    return len(rows) if isinstance(rows, list | tuple) else 0


def field(of_row: object, name: object, strict: object = 1) -> object:
    """A field of a row, by its name whatever its case, or by its number from 1.

    Raises:
        LookupError: there is none, unless `strict` is 0 or false.
    """
    number = number_or_none(name)
    if number is not None and isinstance(of_row, list | tuple | Mapping):
        values = list(of_row.values()) if isinstance(of_row, Mapping) else of_row
        index = int(number)
        if 1 <= index <= len(values):
            return values[index - 1]
    elif isinstance(of_row, Mapping):
        found = _named(of_row, name)
        if found is not None or str(name).lower() in {str(key).lower() for key in of_row}:
            return found
    if strict in (0, False, "0", "false"):
        return None
    raise LookupError("the row has no such field")


def _named(of_row: Mapping[str, object], name: object) -> object:
    wanted = str(name).lower()
    return next((value for key, value in of_row.items() if str(key).lower() == wanted), None)


def lookup_rows(rows: object, *given: object) -> list[object]:
    """The rows in which every named field has the value behind its name."""
    if not isinstance(rows, list | tuple):
        return []
    wanted = list(zip(given[::2], given[1::2], strict=True))
    return [
        one
        for one in rows[:_MAX_ROWS]
        if isinstance(one, Mapping)
        and all(_like(_named(one, name), value) for name, value in wanted)
    ]


def lookup(rows: object, wanted: object, *given: object) -> object:
    """A field of the first row that has the values."""
    found = lookup_rows(rows, *given)
    return _named(found[0], wanted) if found and isinstance(found[0], Mapping) else None


def ordered_rows(rows: object, count: object, order: object, *given: object) -> list[object]:
    """Rows that have the values, sorted by a field (`price desc`), at most so many (0: all)."""
    found = lookup_rows(rows, *given)
    for part in reversed(str(order).split(",")):
        name, _, direction = part.strip().partition(" ")
        found.sort(key=lambda one: _sorting(one, name), reverse=direction.strip().lower() == "desc")
    limit = whole(count)
    return found[:limit] if limit > 0 else found


def _sorting(of_row: object, name: str) -> tuple[int, Any]:
    value = _named(of_row, name) if isinstance(of_row, Mapping) else None
    number = number_or_none(value)
    if value is None:
        return (0, 0)
    return (1, number) if number is not None else (2, str(value).lower())


def _like(value: object, wanted: object) -> bool:
    one, other = number_or_none(value), number_or_none(wanted)
    if one is not None and other is not None:
        return one == other
    return str(value or "").lower() == str(wanted or "").lower()


FUNCTIONS: dict[str, Callable[..., object]] = {
    "buildrowsetfromstring": rowset_from_text,
    "row": row,
    "rowcount": row_count,
    "field": field,
    "lookup": lookup,
    "lookuprows": lookup_rows,
    "lookuporderedrows": ordered_rows,
}
