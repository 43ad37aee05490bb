"""The mail in a browser: what was sent, as long as it may be shown."""

from datetime import timedelta

import pytest
from post_office import CAMPAIGN, RUN, add_people, compose, plan, set_settings
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vocative.deliver.channels import channel_for
from vocative.deliver.links import LinkSigner
from vocative.deliver.pages import routes
from vocative.deliver.sender import deliver
from vocative.errors import EngineError
from vocative.pages.words import word
from vocative.server.messages import view_in_browser
from vocative.workspace import Workspace
from vocative.workspace.settings import Pages


def message_of(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        return str(tx.value("SELECT message_id FROM messages"))


def status_of(workspace: Workspace) -> int:
    app = Starlette(routes=routes(workspace, lambda one: view_in_browser(workspace, one)))
    signer = LinkSigner(workspace.key.sign, "")
    return TestClient(app).get(signer.url("view", message_of(workspace))).status_code


def sent(workspace: Workspace) -> str:
    plan(workspace, add_people(workspace, 1))
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    return message_of(workspace)


def test_the_very_mail_is_shown(workspace: Workspace) -> None:
    assert view_in_browser(workspace, sent(workspace)) == "<p>Hello person0</p>"
    assert status_of(workspace) == 200


def test_a_mail_can_be_looked_at_for_a_while(workspace: Workspace) -> None:
    set_settings(workspace, pages=Pages(view_days=30))
    sent(workspace)
    workspace.clock.advance(timedelta(days=30))  # type: ignore[attr-defined]
    assert status_of(workspace) == 200
    workspace.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    assert status_of(workspace) == 410


def test_what_never_left_is_not_shown(workspace: Workspace) -> None:
    plan(workspace, add_people(workspace, 1))
    assert view_in_browser(workspace, message_of(workspace)) is None
    assert view_in_browser(workspace, "ff" * 16) is None


def test_a_mail_of_somebody_erased_is_not_shown(workspace: Workspace) -> None:
    message_id = sent(workspace)
    with workspace.store.transaction() as tx:
        tx.run("DELETE FROM profiles")
    assert view_in_browser(workspace, message_id) is None


def test_a_mail_that_nobody_can_make_again_is_gone(workspace: Workspace) -> None:
    """No copy is kept, and the campaign was taken out of the folder."""
    sent(workspace)
    set_settings(workspace, channels={"smtp": {"host": "mail.shop.example"}})
    assert status_of(workspace) == 410


def test_what_fails_for_now_can_be_tried_again(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    message_id = sent(workspace)

    def busy(_: str) -> str:
        raise EngineError("the store is busy")

    app = Starlette(routes=routes(workspace, busy))
    address = LinkSigner(workspace.key.sign, "").url("view", message_id)
    answer = TestClient(app).get(address, headers={"accept-language": "de"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert word("later_title", "de") in answer.text
    assert "the store is busy" in caplog.text
