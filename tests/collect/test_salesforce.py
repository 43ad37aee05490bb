"""Salesforce, pulled from an org on this machine, and seen there by its usual client too."""

import doctest
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from defined import defined, refusal
from redirected import session_to
from salesforce_org import CLIENT_ID, REFRESH_TOKEN, USERNAME, Org, salesforce
from taken_in import events, ids, people, pull_with_crashes, take_in

from scripted_server import Told
from vocative.clock import FixedClock, SystemClock
from vocative.collect.sources import _events, _http
from vocative.collect.sources._http import Patience, SourceDown, SourceRefused
from vocative.collect.sources.base import Page
from vocative.collect.sources.salesforce import OVERLAP, Salesforce
from vocative.errors import AuthorError, DataError
from vocative.workspace import Workspace

connect = partial(_http.connect, patience=Patience(first_pause_seconds=0.01, attempts=3))
SAME_SECOND = "2026-02-03T10:00:00.000+0000"


def contact(number: int, **stated: Any) -> dict[str, Any]:
    return {
        "Id": f"003{number:012d}AAA",
        "SystemModstamp": f"2026-02-{number:02d}T10:00:00.000+0000",
        "FirstName": f"First{number}",
        "LastName": f"Last{number}",
        "Email": f"c{number}@example.com",
        "Phone": None,
        "MailingCountry": "Spain",
        "Account": {"Name": "Tea Ltd", "Industry": "Tea"},
        "HasOptedOutOfEmail": False,
        "Shop_Id__c": f"shop-{number}",
        "Newsletter__c": False,
        "Newsletter_At__c": None,
        **stated,
    }


@pytest.fixture
def org() -> Iterator[Org]:
    org = Org()
    org.tables["Contact"] = [contact(number) for number in range(1, 8)]
    with salesforce(org):
        yield org


@pytest.fixture
def source(org: Org) -> Iterator[Callable[..., Salesforce]]:
    opened = []

    def open_source(**options: Any) -> Salesforce:
        signing = {"refresh_token": REFRESH_TOKEN}
        stated = {"client_id": CLIENT_ID, "login_url": org.url, **signing, **options}
        chosen = msgspec.convert(
            {name: value for name, value in stated.items() if value is not None}, Salesforce.Options
        )
        opened.append(Salesforce(chosen, connect=connect, clock=SystemClock()))
        return opened[-1]

    yield open_source
    for one in opened:
        one.close()
        one.close()


def test_contacts_become_people(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    pages = list(source(user_id="Shop_Id__c").pull("contacts", None))
    assert [len(page.events) for page in pages] == [2, 2, 2, 1]
    report = take_in(workspace, pages, "crm")
    assert (report.applied, report.rejected) == (7, {})
    first = people(workspace)[0]["vault"]
    assert first == {
        "email": "c1@example.com",
        "first_name": "First1",
        "last_name": "Last1",
        "company": "Tea Ltd",
        "country": "Spain",
        "salesforce_id": "003000000000001AAA",
    }
    assert pages[0].events[0]["userId"] == "shop-1"


def test_its_usual_client_sees_the_same_records(
    org: Org, source: Callable[..., Salesforce]
) -> None:
    simple_salesforce = pytest.importorskip(
        "simple_salesforce", reason="`make vendors` installs it"
    )
    client = simple_salesforce.Salesforce(
        username=USERNAME,
        consumer_key=CLIENT_ID,
        privatekey=org.private_key,
        domain="org",
        session=session_to(org.url),
        version="62.0",
    )
    pages = list(source().pull("contacts", None))
    theirs = client.query_all(org.queries[-1])["records"]
    assert [record["Id"] for record in theirs] == [
        event["traits"]["salesforce_id"] for page in pages for event in page.events
    ]
    assert [record["Email"] for record in theirs] == [
        event["traits"]["email"] for page in pages for event in page.events
    ]


def test_a_crash_between_pages_loses_nothing_and_doubles_nothing(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    # Several with one time, over the end of a page.
    for record in org.tables["Contact"][2:5]:
        record["SystemModstamp"] = SAME_SECOND
    org.page_size = 4
    pages = pull_with_crashes(source(), "contacts", pages_a_time=1)
    assert len(ids(pages)) > 7  # Some came twice …
    report = take_in(workspace, pages, "crm")
    assert report.applied == 7  # … and count once.
    assert [one["vault"]["email"] for one in people(workspace)] == [
        f"c{number}@example.com" for number in range(1, 8)
    ]


def test_what_changed_comes_again_and_what_did_not_does_not(
    org: Org, source: Callable[..., Salesforce]
) -> None:
    *_, last = source().pull("contacts", None)
    assert ids(list(source().pull("contacts", last.cursor))) == []
    now = datetime.now(UTC)
    late = contact(8, SystemModstamp=(now - OVERLAP + timedelta(minutes=3)).isoformat()[:19])
    # Its time is before the last pull: its transaction ended after it.
    org.tables["Contact"].append(late)
    pages = list(source().pull("contacts", last.cursor))
    assert [event["traits"]["email"] for event in pages[0].events] == ["c8@example.com"]
    assert ids(list(source().pull("contacts", pages[-1].cursor))) == ids(pages)


def test_a_cursor_never_goes_back(org: Org, source: Callable[..., Salesforce]) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    [page] = source().pull("contacts", ahead)
    assert page.cursor is not None
    assert _events.instant(page.cursor) == _events.instant(ahead[:19])


def test_an_opt_out_is_a_withdrawal_and_silence_is_no_consent(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    org.tables["Contact"] = [
        contact(1),
        contact(2, HasOptedOutOfEmail=True),
        contact(3, Newsletter__c=True, Newsletter_At__c="2026-01-05T08:00:00.000+0000"),
        contact(4, Newsletter__c=True),  # When is not known: it could be older than a withdrawal.
        contact(
            5,
            Newsletter__c=True,
            Newsletter_At__c="2026-01-05T08:00:00.000+0000",
            HasOptedOutOfEmail=True,
        ),
    ]
    chosen = source(opted_in="Newsletter__c", opted_in_at="Newsletter_At__c", purpose="news")
    take_in(workspace, chosen.pull("contacts", None), "crm")
    assert [one["consents"] for one in people(workspace)] == [
        [],
        [("news", "withdrawn", datetime(2026, 2, 2, 10, tzinfo=UTC))],
        [("news", "given", datetime(2026, 1, 5, 8, tzinfo=UTC))],
        [],
        [("news", "withdrawn", datetime(2026, 2, 5, 10, tzinfo=UTC))],
    ]


def test_a_withdrawal_reaches_whoever_has_the_address(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    shop = {"type": "identify", "userId": "ana", "traits": {"email": "C1@example.com"}}
    org.tables["Contact"] = [contact(1, HasOptedOutOfEmail=True)]
    take_in(workspace, [Page(events=[shop])], "shop")
    take_in(workspace, source().pull("contacts", None), "crm")
    [ana] = people(workspace)
    assert [status for _, status, _ in ana["consents"]] == ["withdrawn"]


def test_two_contacts_with_their_own_names_stay_two(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    """Somebody corrects an address: the record's id must not join the two who had it."""
    org.tables["Contact"] = [contact(1), contact(2)]
    take_in(workspace, source().pull("contacts", None), "crm")
    later = "2026-02-20T10:00:00.000+0000"
    org.tables["Contact"] = [contact(1, Email="c2@example.com", SystemModstamp=later)]
    take_in(workspace, source().pull("contacts", None), "crm")
    assert len(people(workspace)) == 2


def lead(**stated: Any) -> dict[str, Any]:
    return {
        "Id": "00Q1",
        "CreatedDate": "2026-01-10T09:30:00.000+0000",
        "SystemModstamp": "2026-01-10T09:30:00.000+0000",
        "Email": "lee@example.com",
        "FirstName": "Lee",
        "LastName": "Lead",
        "Phone": "",
        "Company": "Cup AG",
        "Country": None,
        "Status": "Open",
        "IsConverted": False,
        "ConvertedDate": None,
        "ConvertedContactId": None,
        "HasOptedOutOfEmail": False,
        **stated,
    }


def converted() -> dict[str, Any]:
    return lead(
        SystemModstamp="2026-01-10T15:00:00.000+0000",
        IsConverted=True,
        ConvertedDate="2026-01-10",
        ConvertedContactId="003000000000009AAA",
    )


def test_leads_live_on_as_contacts(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    org.tables["Lead"] = [lead()]
    take_in(workspace, source().pull("leads", None), "crm")
    org.tables = {"Lead": [converted()], "Contact": [contact(9, Email="lee@example.com")]}
    for stream in ("leads", "contacts"):
        take_in(workspace, source().pull(stream, None), "crm")
    [lee] = people(workspace)
    assert lee["vault"]["salesforce_id"] == "003000000000009AAA"
    told = events(workspace, "Lead Created", "Lead Converted")
    assert [row["name"] for row in told] == ["Lead Converted", "Lead Created"]
    assert told[0]["at"] == told[1]["at"]  # Of a conversion only the day is told.


def test_a_lead_that_converted_says_nothing_of_the_contacts_address(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    org.tables = {"Contact": [contact(9, Email="new@example.com")], "Lead": [converted()]}
    for stream in ("contacts", "leads"):
        take_in(workspace, source().pull(stream, None), "crm")
    at_first, now = people(workspace)
    assert (at_first["vault"].get("email"), now["vault"]["email"]) == (None, "new@example.com")
    told = {
        row["name"]: row["person_id"] for row in events(workspace, "Lead Created", "Lead Converted")
    }
    assert told == {"Lead Created": at_first["id"], "Lead Converted": now["id"]}


def test_opportunities_are_of_their_primary_contact(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    def opportunity(number: int, **stated: Any) -> dict[str, Any]:
        return {
            "Id": f"006{number}",
            "SystemModstamp": "2026-02-10T10:00:00.000+0000",
            "CreatedDate": "2026-02-01T10:00:00.000+0000",
            "StageName": "Negotiation",
            "Type": None,
            "Amount": 250.0,
            "IsClosed": False,
            "IsWon": False,
            "LastStageChangeDate": "2026-02-09T10:00:00.000+0000",
            "OpportunityContactRoles": [{"ContactId": "003000000000001AAA"}],
            **stated,
        }

    org.tables["Opportunity"] = [
        opportunity(1),
        opportunity(2, IsClosed=True, IsWon=True),
        opportunity(3, IsClosed=True, LastStageChangeDate=None),
        opportunity(4, OpportunityContactRoles=None),
    ]
    chosen = source(opportunities=True, currency="EUR")
    assert chosen.offered() == ["contacts", "leads", "opportunities"]
    for stream in ("contacts", "opportunities", "opportunities"):
        take_in(workspace, chosen.pull(stream, None), "crm")
    told = events(workspace, "Opportunity Created", "Opportunity Won", "Opportunity Lost")
    assert [row["name"] for row in told].count("Opportunity Created") == 3
    [won] = [row for row in told if row["name"] == "Opportunity Won"]
    assert (won["revenue"], won["currency"]) == (250.0, "EUR")
    assert {row["person_id"] for row in told} == {people(workspace)[0]["id"]}


def test_orders_bring_their_lines_all_of_them(
    org: Org, source: Callable[..., Salesforce], workspace: Workspace
) -> None:
    def order(number: int, amount: float, status: str = "Activated") -> dict[str, Any]:
        return {
            "Id": f"801{number}",
            "SystemModstamp": "2026-02-10T10:00:00.000+0000",
            "ActivatedDate": "2026-02-09T10:00:00.000+0000" if amount else None,
            "StatusCode": status,
            "TotalAmount": amount,
            "OrderNumber": f"0000{number}",
            "BillToContactId": "003000000000001AAA",
            "CurrencyIsoCode": "USD",
            "OrderItems": [
                {"Product2": {"ProductCode": f"T{line}"}, "Quantity": 2.0, "UnitPrice": 5.0}
                for line in range(5)
            ],
        }

    org.tables["Order"] = [order(1, 50.0), order(2, -10.0), order(3, 50.0, "Canceled"), order(4, 0)]
    org.tables["Order"][0]["BillToContactId"] = None  # It still counts for its items.
    chosen = source(orders=True, leads=False)
    assert chosen.offered() == ["contacts", "orders"]
    take_in(workspace, [*chosen.pull("orders", None), *chosen.pull("orders", None)], "crm")
    told = events(workspace)
    known = {(row["order_id"], row["name"]): (row["revenue"], row["person_id"]) for row in told}
    [buyer] = {person for _, person in known.values() if person}
    assert known == {
        ("00001", "Order Completed"): (50.0, None),
        ("00002", "Order Refunded"): (-10.0, buyer),
        ("00003", "Order Completed"): (50.0, buyer),
        ("00003", "Order Cancelled"): (-50.0, buyer),
    }
    with workspace.engine() as engine:
        lines = engine.rows(
            "SELECT * FROM order_lines WHERE order_id = '00001' ORDER BY product_id"
        )
    assert [(row["product_id"], row["revenue"]) for row in lines] == [
        (f"T{line}", 10.0) for line in range(5)
    ]


def test_a_session_that_ends_is_begun_anew(org: Org, source: Callable[..., Salesforce]) -> None:
    org.ends_sessions_after = 2
    assert len(ids(list(source().pull("contacts", None)))) == 7
    assert org.sign_ins == 2


def test_a_signed_token_signs_in_too(org: Org, source: Callable[..., Salesforce]) -> None:
    signing = {"username": USERNAME, "private_key": org.private_key, "refresh_token": None}
    assert len(ids(list(source(**signing).pull("contacts", None)))) == 7
    with pytest.raises(SourceRefused, match="user hasn't approved this"):
        list(source(**{**signing, "username": "somebody@shop.example"}).pull("contacts", None))


def test_who_is_not_let_in_is_told_so_without_the_secret(
    source: Callable[..., Salesforce],
) -> None:
    with pytest.raises(SourceRefused, match="user hasn't approved this") as refused:
        list(source(refresh_token="5Aep861.stolen").pull("contacts", None))
    assert "5Aep861" not in str(refused.value)


def test_a_key_that_is_none_is_told_without_it(source: Callable[..., Salesforce]) -> None:
    with pytest.raises(AuthorError, match="no RSA key") as wrong:
        list(source(private_key="s3cret", refresh_token=None).pull("contacts", None))
    assert "s3cret" not in str(wrong.value)


def test_the_rest_of_the_limit_is_left_to_others(
    org: Org, source: Callable[..., Salesforce]
) -> None:
    org.used, org.limit = 78, 100
    chosen = source()
    pulled = chosen.pull("contacts", None)
    came = [next(pulled), next(pulled)]
    with pytest.raises(SourceDown, match="80 of 100") as down:
        next(pulled)
    assert down.value.wait_seconds == 3600
    # After the pause it looks again, and goes on where it was.
    org.used = 0
    came += chosen.pull("contacts", came[-1].cursor)
    assert len(set(ids(came))) == 7


@pytest.mark.parametrize(
    ("trouble", "raised", "words"),
    [
        (Told(503), None, ""),
        (Told(429, headers={"Retry-After": "0"}), None, ""),
        (Told(200, json={"records": []}, cut=True), None, ""),
        (
            Told(403, json=[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "too many"}]),
            SourceDown,
            "all its requests",
        ),
        (
            Told(400, json=[{"errorCode": "INVALID_FIELD", "message": "No such column"}]),
            SourceRefused,
            "No such column",
        ),
        (Told(200, json={"records": "ana@example.com"}), DataError, "shape"),
        (Told(200, body=b"<html>"), DataError, "JSON"),
    ],
)
def test_trouble(
    org: Org,
    source: Callable[..., Salesforce],
    trouble: Told,
    raised: type[Exception] | None,
    words: str,
) -> None:
    org.troubles = [trouble]
    if raised is None:
        assert len(ids(list(source().pull("contacts", None)))) == 7
        return
    with pytest.raises(raised, match=words) as error:
        list(source().pull("contacts", None))
    assert "ana@" not in str(error.value)


def test_records_without_id_or_time_are_counted(
    org: Org, source: Callable[..., Salesforce]
) -> None:
    org.tables["Contact"] = [contact(1), contact(2, Id=None), contact(3, SystemModstamp="soon")]
    org.tables["Contact"][1]["Id"] = ""
    pages = list(source().pull("contacts", None))
    assert len(ids(pages)) == 1
    assert sum(sum(page.rejected.values()) for page in pages) == 2


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"user_id": "Id FROM User"}, "user_id: Id FROM User"),
    ({"contact_traits": {"x": "Name, (SELECT Id FROM Cases)"}}, "  x: Name, (SELECT"),
    ({"lead_traits": {"x": "1"}}, "  x: "),
    ({"private_key": None}, "kind: salesforce"),
    ({"username": None}, "private_key: env:KEY"),
    ({"refresh_token": "env:TOKEN"}, "refresh_token: env:TOKEN"),
    ({"opted_in": "Newsletter__c"}, "opted_in: Newsletter__c"),
    ({"opted_in_at": "Newsletter_At__c"}, "opted_in_at: Newsletter_At__c"),
    ({"most_of_limit": 1.5}, "most_of_limit: 1.5"),
    ({"api_version": "62.0/.."}, "api_version: 62.0/.."),
    ({"usr_id": "X"}, "usr_id: X"),
    ({"private_key": "MIIEvQ"}, "private_key: …"),
]
"""What is wrong, and the line that is pointed at."""


def test_a_wrong_definition_is_refused(workspace: Workspace) -> None:
    right = {
        "kind": "salesforce",
        "client_id": CLIENT_ID,
        "username": USERNAME,
        "private_key": "env:KEY",
    }
    assert defined(workspace, **right).can_be_pulled
    for wrong, line in WRONG:
        where = refusal(workspace, **{**right, **wrong}).where
        assert where is not None
        assert str(where.source_line).startswith(line)


def test_a_session_is_not_given_to_an_address_without_tls(org: Org, clock: FixedClock) -> None:
    def login_behind_tls(_: str, **given: Any) -> _http.Http:
        return connect(org.url, **given)

    options = Salesforce.Options(client_id=CLIENT_ID, refresh_token=REFRESH_TOKEN)
    opened = Salesforce(options, connect=login_behind_tls, clock=clock)
    with pytest.raises(SourceRefused, match="not https"):
        list(opened.pull("contacts", None))
    assert org.queries == []


def test_the_examples_of_events() -> None:
    assert doctest.testmod(_events).failed == 0
