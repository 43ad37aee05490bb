"""How far the rows of a table have been read, kept between two pulls.

A position is the value of the incremental column in the newest row that was read. The next pull
looks some way back from there, for a row is often visible only after a newer one is: its
transaction took longer. Fingerprints of the rows in that stretch tell which were read already.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from vocative.errors import AuthorError, DataError
from vocative.workspace.durations import seconds_of

MOST_FINGERPRINTS = 10_000
_FINGERPRINT_BYTES = 8
_DAY = timedelta(days=1)
_MINUTES = timedelta(minutes=5)
_AHEAD = _DAY
"""A date that is further in the future is a mistake of somebody: reading must not go on there."""
_READERS: dict[str, Any] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "UUID": UUID,
    # A datetime is a date, too: it stands first.
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
Fingerprint = bytes
Place = tuple[Any, ...]
"""Where rows stand in the order of reading: their incremental value, then their key."""


class _Written(msgspec.Struct, frozen=True):
    """A position as text; values with their types."""

    by: list[str]
    value: tuple[str, str]
    seen: str = ""
    floor: list[tuple[str, str]] = []


class Position:
    """Where a pull goes on, and what it has read since.

    Args:
        by: The incremental column, then those of the key.
        cursor: As `text` gave it; None: at the beginning.
        overlap: How far to look back: `10min` for times, a number for numbers; unless told 5 min,
            a day or 1,000. Texts are not looked back for.
        now: To tell dates in the future.

    Raises:
        DataError: the cursor is not one of a table that is read by these columns.
    """

    def __init__(
        self,
        by: Sequence[str],
        cursor: str | None,
        *,
        overlap: str | int | None,
        now: datetime,
    ) -> None:
        self._by = list(by)
        self._overlap = _length(overlap)
        self._latest = now + _AHEAD
        self._value: Any = None
        self._floor: Place = ()
        self._read_before: frozenset[Fingerprint] = frozenset()
        self._recent: deque[tuple[Place, Fingerprint]] = deque()
        if cursor is not None:
            self._value, self._floor, self._read_before = _decoded(cursor, self._by)

    @property
    def start(self) -> Any:
        """From which value on to read, itself included; None: everything."""
        return None if self._value is None else _before(self._value, self._overlap)

    @property
    def floor(self) -> Place:
        """Where to begin instead, itself left out, when more was read than can be remembered."""
        if not self._floor or (self.start is not None and self._floor[0] < self.start):
            return ()
        return self._floor

    def is_new(self, place: Place, fingerprint: Fingerprint) -> bool:
        """Note that rows of a place were met, in the order of places; whether they are new."""
        for value in place:
            _check_order(value)
        if not self._is_future(place[0]):
            self._value = place[0]
        self._recent.append((place, fingerprint))
        start = self.start
        try:
            while start is not None and self._recent[0][0][0] < start:
                self._recent.popleft()
        except TypeError as error:
            raise DataError(
                "the incremental column holds values of several types",
                hint="let a query cast it to one",
            ) from error
        if len(self._recent) > MOST_FINGERPRINTS:
            self._floor, _ = self._recent.popleft()
        return fingerprint not in self._read_before

    def text(self) -> str | None:
        """The position as a cursor; None as long as nothing was read."""
        if self._value is None:
            return None
        seen = base64.b64encode(b"".join(fingerprint for _, fingerprint in self._recent))
        floor = [_typed(value) for value in self.floor]
        written = _Written(by=self._by, value=_typed(self._value), seen=seen.decode(), floor=floor)
        return msgspec.json.encode(written).decode()

    def _is_future(self, value: Any) -> bool:
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)) > self._latest
        return isinstance(value, date) and value > self._latest.date()


def _check_order(value: Any) -> None:
    if not isinstance(value, (int, float, Decimal, str, UUID, date)):
        kind = "NULL" if value is None else type(value).__name__
        raise DataError(
            f"a column of `incremental:` or `key:` holds {kind}, which says no order to go on by",
            hint="name columns of times, dates, numbers or texts that are never empty",
        )


def fingerprint_of(rows: Iterable[Sequence[str | None]]) -> Fingerprint:
    """Eight bytes that change when one of the rows does."""
    digest = hashlib.blake2b(digest_size=_FINGERPRINT_BYTES)
    for row in rows:
        digest.update(msgspec.json.encode(row))
    return digest.digest()


def wrong_overlap(written: str | int | None) -> str | None:
    """What is wrong with an overlap; None: nothing."""
    if isinstance(written, str) and written.strip() != "0" and seconds_of(written) is None:
        return f"{written!r} is no overlap"
    if isinstance(written, int) and written < 0:
        return "an overlap is not negative"
    return None


def _length(written: str | int | None) -> timedelta | int | None:
    """An overlap that is not wrong, as what is taken from a value."""
    if isinstance(written, str):
        seconds = seconds_of(written)
        return 0 if seconds is None else timedelta(seconds=seconds)
    return written


def _before(value: Any, overlap: timedelta | int | None) -> Any:
    """The value that lies the overlap before another."""
    if overlap == 0 or isinstance(value, (str, UUID)):
        return value
    is_time = isinstance(value, date)
    if overlap is None:
        overlap = 1_000 if not is_time else _MINUTES if isinstance(value, datetime) else _DAY
    if isinstance(overlap, timedelta) != is_time:
        raise AuthorError(
            f"the incremental column holds {_kind(value)}: this overlap does not fit",
            hint="write 10min or 2d for times, 1000 for numbers",
        )
    if isinstance(overlap, timedelta) and not isinstance(value, datetime):
        # A date moves by whole days: half a day back is the day before.
        overlap = -(-overlap // _DAY) * _DAY
    try:
        return value - overlap
    except OverflowError:
        return value


def _kind(value: Any) -> str:
    bases = {base.__name__ for base in type(value).__mro__}
    return next(kind for kind in _READERS if kind in bases)


def _typed(value: Any) -> tuple[str, str]:
    return _kind(value), value.isoformat() if isinstance(value, date) else str(value)


def _decoded(cursor: str, by: list[str]) -> tuple[Any, Place, frozenset[Fingerprint]]:
    try:
        written = msgspec.json.decode(cursor, type=_Written)
        value, *floor = (_READERS[kind](text) for kind, text in [written.value, *written.floor])
        seen = base64.b64decode(written.seen, validate=True)
    except (msgspec.DecodeError, KeyError, ValueError, ArithmeticError) as error:
        raise _foreign_cursor() from error
    if written.by != by:
        raise _foreign_cursor()
    size = _FINGERPRINT_BYTES
    return value, tuple(floor), frozenset(seen[at : at + size] for at in range(0, len(seen), size))


def _foreign_cursor() -> DataError:
    return DataError(
        "the cursor is not one of a table that is read by these columns",
        hint="pull it again from the beginning: `vocative source pull NAME --again`",
    )
