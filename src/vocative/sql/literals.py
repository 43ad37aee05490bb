"""What the text of a literal means: lengths of time, dates and instants."""

import re
from datetime import date, datetime

from vocative.clock import naive_utc
from vocative.sql.nodes import Span
from vocative.sql.types import Type

_LENGTH = re.compile(r"([+-]?\d{1,9})(?:\s+([a-z]+))?", re.IGNORECASE)
SPANS = {
    "second": Span(micros=1_000_000),
    "minute": Span(micros=60_000_000),
    "hour": Span(micros=3_600_000_000),
    "day": Span(days=1),
    "week": Span(days=7),
    "month": Span(months=1),
    "year": Span(months=12),
}
_MAX_YEARS = 1_000


def span_of(text: str) -> Span | None:
    """`60 days` as a length of time, or None when it is not one.

    >>> span_of("2 weeks")
    Span(months=0, days=14, micros=0)
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None or match[2] is None:
        return None
    unit = SPANS.get(match[2].lower().removesuffix("s"))
    if unit is None:
        return None
    n = int(match[1])
    span = Span(n * unit.months, n * unit.days, n * unit.micros)
    years = abs(span.months) / 12 + abs(span.days) / 365 + abs(span.micros) / 3.15e13
    return None if years > _MAX_YEARS else span


def moment_of(text: str, kind: Type) -> date | datetime | None:
    """An ISO 8601 date or instant (UTC unless it names an offset), or None.

    >>> moment_of("2026-01-01T12:00:00+02:00", Type.INSTANT)
    datetime.datetime(2026, 1, 1, 10, 0)
    """
    text = text.strip()
    try:
        if kind is Type.DATE:
            return date.fromisoformat(text)
        if text.lower() in ("-infinity", "infinity"):
            return datetime.min if text.startswith("-") else datetime.max  # noqa: DTZ901
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        return at
    try:
        return naive_utc(at)
    except OverflowError:
        return None
