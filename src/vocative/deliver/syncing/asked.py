"""What somebody asks of a destination: whether it lets us in, and to be brought up to date."""

from datetime import datetime

import msgspec

from vocative.deliver.syncing import states
from vocative.deliver.syncing.definitions import find_destination
from vocative.deliver.syncing.listing import ListedDestination, destination_status
from vocative.deliver.syncing.opening import opened
from vocative.deliver.syncing.syncing import SyncReport, lock_of, sync_destination
from vocative.workspace import Workspace

WAIT_SECONDS = 5.0
"""For a sync that is under way."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A destination that lets us in."""

    destination: str
    kind: str
    ok: bool = True


def check_destination(workspace: Workspace, name: str) -> Checked:
    """Ask a destination whether it lets us in and has what its definition names.

    Args:
        workspace: Whose.
        name: The destination.

    Raises:
        UnknownName: there is no such destination.
        AuthorError: its definition is wrong, or a secret is missing.
        DestinationDown, DestinationRefused: it does not.
    """
    definition = find_destination(workspace, name)
    with opened(workspace, definition) as destination:
        destination.check()
    return Checked(destination=name, kind=definition.body.kind)


def sync(
    workspace: Workspace, name: str, *, again: bool = False, since: datetime | None = None
) -> SyncReport:
    """Tell a destination now what it does not know yet.

    Args:
        workspace: Whose.
        name: The destination.
        again: Tell everything again, whatever it was told before; nothing counts twice by it.
        since: Of webhooks: tell again what happened from this instant on.

    Raises:
        UnknownName: there is no such destination.
        AuthorError: its definition is wrong, or a secret is missing.
        DestinationDown, DestinationRefused: it takes nothing now; what it took is kept.
        StateError: it is being synced already.
    """
    definition = find_destination(workspace, name)
    with workspace.worker_lock(lock_of(name), wait_seconds=WAIT_SECONDS):
        return sync_destination(workspace, definition, again=again, since=since)


def ask_for_sync(workspace: Workspace, name: str) -> ListedDestination:
    """Ask for a sync of a destination; `vocative serve` does it.

    Args:
        workspace: Whose.
        name: The destination.

    Raises:
        UnknownName: there is no such destination.
        AuthorError: its definition is wrong.
    """
    find_destination(workspace, name)
    with workspace.store.transaction() as tx:
        states.make_due(tx, name)
    return destination_status(workspace, name)
