"""Ready journeys as a person reads them."""

from rich.markup import escape

from vocative.campaign.ready import AddedJourney, ReadyJourney
from vocative.cli.show import _table, console


def show_ready(journeys: list[ReadyJourney]) -> None:
    """A line per ready journey."""
    table = _table("journey", "templates", "", "")
    for one in journeys:
        table.add_row(
            one.name,
            ", ".join(one.templates),
            "[green]added[/]" if one.added else "",
            f"[dim]{escape(one.describe)}[/]",
        )
    console.print(table)
    console.print("`vocative journey add NAME` copies one into the workspace.")


def show_added(done: AddedJourney) -> None:
    """What was written."""
    if not done.files:
        console.print(f"{done.name} is there already; nothing was changed.")
        return
    for path in done.files:
        console.print(f"wrote {escape(path)}")
    for path in done.kept:
        console.print(f"[dim]kept {escape(path)}[/]")
    console.print(f"See who would get what: `vocative journey replay {done.name}`.")
