"""What decisions are told about a person, and what they are told while the store is away."""

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from private_postgres import PrivatePostgres
from vocative.clock import FixedClock, to_micros
from vocative.collect.door import accept
from vocative.decide import profile
from vocative.decide.profile import DecisionProfile, read_profile
from vocative.errors import AuthorError, UnknownName
from vocative.segment.live.runner import LiveRunner
from vocative.server.app import create_app
from vocative.stores import StoreBusy
from vocative.workspace import Workspace, prepare_state

SEGMENTS = {
    "features/orders.yaml": "orders: {count: Order Completed}",
    "segments/buyers.yaml": "buyers: {where: orders > 0}\ngold: {where: tier = 'gold'}",
    "segments/countries.yaml": "country_of: {by: country}",
    "traits.yaml": "tier: {type: text}\ncountry: {type: text}",
}


def define(root: Path) -> None:
    for name, text in SEGMENTS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


def event(**told: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Page Viewed", **told}


def buy(workspace: Workspace) -> None:
    """Ana signs in on her browser, tells what she is, and buys."""
    traits = {"email": "Ana@shop.example", "tier": "gold", "country": "Spain"}
    events = [
        event(anonymousId="browser", messageId="1"),
        {"type": "identify", "userId": "ana", "anonymousId": "browser", "traits": traits},
        event(userId="ana", event="Order Completed", messageId="2"),
    ]
    accept(workspace, events, source="shop")
    LiveRunner(workspace).advance()


def score(workspace: Workspace, person_id: str) -> None:
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES (:person, 'churn', 0.25, 'v1', 0, '[]')",
            {"person": person_id},
        )


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    define(workspace.root)
    buy(workspace)
    return workspace


def test_traits_segments_and_scores(shop: Workspace, clock: FixedClock) -> None:
    person_id = read_profile(shop, user_id="ana").person_id
    score(shop, person_id)
    assert read_profile(shop, user_id="ana") == DecisionProfile(
        person_id=person_id,
        traits={
            "tier": "gold",
            "country": "Spain",
            "email_domain": "shop.example",
            "email_kind": "ordinary",
        },
        segments=["buyers", "country_of:Spain", "gold"],
        scores={"churn": 0.25},
        read_at=clock.now(),
        age_seconds=0.0,
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"user_id": " ana "},
        {"email": "ANA@shop.example"},
        {"anonymous_id": "browser"},
    ],
)
def test_every_identity_leads_to_the_person(shop: Workspace, asked: dict[str, str]) -> None:
    assert read_profile(shop, **asked).person_id == read_profile(shop, user_id="ana").person_id


def test_it_is_what_the_store_says_now(shop: Workspace) -> None:
    assert "gold" in read_profile(shop, user_id="ana").segments
    accept(shop, [{"type": "identify", "userId": "ana", "traits": {"tier": None}}], source="shop")
    LiveRunner(shop).advance()
    assert "gold" not in read_profile(shop, user_id="ana").segments


def test_who_was_joined_with_somebody_is_found_under_the_former_id(shop: Workspace) -> None:
    accept(shop, [event(userId="old account", messageId="3")], source="shop")
    LiveRunner(shop).advance()
    former = [read_profile(shop, user_id=name).person_id for name in ("ana", "old account")]
    accept(shop, [{"type": "alias", "userId": "ana", "previousId": "old account"}], source="shop")
    LiveRunner(shop).advance()
    ana = read_profile(shop, user_id="ana")
    assert former[0] != former[1]
    assert [read_profile(shop, person_id=one) for one in former] == [ana, ana]


def test_over_http(shop: Workspace) -> None:
    client = TestClient(create_app(shop))
    answer = client.post("/api/profile", json={"email": "ana@shop.example"})
    assert (answer.status_code, answer.json()["segments"]) == (
        200,
        ["buyers", "country_of:Spain", "gold"],
    )
    assert client.post("/api/profile", json={"user_id": "bo"}).status_code == 404
    assert client.post("/api/profile", json={}).status_code == 422


def test_nobody_is_known_by_that(shop: Workspace) -> None:
    with pytest.raises(UnknownName, match="nobody is known by that"):
        read_profile(shop, user_id="bo")


@pytest.mark.parametrize("asked", [{}, {"user_id": ""}, {"user_id": "ana", "email": "a@b.example"}])
def test_one_identity_is_asked_about(shop: Workspace, asked: dict[str, str]) -> None:
    with pytest.raises(AuthorError, match="exactly one of user_id, email, anonymous_id"):
        read_profile(shop, **asked)


# While the store is away


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    server = PrivatePostgres()
    yield server
    server.remove()


@pytest.fixture
def remote(
    server: PrivatePostgres, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    monkeypatch.setattr(profile, "PAUSE_SECONDS", 0.0)
    root = tmp_path / "remote"
    root.mkdir()
    (root / "vocative.yaml").write_text(
        "workspace: test\nsender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street\n"
        f"store: {server.url}?schema=s_{uuid.uuid4().hex[:12]}\n"
    )
    define(root)
    prepare_state(root)
    with Workspace(root, clock=clock) as workspace:
        buy(workspace)
        accept(workspace, [event(userId="bo", messageId="4")], source="shop")
        LiveRunner(workspace).advance()
        yield workspace


@pytest.mark.postgres
def test_a_killed_database_leaves_what_was_read_last(
    remote: Workspace, server: PrivatePostgres, clock: FixedClock
) -> None:
    before = read_profile(remote, user_id="ana")
    assert before.segments == ["buyers", "country_of:Spain", "gold"]
    server.kill()
    try:
        clock.advance(timedelta(seconds=90))
        kept = read_profile(remote, user_id="ana")
        assert (kept.segments, kept.read_at, kept.age_seconds) == (
            before.segments,
            before.read_at,
            90.0,
        )
        with pytest.raises(StoreBusy):
            read_profile(remote, user_id="bo")
        answer = TestClient(create_app(remote)).post("/api/profile", json={"user_id": "bo"})
        assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "store")
    finally:
        server.start()
    again = read_profile(remote, user_id="ana")
    assert (again.age_seconds, again.read_at) == (0.0, clock.now())
    assert read_profile(remote, user_id="bo").segments == []


@pytest.mark.postgres
def test_a_database_that_hangs_is_not_waited_for(
    remote: Workspace, server: PrivatePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "PATIENCE_SECONDS", 0.2)
    read_profile(remote, user_id="ana")
    server.freeze()
    try:
        for _ in range(20):  # one look hangs, nobody queues behind it
            assert read_profile(remote, user_id="ana").segments
        with pytest.raises(StoreBusy):
            read_profile(remote, user_id="bo")
    finally:
        server.thaw()
    end = time.monotonic() + 30
    while True:  # what hung is answered, and so is everybody
        try:
            assert read_profile(remote, user_id="bo").age_seconds == 0.0
        except StoreBusy:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            break


def test_what_is_kept_has_a_bound(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "MOST_KEPT", 2)
    reader = profile.ProfileReader()
    for name in ("ana", "b", "c", "d"):
        accept(shop, [event(userId=name, messageId=f"of {name}")], source="shop")
        LiveRunner(shop).advance()
        reader.read(shop, "user_id", name)
    assert len(reader._kept) == 2


def test_time_is_the_workspaces(shop: Workspace, clock: FixedClock) -> None:
    assert to_micros(read_profile(shop, user_id="ana").read_at) == to_micros(clock.now())
