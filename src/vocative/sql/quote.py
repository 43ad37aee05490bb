"""The one way names and values get into SQL text."""

from datetime import date, datetime

from vocative.errors import AuthorError
from vocative.sql.nodes import Scalar, Span
from vocative.sql.types import SQL_TYPES, Type

_MAX_NAME = 200


def quote_name(name: str) -> str:
    """An identifier, always quoted.

    >>> quote_name('half "price"!')
    '"half ""price""!"'
    """
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise AuthorError("a name must have 1 to 200 printable characters")
    return '"' + name.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """A text literal.

    >>> quote_text("it's")
    "'it''s'"
    """
    if "\0" in value:
        raise AuthorError("text must not hold the character NUL")
    return "'" + value.replace("'", "''") + "'"


def literal_sql(value: Scalar, kind: Type) -> str:
    """A value of the expression language as SQL text of its type."""
    match value:
        case None:
            text = f"CAST(NULL AS {SQL_TYPES[kind]})"
        case bool():
            text = "TRUE" if value else "FALSE"
        case int() | float():
            text = _number_sql(value, kind)
        case Span():
            text = _span_sql(value)
        case datetime():
            text = instant_sql(value)
        case date():
            text = f"DATE '{value.isoformat()}'"
        case str():
            text = quote_text(value)
    return text


def instant_sql(at: datetime) -> str:
    """A naive UTC instant; the two ends of time stand for minus and plus infinity."""
    if at == datetime.min:  # noqa: DTZ901 - a sentinel
        return "TIMESTAMP '-infinity'"
    if at == datetime.max:  # noqa: DTZ901 - a sentinel
        return "TIMESTAMP 'infinity'"
    return f"TIMESTAMP '{at.isoformat(sep=' ', timespec='microseconds')}'"


def _number_sql(value: int | float, kind: Type) -> str:
    if kind is Type.INTEGER:
        return str(value)
    # The exponent makes engines read a DOUBLE where `0.4` would be a DECIMAL.
    text = repr(float(value))
    return text if "e" in text else text + "e0"


def _span_sql(span: Span) -> str:
    parts = [
        f"INTERVAL '{amount}' {unit}"
        for amount, unit in (
            (span.months, "MONTH"),
            (span.days, "DAY"),
            (span.micros, "MICROSECOND"),
        )
        if amount
    ]
    if not parts:
        return "INTERVAL '0' DAY"
    return parts[0] if len(parts) == 1 else "(" + " + ".join(parts) + ")"
