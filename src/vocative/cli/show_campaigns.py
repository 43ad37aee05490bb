"""Prints how campaigns stand and whom they would reach."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vocative.campaign.halting import Halts
from vocative.campaign.progress import CampaignRun, CampaignRuns
from vocative.campaign.reach import Reach

console = Console(highlight=False)


def show_runs(found: CampaignRuns) -> None:
    """The runs of a campaign, latest first."""
    if found.halted:
        console.print(f"[red]{escape(found.halted)}[/]")
    if not found.runs:
        console.print(f"{found.campaign} has no run yet: vocative campaign schedule NAME")
    for run in found.runs:
        show_run(run)


def show_run(run: CampaignRun) -> None:
    """One run."""
    why = f": {run.why}" if run.why else ""
    console.print(f"[bold]{run.campaign}/{run.occurrence}[/] {run.status}{escape(why)}")
    if run.status == "scheduled" and run.starts_at is not None:
        console.print(f"  begins {run.starts_at:%Y-%m-%d %H:%M} UTC")
    if run.people:
        share = run.done / run.people
        console.print(
            f"  {run.done:,} of {run.people:,} done ({share:.0%}),"
            f" {run.per_minute:,.0f} a minute lately"
        )
    for state, people in sorted(run.counts.items(), key=lambda pair: -pair[1]):
        console.print(f"  {people:>10,}  {escape(state.replace('_', ' '))}")
    if run.next_at is not None:
        console.print(f"  goes on {run.next_at:%Y-%m-%d %H:%M} UTC")
    if run.approved_by is not None:
        console.print(
            f"  approved by {escape(run.approved_by)} for up to {run.approved_people:,} people"
        )


def show_halts(found: Halts) -> None:
    """What must not be sent now."""
    if not found.halts:
        console.print("Nothing is halted.")
    for halt in found.halts:
        what = halt.campaign or "everything"
        reason = f": {halt.reason}" if halt.reason else ""
        console.print(
            f"[bold]{escape(what)}[/] since {halt.at:%Y-%m-%d %H:%M} UTC"
            f" by {escape(halt.by)}{escape(reason)}"
        )


def show_reach(found: Reach) -> None:
    """Who would be reached, and why the others would not."""
    table = Table(box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    rows = [
        (found.audience, "in the audience"),
        (found.excluded, "left out: in an excluded segment"),
        (found.held_out, "held out"),
        (found.reachable, "[bold]would get it now[/]"),
    ]
    rows += [(people, f"later: {found.words[code]}") for code, people in found.later.items()]
    rows += [(people, f"not: {found.words[code]}") for code, people in found.never.items()]
    for people, words in rows:
        table.add_row(f"{people:,}", words)
    console.print(table)
    if found.approve_above is not None:
        console.print(f"A run to more than {found.approve_above:,} people needs approval.")
