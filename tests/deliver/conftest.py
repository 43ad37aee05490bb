"""Fixtures: real mail servers, and a workspace on the machine's clock."""

from collections.abc import Callable, Iterator

import pytest
from post_office import Mailbox, Script, Server

from vocative.clock import SystemClock
from vocative.workspace import Workspace, prepare_state


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


@pytest.fixture(scope="module")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace for all tests of a file, for those that bring people of their own."""
    root = tmp_path_factory.mktemp("shared")
    (root / "vocative.yaml").write_text(
        "workspace: test\nsender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street, London\n"
    )
    prepare_state(root)
    with Workspace(root, clock=SystemClock()) as opened:
        yield opened
