"""Segments over time and beside each other, packs and plans, as a person reads them."""

import sys

from rich.markup import escape
from rich.syntax import Syntax

from vocative.cli.show import _counted, _table, console
from vocative.segment import (
    AddedPack,
    Growth,
    Membership,
    MembershipChanges,
    Overlap,
    Pack,
    PackSummary,
    PlanText,
)

_STATES = {
    "absent": "",
    "added": "[green]added[/]",
    "partly": "[yellow]partly there[/]",
    "edited": "[yellow]there, edited[/]",
}
_LONGEST_BAR = 24


def show_overlap(overlap: Overlap) -> None:
    """Sizes, and every pair."""
    table = _table("segment", "people", "in no other", right=("people", "in no other"))
    for segment in overlap.segments:
        table.add_row(escape(segment.name), f"{segment.members:,}", f"{segment.alone:,}")
    console.print(table)
    table = _table(
        "", "", "in both", "of the first", "of the second", "Jaccard", right=("in both",)
    )
    for pair in overlap.pairs:
        table.add_row(
            escape(pair.one),
            escape(pair.other),
            f"{pair.both:,}",
            _share(pair.of_one),
            _share(pair.of_other),
            "–" if pair.jaccard is None else f"{pair.jaccard:.3f}",
        )
    console.print(table)
    console.print(f"{overlap.in_any:,} people are in any of them, {overlap.in_all:,} in all.")


def _share(part: float | None) -> str:
    return "–" if part is None else f"{part:.1%}"


def show_growth(growth: Growth) -> None:
    """A line per day, newest first."""
    if growth.recorded_since is None:
        console.print(f"{escape(growth.segment)} was not computed yet: run `vocative apply`.")
        return
    console.print(
        f"[bold]{escape(growth.segment)}[/]: recorded since"
        f" {growth.recorded_since:%Y-%m-%d %H:%M} UTC, when {growth.started_with:,} were in;"
        " nothing is known from before."
    )
    for at in growth.redefined_at:
        console.print(f"another definition was applied {at:%Y-%m-%d %H:%M} UTC")
    figures = ("entered", "left", "recounted", "members")
    table = _table("day", *figures, "", right=figures)
    most = max((day.members for day in growth.days), default=0) or 1
    for day in reversed(growth.days):
        bar = "█" * round(_LONGEST_BAR * day.members / most)
        table.add_row(
            f"{day.on}",
            f"{day.entered:,}",
            f"{day.left:,}",
            f"{day.recounted:+,}" if day.recounted else "",
            f"{day.members:,}",
            f"[dim]{bar}[/]",
        )
    console.print(table)
    console.print(f"[dim]days of {growth.timezone}[/]")


def show_history(intervals: list[Membership]) -> None:
    """The intervals of a person."""
    table = _table("segment", "since (UTC)", "until (UTC)")
    for interval in intervals:
        until = interval.until_at
        table.add_row(
            escape(interval.segment),
            f"{interval.since_at:%Y-%m-%d %H:%M:%S}",
            "[green]still in[/]" if until is None else f"{until:%Y-%m-%d %H:%M:%S}",
        )
    console.print(table if intervals else "In no segment so far.")


def show_changes(page: MembershipChanges) -> None:
    """A page of changes."""
    table = _table("seq", "at (UTC)", "person", "", "segment", "cause", right=("seq",))
    for change in page.changes:
        table.add_row(
            f"{change.seq}",
            f"{change.at:%Y-%m-%d %H:%M:%S}",
            change.person_id,
            "[green]entered[/]" if change.change == "entered" else "[red]exited[/]",
            escape(change.segment),
            escape(change.cause or ""),
        )
    console.print(table if page.changes else "No change was noted after that.")
    if page.next is not None:
        console.print(f"next: --after {page.next}")


def show_plan(plan: PlanText) -> None:
    """The query: coloured on a terminal, plain text for a file."""
    if sys.stdout.isatty():
        console.print(Syntax(plan.sql, "sql", background_color="default"))
    else:
        sys.stdout.write(plan.sql + "\n")


def show_packs(packs: list[PackSummary]) -> None:
    """Packs in a line each."""
    table = _table("pack", "features", "segments", "", "", right=("features", "segments"))
    for pack in packs:
        table.add_row(
            pack.name,
            f"{pack.features}",
            f"{pack.segments}",
            _STATES[pack.state],
            f"[dim]{escape(pack.describe)}[/]",
        )
    console.print(table)


def show_pack(pack: Pack) -> None:
    """What a pack is, then its files as they are."""
    state = _STATES[pack.summary.state]
    console.print(f"[bold]{escape(pack.summary.title)}[/] {state}")
    console.print(escape(pack.summary.describe))
    for file in pack.files:
        console.print(f"\n[bold]{file.path}[/]")
        console.print(escape(file.text.rstrip()), soft_wrap=True)


def show_added(pack: AddedPack) -> None:
    """Which files were written and what to do next."""
    if not pack.added:
        console.print(f"{pack.name} is there already; nothing was changed.")
        return
    console.print(f"Wrote {' and '.join(pack.files)}:")
    made = [_counted(len(pack.features), "feature")] if pack.features else []
    made += [_counted(len(pack.segments), "segment")]
    console.print(f"{' and '.join(made)}: {', '.join(pack.segments)}.")
    console.print("They are yours to edit. Next: vocative apply")
