"""Alerts: sources that sent too little, too much or nothing, each with its beginning and end.

Every hour that is complete is judged once (`volume.py`): the source as a whole, then each kind of
its events. While a whole source is alarming, its kinds are not told one by one. An alert ends when
what comes in is ordinary again, or has been as it is for so long that it has become ordinary. Files
that were imported are nobody who could fall silent: watched is who has a file in `sources/` or in
`expectations/`.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.quality.expectations import Expectation, read_expectations
from vocative.errors import AuthorError
from vocative.stores import Transaction
from vocative.workspace import Workspace

HOUR = 3_600_000_000
DAY = 24 * HOUR
KEPT_DAYS = 100
"""Of so many days hours are kept."""
KEPT_COUNTS_DAYS = 400
LEAST_EVENTS = 30
"""A kind of event with fewer in all that time is not judged: it can never be too few."""

log = logging.getLogger("vocative.quality")

AlertKind = Literal["low", "high", "silent", "stale"]


class QualityAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A source, or a kind of its events, is not as usual."""

    source: str
    event: str | None
    """None: all of them."""
    kind: AlertKind
    began_at: datetime
    ended_at: datetime | None
    noticed_at: datetime
    events: int
    """In the time for which it was noticed."""
    expected: float
    """In the same time."""
    told: str
    """In words."""


class Watch:
    """Looks for what is not as usual, again and again; an hour is judged once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._judged: dict[str, int] = {}
        """Source → the hour that was judged last."""

    def look(self) -> list[QualityAlert]:
        """Judge what is complete by now.

        Returns:
            Alerts that began or ended.

        Raises:
            AuthorError: an expectation is wrong.
        """
        expectations = read_expectations(self._workspace)
        now = to_micros(self._workspace.clock.now())
        with self._workspace.store.read() as tx:
            last = dict(_last_received(tx))
            open_ = open_alerts(tx)
        found = [
            change
            for source, expected in sorted(expectations.items())
            for change in self._look_at(
                source,
                expected,
                [one for one in open_ if one.source == source],
                last.get(source),
                now,
            )
        ]
        if found:
            with self._workspace.store.transaction() as tx:
                _write(tx, found)
        return found

    def _look_at(
        self,
        source: str,
        expected: Expectation,
        open_: Sequence[QualityAlert],
        last: int | None,
        now: int,
    ) -> Iterator[QualityAlert]:
        yield from _stale(source, expected, open_, last, now)
        hour = (now - expected.settles_seconds * 1_000_000) // HOUR - 1
        if self._judged.get(source) == hour:
            return
        self._judged[source] = hour
        volume = [one for one in open_ if one.kind != "stale"]
        if not expected.alerts:
            yield from (_ended(one, from_micros(now)) for one in volume)
            return
        with self._workspace.store.read() as tx:
            counts = _counts(tx, source, hour)
        zone = ZoneInfo(self._workspace.settings.timezone)
        yield from _judged(_Hour(source=source, hour=hour, now=now, zone=zone), counts, volume)


def watch(workspace: Workspace) -> list[QualityAlert]:
    """Look for sources that sent too little, too much or nothing, and tell what began or ended.

    Raises:
        AuthorError: an expectation is wrong.
    """
    return Watch(workspace).look()


def tell(changes: Sequence[QualityAlert]) -> None:
    """Write alerts that began or ended to the log of the program."""
    for one in changes:
        if one.ended_at is None:
            log.warning("%s", one.told)
        else:
            log.info("over: %s", one.told)


class Watching:
    """Watches beside other work: what is wrong is told, and nothing fails."""

    def __init__(self, workspace: Workspace) -> None:
        self._watch = Watch(workspace)
        self._workspace = workspace
        self._swept_on: object = None

    def look(self) -> None:
        """Judge what is complete, tell what began or ended, and forget what is old."""
        try:
            tell(self._watch.look())
        except AuthorError as error:
            log.warning("%s; nothing is watched until it is mended", error)
        now = self._workspace.clock.now()
        if self._swept_on != now.date():
            self._swept_on = now.date()
            with self._workspace.store.transaction() as tx:
                sweep(tx, to_micros(now))


def sweep(tx: Transaction, now: int) -> None:
    """Forget counts that nothing looks at any more; alerts are kept."""
    tx.run("DELETE FROM event_volumes WHERE hour_at < :at", {"at": now - KEPT_DAYS * DAY})
    for table in ("event_counts", "event_faults"):
        tx.run(f"DELETE FROM {table} WHERE day_at < :at", {"at": now - KEPT_COUNTS_DAYS * DAY})


def open_alerts(tx: Transaction) -> list[QualityAlert]:
    """Alerts that are not over, by source."""
    return read_alerts(tx, "ended_at IS NULL")


def read_alerts(
    tx: Transaction, where: str, bound: Mapping[str, Any] | None = None
) -> list[QualityAlert]:
    """Alerts for which a condition holds, the newest first."""
    rows = tx.rows(f"SELECT * FROM quality_alerts WHERE {where} ORDER BY began_at DESC", bound)
    return [_alert(row) for row in rows]


def _alert(row: Mapping[str, Any]) -> QualityAlert:
    event = row["name"] or None
    began_at = from_micros(row["began_at"])
    ended_at = None if row["ended_at"] is None else from_micros(row["ended_at"])
    return QualityAlert(
        source=row["source"],
        event=event,
        kind=row["kind"],
        began_at=began_at,
        ended_at=ended_at,
        noticed_at=from_micros(row["noticed_at"]),
        events=int(row["events"]),
        expected=float(row["expected"]),
        told=_told(
            row["source"], event, row["kind"], began_at, int(row["events"]), float(row["expected"])
        ),
    )


def _told(
    source: str,
    event: str | None,
    kind: AlertKind,
    began_at: datetime,
    events: int,
    expected: float,
) -> str:
    subject = f"{source}: {event or 'events'}"
    since = f"since {began_at:%Y-%m-%d %H:%M} UTC"
    if kind == "stale":
        return f"{source}: nothing came in for longer than expected, {since}"
    about = f"{expected:,.0f}" if expected >= 10 else f"{expected:,.1f}"
    if kind == "silent":
        return f"{subject} stopped {since}: none came, about {about} were to be expected"
    much = "few" if kind == "low" else "many"
    return f"{subject}: unusually {much} {since}: {events:,}, about {about} were to be expected"


def _stale(
    source: str,
    expected: Expectation,
    open_: Sequence[QualityAlert],
    last: int | None,
    now: int,
) -> Iterator[QualityAlert]:
    """Whether nothing at all came in for longer than was declared."""
    stale = [one for one in open_ if one.kind == "stale"]
    due = None
    if expected.every_seconds is not None and last is not None:
        due = last + expected.every_seconds * 1_000_000
    if due is None or due >= now:
        yield from (_ended(one, from_micros(last or now)) for one in stale)
    elif not stale:
        yield _began(source, None, "stale", due, now, events=0, expected=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hour:
    """The hour of a source that is judged."""

    source: str
    hour: int
    """Since 1970."""
    now: int
    zone: ZoneInfo

    @property
    def end(self) -> int:
        """When it was over."""
        return (self.hour + 1) * HOUR


_Hours = Mapping[int, int]
"""Hour since 1970 → events."""


def _judged(
    this: _Hour, counts: Mapping[str, _Hours], open_: Sequence[QualityAlert]
) -> Iterator[QualityAlert]:
    """What began and ended: of all of a source's events, then of each kind."""
    known = {one.event: one for one in open_}
    whole: Counter[int] = Counter()
    for one in counts.values():
        whole.update(one)
    change = _change(this, None, whole, known.pop(None, None))
    state = change or next((one for one in open_ if one.event is None), None)
    alarming = state is not None and state.ended_at is None
    if change is not None:
        yield change
    for event in sorted({*counts, *filter(None, known)}):
        if event in known or not alarming:
            change = _change(this, event, counts.get(event, {}), known.get(event))
            if change is not None:
                yield change


def _change(
    this: _Hour, event: str | None, counts: _Hours, known: QualityAlert | None
) -> QualityAlert | None:
    """The alert that began, or the known one when it is over."""
    from vocative.collect.quality.volume import CALM_P_VALUE, Series

    if sum(counts.values()) < LEAST_EVENTS:
        return None if known is None else _ended(known, from_micros(this.end))
    hours = range(min(counts), this.hour + 1)
    series = Series([counts.get(at, 0) for at in hours], [_hours_ahead(at, this) for at in hours])
    last = len(hours) - 1
    if known is not None:
        usual = series.anomaly(last, p_value=CALM_P_VALUE) is None
        return _ended(known, from_micros(this.end)) if usual else None
    found = series.anomaly(last)
    if found is None:
        return None
    began = this.end - found.hours * HOUR
    return _began(
        this.source,
        event,
        found.kind,
        began,
        this.now,
        events=found.events,
        expected=found.expected,
    )


def _hours_ahead(hour: int, this: _Hour) -> int:
    """By how many whole hours local time is ahead of UTC."""
    offset = datetime.fromtimestamp(hour * 3_600, UTC).astimezone(this.zone).utcoffset()
    return (offset or timedelta()) // timedelta(hours=1)


def _began(
    source: str,
    event: str | None,
    kind: AlertKind,
    began_at: int,
    now: int,
    *,
    events: int,
    expected: float,
) -> QualityAlert:
    began = from_micros(began_at)
    return QualityAlert(
        source=source,
        event=event,
        kind=kind,
        began_at=began,
        ended_at=None,
        noticed_at=from_micros(now),
        events=events,
        expected=expected,
        told=_told(source, event, kind, began, events, expected),
    )


def _ended(alert: QualityAlert, at: datetime) -> QualityAlert:
    return msgspec.structs.replace(alert, ended_at=max(at, alert.began_at))


def _write(tx: Transaction, changes: Sequence[QualityAlert]) -> None:
    tx.run(
        "INSERT INTO quality_alerts"
        " (source, name, kind, began_at, ended_at, noticed_at, events, expected)"
        " VALUES (:source, :name, :kind, :began_at, :ended_at, :noticed_at, :events, :expected)"
        " ON CONFLICT (source, name, kind, began_at) DO UPDATE SET ended_at = excluded.ended_at",
        [
            {
                "source": one.source,
                "name": one.event or "",
                "kind": one.kind,
                "began_at": to_micros(one.began_at),
                "ended_at": None if one.ended_at is None else to_micros(one.ended_at),
                "noticed_at": to_micros(one.noticed_at),
                "events": one.events,
                "expected": one.expected,
            }
            for one in changes
        ],
    )


def _last_received(tx: Transaction) -> list[tuple[str, int]]:
    rows = tx.tuples("SELECT source, max(last_received_at) FROM event_counts GROUP BY source")
    return [(source, int(last)) for source, last in rows]


def _counts(tx: Transaction, source: str, hour: int) -> dict[str, dict[int, int]]:
    """Hour → events, by name, of one source up to an hour."""
    found: dict[str, dict[int, int]] = {}
    rows = tx.tuples(
        "SELECT name, hour_at, events FROM event_volumes"
        " WHERE source = :source AND hour_at BETWEEN :since AND :until",
        {"source": source, "since": (hour - KEPT_DAYS * 24) * HOUR, "until": hour * HOUR},
    )
    for name, at, events in rows:
        found.setdefault(name, {})[int(at) // HOUR] = int(events)
    return found
