"""Templates of other systems, and what became of each of their parts."""

from rich.markup import escape

from vocative.cli.show import console
from vocative.compose.converting import ConvertedFile

_COLOURS = {"approximated": "yellow", "refused": "red"}


def show_conversions(files: list[ConvertedFile]) -> None:
    """Every file: what was written, what differs, and what its author must do."""
    for file in files:
        console.print(f"[bold]{escape(file.file)}[/] → template {escape(file.template)}")
        for note in file.notes:
            colour = _COLOURS.get(note.outcome)
            if colour:
                head, _, place = str(note).partition("\n")
                console.print(f"[{colour}]{escape(head)}[/]\n{escape(place)}", soft_wrap=True)
        console.print(
            f"{file.carried:,} carried, {file.approximated:,} approximated,"
            f" {file.refused:,} refused"
        )
        if file.new_traits:
            console.print(f"Declare in traits.yaml: {escape(', '.join(file.new_traits))}")
        errors = sum(found.severity == "error" for found in file.findings)
        if errors:
            console.print(f"[red]{errors:,} to repair:[/] run `vocative check`")
        for path in file.written:
            console.print(f"  {escape(path)}")
