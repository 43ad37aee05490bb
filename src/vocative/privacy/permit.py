"""Leave to contact one person, now, for one purpose, on one channel.

Consent, suppression, caps and quiet hours go in; a `Permit` or a `Refusal` with its reason comes
out. Delivery takes nothing but a permit, each is good for one hand-over, and none can be made
outside this module.
"""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NoReturn, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.errors import PrivacyError, unknown_name
from vocative.privacy import caps as caps_of
from vocative.privacy.caps import Cap
from vocative.privacy.wishes import WISHES_SQL, wishes_of, wishes_refusal
from vocative.stores import Row, Transaction

OPT_IN_CONFIRMATION = "opt_in_confirmation"
"""The purpose of the one mail that asks the owner of an address whether a request for consent was
theirs. It needs no consent, but such a request that nobody has answered yet."""
_BATCH = 500
_ISSUER = object()

REFUSALS = {
    "erased": "this person was erased, or never existed",
    "merged": "this profile was merged into another one, which counts instead",
    "told_already": "this person got the message already, under a profile that is or was theirs",
    "no_address": "there is no address for this channel",
    "no_consent": "this person has not consented to this purpose on this channel",
    "nothing_to_confirm": "no request for consent waits for this person to confirm it",
    "consent_withdrawn": "this person has withdrawn consent",
    "suppressed_bounce": "mail to this address bounced for good",
    "suppressed_complaint": "the owner of this address marked a message as spam",
    "suppressed_unsubscribe": "the owner of this address unsubscribed",
    "suppressed_soft_bounce": "mail to this address bounced again and again, and rests for a while",
    "suppressed_manual": "somebody of this workspace suppressed this address",
    "paused": "this person asked for a break that is not over",
    "wanted_less_often": "this person asked for fewer messages and had the latest one too recently",
    "capped": "this person already got as many messages lately as the caps allow",
    "outranked": "the room that the caps leave is for messages of higher priority that wait, too",
    "quiet_hours": "it is night where this person is; the message waits until morning",
    "outside_window": "the campaign sends at other hours of this person's day; the message waits",
}
"""Every reason for which contact is refused, in words."""


class PurposeRule(Protocol):
    """What a purpose demands; `workspace.settings.Purpose` is one."""

    @property
    def consent(self) -> Literal["opt_in", "opt_out"]:
        """Whether silence means no or yes."""
        ...

    @property
    def max_per_week(self) -> int | None:
        """How many messages a person may get in seven days; None: any number."""
        ...


class HoursRule(Protocol):
    """Local hours without contact; `workspace.settings.QuietHours` is one."""

    @property
    def start(self) -> int:
        """The first quiet hour, 0 to 23."""
        ...

    @property
    def end(self) -> int:
        """The first hour that is not quiet any more."""
        ...


@dataclass(frozen=True, kw_only=True)
class ContactRules:
    """What the workspace demands before anybody is contacted."""

    purposes: Mapping[str, PurposeRule]
    timezone: str = "UTC"
    quiet_hours: HoursRule | None = None
    window: HoursRule | None = None
    """The only local hours in which contact is allowed; None: any that are not quiet."""
    caps: Sequence[Cap] = ()


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Somebody who is about to be contacted."""

    person_id: str
    address_hash: str | None
    """None: the vault has no address."""
    priority: float = 0.0
    """Where a cap leaves room for few, the greater goes first."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Contact is not allowed now."""

    person_id: str
    code: str
    """One of REFUSALS."""
    until: datetime | None = None
    """When to ask again; None: not by itself."""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The reason as a sentence."""
        return REFUSALS[self.code]


class Permit:
    """Leave for one hand-over; only `issue` and `issue_many` make one."""

    __slots__ = (
        "__weakref__",
        "address_hash",
        "at",
        "channel",
        "evidence",
        "person_id",
        "purpose",
    )
    person_id: str
    purpose: str
    channel: str
    address_hash: str
    at: datetime
    evidence: Mapping[str, Any]

    def __init__(self, issuer: object = None, /, **values: Any) -> None:
        if issuer is not _ISSUER:
            raise PrivacyError(
                "a permit cannot be made by hand", hint="ask vocative.privacy.permit.issue for one"
            )
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _UNSPENT.add(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise PrivacyError("a permit cannot be changed")

    def __copy__(self) -> NoReturn:
        raise PrivacyError("a permit cannot be copied")

    def __deepcopy__(self, _: object) -> NoReturn:
        raise PrivacyError("a permit cannot be copied")

    def __reduce__(self) -> NoReturn:
        raise PrivacyError("a permit cannot be stored: ask for one at hand-off time")

    def spend(self, *, person_id: str, address_hash: str, channel: str) -> None:
        """Use the permit up for one hand-over.

        Raises:
            PrivacyError: it was not issued here, is used already, or is for somebody else.
        """
        if self not in _UNSPENT:
            raise PrivacyError("this permit was not issued, or has been used already")
        granted = (self.person_id, self.address_hash, self.channel)
        if granted != (person_id, address_hash, channel):
            raise PrivacyError("this permit is for another person, address or channel")
        _UNSPENT.discard(self)


_UNSPENT: "weakref.WeakSet[Permit]" = weakref.WeakSet()


def issue(
    tx: Transaction,
    contact: Contact,
    *,
    purpose: str,
    channel: str,
    rules: ContactRules,
    at: datetime,
) -> Permit | Refusal:
    """Ask for leave to contact one person; see `issue_many`."""
    [answer] = issue_many(tx, [contact], purpose=purpose, channel=channel, rules=rules, at=at)
    return answer


def issue_many(
    tx: Transaction,
    contacts: Sequence[Contact],
    *,
    purpose: str,
    channel: str,
    rules: ContactRules,
    at: datetime,
) -> list[Permit | Refusal]:
    """Ask for leave to contact people, each with a different person id.

    Args:
        tx: What it sees is what counts; ask in the transaction that records the hand-over, which
            holds these people (`stores.hold`), so that two campaigns count each other.
        contacts: Whom.
        purpose: A purpose of `rules`, or `OPT_IN_CONFIRMATION`.
        channel: The medium, for example `email`.
        rules: The workspace's.
        at: The instant of contact.

    Returns:
        One answer per contact, in the same order.

    Raises:
        UnknownName: the workspace has no such purpose.
    """
    if purpose == OPT_IN_CONFIRMATION:
        rules = _CONFIRMATION_RULES
    rule = rules.purposes.get(purpose)
    if rule is None:
        raise unknown_name("purpose", purpose, rules.purposes, where="vocative.yaml")
    case = _Case(
        purpose=purpose,
        channel=channel,
        rule=rule,
        rules=rules,
        at=at,
        caps=_caps(rules, rule, purpose, channel),
    )
    answers: list[Permit | Refusal] = []
    for start in range(0, len(contacts), _BATCH):
        chunk = contacts[start : start + _BATCH]
        seen = {row["person_id"]: row for row in tx.rows(*_standing_sql(chunk, case))}
        answers += [_decide(contact, seen[contact.person_id], case) for contact in chunk]
    return answers


def _caps(rules: ContactRules, rule: PurposeRule, purpose: str, channel: str) -> list[Cap]:
    """The caps for a purpose on a channel; what the purpose itself says comes first."""
    own = [] if rule.max_per_week is None else [Cap(rule.max_per_week, "7d", purpose)]
    return own + [cap for cap in rules.caps if cap.binds(purpose=purpose, channel=channel)]


@dataclass(frozen=True)
class _OnRequest:
    """Says nothing of consent by itself: what it takes is a request that waits."""

    consent: Literal["opt_in", "opt_out"] = "opt_out"
    max_per_week: int | None = None


# Whoever has just sent a form waits for the mail, also at night.
_CONFIRMATION_RULES = ContactRules(purposes={OPT_IN_CONFIRMATION: _OnRequest()})


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What is the same for everybody in one question."""

    purpose: str
    channel: str
    rule: PurposeRule
    rules: ContactRules
    at: datetime
    caps: Sequence[Cap]

    @property
    def confirms(self) -> bool:
        """Whether it is about asking whether a request for consent is genuine."""
        return self.purpose == OPT_IN_CONFIRMATION


_STANDING = """
WITH asked (person_id, address_hash, priority) AS (VALUES {asked})
SELECT asked.person_id, profiles.person_id AS profile_id, profiles.merged_into, {traits} AS traits,
  consents.consent_id, consents.status, consents.at AS stated_at, consents.source,
  (SELECT s.reason FROM suppressions s
   WHERE s.address_hash = asked.address_hash AND s.channel = :channel
     AND (s.expires_at IS NULL OR s.expires_at > :now){passed}
   ORDER BY CASE s.reason WHEN 'complaint' THEN 0 WHEN 'unsubscribe' THEN 1
                          WHEN 'bounce' THEN 2 ELSE 3 END
   LIMIT 1) AS suppressed{wishes}{caps}
FROM asked
LEFT JOIN profiles ON profiles.person_id = asked.person_id
LEFT JOIN consents ON consents.consent_id = ({stated})
"""
# A request counts only while nothing else was stated, see `consent.py`.
_STATED = """
  SELECT c.consent_id FROM consents c
  WHERE c.person_id = asked.person_id AND c.purpose = :purpose AND c.channel = :channel
  ORDER BY c.status = 'pending', c.at DESC, c.consent_id DESC LIMIT 1
"""
_REQUESTED = """
  SELECT c.consent_id FROM consents c
  WHERE c.person_id = asked.person_id AND c.channel = :channel AND c.status = 'pending'
    AND NOT EXISTS (
      SELECT 1 FROM consents later WHERE later.person_id = c.person_id
      AND later.purpose = c.purpose AND later.channel = c.channel AND later.status <> 'pending'
      AND later.at >= c.at)
  ORDER BY c.at DESC, c.consent_id DESC LIMIT 1
"""
# Whoever unsubscribed may change their mind; asking is the only way to know that it is they.
_UNSUBSCRIBED_PASSES = " AND s.reason <> 'unsubscribe'"


def _standing_sql(contacts: Sequence[Contact], case: _Case) -> tuple[str, dict[str, Any]]:
    """One question about everybody: the statement and its values."""
    names: dict[str, Any] = {"channel": case.channel, "now": to_micros(case.at)}
    if not case.confirms:
        names["purpose"] = case.purpose
    asked = []
    for index, contact in enumerate(contacts):
        # The casts tell PostgreSQL the types of a column of bare parameters.
        priority = f"CAST(:v{index} AS DOUBLE PRECISION)" if case.caps else "0"
        asked.append(f"(CAST(:p{index} AS TEXT), CAST(:h{index} AS TEXT), {priority})")
        names[f"p{index}"] = contact.person_id
        names[f"h{index}"] = contact.address_hash
        if case.caps:
            names[f"v{index}"] = contact.priority
    caps, more = caps_of.caps_sql(case.caps, at=case.at)
    sql = _STANDING.format(
        asked=", ".join(asked),
        traits="profiles.traits" if case.rules.quiet_hours or case.rules.window else "NULL",
        caps=caps,
        wishes="" if case.confirms else WISHES_SQL,
        stated=_REQUESTED if case.confirms else _STATED,
        passed=_UNSUBSCRIBED_PASSES if case.confirms else "",
    )
    return sql, names | more


def _decide(contact: Contact, seen: Row, case: _Case) -> Permit | Refusal:
    evidence = _evidence(seen, case)
    code = _refusal_code(contact, seen, case)
    until = case.at + caps_of.ASK_AGAIN if code == "outranked" else None
    if code is None and (case.rules.quiet_hours or case.rules.window):
        zone, whose = contact_zone(seen["traits"], case.rules.timezone)
        evidence["timezone"] = f"{zone.key} ({whose})"
        code, until = _by_hour(case.at, zone, case.rules)
    if code is not None:
        return Refusal(person_id=contact.person_id, code=code, until=until, evidence=evidence)
    return Permit(
        _ISSUER,
        person_id=contact.person_id,
        purpose=case.purpose,
        channel=case.channel,
        address_hash=contact.address_hash,
        at=case.at,
        evidence=evidence,
    )


def _refusal_code(contact: Contact, seen: Row, case: _Case) -> str | None:
    rule = case.rule
    opted_in = rule.consent == "opt_out" or seen["status"] == "given"
    checks = (
        (seen["profile_id"] is None, "erased"),
        (seen["merged_into"] is not None, "merged"),
        (contact.address_hash is None, "no_address"),
        (seen["suppressed"] is not None, f"suppressed_{seen['suppressed']}"),
        (seen["status"] == "withdrawn", "consent_withdrawn"),
        (not opted_in, "no_consent"),
        (case.confirms and seen["status"] != "pending", "nothing_to_confirm"),
    )
    found = next((code for refused, code in checks if refused), None)
    return found or wishes_refusal(seen, case.at) or caps_of.refusal(case.caps, seen)


def _evidence(seen: Row, case: _Case) -> dict[str, Any]:
    """What the answer rests on, for `explain`."""
    evidence: dict[str, Any] = {"consent_mode": case.rule.consent, "consent": seen["status"]}
    if seen["consent_id"] is not None:
        evidence["consent_id"] = seen["consent_id"]
        evidence["consent_at"] = from_micros(seen["stated_at"]).isoformat()
        evidence["consent_source"] = seen["source"]
    evidence |= wishes_of(seen).as_evidence()
    if case.caps:
        evidence |= caps_of.evidence(case.caps, seen)
    return evidence


def _by_hour(
    at: datetime, zone: ZoneInfo, rules: ContactRules
) -> tuple[str | None, datetime | None]:
    """Whether the hour of the person's day forbids it, and until when."""
    if rules.quiet_hours is not None and (until := quiet_until(at, zone, rules.quiet_hours)):
        return "quiet_hours", until
    if rules.window is not None and (until := quiet_until(at, zone, _Outside(rules.window))):
        return "outside_window", until
    return None, None


class _Outside:
    """The hours that are not in a window."""

    def __init__(self, window: HoursRule) -> None:
        self.start, self.end = window.end % 24, window.start


def contact_from(at: datetime, zone: ZoneInfo, rules: ContactRules) -> datetime:
    """The earliest instant from `at` on at which the hour forbids no contact.

    Args:
        at: The instant that is wished.
        zone: The person's.
        rules: Their quiet hours and window; these must leave an hour of the day.
    """
    # Quiet hours may end outside the window, which may open on a day when a clock change skips it.
    for _ in range(10):
        _, until = _by_hour(at, zone, rules)
        if until is None:
            break
        at = until
    return at


def quiet_until(at: datetime, zone: ZoneInfo, hours: HoursRule) -> datetime | None:
    """When quiet hours end, or None when `at` is not within them.

    >>> class Night:
    ...     start, end = 21, 8
    >>> quiet_until(datetime(2026, 1, 5, 23, tzinfo=UTC), ZoneInfo("UTC"), Night())
    datetime.datetime(2026, 1, 6, 8, 0, tzinfo=datetime.timezone.utc)
    """
    local = at.astimezone(zone)
    wraps = hours.start > hours.end
    if wraps:
        quiet = local.hour >= hours.start or local.hour < hours.end
    else:
        quiet = hours.start <= local.hour < hours.end
    if not quiet:
        return None
    day = local.date() + timedelta(days=1 if wraps and local.hour >= hours.start else 0)
    if hours.end >= 24:
        day += timedelta(days=1)
    morning = datetime(day.year, day.month, day.day, hours.end % 24, tzinfo=zone)
    return morning.astimezone(UTC)


def contact_zone(traits: str | None, fallback: str) -> tuple[ZoneInfo, str]:
    """The person's zone when it is known and real, else the workspace's."""
    stated = msgspec.json.decode(traits).get("timezone") if traits else None
    zone = _zone_called(stated) if isinstance(stated, str) else None
    return (zone, "person") if zone else (ZoneInfo(fallback), "workspace")


@lru_cache(maxsize=1_000)
def _zone_called(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
