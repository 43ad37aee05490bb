"""Fixtures: real mail servers, and a workspace on the machine's clock."""

from collections.abc import Callable, Iterator

import pytest
from post_office import Mailbox, Script, Server

from vocative.clock import SystemClock
from vocative.workspace import Workspace


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server on a free port."""
    box = Mailbox()
    server = Server(box)
    box.port = server.port
    yield box
    server.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Script]]:
    """Makes scripted mail servers and closes them."""
    made: list[Script] = []

    def make(*conversations: list[str | None]) -> Script:
        made.append(Script(*conversations))
        return made[-1]

    yield make
    for script in made:
        script.close()


@pytest.fixture
def live(workspace: Workspace) -> Workspace:
    """The workspace with the machine's clock, for tests in which time must pass."""
    workspace.clock = SystemClock()
    return workspace
