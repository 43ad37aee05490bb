"""Sources of events, as a person reads them."""

from datetime import datetime

import msgspec
from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.cli.sourcing import PullReport
from vocative.collect.sourcing.cursors import StreamState
from vocative.collect.sourcing.listing import ListedSource, SourceKind
from vocative.collect.sourcing.remapping import MappedAgain
from vocative.collect.sourcing.starters import NewSource
from vocative.collect.tracking import MadeLink


def show_sources(sources: list[ListedSource]) -> None:
    """A line each, how far streams are, and why events could not be used."""
    if not sources:
        console.print("Nobody may send events yet: run `vocative source new NAME`.")
        return
    figures = ("applied", "duplicates", "rejected")
    table = _table("source", "kind", "write key", *figures, right=figures)
    for source in sources:
        table.add_row(
            escape(source.name),
            escape(source.kind),
            escape(source.write_key or ""),
            f"{source.applied:,}",
            f"{source.duplicates:,}",
            f"{sum(source.rejected.values()):,}",
        )
    console.print(table)
    _show_streams([(source.name, stream) for source in sources for stream in source.streams])
    for source in sources:
        for reason, events in source.rejected.items():
            console.print(escape(f"{source.name}: {events:,} × {reason}"))


def show_source(source: ListedSource) -> None:
    """Everything that is known of one."""
    show_sources([source])
    if source.every_seconds:
        console.print(f"It is pulled every {source.every_seconds:,} s.")
    if source.hook:
        console.print(f"Its webhooks go to {escape(source.hook)}", soft_wrap=True)


def show_new_source(made: NewSource) -> None:
    """Where it stands, and what a client or the operator needs."""
    if made.source.write_key:
        console.print(f"Wrote [bold]{escape(made.file)}[/]. What its clients need:")
        console.print(f"  write key  {escape(made.source.write_key)}")
        console.print(f"  host       {escape(made.address)}")
        return
    console.print(f"Wrote [bold]{escape(made.file)}[/]. Next:")
    if made.to_fill_in:
        console.print(escape(f"  fill in    {', '.join(made.to_fill_in)}"))
    for reference in made.secrets:
        console.print(escape(f"  secret     export {reference.removeprefix('env:')}=…"))
    if made.pushes:
        console.print(f"  webhooks   {escape(made.address)}", soft_wrap=True)
    if made.pulled:
        console.print(f"  try it     vocative source pull {escape(made.source.name)} --dry-run")
    console.print(f"See docs/sources/{escape(made.source.kind)}.md.")


def show_pull(report: PullReport) -> None:
    """A line for each stream; of a dry run also what its events look like."""
    if report.tried:
        _show_tried(report)
        return
    figures = ("pages", "events", "items", "rejected")
    table = _table("stream", *figures, right=figures)
    for one in report.pulled:
        rejected = sum(one.rejected.values())
        counts = (one.pages, one.events, one.items, rejected)
        table.add_row(escape(one.stream), *(f"{count:,}" for count in counts))
    console.print(table)
    for one in report.pulled:
        for reason, records in one.rejected.items():
            console.print(escape(f"{one.stream}: {records:,} × {reason}"))


def _show_tried(report: PullReport) -> None:
    console.print("Nothing was kept. What the first pages hold, texts and ids hidden:")
    for one in report.tried:
        more = ", and there is more" if one.more else ""
        counted = f"{_counted(one.pages, 'page')}, {_counted(one.items, 'item')}"
        console.print(escape(f"{one.stream}: {counted}{more}"))
        for name, events in one.events.items():
            console.print(escape(f"  {events:,} × {name}"))
        for reason, records in one.rejected.items():
            console.print(escape(f"  {records:,} × rejected: {reason}"))
        for sample in one.samples:
            console.print(escape(f"  {msgspec.json.encode(sample).decode()}"), soft_wrap=True)


def show_kinds(kinds: list[SourceKind]) -> None:
    """A line each."""
    table = _table("kind", "what", "how")
    for kind in kinds:
        ways = [
            word for word, is_so in (("pulled", kind.pulled), ("webhooks", kind.pushes)) if is_so
        ]
        how = ", ".join(ways) or "sends by itself"
        table.add_row(escape(kind.kind), escape(kind.about), how if kind.usable else "not usable")
    console.print(table)


def _show_streams(streams: list[tuple[str, StreamState]]) -> None:
    if not streams:
        return
    figures = ("events", "items", "rejected")
    table = _table("source", "stream", "state", "last", "next", *figures, right=figures)
    for source, stream in streams:
        table.add_row(
            escape(source),
            escape(stream.stream),
            stream.state,
            _time(stream.pulled_at),
            _time(stream.next_at),
            f"{stream.events:,}",
            f"{stream.items:,}",
            f"{sum(stream.rejected.values()):,}",
        )
    console.print(table)
    for source, stream in streams:
        if stream.error:
            console.print(escape(f"{source}, {stream.stream}: {stream.error}"))
        for reason, records in stream.rejected.items():
            console.print(escape(f"{source}, {stream.stream}: {records:,} × {reason}"))


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def show_link(made: MadeLink) -> None:
    """The link alone, to be copied."""
    console.print(escape(made.url), soft_wrap=True)


def show_remapped(done: MappedAgain) -> None:
    """How many records could be used now, and why others still cannot."""
    console.print(
        f"Records mapped: {done.mapped:,}. Events: {done.events:,}. Items: {done.items:,}."
    )
    for reason, records in done.refused.items():
        console.print(escape(f"{records:,} × still refused: {reason}"))
    if done.gone:
        console.print(f"{done.gone:,} are no longer on the log.")
