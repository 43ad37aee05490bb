"""Zendesk, pulled from an account on this machine, and seen there by a usual client too."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from defined import defined, refusal
from redirected import session_to
from taken_in import events, ids, people, pull_with_crashes, take_in
from zendesk_account import API_TOKEN, EMAIL, OAUTH_TOKEN, Account, zendesk

from scripted_server import ScriptedServer, Told
from vocative.clock import FixedClock, to_micros
from vocative.collect.sources import _http
from vocative.collect.sources._http import Patience, SourceDown, SourceRefused
from vocative.collect.sources._signatures import base64_hmac_sha256
from vocative.collect.sources.base import Call, NotGenuine, NotReadable
from vocative.collect.sources.zendesk import Zendesk
from vocative.errors import DataError
from vocative.workspace import Workspace

SECRET = "c2lnbmluZy1zZWNyZXQ="
QUICK = Patience(first_pause_seconds=0.01, longest_pause_seconds=1, attempts=3)


def user(number: int, **stated: Any) -> dict[str, Any]:
    return {
        "id": 900 + number,
        "name": f"Customer {number}",
        "email": f"c{number}@example.com",
        "phone": None,
        "locale": "es",
        "role": "end-user",
        "active": True,
        "verified": True,
        "external_id": f"shop-{number}",
        "user_fields": {"plan": "gold"},
        "created_at": "2026-01-01T08:00:00Z",
        "updated_at": f"2026-02-{number:02d}T08:00:00Z",
        **stated,
    }


def ticket(number: int, **stated: Any) -> dict[str, Any]:
    return {
        "id": number,
        "requester_id": 901,
        "subject": "My address is 1 High Street",
        "description": "call me: ana@example.com",
        "status": "open",
        "type": "question",
        "priority": None,
        "tags": ["late"],
        "via": {"channel": "web"},
        "created_at": f"2026-02-{number:02d}T09:00:00Z",
        "updated_at": f"2026-02-{number:02d}T10:00:00Z",
        **stated,
    }


def metric(ticket_id: int, solved_at: str | None) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "solved_at": solved_at,
        "reopens": 1,
        "replies": 2,
        "full_resolution_time_in_minutes": {"calendar": 90, "business": 45},
    }


def rating(number: int, score: str, came_at: str, **stated: Any) -> dict[str, Any]:
    return {
        "id": 500 + number,
        "ticket_id": number,
        "requester_id": 901,
        "score": score,
        "comment": "ana@example.com was not called",
        "reason": "too slow",
        "created_at": "2026-02-10T08:00:00Z",
        "updated_at": came_at,
        **stated,
    }


@pytest.fixture
def account() -> Account:
    account = Account()
    account.users = [user(number) for number in range(1, 6)]
    return account


@pytest.fixture
def server(account: Account) -> Iterator[ScriptedServer]:
    with zendesk(account) as server:
        yield server


@pytest.fixture
def source(server: ScriptedServer, clock: FixedClock) -> Iterator[Callable[..., Zendesk]]:
    opened = []
    paces = []

    def connect(url: str, *, per_second: float, **given: Any) -> _http.Http:
        paces.append(per_second)
        return _http.connect(url, patience=QUICK, **given)

    def open_source(**options: Any) -> Zendesk:
        signing = {"email": EMAIL, "api_token": API_TOKEN, "signing_secret": SECRET}
        stated = {"url": server.url, **signing, **options}
        chosen = msgspec.convert(stated, Zendesk.Options)
        opened.append(Zendesk(chosen, connect=connect, clock=clock))
        return opened[-1]

    yield open_source
    for one in opened:
        one.close()
        one.close()
    assert set(paces) <= {10 / 60, 1.0}  # What Zendesk allows of exports, and of lists.


def test_users_become_people_and_agents_do_not(
    account: Account, source: Callable[..., Zendesk], workspace: Workspace
) -> None:
    account.users += [user(6, role="agent"), user(7, active=False)]
    chosen = source(user_id="external_id", traits={"plan": "user_fields.plan"})
    assert chosen.offered() == ("users", "tickets", "ratings")
    report = take_in(workspace, chosen.pull("users", None), "support")
    assert (report.applied, report.rejected) == (5, {})
    first = people(workspace)[0]
    assert first["vault"] == {
        "email": "c1@example.com",
        "name": "Customer 1",
        "locale": "es",
        "plan": "gold",
        "zendesk_id": "901",
    }
    assert first["consents"] == []


def test_a_usual_client_sees_the_same(
    account: Account, server: ScriptedServer, source: Callable[..., Zendesk]
) -> None:
    zenpy = pytest.importorskip("zenpy", reason="`make vendors` installs it")
    account.tickets = [ticket(number) for number in range(1, 6)]
    account.ratings = [rating(1, "good", "2026-02-11T08:00:00Z")]
    client = zenpy.Zenpy(
        subdomain="shop", email=EMAIL, token=API_TOKEN, session=session_to(server.url)
    )
    theirs = [one.email for one in client.users.incremental(start_time=0, paginate_by_time=False)]
    pages = list(source().pull("users", None))
    assert theirs == [event["traits"]["email"] for page in pages for event in page.events]
    theirs = [one.id for one in client.tickets.incremental(start_time=0, paginate_by_time=False)]
    pages = list(source().pull("tickets", None))
    mine = [event["properties"]["ticket_id"] for page in pages for event in page.events]
    assert [str(one) for one in theirs] == mine
    assert [one.score for one in client.satisfaction_ratings()] == ["good"]


@pytest.mark.parametrize("stream", ["users", "tickets", "ratings"])
def test_a_crash_between_pages_loses_nothing_and_doubles_nothing(
    account: Account, source: Callable[..., Zendesk], workspace: Workspace, stream: str
) -> None:
    account.tickets = [ticket(number) for number in range(1, 6)]
    account.ratings = [rating(number, "bad", "2026-02-11T08:00:00Z") for number in range(1, 6)]
    pages = pull_with_crashes(source(), stream, pages_a_time=1)
    report = take_in(workspace, pages, "support")
    assert (report.applied, report.duplicates) == (5, 0)


def test_what_changed_comes_again(account: Account, source: Callable[..., Zendesk]) -> None:
    *_, last = source().pull("users", None)
    assert ids(list(source().pull("users", last.cursor))) == []
    account.users.append(user(2, email="new@example.com", updated_at="2026-03-01T08:00:00Z"))
    pages = list(source(oauth_token=OAUTH_TOKEN, api_token=None).pull("users", last.cursor))
    assert [event["traits"]["email"] for page in pages for event in page.events] == [
        "new@example.com"
    ]


def test_an_export_that_goes_round_for_ever_is_left(
    account: Account, source: Callable[..., Zendesk]
) -> None:
    stuck = {"users": [], "after_cursor": "MA==", "end_of_stream": False}
    account.troubles = [Told(json=stuck)] * 3
    assert len(list(source().pull("users", "MA=="))) == 1
    account.troubles = [Told(json={**stuck, "after_cursor": None})]
    assert [page.cursor for page in source().pull("users", "MA==")] == ["MA=="]


def test_tickets_tell_what_happened_and_no_words_of_anybody(
    account: Account, source: Callable[..., Zendesk], workspace: Workspace
) -> None:
    account.users.append(user(9, role="agent"))
    account.tickets = [
        ticket(1),
        ticket(2, status="solved"),
        ticket(3, status="closed"),
        ticket(4, status="solved", requester_id=909),  # An agent asked.
        ticket(5, status="deleted"),
    ]
    solved_at = "2026-02-20T10:00:00Z"
    account.metrics = {number: metric(number, solved_at) for number in (2, 4)}
    account.metrics[1] = metric(1, "2026-02-19T10:00:00Z")  # It was reopened since.
    chosen = source()
    for stream in ("users", "tickets", "tickets"):
        report = take_in(workspace, chosen.pull(stream, None), "support")
        assert report.rejected == {}
    told = events(workspace, "Ticket Created", "Ticket Solved")
    assert [row["name"] for row in told] == [*["Ticket Created"] * 3, "Ticket Solved"]
    assert json.loads(told[-1]["properties"]) == {
        "ticket_id": "2",
        "ticket_type": "question",
        "via": "web",
        "tags": ["late"],
        "reopens": 1,
        "replies": 2,
        "minutes_to_solve": 90,
    }
    assert {row["person_id"] for row in told} == {people(workspace)[0]["id"]}
    assert "High Street" not in str(told)


@pytest.mark.parametrize("lists_by", ["created_at", "updated_at"])
def test_ratings_are_found_whenever_they_come(
    account: Account,
    source: Callable[..., Zendesk],
    workspace: Workspace,
    clock: FixedClock,
    lists_by: str,
) -> None:
    account.lists_by = lists_by
    account.ratings = [
        rating(1, "good", "2026-02-11T08:00:00Z"),
        rating(2, "offered", "2026-02-10T08:00:00Z"),
        rating(3, "bad", "2026-02-12T08:00:00Z"),
    ]
    *_, last = source().pull("ratings", None)
    take_in(workspace, source().pull("ratings", None), "support")
    # Asked for three weeks ago, answered now.
    account.ratings[1] |= {"score": "bad", "updated_at": clock.now().isoformat()}
    came = list(source().pull("ratings", last.cursor))
    assert len(ids(came)) == 1
    take_in(workspace, came, "support")
    told = events(workspace, "Ticket Rated")
    assert [json.loads(row["properties"])["score"] for row in told] == ["good", "bad", "bad"]
    assert "not called" not in str(told)
    clock.advance(timedelta(hours=3))
    *_, later = source().pull("ratings", came[-1].cursor)
    assert ids(list(source().pull("ratings", later.cursor))) == []


def webhook(told: Any, at: datetime, *, secret: str = SECRET) -> Call:
    body = json.dumps(told).encode()
    timestamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {
        "x-zendesk-webhook-signature": base64_hmac_sha256(secret, timestamp.encode() + body),
        "x-zendesk-webhook-signature-timestamp": timestamp,
    }
    return Call(headers=headers, body=body, received_at=to_micros(at))


def change(kind: str, detail: dict[str, Any], **event: Any) -> dict[str, Any]:
    return {
        "type": f"zen:event-type:{kind}",
        "account_id": 1,
        "id": "e-1",
        "time": "2026-02-20T10:00:00.52Z",
        "zendesk_event_version": "2022-11-06",
        "subject": "zen:ticket:2",
        "detail": detail,
        "event": event,
    }


def test_a_webhook_and_an_export_tell_one_thing(
    account: Account, source: Callable[..., Zendesk], workspace: Workspace, clock: FixedClock
) -> None:
    solved_at = "2026-02-20T10:00:00Z"
    account.tickets = [ticket(2, status="solved", updated_at=solved_at)]
    account.metrics = {2: metric(2, solved_at)}
    chosen = source()
    # Of notices ids are texts, statuses are in capitals, and times are finer.
    told = {**account.tickets[0], "id": "2", "requester_id": "901", "status": "SOLVED"}
    told |= {"updated_at": "2026-02-20T10:00:00.437118Z"}
    person = {"id": "901", "email": "c1@example.com", "updated_at": "2026-02-01T08:00:00Z"}
    calls = [
        change("user.created", person | {"role": "end-user", "external_id": ""}),
        change("ticket.created", told),
        change("ticket.status_changed", told, previous="OPEN", current="SOLVED"),
        change("ticket.status_changed", told, previous="SOLVED", current="CLOSED"),
        change("ticket.tags_changed", told),
        change("user.deleted", person),
        change("organization.created", {"id": "1"}),
    ]
    pages = [chosen.receive(webhook(call, clock.now())) for call in calls]
    take_in(workspace, pages, "support")
    for stream in ("users", "tickets"):
        take_in(workspace, chosen.pull(stream, None), "support")
    told_now = events(workspace, "Ticket Created", "Ticket Solved")
    assert [row["name"] for row in told_now] == ["Ticket Created", "Ticket Solved"]
    assert {row["person_id"] for row in told_now} == {people(workspace)[0]["id"]}
    # A notice of a user says less than an export: both are taken in.
    assert people(workspace)[0]["vault"]["name"] == "Customer 1"


def test_what_is_not_genuine(source: Callable[..., Zendesk], clock: FixedClock) -> None:
    chosen, now = source(), clock.now()
    good = webhook(change("user.created", user(1)), now)
    chosen.receive(good)
    with pytest.raises(NotGenuine):
        source(signing_secret=None).receive(good)
    for call in (
        Call(headers=good.headers, body=good.body + b" "),
        Call(headers={}, body=good.body),
        Call(headers={**good.headers, "x-zendesk-webhook-signature": "ü\udc80"}, body=good.body),
        Call(
            headers={**good.headers, "x-zendesk-webhook-signature-timestamp": "now"},
            body=good.body,
        ),
        webhook(change("user.created", user(1)), now, secret="another"),
        webhook(change("user.created", user(1)), now - timedelta(minutes=6)),
        webhook(change("user.created", user(1)), now + timedelta(minutes=6)),
    ):
        with pytest.raises(NotGenuine):
            chosen.receive(call)


@pytest.mark.parametrize("body", [[], "x", {"type": 5}, {"detail": "ana@example.com"}])
def test_what_cannot_be_read(source: Callable[..., Zendesk], clock: FixedClock, body: Any) -> None:
    with pytest.raises(NotReadable) as error:
        source().receive(webhook(body, clock.now()))
    assert "ana@" not in str(error.value)


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (Told(429, headers={"Retry-After": "0"}), None),
        (Told(503), None),
        (Told(200, json={"users": []}, cut=True), None),
        (Told(429, headers={"Retry-After": "57"}), SourceDown),
        (Told(403, json={"error": "Forbidden"}), SourceRefused),
        (Told(200, json={"users": "ana@example.com"}), DataError),
    ],
)
def test_trouble(
    account: Account,
    source: Callable[..., Zendesk],
    trouble: Told,
    raised: type[Exception] | None,
) -> None:
    account.troubles = [trouble]
    if raised is None:
        assert len(ids(list(source().pull("users", None)))) == 5
        return
    with pytest.raises(raised) as error:
        list(source().pull("users", None))
    if isinstance(error.value, SourceDown):
        assert error.value.wait_seconds == 57
    assert API_TOKEN not in str(error.value)
    assert "ana@" not in str(error.value)


def test_what_has_no_id_or_no_time_is_counted(
    account: Account, source: Callable[..., Zendesk]
) -> None:
    account.users = [user(1, updated_at=None), user(2, id=None)]
    account.tickets = [ticket(1, created_at="yesterday")]
    account.ratings = [rating(1, "good", "")]
    for stream, count in (("users", 2), ("tickets", 1), ("ratings", 1)):
        pages = list(source().pull(stream, None))
        assert ids(pages) == []
        assert sum(sum(page.rejected.values()) for page in pages) == count
    with pytest.raises(DataError, match="cursor"):
        list(source().pull("ratings", "x"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"api_token": None}, "kind: zendesk"),
    ({"oauth_token": "env:BOTH"}, "oauth_token: env:BOTH"),
    ({"email": None}, "api_token: env:TOKEN"),
    ({"requests_per_minute": 0}, "requests_per_minute: 0"),
    ({"user_id": "external id"}, "user_id: external id"),
    ({"traits": {"plan": "user_fields.plan.x"}}, "  plan: "),
    ({"subdomain": "shop"}, "subdomain: shop"),
]
"""What is wrong, and the line that is pointed at."""


def test_a_wrong_definition_is_refused(workspace: Workspace) -> None:
    right = {
        "kind": "zendesk",
        "url": "https://shop.zendesk.com",
        "email": EMAIL,
        "api_token": "env:TOKEN",
    }
    assert defined(workspace, **right).type.pushes
    for wrong, line in WRONG:
        where = refusal(workspace, **{**right, **wrong}).where
        assert where is not None
        assert str(where.source_line).startswith(line)
