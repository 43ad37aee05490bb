"""Every destination keeps the laws, over a system of this machine that imitates it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import told_systems
from told_systems import KEY, System, local, served

from scripted_server import Asked, Told, scripted_server
from vocative.clock import SystemClock
from vocative.deliver.destinations import DESTINATIONS
from vocative.deliver.destinations.base import Change, Destination, Place
from vocative.deliver.syncing.batches import send_apart
from vocative.testing.destination_laws import (
    LAWS,
    DestinationBench,
    LawBroken,
    twice_is_once,
    what_was_put_is_there,
    who_leaves_leaves_nothing,
)

PERSON = Change(
    person_id="p1",
    action="put",
    email="ana@example.com",
    phone="+44 20 7946 0018",
    fields={"first_name": "Ana", "score": 0.25},
    segments={"vip": True},
)
PLACE = Place(
    destination="laws", columns={"first_name": "text", "score": "number"}, segments=("vip",)
)


@cache
def service_account(token_uri: str) -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    told = {"client_email": "us@project.example", "private_key": pem.decode()}
    return json.dumps({**told, "token_uri": token_uri})


SYSTEMS: dict[str, tuple[Callable[[], System], dict[str, Any]]] = {
    "mailchimp": (told_systems.Mailchimp, {"api_key": KEY, "list_id": "abc123"}),
    "klaviyo": (told_systems.Klaviyo, {"api_key": KEY}),
    "braze": (told_systems.Braze, {"api_key": KEY, "endpoint": "https://rest.example"}),
    "sendgrid": (told_systems.SendGrid, {"api_key": KEY}),
    "hubspot": (told_systems.HubSpot, {"access_token": KEY}),
    "customerio": (told_systems.CustomerIo, {"site_id": "site", "api_key": KEY}),
    "salesforce_marketing": (
        told_systems.SalesforceMarketing,
        {
            "subdomain": "tenant",
            "client_id": "client",
            "client_secret": KEY,
            "data_extension": "people",
        },
    ),
    "meta": (told_systems.Meta, {"audience_id": "77", "access_token": KEY}),
    "google": (told_systems.Google, {"account_id": "12", "list_id": "99"}),
}
AUDIENCES = ("meta", "google")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def opener(
    kind: str, options: Mapping[str, Any], connect: Any, place: Place = PLACE
) -> Callable[[], Destination]:
    type_ = DESTINATIONS.load(kind)
    given = msgspec.convert(options, type_.Options)
    return lambda: type_(given, connect=connect, clock=SystemClock(), place=place)


def over(kind: str, stack: ExitStack) -> tuple[System, DestinationBench]:
    make, options = SYSTEMS[kind]
    system = make()
    server = stack.enter_context(served(system))
    if kind == "google":
        options = {**options, "credentials": service_account("https://oauth2.example/token")}
    is_audience = kind in AUDIENCES
    bench = DestinationBench(
        open=opener(kind, options, local(server.url), Place() if is_audience else PLACE),
        held=system.held,
        answer=system.trouble,
        change=replace(PERSON, fields={}, segments={}) if is_audience else PERSON,
        rows_stay=not is_audience,
        secrets=[KEY],
    )
    return system, bench


def table(database: str, url: str) -> DestinationBench:
    """Rows of a real table."""
    options = {"database": database, "url": url, "table": "people"}
    return DestinationBench(
        open=opener("table", options, None),
        held=lambda change: row_of(database, url, change.person_id),
        change=PERSON,
        rows_stay=False,
        secrets=[url],
    )


def row_of(database: str, url: str, person_id: str) -> Mapping[str, Any] | None:
    import duckdb
    import psycopg

    connection: Any = duckdb.connect(url) if database == "duckdb" else psycopg.connect(url)
    mark = "?" if database == "duckdb" else "%s"
    with connection:
        sql = f"SELECT first_name, score, vip FROM people WHERE person_id = {mark}"
        found = connection.execute(sql, [person_id]).fetchone()
    return None if found is None else dict(zip(("first_name", "score", "vip"), found, strict=True))


@pytest.mark.parametrize("kind", SYSTEMS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Callable[[DestinationBench], None], kind: str, stack: ExitStack) -> None:
    _, bench = over(kind, stack)
    law(bench)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_of_tables(law: Callable[[DestinationBench], None], tmp_path: Path) -> None:
    law(table("duckdb", str(tmp_path / "warehouse.duckdb")))


@pytest.mark.postgres
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_of_tables_in_postgres(
    law: Callable[[DestinationBench], None], postgres_url: str
) -> None:
    import psycopg

    url, _, schema = postgres_url.partition("?schema=")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
    law(table("postgres", f"{url}?options=-csearch_path%3D{schema}"))


@pytest.mark.parametrize("kind", [one for one in SYSTEMS if one not in ("meta", "google")])
def test_a_bad_row_is_told_and_the_rest_goes_on(kind: str, stack: ExitStack) -> None:
    system, bench = over(kind, stack)
    people = [
        replace(bench.change, person_id=f"p{number}", email=f"p{number}@example.com")
        for number in range(7)
    ]
    system.bad = {"p3@example.com"}
    with closing(bench.open()) as destination:
        refused = send_apart(destination, people)
    assert [*refused] == [3]
    assert "p3@example.com" not in refused[3]
    known = [index for index, one in enumerate(people) if system.held(one) is not None]
    assert known == [0, 1, 2, 4, 5, 6]


def test_a_hash_that_is_invalid_does_not_keep_an_audience_empty(stack: ExitStack) -> None:
    from vocative.deliver.destinations._hashed import hashed_email

    system, bench = over("meta", stack)
    people = [replace(bench.change, email=f"p{number}@example.com") for number in range(4)]
    system.bad = {hashed_email("p2@example.com")}
    with closing(bench.open()) as destination:
        assert [*send_apart(destination, people)] == [2]
    assert [system.held(one) is not None for one in people] == [True, True, False, True]


def test_the_laws_find_what_breaks_them(stack: ExitStack) -> None:
    system, bench = over("braze", stack)
    system.always = Told(201, json={"message": "success"})  # It takes everything and keeps nothing.
    with pytest.raises(LawBroken):
        what_was_put_is_there(bench)
    system.always = None
    kept: list[int] = []

    def grows(asked: Asked, body: Any) -> Told:
        kept.append(1)
        system.people.setdefault(PERSON.email or "", {})["score"] = len(kept)
        return Told(201, json={"message": "success"})

    system.reply = grows  # type: ignore[method-assign]
    with pytest.raises(LawBroken):
        twice_is_once(bench)
    with pytest.raises(LawBroken):
        who_leaves_leaves_nothing(bench)


def test_a_rate_limit_is_waited_for(stack: ExitStack) -> None:
    """What the client does for sources, it does here: a short wait within, a long one told."""
    from vocative.collect.sources._http import Patience, connect
    from vocative.deliver.destinations.base import DestinationDown

    answers = [Told(429, headers={"Retry-After": "0"}), Told(201, json={"message": "success"})]
    server = stack.enter_context(
        scripted_server(lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    )

    def patient(_: str, **more: Any) -> Any:
        return connect(server.url, **{**more, "patience": Patience(attempts=2)})

    options = {"api_key": KEY, "endpoint": "https://rest.example"}
    with closing(opener("braze", options, patient)()) as destination:
        assert destination.send([PERSON]) == {}
        assert len(server.asked) == 2
        answers[:] = [Told(429, headers={"Retry-After": "900"})]
        with pytest.raises(DestinationDown) as down:
            destination.send([PERSON])
    assert down.value.wait_seconds == 900


def test_every_destination_is_held_to_the_laws() -> None:
    assert {*SYSTEMS, "table", "webhook"} == {*DESTINATIONS.names()}


def test_an_upsert_is_what_hubspots_own_client_sends(stack: ExitStack) -> None:
    """The same contact by our destination and by the vendor's library: one request, twice."""
    hubspot = pytest.importorskip("hubspot", reason="`make vendors` installs it")
    from hubspot.crm.contacts import BatchInputSimplePublicObjectBatchInputUpsert as Batch
    from hubspot.crm.contacts import SimplePublicObjectBatchInputUpsert as Input

    heard: list[Asked] = []

    def answer(asked: Asked) -> Told:
        heard.append(asked)
        times = {"startedAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:00Z"}
        return Told(json={"status": "COMPLETE", "results": [], **times})

    server = stack.enter_context(scripted_server(answer))
    with closing(opener("hubspot", {"access_token": KEY}, local(server.url))()) as destination:
        destination.send([PERSON])
    client = hubspot.Client.create(access_token=KEY)
    contacts = client.crm.contacts.batch_api
    contacts.api_client.configuration.host = server.url
    properties = {"first_name": "Ana", "score": "0.25", "vip": "true"}
    person = Input(id=PERSON.email, id_property="email", properties=properties)
    contacts.upsert(Batch(inputs=[person]))
    contacts.api_client.rest_client.pool_manager.clear()
    ours, theirs = heard
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.json() == theirs.json()
    for name in ("authorization", "content-type"):
        assert ours.headers[name] == theirs.headers[name]
