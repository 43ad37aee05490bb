"""The expression language: a published subset of SQL that means the same on every engine.

Text comes in, a checked tree goes out, and from it SQL for an engine. Everything outside the
subset (queries, statements, comments, unknown names, wrong types) is refused when it is written,
with the place of the exact word.

    expression = parse("spend_180d > 500 and country = 'FR'")
    checked = check(expression, catalog)
    to_sql(checked.node, names)
"""

from vocative.sql.check import Catalog, CheckedExpression, check
from vocative.sql.nodes import FieldRef, Node
from vocative.sql.parse import Expression, parse
from vocative.sql.place import Place, in_document, in_line
from vocative.sql.quote import quote_name, quote_text
from vocative.sql.render import Names, to_sql
from vocative.sql.text import to_text
from vocative.sql.types import Field, Type

__all__ = [
    "Catalog",
    "CheckedExpression",
    "Expression",
    "Field",
    "FieldRef",
    "Names",
    "Node",
    "Place",
    "Type",
    "check",
    "in_document",
    "in_line",
    "parse",
    "quote_name",
    "quote_text",
    "to_sql",
    "to_text",
]
