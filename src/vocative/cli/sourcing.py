"""Pulling a source from the command line: what comes in is applied at once."""

from collections.abc import Callable

import msgspec

from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.pulling import Pulled, from_the_beginning, only, pull_source
from vocative.collect.sourcing.runner import lock_of
from vocative.collect.sourcing.trying import TriedStream, try_source
from vocative.errors import AuthorError
from vocative.segment import advance
from vocative.workspace import Workspace

WAIT_SECONDS = 5.0
"""For a pull that is under way."""


class PullReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull brought, or would bring."""

    source: str
    pulled: list[Pulled] = []
    tried: list[TriedStream] = []
    """Of a dry run: its first pages."""


def pull(
    workspace: Workspace,
    name: str,
    *,
    stream: str | None = None,
    again: bool = False,
    dry_run: bool = False,
    progress: Callable[..., None] | None = None,
) -> PullReport:
    """Ask a source for what is new, and apply it.

    Args:
        workspace: Where to.
        name: The source.
        stream: Only this one of its streams.
        again: Begin at the beginning, not where the last pull ended; nothing counts twice by it.
        dry_run: Show what its first pages hold, and keep nothing.
        progress: Told how many events came in.

    Raises:
        UnknownName: there is no such source, or it has no such stream.
        AuthorError: its definition is wrong, a secret is missing, or it cannot be pulled.
        SourceDown, SourceRefused, DataError: it could not be pulled; what came before is kept.
        StateError: it is being pulled already.
    """
    definition = find_source(workspace, name)
    if not definition.can_be_pulled:
        raise AuthorError(
            f"a source of kind {definition.kind!r} cannot be pulled: it sends by itself"
        )
    choose = only(stream)
    with workspace.worker_lock(lock_of(name), wait_seconds=WAIT_SECONDS):
        if dry_run:
            tried = try_source(workspace, definition, stream=stream, again=again)
            return PullReport(source=name, tried=tried)
        if again:
            choose = from_the_beginning(workspace, name, choose)
        outcome = pull_source(workspace, definition, choose, told=_telling(progress))
    if any(one.events for one in outcome.streams):
        advance(workspace)
    if outcome.failure is not None:
        raise outcome.failure
    return PullReport(source=name, pulled=outcome.streams)


def _telling(progress: Callable[..., None] | None) -> Callable[[Pulled], None]:
    def tell(pulled: Pulled) -> None:
        if progress is not None:
            progress(pulled.events, None, f"{pulled.stream}: {pulled.pages:,} pages")

    return tell
