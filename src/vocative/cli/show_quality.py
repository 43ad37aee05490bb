"""Quality of data as a person reads it in a terminal."""

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.collect.quality.alerts import QualityAlert
from vocative.collect.quality.faults import WORDS
from vocative.collect.quality.inferring import Inferred
from vocative.collect.quality.reconciling import (
    Exported,
    Reconciled,
    ReconciledRecord,
    ReconciliationSummary,
)
from vocative.collect.quality.report import Quality, SourceQuality
from vocative.collect.quality.trying import Tried
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


def show_quality(found: Quality) -> None:
    """Alerts first, then a line per source, then what is missing or wrong."""
    for alert in found.alerts:
        over = "" if alert.ended_at is None else f" (over since {alert.ended_at:%Y-%m-%d %H:%M})"
        console.print(f"[{'dim' if over else 'yellow'}]{escape(alert.told + over)}[/]")
    figures = ("applied", "rejected", "flagged")
    table = _table("source", "plan", *figures, "last event", right=figures)
    for source in found.sources:
        last = source.last_received_at
        when = "never" if last is None else f"{last:%Y-%m-%d %H:%M}"
        table.add_row(
            escape(source.source),
            escape(source.plan or "–"),
            f"{source.events:,}",
            f"{source.rejected:,}",
            f"{_flagged(source):,}",
            f"{when}{' (late)' if source.late else ''}",
        )
    console.print(table if found.sources else "Nothing came in yet.")
    for source in found.sources:
        _show_events(source)


def show_watched(changes: list[QualityAlert]) -> None:
    """What began or ended."""
    for alert in changes:
        console.print(escape(alert.told if alert.ended_at is None else f"over: {alert.told}"))
    if not changes:
        console.print("Nothing new.")


def _flagged(source: SourceQuality) -> int:
    return sum(
        fault.events
        for one in source.event_kinds
        for fault in one.faults
        if fault.outcome == "flagged"
    )


def _show_events(source: SourceQuality) -> None:
    for one in source.event_kinds:
        told = f"{source.source}: {one.event}"
        for filled in one.filled:
            if filled.share < 1:
                console.print(escape(f"{told}: {filled.property} is there in {filled.share:.1%}"))
        for fault in one.faults:
            part = f"{fault.property} " if fault.property else ""
            times = f"{fault.events:,} × {fault.outcome}"
            console.print(escape(f"{told}: {times}: {part}{fault.told} (one: {fault.sample})"))


def show_reconciliations(found: list[ReconciliationSummary]) -> None:
    """A line each."""
    for one in found:
        told = f"  {one.describe}" if one.describe else ""
        console.print(escape(f"{one.name}: {one.one} and {one.other}{told}"))
    if not found:
        console.print("No sources are compared: write reconciliations/NAME.yaml.")


def show_reconciled(found: Reconciled) -> None:
    """A line per day, then the records that are not told of alike."""
    one, other = escape(found.one), escape(found.other)
    alone = (f"only {one}", f"only {other}")
    figures = (one, "amount", other, "amount ", *alone, "differing", "doubled")
    table = _table("day", *figures, right=figures)
    for day in found.days:
        counts = (day.only_one, day.only_other, day.differing, day.doubled)
        table.add_row(
            str(day.on),
            f"{day.one_records:,}",
            _sum(day.one_amount),
            f"{day.other_records:,}",
            _sum(day.other_amount),
            *(f"{count:,}" for count in counts),
        )
    console.print(table if found.days else "Neither tells of anything in this time.")
    for record in found.differing:
        console.print(escape(f"{record.on} {record.key}: {_difference(found, record)}"))


def show_exported(done: Exported) -> None:
    """Where they are."""
    console.print(escape(f"Wrote {_counted(done.records, 'record')} to {done.file}."))


def _difference(found: Reconciled, record: ReconciledRecord) -> str:
    one = f"{found.one} {record.one_records} × {_sum(record.one_amount)}"
    other = f"{found.other} {record.other_records} × {_sum(record.other_amount)}"
    return {"one": one, "other": other}.get(record.state, f"{one}, {other}")


def _sum(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


def show_inferred(made: Inferred) -> None:
    """The plan, or where it was written."""
    if made.file is None:
        console.print(escape(made.text), end="", soft_wrap=True)
        return
    console.print(escape(f"Wrote {made.file} from {_counted(made.events, 'event')}."))
    console.print("Look through it, then: vocative check")


def show_tried(tried: Tried) -> None:
    """What the plan would have said."""
    console.print(
        f"Of the newest {_counted(tried.events, 'event')}"
        f" {tried.rejected:,} would have been rejected, {tried.flagged:,} flagged."
    )
    for one in tried.faults:
        subject = f"{one.event}: {one.property}" if one.property else one.event
        told = f"{one.events:,} × {one.outcome}: {subject} {WORDS[one.fault]}"
        console.print(escape(told))
