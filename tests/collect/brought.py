"""What a shop's source leads to: a source over a local server, and what is known of each buyer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from taken_in import events, take_in

from vocative.collect.sources._http import Http, Patience, connect
from vocative.collect.sources.base import Page, Source
from vocative.privacy import consent
from vocative.workspace import Workspace

IMPATIENT = Patience(attempts=4, first_pause_seconds=0.01, longest_pause_seconds=0.2)


def local(url: str) -> Callable[..., Http]:
    """Connects to a server on this machine, whatever host the source names."""
    return lambda _, **more: connect(url, **{"patience": IMPATIENT, **more})


def pull_all(source: Source, cursors: dict[str, str | None]) -> Iterator[Page]:
    """Everything new of every stream; a page's cursor is kept after the page was used."""
    for stream in source.offered():
        for page in source.pull(stream, cursors.get(stream)):
            yield page
            cursors[stream] = page.cursor or cursors.get(stream)


def put(workspace: Workspace, pages: Iterable[Page]) -> None:
    """Take in what a shop brought."""
    take_in(workspace, pages, "shop")


@dataclass
class Known:
    """What a workspace knows of somebody."""

    workspace: Workspace
    person_id: str
    personal: dict[str, str | None]
    consents: list[tuple[str, str, str]]
    """(channel, status, when) of what they allowed for marketing, oldest first."""

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """In the order of their time."""
        return [one for one in events(self.workspace) if one["person_id"] == self.person_id]

    @property
    def names(self) -> list[str]:
        """What happened, without what was stated."""
        return [one["name"] for one in self.events if one["name"] != "Identified"]

    @property
    def revenue(self) -> float:
        """All that was paid, less what went back."""
        return float(sum(one["revenue"] or 0 for one in self.events if "Order" in one["name"]))

    def allowed(self, channel: str = "email") -> list[tuple[str, str]]:
        """(status, when) of what they said for a channel."""
        return [(status, at) for where, status, at in self.consents if where == channel]


def known(workspace: Workspace, namespace: str, value: str) -> Known | None:
    """Who has an identity; None when nobody has."""
    with workspace.store.read() as tx:
        person_id = tx.value(
            "SELECT person_id FROM identities WHERE namespace = :n AND value_hash = :h",
            {"n": namespace, "h": workspace.vault.lookup_hash(namespace, value)},
        )
        if person_id is None:
            return None
        personal = dict(workspace.vault.get_many(tx, [person_id]).get(person_id, {}))
        stated = consent.history(tx, person_id)
    return Known(
        workspace,
        person_id,
        personal,
        [
            (one.channel, one.status, one.at.isoformat())
            for one in stated
            if one.purpose == "marketing"
        ],
    )


def count_people(workspace: Workspace) -> int:
    """How many there are."""
    with workspace.store.read() as tx:
        return int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL") or 0)


def items(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The catalog, by id."""
    with workspace.store.read() as tx:
        return {row["item_id"]: dict(row) for row in tx.rows("SELECT * FROM items")}


def lines(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """The lines of orders in events of a name."""
    with workspace.engine() as engine:
        return engine.rows("SELECT * FROM order_lines WHERE name = $name", {"name": name})
