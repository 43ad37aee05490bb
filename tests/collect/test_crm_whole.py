"""CRMs from their definitions to people: pulled by the runner, called back over our route."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from asked import ask
from defined import defined
from hubspot_portal import TOKEN, Portal, hubspot
from salesforce_org import CLIENT_ID, REFRESH_TOKEN, USERNAME, Org, salesforce
from taken_in import events, people
from zendesk_account import API_TOKEN, EMAIL, Account, zendesk

from vocative.clock import Clock, FixedClock
from vocative.collect.sources import _http
from vocative.collect.sources._signatures import base64_hmac_sha256
from vocative.collect.sources.base import Call
from vocative.collect.sources.hubspot import HubSpot
from vocative.collect.sources.salesforce import Salesforce
from vocative.collect.sources.zendesk import Zendesk
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.fields import fields_of
from vocative.collect.sourcing.listing import show_source
from vocative.collect.sourcing.pulling import Outcome, only, pull_source
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.testing.source_laws import LAWS, SourceBench
from vocative.workspace import Workspace

DOCS = Path(__file__).resolve().parents[2] / "docs" / "sources"
SECRET = "s3cr3t"
HOOK = "http://127.0.0.1:8750/v1/hooks/crm"
ADDRESSES = [f"c{number}@example.com" for number in range(1, 6)]


def unpaced(url: str, *, per_second: float | None = None, **given: Any) -> _http.Http:
    """As fast as it goes: the server is ours."""
    return _http.connect(url, **given)


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def define(kind: str, workspace: Workspace, servers: ExitStack) -> None:
    """A server of a kind with five people on several pages, and the source `crm` that asks it."""
    if kind == "salesforce":
        org = Org()
        org.tables["Contact"] = [
            {
                "Id": f"003{number}",
                "SystemModstamp": f"2026-02-0{number}T10:00:00.000+0000",
                "Email": email,
                **dict.fromkeys(("FirstName", "LastName", "Phone", "MailingCountry", "Account")),
                "HasOptedOutOfEmail": number == 5,
            }
            for number, email in enumerate(ADDRESSES, start=1)
        ]
        (workspace.root / "key.pem").write_text(org.private_key)
        stated = {"client_id": CLIENT_ID, "username": USERNAME, "private_key": "file:key.pem"}
        url = servers.enter_context(salesforce(org)).url
        defined(workspace, kind=kind, login_url=url, leads=False, **stated)
    elif kind == "hubspot":
        portal = Portal()
        for number, email in enumerate(ADDRESSES, start=1):
            out = "true" if number == 5 else None
            changed_at = f"2026-02-0{number}T10:00:00Z"
            portal.add("contacts", number, changed_at, email=email, hs_email_optout=out)
        url = servers.enter_context(hubspot(portal)).url
        secrets = {"token": "env:CRM_TOKEN", "client_secret": "env:CRM_SECRET"}
        defined(workspace, kind=kind, url=url, **secrets)
    else:
        account = Account()
        account.users = [
            {"id": number, "email": email, "updated_at": f"2026-02-0{number}T10:00:00Z"}
            for number, email in enumerate(ADDRESSES, start=1)
        ]
        url = servers.enter_context(zendesk(account)).url
        secrets = {"email": EMAIL, "api_token": "env:CRM_TOKEN", "signing_secret": "env:CRM_SECRET"}
        defined(workspace, kind=kind, url=url, **secrets)


def hubspot_call(clock: Clock) -> tuple[dict[str, str], bytes]:
    """A genuine call that somebody unsubscribed."""
    notice = {
        "subscriptionType": "contact.propertyChange",
        "objectId": 1,
        "occurredAt": 1772440000000,
        "propertyName": "hs_email_optout",
        "propertyValue": "true",
    }
    body = json.dumps([notice]).encode()
    timestamp = str(round(clock.now().timestamp() * 1000))
    content = f"POST{HOOK}".encode() + body + timestamp.encode()
    return {
        "x-hubspot-request-timestamp": timestamp,
        "x-hubspot-signature-v3": base64_hmac_sha256(SECRET, content),
    }, body


def zendesk_call(clock: Clock) -> tuple[dict[str, str], bytes]:
    """A genuine call that somebody wrote to support."""
    detail = {"id": "7", "requester_id": "1", "created_at": "2026-02-20T10:00:00Z"}
    body = json.dumps({"type": "zen:event-type:ticket.created", "detail": detail}).encode()
    timestamp = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "x-zendesk-webhook-signature-timestamp": timestamp,
        "x-zendesk-webhook-signature": base64_hmac_sha256(SECRET, timestamp.encode() + body),
    }, body


def with_deals(servers: ExitStack, clock: FixedClock) -> SourceBench:
    """HubSpot with pages of deals, and a webhook."""
    portal = Portal()
    for number in range(1, 131):
        changed_at = f"2026-02-0{1 + number % 9}T10:00:00Z"
        stated = {"createdate": "2026-01-01T10:00:00Z", "hs_is_closed_won": "true", "amount": "5"}
        portal.add("deals", number, changed_at, **stated)
        portal.contacts_of[str(number)] = [number]
    options = HubSpot.Options(
        token=TOKEN,
        client_secret=SECRET,
        url=servers.enter_context(hubspot(portal)).url,
        deals=True,
    )
    headers, body = hubspot_call(clock)
    return SourceBench(
        open=lambda: HubSpot(options, connect=unpaced, clock=clock),
        calls=[Call(headers=headers, body=body, url=HOOK)],
        secrets=[TOKEN, SECRET],
    )


def with_tickets(servers: ExitStack, clock: FixedClock) -> SourceBench:
    """Zendesk with pages of tickets and ratings, and a webhook of a ticket."""
    account = Account()
    for number in range(1, 6):
        at = f"2026-02-0{number}T10:00:00Z"
        ticket = {"id": number, "requester_id": 7, "created_at": at, "status": "solved"}
        account.tickets.append(ticket)
        account.metrics[number] = {"ticket_id": number, "solved_at": at}
        account.ratings.append({**ticket, "score": "good", "ticket_id": number, "updated_at": at})
    options = Zendesk.Options(
        url=servers.enter_context(zendesk(account)).url,
        email=EMAIL,
        api_token=API_TOKEN,
        signing_secret=SECRET,
    )
    headers, body = zendesk_call(clock)
    return SourceBench(
        open=lambda: Zendesk(options, connect=unpaced, clock=clock),
        calls=[Call(headers=headers, body=body)],
        secrets=[API_TOKEN, SECRET],
    )


def with_orders(servers: ExitStack, clock: FixedClock) -> SourceBench:
    """Salesforce with pages of leads, opportunities and orders."""
    org = Org()
    for number in range(1, 6):
        at = f"2026-02-0{number}T10:00:00.000+0000"
        record = {"Id": f"00{number}", "SystemModstamp": at, "CreatedDate": at, "Email": None}
        org.tables.setdefault("Lead", []).append(
            record
            | dict.fromkeys(("FirstName", "LastName", "Phone", "Company", "Country", "Status"))
            | {"IsConverted": True, "ConvertedDate": at[:10], "ConvertedContactId": "003"}
            | {"HasOptedOutOfEmail": True}
        )
        org.tables.setdefault("Opportunity", []).append(
            record
            | dict.fromkeys(("StageName", "Type", "Amount", "LastStageChangeDate"))
            | {"IsClosed": True, "IsWon": True}
            | {"OpportunityContactRoles": [{"ContactId": "003"}]}
        )
        org.tables.setdefault("Order", []).append(
            record
            | {"ActivatedDate": at, "StatusCode": "Canceled", "TotalAmount": 5.0}
            | {"OrderNumber": f"O{number}", "BillToContactId": "003", "OrderItems": None}
        )
    options = Salesforce.Options(
        client_id=CLIENT_ID,
        refresh_token=REFRESH_TOKEN,
        login_url=servers.enter_context(salesforce(org)).url,
        opportunities=True,
        orders=True,
        currency="EUR",
    )
    return SourceBench(
        open=lambda: Salesforce(options, connect=unpaced, clock=clock), secrets=[REFRESH_TOKEN]
    )


@pytest.mark.parametrize("bench", [with_deals, with_tickets, with_orders])
def test_what_people_did_keeps_the_laws_too(
    bench: Callable[[ExitStack, FixedClock], SourceBench], servers: ExitStack, clock: FixedClock
) -> None:
    made = bench(servers, clock)
    for law in LAWS:
        law(made)
    counts = {
        stream: sum(len(page.events) for page in pages) for stream, pages in made._pulled.items()
    }
    assert (
        counts
        == {
            with_deals: {"contacts": 0, "deals": 260},
            with_tickets: {"users": 0, "tickets": 10, "ratings": 5},
            with_orders: {"contacts": 0, "leads": 15, "opportunities": 10, "orders": 10},
        }[bench]
    )


def pull(workspace: Workspace, *, pages: int = 100) -> Outcome:
    """One pull of all streams, which ends after some pages."""
    asked = count()
    return pull_source(
        workspace,
        find_source(workspace, "crm"),
        only(None),
        connect=unpaced,
        wanted=lambda: next(asked) < pages,
    )


@pytest.mark.parametrize("kind", ["salesforce", "hubspot", "zendesk"])
def test_from_a_definition_to_people(
    kind: str, workspace: Workspace, servers: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", {"hubspot": TOKEN, "zendesk": API_TOKEN}.get(kind, ""))
    monkeypatch.setenv("CRM_SECRET", SECRET)
    define(kind, workspace, servers)
    pull(workspace, pages=1)
    whole = pull(workspace)
    assert whole.failure is None
    apply_log(workspace)
    assert [one["vault"]["email"] for one in people(workspace)] == ADDRESSES
    withdrawn = [one["vault"]["email"] for one in people(workspace) if one["consents"]]
    assert withdrawn == ([] if kind == "zendesk" else ["c5@example.com"])
    pull(workspace)
    apply_log(workspace)
    listed = show_source(workspace, "crm")
    assert listed.applied == (5 if kind == "zendesk" else 6)
    assert listed.rejected == {}
    assert {one.state for one in listed.streams} == {"waiting"}


@pytest.mark.parametrize("kind", ["salesforce", "hubspot", "zendesk"])
def test_its_page_explains_every_option_and_shows_a_right_definition(
    kind: str, workspace: Workspace
) -> None:
    page = (DOCS / f"{kind}.md").read_text()
    (example,) = re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)
    made = defined(workspace, **yaml.safe_load(example))
    explained = set(re.findall(r"`(\w+)`", page))
    assert {one.name for one in fields_of(made.type.Options)} <= explained


def test_hubspot_calls_us(
    workspace: Workspace, servers: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    monkeypatch.setenv("CRM_SECRET", SECRET)
    define("hubspot", workspace, servers)
    headers, body = hubspot_call(workspace.clock)
    signed = {name.replace("-", "_"): value for name, value in headers.items()}
    face = create_app(workspace)
    assert ask(face, "/v1/hooks/crm", body, **signed).status == 200
    assert ask(face, "/v1/hooks/crm", body + b" ", **signed).status == 401
    apply_log(workspace)
    assert [row["name"] for row in events(workspace)] == ["Consent Withdrawn"]


def test_zendesk_calls_us(
    workspace: Workspace, servers: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", API_TOKEN)
    monkeypatch.setenv("CRM_SECRET", SECRET)
    define("zendesk", workspace, servers)
    headers, body = zendesk_call(workspace.clock)
    signed = {name.replace("-", "_"): value for name, value in headers.items()}
    face = create_app(workspace)
    assert ask(face, "/v1/hooks/crm", body, **signed).status == 200
    assert ask(face, "/v1/hooks/crm", body + b" ", **signed).status == 401
    apply_log(workspace)
    assert [row["name"] for row in events(workspace)] == ["Ticket Created"]
