"""Ready events, as sources that know people by ids of their own write them.

What a vendor states comes in; mappings in the shape of the Segment spec go out, with ids made of
what they stand for, so that what is pulled again, or pushed too, counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec

from vocative.collect.sources.base import Event
from vocative.errors import DataError

T = TypeVar("T")

ConsentStatus = Literal["given", "pending", "withdrawn"]

CONSENT_NAMES: Mapping[ConsentStatus, str] = {
    "given": "Consent Given",
    "pending": "Consent Requested",
    "withdrawn": "Consent Withdrawn",
}
_PLAIN = (str, int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whom an event is about, as another system knows them.

    The system's own id is an *anonymous* id, with the system's name in front: it holds together
    what that system tells of one of its records, and never makes one person of two who have names.
    Only the shop's own account id and the address do that.
    """

    system: str
    record_id: str
    email: str | None = None
    user_id: str | None = None
    """The account's id in the shop, where the system keeps it."""

    def fields(self) -> dict[str, Any]:
        """The fields of an event that say who it is about."""
        named = {"anonymousId": f"{self.system}:{self.record_id}"}
        if self.user_id:
            named["userId"] = self.user_id
        return named


def identified(
    subject: Subject, traits: Mapping[str, Any], *, at: datetime, message_id: str
) -> Event:
    """What a record says of its person; the system's id becomes a trait, `SYSTEM_id`."""
    stated = dict(traits)
    if subject.record_id:
        stated[f"{subject.system}_id"] = subject.record_id
    if subject.email:
        stated["email"] = subject.email
    return {
        "type": "identify",
        "messageId": message_id,
        "timestamp": at.isoformat(),
        **subject.fields(),
        "traits": stated,
    }


def happened(
    name: str,
    subject: Subject,
    properties: Mapping[str, Any],
    *,
    at: datetime,
    message_id: str,
) -> Event:
    """Something that happened to a person; properties without a value are left out."""
    event = {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "timestamp": at.isoformat(),
        **subject.fields(),
        "properties": {key: value for key, value in properties.items() if value is not None},
    }
    if subject.email:
        event["context"] = {"traits": {"email": subject.email}}
    return event


def consent(
    subject: Subject,
    status: ConsentStatus,
    *,
    purpose: str = "marketing",
    channel: str = "email",
    source: str,
    at: datetime,
    message_id: str,
) -> Event:
    """What somebody allows on a channel, or allows no more."""
    properties = {"purpose": purpose, "channel": channel, "source": source}
    return happened(CONSENT_NAMES[status], subject, properties, at=at, message_id=message_id)


def event_id(*parts: object) -> str:
    """A `messageId` of what an event stands for.

    >>> event_id("shopify", "order", 4711, "completed")
    'shopify:order:4711:completed'
    """
    return ":".join(str(part) for part in parts)


def instant(stated: Any) -> datetime | None:
    """A time as vendors write it, aware; without a zone it is UTC. None when it is none.

    Args:
        stated: ISO 8601, also a day alone, or milliseconds since 1970, also as text.

    >>> instant("2026-03-01T08:00:00.000+0000")
    datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.timezone.utc)
    >>> instant(1772352000000) == instant("2026-03-01T08:00:00Z")
    True
    """
    try:
        if isinstance(stated, str) and not stated.isdigit():
            read = datetime.fromisoformat(stated)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(stated, str | int) and not isinstance(stated, bool):
            return datetime.fromtimestamp(int(stated) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def text(value: Any) -> str | None:
    """An id or a word, as text; None for what is empty or is no such thing."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value).strip() or None


def number(value: Any) -> float | None:
    """An amount, also as text; None for what is none."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def at_path(record: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of names with dots between them; None where it ends early.

    >>> at_path({"Account": {"Name": "Tea Ltd"}}, "Account.Name")
    'Tea Ltd'
    """
    value: Any = record
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def stated_traits(record: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """Traits by name, from where each stands in a record: texts, numbers, yes or no, lists of them.

    What a record leaves empty is not stated: it must not blot out what others know.
    """
    found = {name: at_path(record, path) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value != "" and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, _PLAIN) for one in value)
    return isinstance(value, _PLAIN)


def shaped(value: Any, shape: type[T]) -> T:
    """An answer's JSON in the shape that the vendor documents.

    Raises:
        DataError: it has another one; the error says where, and quotes nothing.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        place = str(error).rpartition(" - at ")[2].strip("`")
        raise DataError(
            f"the source answered in a shape it does not document (at {place})",
            hint="see whether the address in the source's definition is right",
        ) from None
