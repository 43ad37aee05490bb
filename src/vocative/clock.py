"""The only source of now. Instants are aware UTC; stores keep them as integer microseconds."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time; simulation and replay bring their own."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self.at += by


def to_micros(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC. A naive instant is refused.

    >>> to_micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC instant of `to_micros`."""
    return EPOCH + timedelta(microseconds=micros)


def micros_from_unix(stated: float) -> int:
    """Microseconds of a Unix time in seconds or, from 10¹¹ on, in milliseconds.

    >>> micros_from_unix(1767225600) == micros_from_unix(1767225600000)
    True
    """
    # As seconds, 10¹¹ would be the year 5138: such numbers are milliseconds.
    return round(stated * (1_000_000 if abs(stated) < 10**11 else 1_000))


def naive_utc(at: datetime) -> datetime:
    """The same instant without a zone, as analytic engines keep it (TIMESTAMP, UTC)."""
    return at.astimezone(UTC).replace(tzinfo=None)
