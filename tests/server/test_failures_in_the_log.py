"""What fails in the server is told to whoever runs it, and to who asked."""

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from vocative.server.app import create_app
from vocative.stores import Store, StoreError
from vocative.workspace import Workspace
from vocative.workspace import history as module

LOCAL = {"host": "localhost"}


@pytest.fixture
def damaged(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that has lost a file of its history."""
    monkeypatch.setattr(module, "PART_ROWS", 1)
    rows = pa.table({"event_id": ["e"], "person_id": ["p"], "name": ["Product Viewed"]})
    with workspace.store.transaction() as tx:
        workspace.history.append(tx, "events", rows, first=1, last=1)
    next(workspace.history.folder.iterdir()).unlink()
    return workspace


def test_a_failure_is_noted_with_its_place(
    damaged: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    answer = TestClient(create_app(damaged)).get("/api/overview", headers=LOCAL)
    assert answer.status_code == 500
    assert answer.json()["error"]["kind"] == "engine"
    assert "GET /overview answered 500: a file of the history is missing" in caplog.text
    assert "bring it back from a backup" in caplog.text
    assert "in _weeks" in caplog.text


def test_what_was_asked_for_is_not_noted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Store) -> None:
        raise StoreError("the store failed: the disk failed")

    monkeypatch.setattr(Store, "read", refuse)
    client = TestClient(create_app(workspace))
    answer = client.get("/api/people?search=anna@shop.example", headers=LOCAL)
    assert answer.status_code == 500
    assert "GET /people answered 500: the store failed" in caplog.text
    assert "anna" not in caplog.text


def test_a_mistake_of_who_asks_is_not_noted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(create_app(workspace))
    assert client.get("/api/people?limit=many", headers=LOCAL).status_code == 400
    assert client.get("/api/people/nobody", headers=LOCAL).status_code == 404
    assert caplog.text == ""
