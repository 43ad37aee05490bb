"""The API over a real workspace: every route, its description, its door."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from starlette.testclient import TestClient

from demo_site import Demo
from formed import Visit, visitor, write_form
from matched import propose
from vocative.collect.door import accept
from vocative.identify.apply import apply_log
from vocative.operations import OPERATIONS
from vocative.server.app import create_app
from vocative.server.openapi import describe
from vocative.workspace import Workspace

LOCAL = {"host": "localhost"}
QUESTION = """\
title: A question
guard: {min_seconds: 0}
steps:
  - questions: [{name: why, label: Why, personal: false}]
"""


@pytest.fixture(scope="module")
def demo(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A copy: these tests write to it, and other files' tests share the first one."""
    folder = tmp_path_factory.mktemp("api") / "workspace"
    return replace(demo, workspace=shutil.copytree(demo.workspace, folder))


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[TestClient]:
    with Workspace(demo.workspace) as workspace:
        yield TestClient(create_app(workspace), raise_server_exceptions=True)


@pytest.fixture(scope="module")
def a_message(client: TestClient) -> dict[str, str]:
    page = client.get("/api/campaigns/weekly_picks/messages?state=accepted&limit=1").json()
    found: dict[str, str] = page["messages"][0]
    return found


@pytest.fixture(scope="module")
def a_match(client: TestClient, demo: Demo) -> str:
    """A pair that waits for a decision."""
    one, other = sorted(p["person_id"] for p in client.get("/api/people?limit=2").json()["people"])
    with Workspace(demo.workspace) as workspace:
        [pair] = propose(workspace, (one, other, 0.9))
    return pair


@pytest.fixture(scope="module")
def a_submission(client: TestClient, demo: Demo) -> str:
    """A form that somebody sent, nobody in particular: it makes no person."""
    with Workspace(demo.workspace) as workspace:
        write_form(workspace, "question", QUESTION)
        Visit(visitor(workspace), "question").send(why="it is nice")
        apply_log(workspace)
    page = client.get("/api/forms/question/submissions").json()
    return str(page["submissions"][0]["submission"])


@pytest.fixture(scope="module")
def a_source(demo: Demo) -> Iterator[str]:
    """One that takes webhooks by a mapping."""
    source = demo.workspace / "sources" / "orders_hook.yaml"
    mapping = demo.workspace / "mappings" / "orders_hook.yaml"
    mapping.write_text("people: {user_id: id}\n")
    source.write_text("kind: webhook\nmapping: orders_hook\nverify: token\nsecret: env:HOOK\n")
    yield "orders_hook"
    source.unlink()
    mapping.unlink()


@pytest.fixture(scope="module")
def a_destination(demo: Demo) -> Iterator[str]:
    """One that is never asked: it has no secret."""
    file = demo.workspace / "destinations" / "mail_tool.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("kind: klaviyo\npurpose: marketing\napi_key: env:NO_SUCH_KEY\n")
    yield "mail_tool"
    file.unlink()


@pytest.fixture(scope="module")
def a_run(demo: Demo) -> str:
    """A pull that was asked for."""
    with Workspace(demo.workspace) as workspace, workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO source_runs (run_id, source, again, state, asked_at, pages, events, items,"
            " rejected) VALUES ('r1', 'shop', 0, 'waiting', 0, 0, 0, 0, 0)"
        )
    return "r1"


@pytest.fixture(scope="module")
def a_reconciliation(demo: Demo) -> Iterator[str]:
    """Two sources that could be compared, and an event that was rejected."""
    with Workspace(demo.workspace) as workspace:
        accept(workspace, [{"userId": "nobody in particular"}], source="till")
        apply_log(workspace)
    file = demo.workspace / "reconciliations" / "orders.yaml"
    file.parent.mkdir()
    file.write_text("event: Order Completed\nkey: order_id\nbetween: {shop: {}, till: {}}\n")
    yield "orders"
    file.unlink()
    file.parent.rmdir()


@pytest.fixture(scope="module")
def a_journey(demo: Demo) -> Iterator[str]:
    """A journey that nobody has started."""
    file = demo.workspace / "journeys" / "thanks.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("enter: {event: Order Completed}\nsteps:\n  - send: weekly_picks\n")
    yield "thanks"
    file.unlink()


@pytest.fixture(scope="module")
def made(
    a_message: dict[str, str],
    a_match: str,
    a_submission: str,
    a_source: str,
    a_destination: str,
    a_run: str,
    a_reconciliation: str,
    a_journey: str,
) -> dict[str, str]:
    """Something for each part of a path that no name of the demo can stand for."""
    return {
        "person_id": a_message["person_id"],
        "person": a_message["person_id"],
        "message_id": a_message["message_id"],
        "match_id": a_match,
        "submission": a_submission,
        "source": a_source,
        "destination": a_destination,
        "run": a_run,
        "reconciliation": a_reconciliation,
        "journey": a_journey,
        "template": "weekly_picks",
    }


def path_of(route: str, made: dict[str, str]) -> str:
    name = "weekly_picks" if "/campaigns" in route else "engaged"
    names = {
        "/models": "purchase_30d",
        "/packs": "rfm",
        "/features": "spend_30d",
        "/forms": "question",
        "/sources": made["source"],
        "/destinations": made["destination"],
        "/reconciliations": made["reconciliation"],
    }
    for part, other in names.items():
        if part in route:
            name = other
    return "/api" + route.format(campaign="weekly_picks", name=name, **made)


@pytest.mark.parametrize(
    "route", [o.route[4:] for o in OPERATIONS.values() if o.route and o.route.startswith("GET ")]
)
def test_every_route_answers(client: TestClient, made: dict[str, str], route: str) -> None:
    queries = {
        "/explain": "?campaign=weekly_picks",
        "/overlap": "?segments=engaged&segments=lapsed",
        "/{template}/diff": "?old=folder",
    }
    query = next((text for end, text in queries.items() if route.endswith(end)), "")
    answer = client.get(path_of(route, made) + query)
    assert answer.status_code == 200, answer.text
    assert answer.json()


def test_people_are_found_by_address_and_by_segment(client: TestClient) -> None:
    page = client.get("/api/people?segment=engaged&limit=3").json()
    assert 0 < len(page["people"]) <= 3
    someone = next(p for p in client.get("/api/people?limit=200").json()["people"] if p["email"])
    found = client.get("/api/people", params={"search": someone["email"].upper()}).json()
    assert [p["person_id"] for p in found["people"]] == [someone["person_id"]]
    rest = client.get("/api/people", params={"limit": 3, "after": page["next"]}).json()
    assert rest["people"][0]["person_id"] > page["people"][-1]["person_id"]


def test_a_draft_segment_is_counted(client: TestClient) -> None:
    all_of_them = client.post("/api/segments/preview", json={"where": "true"}).json()
    some = client.post("/api/segments/preview", json={"where": "orders_30d > 0"}).json()
    assert 0 < some["count"] < all_of_them["count"] == all_of_them["people"]


def test_a_wrong_expression_points_at_the_word(client: TestClient) -> None:
    answer = client.post("/api/segments/preview", json={"where": "orders_3d > 0"})
    error = answer.json()["error"]
    assert answer.status_code in (404, 422)
    assert "did you mean" in error["message"]
    assert error["where"]["column"] == 1


def test_segments_overlap_and_grow(client: TestClient) -> None:
    sizes = {one["name"]: one["count"] for one in client.get("/api/segments").json()}
    names = ["lapsed", "cooling", "country:France"]
    found = client.get("/api/overlap", params={"segments": names}).json()
    assert [(one["name"], one["members"]) for one in found["segments"]] == [
        (name, sizes[name]) for name in names
    ]
    assert [pair["both"] <= pair["either"] for pair in found["pairs"]] == [True] * 3
    growth = client.get("/api/segments/lapsed/growth").json()
    assert growth["days"][-1]["members"] == sizes["lapsed"]
    assert growth["days"][0]["on"] <= growth["recorded_since"][:10]


def test_one_segment_does_not_overlap(client: TestClient) -> None:
    answer = client.get("/api/overlap?segments=lapsed")
    assert answer.status_code == 400
    assert "length >= 2" in answer.json()["error"]["message"]


def test_a_person_has_a_history_of_segments(client: TestClient) -> None:
    someone = client.get("/api/people?segment=engaged&limit=1").json()["people"][0]
    history = client.get(f"/api/people/{someone['person_id']}/memberships").json()
    now = {one["segment"] for one in history if one["until_at"] is None}
    assert now == set(someone["segments"])
    by_address = client.get(f"/api/people/{someone['email']}/memberships").json()
    assert by_address == history


def test_the_size_of_a_segment_is_that_of_its_people(client: TestClient) -> None:
    for one in client.get("/api/segments").json():
        people = client.get("/api/people", params={"segment": one["name"], "limit": 1}).json()
        assert people["total"] == one["count"], one["name"]
        assert one["changed_at"] or not one["count"], one["name"]


def test_the_whole_query_is_told(client: TestClient) -> None:
    plan = client.get("/api/segments/lapsed/plan").json()
    assert "Order Completed" in plan["sql"]
    assert plan["uses"] == ["last_order_at"]
    answer = client.get("/api/features/spend_30d/plan?engine=abacus")
    assert answer.status_code == 404


def test_a_mail_is_shown_as_it_was_sent(client: TestClient, a_message: dict[str, str]) -> None:
    shown = client.get(f"/api/messages/{a_message['message_id']}").json()
    assert shown["exact"] is True
    assert shown["branches"]
    page = client.get(f"/api/messages/{a_message['message_id']}/html")
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "/o/" not in page.text, "looking at a mail in the app must not count as opening it"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/people/nobody", 404),
        ("/api/segments/nothing", 404),
        ("/api/messages/none", 404),
        ("/api/campaigns/none/report", 404),
        ("/api/models/none", 404),
        ("/api/nothing", 404),
        ("/api/people?limit=many", 400),
        ("/api/people?limits=3", 400),
    ],
)
def test_errors_have_one_shape(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"kind", "message", "where", "hint"}


def test_a_form_of_another_site_cannot_post(client: TestClient) -> None:
    answer = client.post("/api/segments/recompute", content=b"{}")
    assert answer.status_code == 400


def test_only_loopback_names_without_a_key(client: TestClient) -> None:
    answer = client.get("/api/overview", headers={"host": "evil.example"})
    assert answer.status_code == 403


def test_with_a_key_only_with_the_key(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOCATIVE_API_KEY", "s3cret")
    assert client.get("/api/overview").status_code == 403
    good = {"authorization": "Bearer s3cret", "host": "shop.example"}
    assert client.get("/api/overview", headers=good).status_code == 200


def test_the_description_names_every_route() -> None:
    paths = describe()["paths"]
    for operation in OPERATIONS.values():
        if operation.route:
            method, path = operation.route.split(" ")
            described = paths[f"/api{path}"][method.lower()]
            assert described["summary"] == operation.summary


def test_the_api_is_as_described(client: TestClient) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", client.app, headers=LOCAL)
    checked = 0
    for described in schema.include(method="GET").get_all_operations():
        strategy = described.ok().as_strategy()

        @hypothesis.given(case=strategy)
        @hypothesis.settings(
            max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        def answers_as_described(case: "schemathesis.Case") -> None:
            case.call_and_validate(headers=LOCAL)

        answers_as_described()
        checked += 1
    assert checked == sum(bool(o.route and o.route.startswith("GET")) for o in OPERATIONS.values())
