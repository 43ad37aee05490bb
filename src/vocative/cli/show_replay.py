"""Replays of journeys as a person reads them."""

from datetime import datetime

from rich.markup import escape

from vocative.campaign.replay import Differences, Replay, ReplayedPerson
from vocative.cli.show import _counted, _table, console


def show_replay(replay: Replay) -> None:
    """Sums, then what changed, then people with their reasons."""
    version = f"version {replay.version}" if replay.version else "the draft"
    console.print(
        f"[bold]{escape(replay.journey)}[/], {version},"
        f" {_day(replay.since)} to {_day(replay.until)} UTC:"
        f" {_counted(replay.events, 'event')} in {replay.seconds:.2f} s. Nothing was sent."
    )
    console.print(
        f"{replay.people:,} people would have entered, in {_counted(replay.entered, 'run')};"
        f" {replay.reached_goal:,} reached the goal."
    )
    sums = _table("", "", right=("",))
    for step, count in replay.messages.items():
        sums.add_row(f"messages of {escape(step)}", f"{count:,}")
    for outcome, count in sorted(replay.outcomes.items()):
        sums.add_row(f"runs: {escape(outcome)}", f"{count:,}")
    for reason, count in sorted(replay.refused.items()):
        sums.add_row(f"did not enter: {escape(reason)}", f"{count:,}")
    console.print(sums)
    if replay.differences is not None:
        _show_differences(replay.differences)
    for way in replay.ways:
        _show_way(way)
    for remark in replay.remarks:
        console.print(f"[dim]{escape(remark)}[/]")


def _show_differences(found: Differences) -> None:
    words = {"live": "the live version", "ledger": "what was really planned"}[found.against]
    console.print(
        f"Against {words}: {found.same:,} the same, {found.new:,} new,"
        f" {found.gone:,} gone, {found.moved:,} at another time."
    )
    if found.messages:
        table = _table("person", "template", "", "at", "before")
        for one in found.messages:
            table.add_row(
                one.person_id, escape(one.template), one.change, _day(one.at), _day(one.before)
            )
        console.print(table)


def _show_way(way: ReplayedPerson) -> None:
    key = f" ({escape(way.key)})" if way.key else ""
    console.print(f"[bold]{way.person_id}[/]{key}: {escape(way.outcome or way.state)}")
    for reason in way.reasons:
        saw = ", ".join(f"{name} = {value}" for name, value in reason["saw"].items())
        told = escape(str(reason["did"])) + (f"  [dim]{escape(saw)}[/]" if saw else "")
        console.print(f"  {_day(reason['at'])}  {escape(reason['step'])}: {told}")


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
