"""Sources of events, as a person reads them."""

from rich.markup import escape

from vocative.cli.show import _table, console
from vocative.collect.tracking import ListedSource, MadeLink, NewSource


def show_sources(sources: list[ListedSource]) -> None:
    """A line each, and why events could not be used."""
    if not sources:
        console.print("Nobody may send events yet: run `vocative source new NAME`.")
        return
    figures = ("applied", "duplicates", "rejected")
    table = _table("source", "write key", *figures, right=figures)
    for source in sources:
        table.add_row(
            escape(source.name),
            escape(source.write_key),
            f"{source.applied:,}",
            f"{source.duplicates:,}",
            f"{sum(source.rejected.values()):,}",
        )
    console.print(table)
    for source in sources:
        for reason, events in source.rejected.items():
            console.print(escape(f"{source.name}: {events:,} × {reason}"))


def show_new_source(made: NewSource) -> None:
    """Where it stands, and what a client needs."""
    console.print(f"Wrote [bold]{escape(made.file)}[/]. What its clients need:")
    console.print(f"  write key  {escape(made.source.write_key)}")
    console.print(f"  host       {escape(made.address)}")


def show_link(made: MadeLink) -> None:
    """The link alone, to be copied."""
    console.print(escape(made.url), soft_wrap=True)
