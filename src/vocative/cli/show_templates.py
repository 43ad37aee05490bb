"""Templates as a person reads about them in a terminal."""

from rich.markup import escape

from vocative.cli.show import console
from vocative.compose.plain_file import PlainText


def show_text(found: PlainText) -> None:
    """A derived plain text, or what became of its file."""
    if found.state == "derived":
        console.print(escape(found.text), end="", soft_wrap=True)
    elif found.state == "written":
        console.print(f"Wrote {found.file}.")
    else:
        console.print(f"{found.file} was edited and stays as it is.")
