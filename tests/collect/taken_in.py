"""What a workspace knows after a source's pages went through the door."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.collect.sources.base import Page, Source
from vocative.identify.apply import ApplyReport, apply_log
from vocative.privacy.consent import history
from vocative.workspace import Workspace


def take_in(workspace: Workspace, pages: Iterable[Page], source: str) -> ApplyReport:
    """Put the events of pages on the log and apply it, and their items into the catalog."""
    for page in pages:
        accept(workspace, page.events, source=source)
        upsert_items(workspace, page.items)
    return apply_log(workspace)


def pull_with_crashes(
    source: Source, stream: str, *, pages_a_time: int, cursor: str | None = None
) -> list[Page]:
    """Pull all of a stream as somebody who is killed again and again after some pages.

    Each time the page under way is lost, and it goes on from the cursor of the last one kept.
    """
    kept: list[Page] = []
    while True:
        came = list(islice(source.pull(stream, cursor), pages_a_time + 1))
        if len(came) <= pages_a_time:
            return [*kept, *came]
        assert came[-2].cursor != cursor, "it never gets on"
        kept += came[:-1]
        cursor = came[-2].cursor


def people(workspace: Workspace) -> list[dict[str, Any]]:
    """Everybody who is there: vault, traits and consents, by address."""
    with workspace.store.read() as tx:
        ids = [
            row["person_id"]
            for row in tx.rows("SELECT person_id FROM profiles WHERE merged_into IS NULL")
        ]
        found = [
            {
                "vault": dict(workspace.vault.get(tx, one)),
                "consents": [(c.purpose, c.status, c.at) for c in history(tx, one)],
                "id": one,
            }
            for one in ids
        ]
    return sorted(found, key=lambda one: str(one["vault"].get("email")))


def events(workspace: Workspace, *names: str) -> list[dict[str, Any]]:
    """Rows of history, in their order; of some names or of all."""
    with workspace.engine() as engine:
        rows = engine.rows("SELECT * FROM events ORDER BY events.at, name, event_id")
    return [row for row in rows if not names or row["name"] in names]


def ids(pages: Sequence[Page]) -> list[str]:
    """The ids of the events, in their order."""
    return [event["messageId"] for page in pages for event in page.events]
