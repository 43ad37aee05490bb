"""What is asked of Salesforce, and what its records become.

An opt-out (`HasOptedOutOfEmail`) is a withdrawal. That somebody has not opted out is no consent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.collect.sources._events import (
    ConsentStatus,
    Subject,
    at_path,
    consent,
    event_id,
    happened,
    identified,
    instant,
    number,
    shaped,
    stated_traits,
    text,
)
from vocative.collect.sources._salesforce_options import (
    CONTACT_TRAITS,
    LEAD_TRAITS,
    SalesforceOptions,
)
from vocative.collect.sources._shop import guest, order, product
from vocative.collect.sources.base import Event

SYSTEM = "salesforce"


class Records(msgspec.Struct, rename="camel"):
    """A page of a query's result, or of a subquery's."""

    records: list[dict[str, Any]]
    next_records_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What is asked for, and what is made of a record that last changed at an instant."""

    object_name: str
    fields: Sequence[str]
    events: Callable[[Mapping[str, Any], datetime], Iterator[Event]]


class Streams:
    """The streams of one definition.

    Args:
        options: What the definition says.
        ask: Gives the JSON at a path of the org: a record's further rows can stand there.
    """

    def __init__(self, options: SalesforceOptions, ask: Callable[[str], Any]) -> None:
        self._options = options
        self._ask = ask
        self._contact_traits = {**CONTACT_TRAITS, **options.contact_traits}
        self._lead_traits = {**LEAD_TRAITS, **options.lead_traits}

    def named(self, name: str) -> Stream:
        """One of contacts, leads, opportunities and orders."""
        own = self._options
        currency = [] if own.currency else ["CurrencyIsoCode"]
        opted = ["HasOptedOutOfEmail", own.opted_in, own.opted_in_at]
        if name == "contacts":
            fields = ["Email", own.user_id, *opted, *self._contact_traits.values()]
            return _of("Contact", fields, self._contact_events)
        if name == "leads":
            converted = ["CreatedDate", "IsConverted", "ConvertedDate", "ConvertedContactId"]
            fields = ["Email", *converted, *opted, *self._lead_traits.values()]
            return _of("Lead", fields, self._lead_events)
        if name == "opportunities":
            fields = [
                *("CreatedDate", "StageName", "Type", "Amount", "IsClosed", "IsWon"),
                *("LastStageChangeDate", *currency),
                "(SELECT ContactId FROM OpportunityContactRoles WHERE IsPrimary = true)",
            ]
            return _of("Opportunity", fields, self._opportunity_events)
        fields = [
            *("ActivatedDate", "StatusCode", "TotalAmount", own.order_id, own.order_contact),
            *currency,
            f"(SELECT {own.product_id}, Quantity, UnitPrice FROM OrderItems)",
        ]
        return _of("Order", fields, self._order_events)

    def _contact_events(self, record: Mapping[str, Any], at: datetime) -> Iterator[Event]:
        own_id = self._options.user_id
        user_id = text(at_path(record, own_id)) if own_id else None
        subject = _subject(record["Id"], record, user_id=user_id)
        yield identified(
            subject,
            stated_traits(record, self._contact_traits),
            at=at,
            message_id=event_id(SYSTEM, "contact", record["Id"], written(at)),
        )
        yield from self._consent_events("contact", subject, record, at)

    def _lead_events(self, record: Mapping[str, Any], at: datetime) -> Iterator[Event]:
        lead_id = record["Id"]
        subject = _subject(lead_id, record)
        created_at = instant(record.get("CreatedDate"))
        if created_at is not None:
            message_id = event_id(SYSTEM, "lead", lead_id, "created")
            yield happened("Lead Created", subject, {}, at=created_at, message_id=message_id)
        if record.get("IsConverted") is not True:
            yield identified(
                subject,
                stated_traits(record, self._lead_traits),
                at=at,
                message_id=event_id(SYSTEM, "lead", lead_id, written(at)),
            )
        elif (day := instant(record.get("ConvertedDate"))) is not None:
            # A converted lead lives on as its contact, whose address may be another by now.
            contact_id = text(record.get("ConvertedContactId"))
            lives_on = _contact(contact_id) if contact_id else subject
            # Salesforce tells the day only, and it was not converted before it was there.
            converted_at = max(day, created_at or day)
            message_id = event_id(SYSTEM, "lead", lead_id, "converted")
            yield happened("Lead Converted", lives_on, {}, at=converted_at, message_id=message_id)
        yield from self._consent_events("lead", subject, record, at)

    def _consent_events(
        self, kind: str, subject: Subject, record: Mapping[str, Any], at: datetime
    ) -> Iterator[Event]:
        own = self._options
        status: ConsentStatus
        since: datetime | None
        if record.get("HasOptedOutOfEmail") is True:
            # When they did is not told: as of the record's latest change, they have.
            status, since = "withdrawn", at
        elif own.opted_in and own.opted_in_at and at_path(record, own.opted_in) is True:
            status, since = "given", instant(at_path(record, own.opted_in_at))
        else:
            return
        if since is not None:
            yield consent(
                subject,
                status,
                purpose=own.purpose,
                source=SYSTEM,
                at=since,
                message_id=event_id(SYSTEM, kind, record["Id"], status, written(since)),
            )

    def _opportunity_events(self, record: Mapping[str, Any], _: datetime) -> Iterator[Event]:
        contacts = [
            text(role.get("ContactId"))
            for role in self._children(record, "OpportunityContactRoles")
        ]
        contact_id = next((one for one in contacts if one), None)
        created_at = instant(record.get("CreatedDate"))
        if contact_id is None or created_at is None:
            return
        subject = _contact(contact_id)
        properties = {
            "opportunity_id": record["Id"],
            "stage": text(record.get("StageName")),
            "opportunity_type": text(record.get("Type")),
            "currency": self._currency(record),
        }
        yield happened(
            "Opportunity Created",
            subject,
            {**properties, "stage": None},
            at=created_at,
            message_id=event_id(SYSTEM, "opportunity", record["Id"], "created"),
        )
        if record.get("IsClosed") is not True:
            return
        won = record.get("IsWon") is True
        closed_at = instant(record.get("LastStageChangeDate")) or created_at
        yield happened(
            "Opportunity Won" if won else "Opportunity Lost",
            subject,
            {**properties, "revenue": number(record.get("Amount")) if won else None},
            at=closed_at,
            message_id=event_id(SYSTEM, "opportunity", record["Id"], "won" if won else "lost"),
        )

    def _order_events(self, record: Mapping[str, Any], at: datetime) -> Iterator[Event]:
        activated_at = instant(record.get("ActivatedDate"))
        if activated_at is None:
            return
        contact_id = text(at_path(record, self._options.order_contact))
        amount = number(record.get("TotalAmount"))
        # A reduction order takes back what another one sold: its amounts are negative.
        reduces = amount is not None and amount < 0
        told = [("Order Refunded" if reduces else "Order Completed", activated_at, "activated")]
        if text(record.get("StatusCode")) in ("Canceled", "Cancelled"):
            told.append(("Order Cancelled", at, "cancelled"))
        products = [self._product(line) for line in self._children(record, "OrderItems")]
        for name, when, what in told:
            yield order(
                name,
                _contact(contact_id) if contact_id else guest(SYSTEM, None),
                order_id=text(at_path(record, self._options.order_id)) or str(record["Id"]),
                revenue=None if amount is None else abs(amount),
                currency=self._currency(record),
                products=products,
                at=when,
                message_id=event_id(SYSTEM, "order", record["Id"], what),
            )

    def _product(self, line: Mapping[str, Any]) -> dict[str, Any]:
        return product(
            text(at_path(line, self._options.product_id)),
            quantity=abs(number(line.get("Quantity")) or 0.0),
            price=number(line.get("UnitPrice")),
        )

    def _currency(self, record: Mapping[str, Any]) -> str | None:
        return self._options.currency or text(record.get("CurrencyIsoCode"))

    def _children(self, record: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
        """The rows of a subquery; null where there are none, in pages where there are many."""
        raw = record.get(name)
        while raw is not None:
            found = shaped(raw, Records)
            yield from found.records
            more = found.next_records_url
            raw = self._ask(more) if more else None


def _of(
    object_name: str,
    fields: Sequence[str | None],
    events: Callable[[Mapping[str, Any], datetime], Iterator[Event]],
) -> Stream:
    asked = dict.fromkeys(["Id", "SystemModstamp", *(field for field in fields if field)])
    return Stream(object_name=object_name, fields=list(asked), events=events)


def _subject(record_id: str, record: Mapping[str, Any], *, user_id: str | None = None) -> Subject:
    email = text(record.get("Email"))
    return Subject(system=SYSTEM, record_id=record_id, email=email, user_id=user_id)


def _contact(contact_id: str) -> Subject:
    """Of whom only the record is known."""
    return Subject(system=SYSTEM, record_id=contact_id)


def written(at: datetime) -> str:
    """As SOQL writes an instant; to the second, as Salesforce keeps them."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
