"""What came back and who is left alone, as a person reads it."""

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.deliver.feedback.judging_again import Judged
from vocative.deliver.feedback.mailbox import Collected
from vocative.deliver.suppressing import Changed, Suppressions


def show_collected(done: Collected) -> None:
    """How many mails were read, and what followed."""
    console.print(
        f"{_counted(done.mails, 'mail')} read, {done.noted:,} noted, {done.doubled:,} noted before,"
        f" {done.suppressed:,} addresses left alone from now on."
    )
    if done.left_to_people:
        console.print(f"{_counted(done.left_to_people, 'mail')} of nothing of ours: have a look.")


def show_judged(done: Judged) -> None:
    """How many verdicts are new or others."""
    console.print(f"Visits judged: {done.settled:,}. Verdicts changed: {done.changed:,}.")


def show_suppressions(found: Suppressions) -> None:
    """A line each."""
    if not found.suppressions:
        console.print("Nobody is left alone.")
        return
    table = _table("address", "channel", "reason", "since", "until", "source")
    for one in found.suppressions:
        until = f"{one.expires_at:%Y-%m-%d}" if one.expires_at else ""
        since = f"{one.added_at:%Y-%m-%d %H:%M}"
        table.add_row(
            one.address, escape(one.channel), one.reason, since, until, escape(one.source)
        )
    console.print(table)
    if found.total > len(found.suppressions):
        console.print(f"These are the latest of {found.total:,}: see --limit.")


def show_suppression_change(done: Changed) -> None:
    """What was added or taken back."""
    console.print(f"Done: {', '.join(done.reasons)}.")
