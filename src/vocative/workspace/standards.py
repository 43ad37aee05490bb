"""What a definition says of values that are brought to one form: `kind:`, `format:`, `region:`."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

StandardKind = Literal["country", "currency", "date", "phone"]


class Standard(msgspec.Struct, frozen=True, kw_only=True):
    """The one form that values of a kind are brought to."""

    kind: StandardKind
    formats: tuple[str, ...] = ()
    """How a date may be written besides ISO 8601."""
    region: str | None = None
    """Where a phone number without a country code is dialled."""


def standard_of(
    kind: StandardKind | None, format_: str | list[str] | None, region: str | None
) -> Standard | None:
    """The standard form that `kind:`, `format:` and `region:` of a definition ask for."""
    if kind is None:
        return None
    formats = [format_] if isinstance(format_, str) else format_ or []
    return Standard(kind=kind, formats=tuple(formats), region=region)


def standard_faults(
    kind: StandardKind | None, format_: str | list[str] | None, region: str | None
) -> Iterator[tuple[str, str, str | None]]:
    """(field, what, what next) of everything that is wrong about `kind:`, `format:`, `region:`."""
    if format_ is not None and kind != "date":
        yield "format", "only dates have a format", "add `kind: date`"
    if region is not None and kind != "phone":
        yield "region", "only phone numbers have a region", "add `kind: phone`"
    if region is not None and not re.fullmatch("[A-Z]{2}", region):
        yield "region", f"{region!r} is no code of a country", "write it as in `region: DE`"
    for one in [format_] if isinstance(format_, str) else format_ or []:
        if not _tells_days(one):
            hint = 'write day, month and a year of four digits, such as "%d.%m.%Y"'
            yield "format", f"{one!r} does not tell one day from another", hint


_DAYS = (datetime(1931, 12, 30), datetime(2026, 3, 4))  # noqa: DTZ001 - days


def _tells_days(written: str) -> bool:
    try:
        return all(datetime.strptime(f"{day:{written}}", written) == day for day in _DAYS)  # noqa: DTZ007
    except ValueError:
        return False
