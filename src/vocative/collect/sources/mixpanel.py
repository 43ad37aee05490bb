"""Mixpanel: events by its raw export, profiles by its Engage API; both only read.

Days are asked for, some at once; the export of the last days is asked for again at every pull,
because Mixpanel takes events that are days late, and only what it processed since is handed on.
Ids follow Mixpanel's own rules of who is who.
"""

import hashlib
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Literal

import msgspec

from vocative.collect.sources._events import instant
from vocative.collect.sources._http import Http, Secret, SourceDown
from vocative.collect.sources.base import Event, Fault, Page, Source
from vocative.errors import DataError

PAGE_EVENTS = 2_000
DAYS_AT_ONCE = 7
"""60 exports an hour are allowed: a year of history is one hour's."""
EXPORTS_PER_SECOND = 1.0
"""Three are allowed; other tools of the same project ask, too."""
_MARGIN_MS = 3_600_000
"""What is processed at one time is not exported in exactly that order."""
_HOSTS = {
    "us": ("https://data.mixpanel.com", "https://mixpanel.com"),
    "eu": ("https://data-eu.mixpanel.com", "https://eu.mixpanel.com"),
    "in": ("https://data-in.mixpanel.com", "https://in.mixpanel.com"),
}
_NOBODY = frozenset(
    [
        "",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
        "anonymous",
        "anon",
        "false",
        "lmy47d",
        "n/a",
        "na",
        "nil",
        "none",
        "null",
        "true",
        "undefined",
        "unknown",
        "[]",
        "{}",
    ]
)
"""Values that broken clients send as everybody's id: they must not make one person of strangers."""
_KEPT = {"$current_url": "url", "$referrer": "referrer", "$browser": "browser", "$os": "os"}
_TRAITS = {
    "email": "$email",
    "first_name": "$first_name",
    "last_name": "$last_name",
    "name": "$name",
    "phone": "$phone",
    "city": "$city",
    "country": "$country_code",
}


class MixpanelOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind says."""

    project_id: int
    """As *Project settings* show it."""
    user: str
    """The service account's name."""
    secret: Secret
    """The service account's secret."""
    from_date: str
    """The first day whose events are wanted, such as 2025-01-01."""
    region: Literal["us", "eu", "in"] = "us"
    """Where the project's data is kept."""
    identities: Literal["simplified", "original"] = "simplified"
    """How the project merges ids; `original` for projects made before 2024 that kept it."""
    accounts: bool = True
    """Whether its user ids are the ids of the shop's accounts."""
    timezone: str = "UTC"
    """The project's zone, for projects made before 2023: their days and times are in it."""
    late_days: int = 5
    """How late an event may come."""
    rename: dict[str, str] = {}
    """Events that have another name here, such as `Purchase: Order Completed`."""
    traits: dict[str, str] = msgspec.field(default_factory=lambda: dict(_TRAITS))
    """Traits by name, each with the property of the profile that it is."""
    base_url: str | None = None
    """Another address for both APIs, such as a proxy's."""


class _Swept(msgspec.Struct, frozen=True):
    """How far the export is read."""

    day: str
    """The next day to ask for."""
    known_ms: int
    """What was processed until then was handed on by an earlier pull."""
    newest_ms: int
    """The latest processing time seen."""
    whole: bool
    """Whether the last pull reached its end."""


class Mixpanel(Source):
    """Events and profiles of Mixpanel."""

    Options = MixpanelOptions
    streams: ClassVar[tuple[str, ...]] = ("profiles", "events")
    options: MixpanelOptions

    @classmethod
    def faults(cls, options: MixpanelOptions) -> Iterable[Fault]:
        """What is no day, and no time zone."""
        if _day(options.from_date) is None:
            yield ("from_date",), "this is no day", "write it as 2025-01-31"
        if options.timezone not in zoneinfo.available_timezones():
            yield ("timezone",), "unknown time zone", "use a name such as Europe/Berlin"
        if not 0 <= options.late_days <= 60:
            yield ("late_days",), "from 0 to 60", None

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Profiles that changed, or events that Mixpanel processed since the cursor."""
        yield from self._profiles(cursor) if stream == "profiles" else self._events(cursor)

    def _events(self, cursor: str | None) -> Iterator[Page]:
        zone = zoneinfo.ZoneInfo(self.options.timezone)
        today = self.clock.now().astimezone(zone).date()
        swept = self._begun(cursor)
        day, newest = date.fromisoformat(swept.day), swept.newest_ms
        http = self._http(_HOSTS[self.options.region][0])
        try:
            while day <= today:
                until = min(day + timedelta(days=DAYS_AT_ONCE - 1), today)
                for page, latest in self._exported(http, day, until, swept.known_ms):
                    newest = max(newest, latest)
                    yield page
                day = until + timedelta(days=1)
                whole = day > today
                reached = _Swept(
                    day=str(today if whole else day),
                    known_ms=max(0, newest - _MARGIN_MS) if whole else swept.known_ms,
                    newest_ms=newest,
                    whole=whole,
                )
                yield Page(cursor=msgspec.json.encode(reached).decode())
        finally:
            http.close()

    def _begun(self, cursor: str | None) -> _Swept:
        """Where this pull begins: a new one looks back, one that was broken off goes on."""
        first = date.fromisoformat(self.options.from_date)
        if cursor is None:
            return _Swept(day=str(first), known_ms=0, newest_ms=0, whole=False)
        try:
            swept = msgspec.json.decode(cursor, type=_Swept)
            day = date.fromisoformat(swept.day)
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(
                "the cursor of these events cannot be read",
                hint="pull the source with --again",
            ) from error
        if not swept.whole:
            return swept
        back = max(first, day - timedelta(days=self.options.late_days))
        return msgspec.structs.replace(swept, day=str(back), whole=False)

    def _exported(
        self, http: Http, day: date, until: date, known_ms: int
    ) -> Iterator[tuple[Page, int]]:
        """Pages of the events of some days that were processed later, with the latest time."""
        asked = {
            "project_id": self.options.project_id,
            "from_date": str(day),
            "to_date": str(until),
            "time_in_ms": "true",
        }
        lines = http.lines("/api/2.0/export", params=asked)
        while some := list(islice(lines, PAGE_EVENTS)):
            events, rejected, latest = [], 0, 0
            for line in some:
                if not line.strip():
                    continue
                if not line.lstrip().startswith(b"{"):
                    # Not JSON in a 200 is how Mixpanel says that it gave up in the middle.
                    raise SourceDown("Mixpanel broke off the export")
                exported = _decoded(line)
                if exported is None:
                    rejected += 1
                    continue
                processed = _whole(exported.properties.get("mp_processing_time_ms"))
                latest = max(latest, processed or 0)
                if processed is not None and processed <= known_ms:
                    continue
                event = self._event(exported)
                if event is None:
                    rejected += 1
                else:
                    events.append(event)
            told = {"an event without a name or a time": rejected} if rejected else {}
            yield Page(events=events, rejected=told), latest

    def _event(self, exported: "_Exported") -> Event | None:
        stated = exported.properties
        at = self._at(stated.get("time"))
        if not exported.event or at is None:
            return None
        named = self.options.rename.get(exported.event, exported.event)
        return {
            **({"type": "page"} if named == "$mp_web_page_view" else _tracked(named)),
            "messageId": _message_id(exported),
            "timestamp": at.isoformat(),
            **self._who(stated),
            "properties": _properties(stated),
        }

    def _at(self, stated: Any) -> datetime | None:
        at = instant(stated)
        if at is None or self.options.timezone == "UTC":
            return at
        # Such projects write what a clock on their wall showed as if it were UTC.
        local = at.replace(tzinfo=zoneinfo.ZoneInfo(self.options.timezone))
        return local.astimezone(UTC)

    def _who(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Whose event it is, by the rules of the project's way to merge ids."""
        user, device = _id(stated.get("$user_id")), _id(stated.get("$device_id"))
        distinct = _id(stated.get("distinct_id"))
        if distinct is not None and distinct.startswith("$device:"):
            device = device or distinct.removeprefix("$device:")
        elif distinct is not None and self.options.identities == "simplified":
            user = user or (distinct if distinct != device else None)
        elif distinct is not None:
            device = device or distinct
        return self._named(user, device)

    def _named(self, user: str | None, device: str | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if user is not None and "@" in user:
            found["context"] = {"traits": {"email": user}}
        elif user is not None and self.options.accounts:
            found["userId"] = user
        elif user is not None:
            # Not the shop's account: it holds together what Mixpanel tells, and joins nobody.
            device = f"user:{user}"
        if device is not None:
            found["anonymousId"] = f"mixpanel:{device}"
        return found or {"context": {"nobody": True}}

    def _profiles(self, cursor: str | None) -> Iterator[Page]:
        asked = {"project_id": self.options.project_id}
        form = {} if cursor is None else {"where": f'properties["$last_seen"] >= "{cursor}"'}
        latest = cursor or ""
        http = self._http(_HOSTS[self.options.region][1])
        try:
            while True:
                answer = http.post("/api/query/engage", params=asked, form=form).json()
                found = _engaged(answer)
                latest = max(
                    [latest, *(str(one.properties.get("$last_seen") or "") for one in found)]
                )
                yield Page(events=[event for one in found for event in self._told_by(one)])
                size = answer.get("page_size") if isinstance(answer, dict) else None
                if not found or not isinstance(size, int) or len(found) < size:
                    break
                form |= {"session_id": str(answer["session_id"]), "page": str(answer["page"] + 1)}
        finally:
            http.close()
        yield Page(cursor=latest or None)

    def _told_by(self, profile: "_Profile") -> Sequence[Event]:
        """What a profile says of its person, and that it does not want mails, if it says so."""
        stated = profile.properties
        distinct = _id(profile.distinct_id)
        if distinct is None:
            return []
        device = distinct.startswith("$device:") or self.options.identities == "original"
        who = (
            self._named(None, distinct.removeprefix("$device:"))
            if device
            else self._named(distinct, None)
        )
        traits = {
            name: stated[key]
            for name, key in self.options.traits.items()
            if stated.get(key) not in (None, "")
        }
        at = instant(stated.get("$last_seen")) or self.clock.now()
        # A profile that did not change says the same, and counts once; a state that comes back is
        # a new one.
        told = [distinct, traits, stated.get("$last_seen")]
        version = hashlib.sha256(msgspec.json.encode(told, order="sorted"))
        context = who.pop("context", {}).get("traits", {})
        identify: dict[str, Any] = {
            "type": "identify",
            "messageId": f"mixpanel:profile:{version.hexdigest()[:32]}",
            "timestamp": at.isoformat(),
            **who,
            "traits": {**context, **traits},
        }
        if stated.get("$unsubscribed") not in (True, "true"):
            return [identify]
        withdrawn = {
            **_tracked("Consent Withdrawn"),
            "messageId": f"mixpanel:unsubscribed:{version.hexdigest()[:32]}",
            "timestamp": at.isoformat(),
            **who,
            "context": {"traits": {**context, **traits}},
            "properties": {"purpose": "marketing", "channel": "email", "source": "mixpanel"},
        }
        return [identify, withdrawn]

    def _http(self, base_url: str) -> Http:
        options = self.options
        return self.connect(
            options.base_url or base_url,
            auth=(options.user, options.secret),
            per_second=EXPORTS_PER_SECOND,
        )


class _Exported(msgspec.Struct):
    """A line of the export."""

    properties: dict[str, Any]
    event: str = ""


class _Profile(msgspec.Struct):
    """A result of Engage."""

    distinct_id: Any = msgspec.field(name="$distinct_id", default=None)
    properties: dict[str, Any] = msgspec.field(name="$properties", default_factory=dict)


def _decoded(line: bytes) -> _Exported | None:
    try:
        return msgspec.json.decode(line, type=_Exported)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _engaged(answer: Any) -> list[_Profile]:
    try:
        return msgspec.convert(answer["results"], list[_Profile])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise DataError("Mixpanel answered in a shape it does not document") from error


def _tracked(name: str) -> dict[str, Any]:
    return {"type": "track", "event": name}


def _message_id(exported: _Exported) -> str:
    """What stays the same however often, and for whomever, an event is exported."""
    stated = exported.properties
    inserted = stated.get("$insert_id")
    if inserted:
        return f"mixpanel:{inserted}:{stated.get('time')}"
    lasting = {name: value for name, value in stated.items() if not _may_change(name)}
    body = msgspec.json.encode([exported.event, lasting], order="sorted")
    return f"mixpanel:{hashlib.sha256(body).hexdigest()[:32]}"


def _may_change(name: str) -> bool:
    return name.startswith("mp_") or name in ("distinct_id", "$user_id")


def _properties(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What the event says itself; what the library and Mixpanel say of it is left out."""
    kept = {
        name: value
        for name, value in stated.items()
        if not name.startswith(("$", "mp_")) and name not in ("time", "distinct_id", "token")
    }
    return kept | {here: stated[there] for there, here in _KEPT.items() if there in stated}


def _id(value: Any) -> str | None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    written = str(value).strip()
    plain = written.removeprefix("$device:").lower()
    return None if plain in _NOBODY else written


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
