"""The mail in a browser: what was sent, as long as it may be shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from demo_site import Demo
from vocative.clock import FixedClock, from_micros
from vocative.server.messages import show_message, view_in_browser
from vocative.workspace import Workspace


@pytest.fixture
def sent(demo: Demo) -> tuple[Path, str, int]:
    """The demo's folder, a mail that left, and when."""
    with Workspace(demo.workspace) as workspace, workspace.store.read() as tx:
        row = tx.row(
            "SELECT message_id, handed_at FROM messages WHERE state = 'accepted'"
            " ORDER BY message_id LIMIT 1"
        )
        assert row is not None
        return demo.workspace, row["message_id"], row["handed_at"]


@pytest.mark.parametrize(("days", "is_shown"), [(0, True), (364, True), (366, False)])
def test_a_mail_can_be_looked_at_for_a_year(
    sent: tuple[Path, str, int], days: int, is_shown: bool
) -> None:
    root, message_id, handed_at = sent
    clock = FixedClock(from_micros(handed_at) + timedelta(days=days))
    with Workspace(root, clock=clock) as workspace:
        shown = view_in_browser(workspace, message_id)
        assert (shown is not None) == is_shown
        if shown is not None:
            assert shown == show_message(workspace, message_id).html


def test_what_never_left_is_not_shown(sent: tuple[Path, str, int]) -> None:
    with Workspace(sent[0]) as workspace:
        with workspace.store.read() as tx:
            held = tx.value("SELECT message_id FROM messages WHERE handed_at IS NULL LIMIT 1")
        assert view_in_browser(workspace, str(held)) is None
        assert view_in_browser(workspace, "ff" * 16) is None
