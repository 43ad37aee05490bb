"""HubSpot, pulled from an account on this machine, and seen there by its own client too."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from defined import defined, refusal
from hubspot_portal import TOKEN, Portal, hubspot
from taken_in import events, ids, people, pull_with_crashes, take_in

from scripted_server import ScriptedServer, Told
from vocative.clock import FixedClock, to_micros
from vocative.collect.sources import _http
from vocative.collect.sources._http import Patience, SourceDown, SourceRefused
from vocative.collect.sources._signatures import base64_hmac_sha256
from vocative.collect.sources.base import Call, NotGenuine, NotReadable
from vocative.collect.sources.hubspot import HubSpot
from vocative.errors import DataError
from vocative.workspace import Workspace

SECRET = "app-secret"
URL = "https://track.shop.example/v1/hooks/crm"
FROM_THE_BEGINNING = '{"since": 0}'
QUICK = Patience(first_pause_seconds=0.01, longest_pause_seconds=1, attempts=3)


def connect(url: str, *, headers: Any, per_second: float) -> _http.Http:
    assert per_second <= 5  # What all apps of an account may search, together.
    return _http.connect(url, headers=headers, patience=QUICK)


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def server(portal: Portal) -> Iterator[ScriptedServer]:
    with hubspot(portal) as server:
        yield server


@pytest.fixture
def source(server: ScriptedServer, clock: FixedClock) -> Iterator[Callable[..., HubSpot]]:
    opened = []

    def open_source(**options: Any) -> HubSpot:
        stated = {"token": TOKEN, "client_secret": SECRET, "url": server.url, **options}
        chosen = msgspec.convert(stated, HubSpot.Options)
        opened.append(HubSpot(chosen, connect=connect, clock=clock))
        return opened[-1]

    yield open_source
    for one in opened:
        one.close()
        one.close()


def fill(portal: Portal, count: int) -> None:
    for number in range(1, count + 1):
        changed_at = datetime(2026, 2, 1, 8, tzinfo=UTC) + timedelta(milliseconds=1_001 * number)
        portal.add("contacts", number, changed_at.isoformat(), email=f"c{number}@example.com")


def test_contacts_become_people(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace
) -> None:
    portal.add(
        "contacts",
        51,
        "2026-02-01T08:00:00.000Z",
        email="Ana@example.com",
        firstname="Ana",
        lastname="Moya",
        phone="",
        country="Spain",
        company=None,
        shop_id="A-1",
        favourite_tea="Assam",
    )
    chosen = source(user_id="shop_id", traits={"favourite_tea": "favourite_tea"})
    assert chosen.offered() == ("contacts",)
    report = take_in(workspace, chosen.pull("contacts", None), "crm")
    assert (report.applied, report.rejected) == (1, {})
    [ana] = people(workspace)
    assert ana["vault"] == {
        "email": "ana@example.com",
        "first_name": "Ana",
        "last_name": "Moya",
        "country": "Spain",
        "favourite_tea": "Assam",
        "hubspot_id": "51",
    }
    assert ana["consents"] == []  # Nobody was asked.


def test_its_own_client_sees_the_same_contacts(
    portal: Portal, server: ScriptedServer, source: Callable[..., HubSpot]
) -> None:
    client = pytest.importorskip("hubspot", reason="`make vendors` installs it")
    from hubspot.crm.associations.v4.models import BatchInputPublicFetchAssociationsBatchRequest
    from hubspot.crm.contacts.models import PublicObjectSearchRequest

    fill(portal, 130)
    portal.add("deals", 9, "2026-02-01T08:00:00.000Z")
    portal.contacts_of["9"] = [7]
    pages = list(source().pull("contacts", None))
    list(source(deals=True).pull("deals", None))
    theirs = client.HubSpot(access_token=TOKEN, host=server.url)
    everybody = theirs.crm.contacts.get_all(properties=["email"])
    mine = [event["traits"]["hubspot_id"] for page in pages[:2] for event in page.events]
    assert [one.id for one in everybody] == mine
    # It takes our own questions for its own, and understands how they are answered.
    search = next(one.json() for one in server.asked if one.path.endswith("/contacts/search"))
    known = set(PublicObjectSearchRequest.attribute_map.values())
    assert search.keys() <= known
    found = theirs.crm.contacts.search_api.do_search(
        PublicObjectSearchRequest(
            filter_groups=search["filterGroups"],
            sorts=search["sorts"],
            properties=search["properties"],
            limit=search["limit"],
        )
    )
    assert found.total == 0
    asked = next(one.json() for one in server.asked if "/associations/" in one.path)
    answered = theirs.crm.associations.v4.batch_api.get_page(
        "deals", "contacts", BatchInputPublicFetchAssociationsBatchRequest(asked["inputs"])
    )
    assert [(one._from.id, one.to[0].to_object_id) for one in answered.results] == [("9", "7")]


def test_a_crash_between_pages_loses_nothing_and_doubles_nothing(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace
) -> None:
    fill(portal, 250)
    pages = pull_with_crashes(source(), "contacts", pages_a_time=1)
    report = take_in(workspace, pages, "crm")
    assert report.applied == 250
    assert len(people(workspace)) == 250


def test_what_changes_while_it_is_listed_is_found(
    portal: Portal, source: Callable[..., HubSpot], clock: FixedClock
) -> None:
    fill(portal, 150)
    pulled = source().pull("contacts", None)
    first = next(pulled)
    portal.add("contacts", 3, clock.now().isoformat(), email="new@example.com")
    rest = list(pulled)
    changed = [event for page in rest[1:] for event in page.events]
    assert [event["traits"]["email"] for event in changed] == ["new@example.com"]
    assert first.cursor != rest[-1].cursor
    # It is young: searches may not find all that is, and it is asked for again.
    again = list(source().pull("contacts", rest[-1].cursor))
    assert ids(again) == ids(rest[1:])
    clock.advance(timedelta(hours=1))
    *_, last = source().pull("contacts", again[-1].cursor)
    assert ids(list(source().pull("contacts", last.cursor))) == []


def test_more_than_a_search_gives(portal: Portal, source: Callable[..., HubSpot]) -> None:
    portal.most_results = 300
    fill(portal, 750)
    pages = list(source().pull("contacts", FROM_THE_BEGINNING))
    assert portal.most_found == 750
    assert len(set(ids(pages))) == 750


def test_hundreds_that_changed_in_one_moment(
    portal: Portal, source: Callable[..., HubSpot]
) -> None:
    fill(portal, 30)
    for number in range(100, 350):
        portal.add("contacts", number, "2026-02-02T08:00:00.000Z", email=f"c{number}@example.com")
    portal.add("contacts", 400, "2026-02-02T08:00:00.001Z", email="last@example.com")
    pages = list(source().pull("contacts", FROM_THE_BEGINNING))
    assert len(set(ids(pages))) == 30 + 250 + 1
    assert len(ids(pages)) < 400
    assert set(ids(pull_with_crashes(source(), "contacts", pages_a_time=1))) == set(ids(pages))
    changes = pull_with_crashes(source(), "contacts", pages_a_time=1, cursor=FROM_THE_BEGINNING)
    assert set(ids(changes)) == set(ids(pages))


def test_nothing_is_passed_over_while_records_change(
    portal: Portal, source: Callable[..., HubSpot]
) -> None:
    """A record that changes moves to the end, and everything after it one place forward."""
    fill(portal, 350)
    left = [5, 105, 205]

    def change_one() -> None:
        if left:
            portal.add("contacts", left.pop(0), "2026-03-01T08:00:00Z", email="x@example.com")

    portal.before_search = change_one
    pages = list(source().pull("contacts", FROM_THE_BEGINNING))
    seen = {event["traits"]["hubspot_id"] for page in pages for event in page.events}
    assert seen == {str(number) for number in range(1, 351)}


def test_only_what_hubspot_states_is_a_consent(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace
) -> None:
    def status(subscription_id: int, word: str, at: str | None) -> dict[str, Any]:
        return {
            "subscriptionId": subscription_id,
            "status": word,
            "timestamp": at,
            "channel": "EMAIL",
        }

    given = "2026-01-20T09:00:00Z"
    portal.statuses = {
        "a@example.com": [status(11, "SUBSCRIBED", given), status(99, "SUBSCRIBED", given)],
        "b@example.com": [status(11, "UNSUBSCRIBED", given)],
        "c@example.com": [status(11, "NOT_SPECIFIED", given), status(12, "SUBSCRIBED", None)],
        "D@example.com": [status(11, "SUBSCRIBED", given)],
    }
    for number, email in enumerate([*portal.statuses, "e@example.com", None], start=1):
        out = "true" if email == "D@example.com" else ""
        portal.add("contacts", number, "2026-02-01T08:00:00Z", email=email, hs_email_optout=out)
    chosen = source(subscriptions={"11": "news", "12": "offers"})
    report = take_in(workspace, chosen.pull("contacts", None), "crm")
    assert report.rejected == {}
    stated_at = datetime(2026, 1, 20, 9, tzinfo=UTC)
    changed_at = datetime(2026, 2, 1, 8, tzinfo=UTC)
    known = {one["vault"].get("email"): sorted(one["consents"]) for one in people(workspace)}
    assert known == {
        None: [],
        "a@example.com": [("news", "given", stated_at)],
        "b@example.com": [("news", "withdrawn", stated_at)],
        "c@example.com": [],
        "d@example.com": [
            (purpose, "withdrawn", changed_at) for purpose in ("marketing", "news", "offers")
        ],
        "e@example.com": [],
    }


def test_deals_are_of_their_contact(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace
) -> None:
    portal.add("contacts", 1, "2026-02-01T08:00:00Z", email="ana@example.com")
    created = {"createdate": "2026-01-10T08:00:00Z", "pipeline": "default", "amount": "99.50"}
    won = {"hs_is_closed": "true", "hs_is_closed_won": "true", "closedate": "2026-02-05T08:00:00Z"}
    lost = {"hs_is_closed": "true", "hs_is_closed_won": "false", "closedate": "2027-01-01"}
    changed_at = "2026-02-06T08:00:00Z"
    portal.add("deals", 70, changed_at, **created, **won, deal_currency_code="EUR")
    portal.add("deals", 71, changed_at, **created, **lost)
    portal.add("deals", 72, changed_at, **created)
    portal.add("deals", 73, changed_at, **created, **won)  # of nobody
    portal.contacts_of = {"70": [1, 2], "71": [1], "72": [1]}
    chosen = source(deals=True)
    assert chosen.offered() == ("contacts", "deals")
    for stream in chosen.offered():
        report = take_in(workspace, chosen.pull(stream, None), "crm")
        assert report.rejected == {}
    told = events(workspace, "Deal Created", "Deal Won", "Deal Lost")
    assert [row["name"] for row in told] == [*["Deal Created"] * 3, "Deal Won", "Deal Lost"]
    assert (told[3]["revenue"], told[3]["currency"], told[4]["revenue"]) == (99.5, "EUR", None)
    assert {row["person_id"] for row in told} == {people(workspace)[0]["id"]}


def webhook(notices: Any, at: datetime, *, url: str = URL, signed_url: str = URL) -> Call:
    body = json.dumps(notices).encode()
    timestamp = str(round(at.timestamp() * 1000))
    content = f"POST{signed_url}".encode() + body + timestamp.encode()
    headers = {
        "x-hubspot-request-timestamp": timestamp,
        "x-hubspot-signature-v3": base64_hmac_sha256(SECRET, content),
    }
    return Call(headers=headers, body=body, url=url, received_at=to_micros(at))


def notice(kind: str = "contact.propertyChange", **stated: Any) -> dict[str, Any]:
    return {
        "eventId": 1,
        "subscriptionId": 2,
        "portalId": 3,
        "occurredAt": 1772440000000,
        "subscriptionType": kind,
        "objectId": 51,
        **stated,
    }


def test_webhooks_tell_what_changed(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace, clock: FixedClock
) -> None:
    portal.add("contacts", 51, "2026-02-01T08:00:00Z", email="ana@example.com", lastname="Old")
    chosen = source(subscriptions={"11": "news"}, traits={"tea": "favourite_tea"})
    take_in(workspace, chosen.pull("contacts", None), "crm")
    call = webhook(
        [
            notice(propertyName="lastname", propertyValue="New"),
            notice(propertyName="favourite_tea", propertyValue="Assam"),
            notice(propertyName="hs_email_optout_11", propertyValue="true"),
            notice(propertyName="hs_email_optout_12", propertyValue="true"),
            notice(propertyName="hs_email_optout", propertyValue="false"),
            notice(propertyName="notes", propertyValue="calls often"),
            notice("object.propertyChange", objectTypeId="0-3", propertyName="lastname"),
            notice("contact.creation"),
            notice("deal.creation"),
            notice(occurredAt=None, propertyName="lastname", propertyValue="X"),
        ],
        clock.now(),
    )
    page = chosen.receive(call)
    assert page.rejected == {"no object or no time": 1}
    report = take_in(workspace, [page, chosen.receive(call)], "crm")
    assert (report.applied, report.duplicates) == (3, 3)
    [ana] = people(workspace)
    assert (ana["vault"]["last_name"], ana["vault"]["tea"]) == ("New", "Assam")
    assert [(purpose, status) for purpose, status, _ in ana["consents"]] == [("news", "withdrawn")]


def test_a_webhook_and_a_pull_withdraw_everything(
    portal: Portal, source: Callable[..., HubSpot], workspace: Workspace, clock: FixedClock
) -> None:
    chosen = source()
    unsubscribed = notice(propertyName="hs_email_optout", propertyValue="true")
    take_in(workspace, [chosen.receive(webhook([unsubscribed], clock.now()))], "crm")
    changed_at = "2026-03-02T08:26:40Z"  # when the webhook says that it happened
    portal.add("contacts", 51, changed_at, email="ana@example.com", hs_email_optout="true")
    take_in(workspace, chosen.pull("contacts", None), "crm")
    [ana] = people(workspace)
    assert [(purpose, status) for purpose, status, _ in ana["consents"]] == [
        ("marketing", "withdrawn")
    ]


def test_an_erasure_is_kept_where_it_is_seen(
    source: Callable[..., HubSpot], workspace: Workspace, clock: FixedClock
) -> None:
    call = webhook([notice("contact.privacyDeletion")], clock.now())
    take_in(workspace, [source().receive(call)], "crm")
    assert [row["name"] for row in events(workspace)] == ["Consent Withdrawn", "Erasure Requested"]


def test_its_own_signature_is_ours(source: Callable[..., HubSpot], clock: FixedClock) -> None:
    signature = pytest.importorskip(
        "hubspot.utils.signature", reason="`make vendors` installs it"
    ).Signature
    call = webhook([notice()], clock.now())
    theirs = signature.get_signature(
        SECRET,
        call.body.decode(),
        "v3",
        http_uri=URL,
        http_method="POST",
        timestamp=call.headers["x-hubspot-request-timestamp"],
    )
    assert theirs == call.headers["x-hubspot-signature-v3"]
    assert list(source().receive(call).events) == []


def test_what_is_not_genuine(source: Callable[..., HubSpot], clock: FixedClock) -> None:
    chosen, now = source(), clock.now()
    good = webhook([notice()], now)
    chosen.receive(good)
    encoded = webhook([notice()], now, url=f"{URL}?at=a%40b%2fc", signed_url=f"{URL}?at=a@b/c")
    chosen.receive(encoded)
    with pytest.raises(NotGenuine):
        source(client_secret=None).receive(good)
    for call in (
        Call(headers=good.headers, body=good.body + b" ", url=URL),
        Call(headers=good.headers, body=good.body, url=f"{URL}2"),
        Call(headers={}, body=good.body, url=URL),
        Call(headers={**good.headers, "x-hubspot-signature-v3": "ü"}, body=good.body, url=URL),
        Call(headers={**good.headers, "x-hubspot-request-timestamp": "²"}, body=good.body, url=URL),
        Call(
            headers={**good.headers, "x-hubspot-request-timestamp": "9" * 40},
            body=good.body,
            url=URL,
        ),
        webhook([notice()], now - timedelta(minutes=6)),
        webhook([notice()], now + timedelta(minutes=6)),
    ):
        with pytest.raises(NotGenuine):
            chosen.receive(call)


@pytest.mark.parametrize("body", [{"a": 1}, "x", [1], [{"objectId": []}]])
def test_what_cannot_be_read(source: Callable[..., HubSpot], clock: FixedClock, body: Any) -> None:
    with pytest.raises(NotReadable):
        source().receive(webhook(body, clock.now()))


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (Told(429, json={"policyName": "SECONDLY"}, headers={"Retry-After": "0"}), None),
        (Told(502), None),
        (Told(200, json={"results": []}, cut=True), None),
        (Told(429, headers={"Retry-After": "3600"}), SourceDown),
        (Told(401, json={"message": "expired"}), SourceRefused),
        (
            Told(200, json={"results": [{"id": 5, "properties": {"email": "x@example.com"}}]}),
            DataError,
        ),
    ],
)
def test_trouble(
    portal: Portal,
    source: Callable[..., HubSpot],
    trouble: Told,
    raised: type[Exception] | None,
) -> None:
    fill(portal, 3)
    portal.troubles = [trouble]
    if raised is None:
        assert len(ids(list(source().pull("contacts", None)))) == 3
        return
    with pytest.raises(raised) as error:
        list(source().pull("contacts", None))
    assert TOKEN not in str(error.value)
    assert "x@example.com" not in str(error.value)


def test_records_without_a_time_are_counted(portal: Portal, source: Callable[..., HubSpot]) -> None:
    portal.add("contacts", 1, "", email="a@example.com")
    listed = next(source().pull("contacts", None))
    assert (listed.events, sum(listed.rejected.values())) == ([], 1)
    page = [{"id": str(number), "properties": {}} for number in range(100)]
    portal.troubles = [Told(json={"results": page})]
    with pytest.raises(DataError, match="no time"):
        list(source().pull("contacts", FROM_THE_BEGINNING))
    with pytest.raises(DataError, match="cursor"):
        list(source().pull("contacts", "2026-01-01"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"user_id": "Shop Id"}, "user_id: Shop Id"),
    ({"traits": {"x": "a,b"}}, "  x: a,b"),
    ({"subscriptions": {"news": "marketing"}}, "  news: marketing"),
    ({"token": "pat-eu1-1234"}, "token: …"),
    ({"tokn": "x"}, "tokn: x"),
]
"""What is wrong, and the line that is pointed at."""


def test_a_wrong_definition_is_refused(workspace: Workspace) -> None:
    right = {"kind": "hubspot", "token": "env:TOKEN", "subscriptions": {"11": "marketing"}}
    assert defined(workspace, **right).type.pushes
    for wrong, line in WRONG:
        where = refusal(workspace, **{**right, **wrong}).where
        assert where is not None
        assert str(where.source_line).startswith(line)
