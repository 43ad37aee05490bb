"""Sources of events, as a person reads them."""

from rich.markup import escape

from vocative.cli.show import _table, console
from vocative.collect.tracking import NewSource, Source


def show_sources(sources: list[Source]) -> None:
    """A line each."""
    if not sources:
        console.print("Nobody may send events yet: run `vocative source new NAME`.")
        return
    table = _table("source", "kind", "write key", "")
    for source in sources:
        table.add_row(
            escape(source.name), source.kind, escape(source.write_key), escape(source.describe)
        )
    console.print(table)


def show_new_source(made: NewSource) -> None:
    """Where it stands, and what a client needs."""
    console.print(f"Wrote [bold]{escape(made.file)}[/]. What its clients need:")
    console.print(f"  write key  {escape(made.source.write_key)}")
    console.print(f"  host       {escape(made.address)}")
