"""Dates as ISO 8601 writes them: 2025-03-04."""

from collections.abc import Sequence
from datetime import date, datetime


def iso_date(stated: str, formats: Sequence[str] = ()) -> str | None:
    """The date; None when it is none, or not written in a declared way.

    Args:
        stated: A date, or an instant in ISO 8601: the date that it names itself.
        formats: How dates may be written besides ISO 8601, as strptime codes; the first that fits
            counts.

    >>> iso_date("04.03.2025", ["%d.%m.%Y"]), iso_date("03/04/2025")
    ('2025-03-04', None)
    """
    for written in formats:
        try:
            return datetime.strptime(stated, written).date().isoformat()  # noqa: DTZ007 - a date
        except ValueError:
            continue
    if stated[4:5] != "-":
        return None  # Python also reads 20250304, which may be a number of something.
    try:
        return date.fromisoformat(stated[:10]).isoformat() if _whole(stated) else None
    except ValueError:
        return None


def _whole(stated: str) -> bool:
    """Whether nothing but a time stands behind the date."""
    if len(stated) == 10:
        return True
    try:
        datetime.fromisoformat(stated)
    except ValueError:
        return False
    return stated[10] in "T t"
