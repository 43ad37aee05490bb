"""The stream in front of the log, as a person reads it."""

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.clock import from_micros
from vocative.collect.streaming import DeadLetters, Discarded, Retried, Rewound, StreamStatus


def show_status(status: StreamStatus) -> None:
    """A line per partition."""
    if status.stream is None:
        console.print("No stream: events go to the log directly.")
    else:
        console.print(f"[bold]{escape(status.stream)}[/]")
    if status.partitions:
        table = _table("partition", "position", "waiting", right=("position", "waiting"))
        for one in status.partitions:
            waiting = "" if one.records is None else f"{one.records:,}"
            if one.seconds is not None:
                waiting = f"{one.seconds:,.0f} s"
            table.add_row(escape(one.partition), escape(one.position or "none yet"), waiting)
        console.print(table)
    elif status.stream is not None:
        console.print("It does not tell what waits: look at the stream's own tools.")
    _by_reason(status.dead_letters)


def show_dead_letters(found: DeadLetters) -> None:
    """A line each, then how many there are."""
    if found.letters:
        table = _table("id", "partition", "position", "source", "came in", "bytes", "reason")
        for one in found.letters:
            table.add_row(
                str(one.letter_id),
                escape(one.partition),
                escape(one.position or ""),
                escape(one.source),
                f"{from_micros(one.received_at):%Y-%m-%d %H:%M}",
                f"{one.size:,}",
                escape(one.reason),
            )
        console.print(table)
    _by_reason(found.by_reason)


def show_retried(retried: Retried) -> None:
    """How many were taken in, and how many are left."""
    console.print(f"{_counted(retried.appended, 'dead letter')} taken in.")
    _by_reason(retried.still_dead)


def show_discarded(discarded: Discarded) -> None:
    """How many are gone."""
    console.print(f"{_counted(discarded.discarded, 'dead letter')} forgotten.")


def show_rewound(rewound: Rewound) -> None:
    """From where it is read again."""
    since = "its beginning" if rewound.since is None else rewound.since
    console.print(f"[bold]{escape(rewound.stream)}[/] is read again from {since}.")
    console.print("Events that are applied already change nothing.")


def _by_reason(counts: dict[str, int]) -> None:
    if not counts:
        console.print("No dead letters.")
    for reason, count in counts.items():
        console.print(f"{_counted(count, 'dead letter')}: {escape(reason)}")
