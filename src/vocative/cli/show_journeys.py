"""Prints journeys: which there are, their steps, who is where, and why."""

from datetime import datetime

from rich.markup import escape

from vocative.campaign.journeys.showing import (
    Advance,
    EntryAsked,
    JourneyExplained,
    JourneyShown,
    JourneySummary,
    RunExplained,
    RunPage,
)
from vocative.campaign.journeys.state import Version
from vocative.campaign.journeys.versions import Started
from vocative.cli.show import _counted, _table, console


def show_journeys(journeys: list[JourneySummary]) -> None:
    """A row per journey."""
    people = ("active", "finished", "exited", "holdout")
    table = _table("journey", "status", "version", *people, right=("version", *people))
    for one in journeys:
        status = f"{one.status}, file changed" if one.changed and one.version else one.status
        counts = (f"{getattr(one, name):,}" for name in people)
        table.add_row(one.journey, status, str(one.version), *counts)
    console.print(table if journeys else "No journeys are defined.")
    for one in journeys:
        if one.broken:
            console.print(f"[red]{one.journey}: {escape(one.broken)}[/]")


def show_journey(shown: JourneyShown) -> None:
    """The steps, and how many people are at each."""
    summary = shown.summary
    version = f"version {summary.version}" if summary.version else "never started"
    console.print(f"[bold]{summary.journey}[/] {summary.status}, {version}")
    if summary.describe:
        console.print(escape(summary.describe))
    table = _table("step", "kind", "then", "people", right=("people",))
    for step in shown.steps:
        ways = [f"{arm}: {first or step.next or 'end'}" for arm, first in step.arms.items()]
        then = ", ".join(ways) or step.next or "end"
        table.add_row(step.id, step.kind, escape(then), f"{step.waiting:,}")
    console.print(table)


def show_checked(shown: JourneyShown) -> None:
    """That nothing is wrong, and the steps."""
    console.print("Nothing is wrong with it.")
    show_journey(shown)


def show_started(started: Started) -> None:
    """What starting did."""
    if not started.is_new:
        console.print(f"{started.journey} goes on in version {started.version}.")
        return
    console.print(f"Started [bold]{started.journey}[/], version {started.version}.")
    if started.moved or started.ended or started.stayed:
        console.print(
            f"Of those in an older version, {started.moved:,} moved into it,"
            f" {started.ended:,} ended, and {started.stayed:,} finish theirs."
        )


def show_paused(version: Version) -> None:
    """That it stands still."""
    console.print(
        f"{version.journey} stands still: nobody enters, and nobody goes on, until"
        f" `vocative journey start {version.journey}`."
    )


def show_runs(page: RunPage) -> None:
    """A row per run."""
    table = _table("person", "key", "state", "at", "entered", "goes on")
    for run in page.runs:
        where = run.step or str(run.outcome or "").replace("_", " ")
        table.add_row(
            run.person_id, escape(run.key), run.state, escape(where), _at(run.entered_at),
            _at(run.wake_at),
        )  # fmt: skip
    console.print(table if page.runs else "Nobody is or was in it.")
    if page.next:
        console.print(f"[dim]More: --after {page.next}[/]")


def show_explained(found: JourneyExplained) -> None:
    """Every step of every run, with what it saw."""
    console.print(f"[bold]{escape(found.sentence)}[/]")
    for one in found.runs:
        _show_run(one)


def _show_run(one: RunExplained) -> None:
    key = f" about {escape(one.run.key)}" if one.run.key else ""
    console.print(f"Entered {_at(one.run.entered_at)}{key}, version {one.run.version}:")
    for note in one.notes:
        saw = ", ".join(f"{name} = {value}" for name, value in note.saw.items())
        shown = f" [dim]({escape(saw)})[/]" if saw else ""
        console.print(f"  {_at(note.at)} [bold]{note.step}[/]: {escape(note.did)}{shown}")
    for message in one.messages:
        reason = f": {message.reason}" if message.reason else ""
        console.print(f"  message of {message.step}: {message.state}{escape(reason)}")


def show_entry(asked: EntryAsked) -> None:
    """That it was asked for."""
    console.print(f"Asked that {asked.person_id} enters; the journey's rules decide.")


def show_advance(done: Advance) -> None:
    """What happened."""
    console.print(
        f"{done.entered:,} entered, {done.ended:,} ended,"
        f" {_counted(done.planned, 'message')} planned, {done.accepted:,} sent,"
        f" {_counted(done.calls, 'webhook')} called."
    )
    for journey, why in done.broken.items():
        console.print(f"[red]{journey} stands still: {escape(why)}[/]")


def _at(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
