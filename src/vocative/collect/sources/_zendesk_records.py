"""What Zendesk's records and notices become, and what its definition may say of that.

Users become people, without any consent: Zendesk knows none. What tickets say in words stays there.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from vocative.collect.sources._events import (
    Subject,
    at_path,
    event_id,
    happened,
    identified,
    instant,
    stated_traits,
    text,
)
from vocative.collect.sources._http import Secret
from vocative.collect.sources.base import Event, Fault

SYSTEM = "zendesk"
TRAITS = {"name": "name", "phone": "phone", "locale": "locale"}
_SOLVED = frozenset({"solved", "closed"})
_FIELD = re.compile(r"[a-z]\w*(?:\.\w+)?")


class ZendeskOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of kind `zendesk` says."""

    url: str
    """Such as `https://shop.zendesk.com`."""
    email: str | None = None
    """With `api_token`: of the admin whose token it is."""
    api_token: Secret | None = None
    """An API token of an admin."""
    oauth_token: Secret | None = None
    """Instead of `api_token`."""
    signing_secret: Secret | None = None
    """Of the webhook; without it none is taken."""
    user_id: str | None = None
    """The field of a user with the account's id in the shop, such as `external_id`."""
    traits: dict[str, str] = {}
    """More traits: the trait's name and the field, such as `user_fields.plan`."""
    ratings: bool = True
    """Whether satisfaction ratings are pulled."""
    requests_per_minute: float = 10
    """What Zendesk allows of exports; 30 with its high volume add-on."""


def faults(options: ZendeskOptions) -> Iterator[Fault]:
    """What no single field can tell."""
    if options.api_token is None and options.oauth_token is None:
        yield (), "there is no way to sign in", "give email and api_token, or an oauth_token"
    elif options.api_token is not None and options.oauth_token is not None:
        yield ("oauth_token", "@key"), "api_token signs in already", "leave out one of them"
    elif options.api_token is not None and options.email is None:
        yield ("api_token", "@key"), "api_token needs email", "say which admin's token it is"
    if options.requests_per_minute <= 0:
        yield ("requests_per_minute",), "nothing could be asked", "Zendesk allows 10 at least"
    hint = "write it like external_id or user_fields.plan"
    if options.user_id is not None and not _FIELD.fullmatch(options.user_id):
        yield ("user_id",), "this is no name of a field", hint
    for trait, name in options.traits.items():
        if not _FIELD.fullmatch(name):
            yield ("traits", trait), "this is no name of a field", hint


class Change(msgspec.Struct):
    """What a webhook of an event type tells."""

    type: str = ""
    time: Any = None
    detail: dict[str, Any] = {}
    event: dict[str, Any] = {}


def user_events(
    options: ZendeskOptions, user: Mapping[str, Any], *, by_notice: bool = False
) -> Iterator[Event]:
    """A user as of the latest change; nothing of agents and of who is gone.

    Args:
        options: What the definition says.
        user: With an id and a time, or nothing is made of it.
        by_notice: A webhook tells it, and tells less than an export of the same change.
    """
    user_id, at = text(user.get("id")), instant(user.get("updated_at"))
    if user_id is None or at is None or not is_customer(user):
        return
    subject = Subject(
        system=SYSTEM,
        record_id=user_id,
        email=text(user.get("email")),
        user_id=text(at_path(user, options.user_id)) if options.user_id else None,
    )
    traits = stated_traits(user, {**TRAITS, **options.traits})
    told = ("notice", _second(at)) if by_notice else (_second(at),)
    yield identified(subject, traits, at=at, message_id=event_id(SYSTEM, "user", user_id, *told))


def ticket_events(ticket: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[Event]:
    """That a ticket was made, and that it is solved."""
    ticket_id, requester_id = text(ticket.get("id")), text(ticket.get("requester_id"))
    created_at = instant(ticket.get("created_at"))
    if ticket_id is None or requester_id is None or created_at is None:
        return
    subject = Subject(system=SYSTEM, record_id=requester_id)
    properties = _ticket_properties(ticket_id, ticket)
    message_id = event_id(SYSTEM, "ticket", ticket_id, "created")
    yield happened("Ticket Created", subject, properties, at=created_at, message_id=message_id)
    solved_at = instant(metrics.get("solved_at"))
    if solved_at is None or _status(ticket.get("status")) not in _SOLVED:
        return
    yield happened(
        "Ticket Solved",
        subject,
        {
            **properties,
            "reopens": metrics.get("reopens"),
            "replies": metrics.get("replies"),
            "minutes_to_solve": at_path(metrics, "full_resolution_time_in_minutes.calendar"),
        },
        at=solved_at,
        message_id=event_id(SYSTEM, "ticket", ticket_id, "solved", _second(solved_at)),
    )


def notice_events(what: str, change: Change) -> Iterator[Event]:
    """What a webhook says of a ticket; with the same ids as what an export says."""
    if what == "created":
        yield from ticket_events(change.detail, {})
    elif what == "status_changed" and _status(change.event.get("current")) in _SOLVED:
        detail = {**change.detail, "status": _status(change.event.get("current"))}
        solved = {"solved_at": detail.get("updated_at")}
        # Closing what is solved already is no second solution.
        if _status(change.event.get("previous")) not in _SOLVED:
            yield from ticket_events(detail, solved)


def rating_events(rating: Mapping[str, Any], at: datetime) -> Iterator[Event]:
    rating_id, requester_id = text(rating.get("id")), text(rating.get("requester_id"))
    score = text(rating.get("score"))
    if rating_id is None or requester_id is None or score not in ("good", "bad"):
        return
    subject = Subject(system=SYSTEM, record_id=requester_id)
    properties = {
        "ticket_id": text(rating.get("ticket_id")),
        "score": score,
        "reason": text(rating.get("reason")),
    }
    message_id = event_id(SYSTEM, "rating", rating_id, score, _second(at))
    yield happened("Ticket Rated", subject, properties, at=at, message_id=message_id)


def _ticket_properties(ticket_id: str, ticket: Mapping[str, Any]) -> dict[str, Any]:
    """What is no text of somebody's."""
    return {
        "ticket_id": ticket_id,
        "ticket_type": text(ticket.get("type")),
        "priority": text(ticket.get("priority")),
        "via": text(at_path(ticket, "via.channel")),
        **stated_traits(ticket, {"tags": "tags"}),
    }


def is_customer(user: Mapping[str, Any]) -> bool:
    """Whether somebody is there, and is no agent."""
    return user.get("role", "end-user") == "end-user" and user.get("active") is not False


def _status(stated: Any) -> str:
    return stated.lower() if isinstance(stated, str) else ""


def _second(at: datetime) -> str:
    """An instant to the second: exports tell it so, webhooks tell more."""
    return str(int(at.timestamp()))
