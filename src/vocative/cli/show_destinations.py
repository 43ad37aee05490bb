"""Destinations, as a person reads them."""

from collections.abc import Sequence

from rich.markup import escape

from vocative.cli.show import _table, console
from vocative.cli.show_sources import _time
from vocative.deliver.syncing.asked import Checked
from vocative.deliver.syncing.listing import (
    DestinationKind,
    DestinationStatus,
    ListedDestination,
)
from vocative.deliver.syncing.syncing import SyncReport


def show_destinations(destinations: Sequence[ListedDestination]) -> None:
    """A line each, and why one is told nothing now."""
    if not destinations:
        console.print("There are no destinations: see docs/destinations.md.")
        return
    figures = ("known there", "refused", "in doubt", "told")
    table = _table("destination", "kind", "purpose", "state", "last", *figures, right=figures)
    for one in destinations:
        table.add_row(
            escape(one.name),
            escape(one.kind),
            escape(one.purpose),
            one.state,
            _time(one.synced_at),
            *(f"{one.people.get(state, 0):,}" for state in ("sent", "refused", "sending")),
            f"{one.told:,}",
        )
    console.print(table)
    for one in destinations:
        if one.error:
            console.print(escape(f"{one.name}: {one.error}"))


def show_status(status: DestinationStatus) -> None:
    """Everything that is known of one, with the rows that it did not take."""
    show_destinations([status])
    for row in status.refused:
        console.print(escape(f"{row.person_id}: {row.reason}"))


def show_checked(checked: Checked) -> None:
    """That it lets us in."""
    console.print(escape(f"{checked.destination} lets us in and has what its definition names."))


def show_sync(report: SyncReport) -> None:
    """What was told."""
    console.print(
        escape(
            f"{report.destination}: told of {report.told:,} people, took {report.taken_out:,} out,"
            f" told {report.facts:,} facts."
        )
    )
    for reason, rows in report.refused.items():
        console.print(escape(f"{rows:,} × refused: {reason}"))


def show_kinds(kinds: Sequence[DestinationKind]) -> None:
    """A line each."""
    table = _table("kind", "what")
    for kind in kinds:
        table.add_row(escape(kind.kind), escape(kind.about))
    console.print(table)
