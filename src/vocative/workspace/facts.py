"""What an expression about a fact of history can name, and how that is written in SQL."""

from vocative.engines.base import HISTORY_COLUMNS
from vocative.sql import Field, Type, quote_name, quote_text
from vocative.sql.nodes import FieldRef

_COLUMN_TYPES = {"VARCHAR": Type.TEXT, "DOUBLE": Type.NUMBER, "TIMESTAMP": Type.INSTANT}
_HIDDEN = ("person_id", "position", "properties")


def fact_fields(relation: str) -> dict[str, Field]:
    """The columns of `events` or `order_lines` that can be named."""
    return {
        name: Field(name=name, kind="column", type=_COLUMN_TYPES[kind])
        for name, kind in HISTORY_COLUMNS[relation].items()
        if name not in _HIDDEN
    }


def json_columns(relation: str) -> tuple[str, ...]:
    """The columns whose parts can be named: `properties.colour`."""
    return ("properties",) if "properties" in HISTORY_COLUMNS[relation] else ()


def fact_sql(ref: FieldRef) -> str:
    """A column of the fact `e`, or a part of its properties."""
    if ref.path:
        path = "$" + "".join('."' + part.replace('"', "") + '"' for part in ref.path)
        return f"json_extract_string(e.{quote_name(ref.name)}, {quote_text(path)})"
    return f"e.{quote_name(ref.name)}"
