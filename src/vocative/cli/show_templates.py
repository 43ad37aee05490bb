"""Templates as a person reads about them in a terminal."""

from rich.markup import escape
from rich.table import Table

from vocative.campaign.preview import TemplateDiff, TemplatePreview, TemplateSummary
from vocative.cli.show import console
from vocative.compose.kept import TemplateVersion
from vocative.compose.plain_file import PlainText


def show_templates(templates: list[TemplateSummary]) -> None:
    """Every template in a line."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("template", "version", "languages", ""):
        table.add_column(column)
    for one in templates:
        languages = ", ".join(one.languages)
        table.add_row(one.name, one.version, languages, f"[dim]{escape(one.describe)}[/]")
    console.print(table if templates else "No templates are defined.")


def show_preview(page: TemplatePreview) -> None:
    """The HTML alone, to be put into a file; or what a reader sees of it without pictures."""
    if page.shown == "html":
        print(page.html)
        return
    console.print(f"[bold]{escape(page.subject)}[/]")
    console.print(f"[dim]{escape(page.preheader)}[/]")
    console.print(
        f"[dim]from {escape(page.from_name)}, in {page.language}, version {page.version}[/]\n"
    )
    console.print(escape(page.text))
    for branch in page.branches:
        console.print(f"[dim]branch: {escape(branch)}[/]")


def show_versions(versions: list[TemplateVersion]) -> None:
    """The states of a template, the newest first."""
    for one in versions:
        at = f"{one.accepted_at:%Y-%m-%d %H:%M} UTC" if one.accepted_at else "never applied"
        by = f" by {escape(one.author)}" if one.author else ""
        mark = "  [bold](the folder has it)[/]" if one.current else ""
        console.print(f"{one.version}  {at}{by}{mark}")


def show_difference(found: TemplateDiff) -> None:
    """Both diffs, one below the other."""
    if not found.written:
        console.print("Nothing differs.")
        return
    console.print(escape(found.written), end="")
    if found.rendered:
        console.print("\n[bold]What somebody gets:[/]")
        console.print(escape(found.rendered), end="")


def show_text(found: PlainText) -> None:
    """A derived plain text, or what became of its file."""
    if found.state == "derived":
        console.print(escape(found.text), end="", soft_wrap=True)
    elif found.state == "written":
        console.print(f"Wrote {found.file}.")
    else:
        console.print(f"{found.file} was edited and stays as it is.")
