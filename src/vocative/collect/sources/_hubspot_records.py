"""What HubSpot's records and notices become, and what its definition may say of that.

An unsubscription is a withdrawal. A subscription is a consent only where the definition says for
what, and HubSpot says since when.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vocative.collect.sources._events import (
    Subject,
    consent,
    event_id,
    happened,
    identified,
    instant,
    number,
    stated_traits,
    text,
)
from vocative.collect.sources._http import Secret
from vocative.collect.sources.base import Event, Fault

SYSTEM = "hubspot"
TRAITS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "company": "company",
    "country": "country",
    "lifecycle_stage": "lifecyclestage",
}
OPTED_OUT = "hs_email_optout"
"""The property that is true once a contact unsubscribed from everything; with the id of a
subscription type behind it, from that one."""
DEAL_PROPERTIES = [
    *("dealstage", "pipeline", "amount", "deal_currency_code", "createdate", "closedate"),
    *("hs_is_closed", "hs_is_closed_won", "hs_lastmodifieddate"),
]
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,99}")


class HubSpotOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of kind `hubspot` says. Properties have the names of HubSpot's API."""

    token: Secret
    """The access token of a private app."""
    client_secret: Secret | None = None
    """Of the app that sends webhooks; without it none is taken."""
    url: str = "https://api.hubapi.com"
    """Of HubSpot's API."""
    user_id: str | None = None
    """The property of a contact with the account's id in the shop."""
    traits: dict[str, str] = {}
    """More traits of contacts: the trait's name and the property."""
    subscriptions: dict[str, str] = {}
    """Which subscription types are consents: their ids and what each is for."""
    purpose: str = "marketing"
    """What a contact withdraws who unsubscribes from everything, beside those."""
    deals: bool = False
    """Whether deals are pulled."""

    @property
    def all_traits(self) -> dict[str, str]:
        """Where each trait of a contact stands."""
        return {**TRAITS, **self.traits}

    @property
    def contact_properties(self) -> list[str]:
        """What is asked of a contact."""
        needed = ["email", "lastmodifieddate", OPTED_OUT, *self.all_traits.values()]
        return list(dict.fromkeys([*needed, *([self.user_id] if self.user_id else [])]))

    @property
    def purposes(self) -> list[str]:
        """Everything that a contact withdraws who unsubscribes from everything."""
        return list(dict.fromkeys([self.purpose, *self.subscriptions.values()]))


def faults(options: HubSpotOptions) -> Iterator[Fault]:
    """What its types do not tell of a definition."""
    hint = "write its internal name, such as shop_customer_id"
    if options.user_id is not None and not _PROPERTY.fullmatch(options.user_id):
        yield ("user_id",), "this is no name of a property", hint
    for trait, name in options.traits.items():
        if not _PROPERTY.fullmatch(name):
            yield ("traits", trait), "this is no name of a property", hint
    for subscription_id in options.subscriptions:
        if not subscription_id.isdigit():
            hint = "HubSpot shows it beside the subscription type: a number"
            yield ("subscriptions", subscription_id, "@key"), "this is no id", hint


class Record(msgspec.Struct):
    """A contact or a deal, as lists and searches have it."""

    id: str
    properties: dict[str, Any]


class Status(msgspec.Struct, rename="camel"):
    """Whether an address is subscribed to something."""

    subscription_id: int | str
    status: str
    timestamp: Any = None


class Notice(msgspec.Struct, rename="camel"):
    """One thing that a webhook tells."""

    subscription_type: str = ""
    object_type_id: str | None = None
    object_id: int | str | None = None
    occurred_at: Any = None
    property_name: str | None = None
    property_value: Any = None

    @property
    def is_of_a_contact(self) -> bool:
        """By the name it has in old apps, or by the number of the type in new ones."""
        return self.subscription_type.startswith("contact.") or self.object_type_id == "0-1"


def contact_events(
    options: HubSpotOptions, contact: Record, statuses: Sequence[Status], changed_at: datetime
) -> Iterator[Event]:
    """A contact as of its latest change, and what its address is subscribed to."""
    stated = contact.properties
    user_id = text(stated.get(options.user_id)) if options.user_id else None
    email = text(stated.get("email"))
    subject = Subject(system=SYSTEM, record_id=contact.id, email=email, user_id=user_id)
    yield identified(
        subject,
        stated_traits(stated, options.all_traits),
        at=changed_at,
        message_id=event_id(SYSTEM, "contact", contact.id, millis(changed_at)),
    )
    opted_out = _is_true(stated.get(OPTED_OUT))
    if opted_out:
        # When is not told here: as of the contact's latest change, they have.
        yield from _withdrawals(subject, options.purposes, changed_at)
    for status in statuses:
        purpose = options.subscriptions.get(str(status.subscription_id))
        at = instant(status.timestamp)
        if purpose is None or at is None:
            continue
        if status.status == "UNSUBSCRIBED":
            yield from _withdrawals(subject, [purpose], at)
        elif status.status == "SUBSCRIBED" and not opted_out:
            yield consent(
                subject,
                "given",
                purpose=purpose,
                source=SYSTEM,
                at=at,
                message_id=event_id(
                    SYSTEM, "contact", contact.id, "subscribed", purpose, millis(at)
                ),
            )


def deal_events(deal: Record, contact_id: str, changed_at: datetime) -> Iterator[Event]:
    """What became of a deal, told of its contact."""
    stated = deal.properties
    subject = Subject(system=SYSTEM, record_id=contact_id)
    properties = {
        "deal_id": deal.id,
        "pipeline": text(stated.get("pipeline")),
        "currency": text(stated.get("deal_currency_code")),
    }
    created_at = instant(stated.get("createdate"))
    if created_at is not None:
        message_id = event_id(SYSTEM, "deal", deal.id, "created")
        yield happened("Deal Created", subject, properties, at=created_at, message_id=message_id)
    won = _is_true(stated.get("hs_is_closed_won"))
    if not (won or _is_true(stated.get("hs_is_closed"))):
        return
    closed_at = instant(stated.get("closedate")) or changed_at
    revenue = number(stated.get("amount")) if won else None
    yield happened(
        "Deal Won" if won else "Deal Lost",
        subject,
        {**properties, "stage": text(stated.get("dealstage")), "revenue": revenue},
        # People write any day there; what is closed already was not closed tomorrow.
        at=min(closed_at, changed_at),
        message_id=event_id(SYSTEM, "deal", deal.id, "won" if won else "lost"),
    )


def notice_events(options: HubSpotOptions, notice: Notice) -> Iterator[Event]:
    """What a webhook's notice says of a contact; nothing where it says nothing that counts.

    Args:
        options: What the definition says.
        notice: One of a contact, with an id and a time.
    """
    at, record_id = instant(notice.occurred_at), text(notice.object_id)
    if at is None or record_id is None:
        return
    subject = Subject(system=SYSTEM, record_id=record_id)
    if notice.subscription_type == "contact.privacyDeletion":
        message_id = event_id(SYSTEM, "contact", record_id, "erase")
        yield happened("Erasure Requested", subject, {}, at=at, message_id=message_id)
        yield from _withdrawals(subject, options.purposes, at)
    elif notice.property_name is not None:
        yield from _change_events(options, subject, notice.property_name, notice.property_value, at)


def _change_events(
    options: HubSpotOptions, subject: Subject, name: str, value: Any, at: datetime
) -> Iterator[Event]:
    """What the new value of a property says."""
    if name == OPTED_OUT:
        if _is_true(value):
            yield from _withdrawals(subject, options.purposes, at)
    elif name.startswith(f"{OPTED_OUT}_"):
        purpose = options.subscriptions.get(name.removeprefix(f"{OPTED_OUT}_"))
        if purpose is not None and _is_true(value):
            yield from _withdrawals(subject, [purpose], at)
    else:
        wanted = {**options.all_traits, "email": "email"}
        stated = stated_traits({name: value}, wanted)
        if stated:
            message_id = event_id(SYSTEM, "contact", subject.record_id, name, millis(at))
            yield identified(subject, stated, at=at, message_id=message_id)


def _withdrawals(subject: Subject, purposes: Sequence[str], at: datetime) -> Iterator[Event]:
    for purpose in purposes:
        yield consent(
            subject,
            "withdrawn",
            purpose=purpose,
            source=SYSTEM,
            at=at,
            message_id=event_id(
                SYSTEM, "contact", subject.record_id, "unsubscribed", purpose, millis(at)
            ),
        )


def millis(at: datetime) -> int:
    """Milliseconds since 1970, as HubSpot counts."""
    return round(at.timestamp() * 1000)


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
