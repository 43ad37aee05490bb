"""A pre-flight on one page of a terminal."""

from rich.markup import escape

from vocative.campaign.preflight import Preflight
from vocative.cli.show import _table, console

_BRANCHES = 24
_GAPS = 8


def show_preflight(found: Preflight) -> None:
    """What would be sent, the worst first."""
    part = f"{found.rendered:,} rendered" + (" (a sample)" if found.sampled else "")
    console.print(
        f"Pre-flight of [bold]{found.campaign}[/]: {found.audience:,} people, {part},"
        f" {found.held_out:,} held out, {found.seconds:.1f} s. Nothing was sent."
    )
    for rule in found.broken_rules:
        console.print(f"[red]stops the send[/] {rule}")
    if not found.broken_rules:
        console.print("[green]No rule of the campaign speaks against sending it.[/]")
    if found.error:
        console.print(f"[red]first error[/] {escape(found.error)}")
    _show_problems(found)
    _show_links(found)
    _show_branches(found)
    _show_worst(found)


def _show_problems(found: Preflight) -> None:
    table = _table("problem", "people", "share", "for example", right=("people", "share"))
    for one in found.problems:
        table.add_row(one.words, f"{one.people:,}", f"{one.share:.1%}", one.example or "")
    for gap in [gap for gap in found.gaps if gap.people][:_GAPS]:
        table.add_row(f"person.{gap.field} is not known", f"{gap.people:,}", f"{gap.share:.1%}", "")
    console.print(table if table.row_count else "No problems were found.")
    languages = ", ".join(
        f"{one.reads or 'not known'} gets {one.written_in or 'nothing'}: {one.people:,}"
        for one in found.languages[:10]
    )
    console.print(f"languages: {languages}")
    if found.longest_subjects:
        longest = found.longest_subjects[0]
        console.print(f"longest subject: {longest.characters} characters ({longest.person_id})")


def _show_links(found: Preflight) -> None:
    asked = f", {found.links_followed:,} asked for" if found.links_followed else ""
    console.print(f"links: {found.links:,} different{asked}, {len(found.broken_links)} broken")
    for link in found.broken_links:
        console.print(f"  {escape(link.url)}: {link.fault} ({link.people:,} people)")


def _show_branches(found: Preflight) -> None:
    table = _table("branch", "people", right=("people",))
    # Branches that nobody gets into say the most.
    for one in sorted(found.branches, key=lambda branch: branch.people > 0)[:_BRANCHES]:
        table.add_row(escape(one.branch), f"{one.people:,}")
    if found.branches:
        console.print(table)


def _show_worst(found: Preflight) -> None:
    table = _table("worth looking at", "variant", "why", "kB", right=("kB",))
    for one in found.worst:
        table.add_row(one.person_id, one.variant, ", ".join(one.problems), f"{one.kilobytes:.0f}")
    console.print(table)
