"""Quality of data as a person reads it in a terminal."""

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.identify.retrying import RejectedReason, Retried


def show_rejected(reasons: list[RejectedReason]) -> None:
    """A line per source and reason."""
    if not reasons:
        console.print("Nothing is rejected.")
        return
    table = _table("source", "events", "reason", "last", right=("events",))
    for one in reasons:
        last = f"{one.last_rejected_at:%Y-%m-%d %H:%M}"
        table.add_row(escape(one.source), f"{one.events:,}", escape(one.reason), last)
    console.print(table)
    console.print("After mending what refused them: vocative event retry")


def show_retried(done: Retried) -> None:
    """What became of them."""
    console.print(f"{_counted(done.put_back, 'event')} applied that had been rejected.")
    for reason, events in done.rejected.items():
        console.print(escape(f"{events:,} × still rejected: {reason}"))
    if done.gone:
        console.print(f"{_counted(done.gone, 'event')} no longer on the log.")
