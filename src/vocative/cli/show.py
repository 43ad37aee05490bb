"""Results as a person reads them in a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vocative.campaign import CampaignSummary, Explanation, SendReport
from vocative.cli.definitions import Changes, Checked, Exported
from vocative.cli.doctor import Finding
from vocative.cli.plugins import Plugin
from vocative.cli.start import Started
from vocative.collect.importing import ImportReport
from vocative.predict import ModelSummary
from vocative.segment import Condition, FeatureSummary, RecomputeReport, SegmentSummary
from vocative.server.messages import Message, Messages
from vocative.server.overview import Overview
from vocative.server.people import People
from vocative.server.person import Timeline
from vocative.server.segments import PreviewPage

console = Console(highlight=False)


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def _counted(amount: int, what: str) -> str:
    """`1 event`, `2,000 events`."""
    return f"{amount:,} {what}" if amount == 1 else f"{amount:,} {what}s"


def show_nothing(_: object) -> None:
    """For commands that print while they work."""


def show_init(started: Started) -> None:
    """A new workspace and what to do with it."""
    console.print(f"Made a workspace with {started.files} files in [bold]{started.folder}[/].")
    console.print("Next:")
    console.print(f"  cd {started.folder}")
    console.print("  vocative import customers.csv --map mappings/customers.yaml")
    console.print("  vocative apply")
    console.print("  vocative serve")


def show_import(report: ImportReport) -> None:
    """What became of every row."""
    console.print(f"[bold]{escape(report.file_name)}[/]: {_counted(report.rows, 'row')}")
    table = _table("", "rows", "amount", right=("rows", "amount"))
    table.add_row("used", f"{report.used:,}", _money(report.money_used))
    for tally in report.rejected:
        line = f" (first: line {tally.example_line})" if tally.example_line else ""
        table.add_row(
            escape(f"rejected: {tally.reason}{line}"), f"{tally.rows:,}", _money(tally.money)
        )
    console.print(table)
    made = [_counted(report.events, "event")]
    made += [_counted(report.items, "item")] if report.items else []
    if report.dry_run:
        console.print(f"would make {' and '.join(made)}; nothing was taken in. The first events:")
        for event in report.sample:
            console.print_json(data=event)
    else:
        console.print(
            f"made {' and '.join(made)}; of the events {report.applied:,} new,"
            f" {report.duplicates:,} there before"
        )
    if report.resumed_after:
        console.print(f"went on after {report.resumed_after:,} events of an interrupted import")
    for reason, count in report.refused.items():
        console.print(f"  refused: {_counted(count, 'event')}, {escape(reason)}")
    for note, count in report.notes.items():
        console.print(f"  note: {count:,} × {escape(note)}")
    if report.rejects_file:
        console.print(f"the lines of rejected rows are listed in {report.rejects_file}")


def show_imports(reports: list[ImportReport]) -> None:
    """Every import in a line."""
    table = _table(
        "started", "source", "file", "rows", "used", "rejected", right=("rows", "used", "rejected")
    )
    for report in reports:
        table.add_row(
            report.started_at[:16],
            report.source,
            report.file_name,
            f"{report.rows:,}",
            f"{report.used:,}",
            f"{sum(t.rows for t in report.rejected):,}" if report.finished else "interrupted",
        )
    console.print(table if reports else "Nothing was imported yet.")


def show_check(checked: Checked) -> None:
    """That everything is right, and advice."""
    counts = ", ".join(_counted(n, kind) for kind, n in checked.definitions.items() if n)
    console.print(f"Everything is right: {counts or 'nothing is defined'}.")
    for warning in checked.warnings:
        console.print(f"warning: {escape(warning)}")


def show_diff(changes: Changes) -> None:
    """What differs, or what was applied."""
    marks = {"added": "[green]+[/]", "changed": "[yellow]~[/]", "removed": "[red]-[/]"}
    for change in changes.changes:
        console.print(
            f"{marks[change.change]} {change.kind} {change.name}"
            f" [dim](revision {change.revision})[/]"
        )
    if not changes.changes:
        console.print("Nothing differs from what was applied.")
    if changes.applied:
        console.print(f"Applied. {changes.segments} segments over {changes.people:,} people.")


def show_export(exported: Exported) -> None:
    """Where definitions were written."""
    console.print(f"Wrote {len(exported.files)} files to {exported.folder}.")


def show_segments(segments: list[SegmentSummary]) -> None:
    """Segments and sizes."""
    table = _table("segment", "people", "share", "", right=("people", "share"))
    for segment in segments:
        table.add_row(
            escape(segment.name),
            "–" if segment.count is None else f"{segment.count:,}",
            "–" if segment.share is None else f"{segment.share:.1%}",
            f"[dim]{escape(segment.describe)}[/]",
        )
    console.print(table if segments else "No segments are defined.")


def show_preview(preview: PreviewPage) -> None:
    """How many people a condition selects, and some of them."""
    console.print(f"[bold]{preview.count:,} of {preview.people:,} people[/] ({preview.share:.1%})")
    table = _table("person", "name", "country", "orders", "spend", right=("orders", "spend"))
    for person in preview.sample:
        table.add_row(
            person.person_id,
            escape(person.name or "–"),
            escape(person.country or "–"),
            f"{person.orders:,}",
            f"{person.spend:,.2f}",
        )
    if preview.sample:
        console.print(table)


def show_features(features: list[FeatureSummary]) -> None:
    """Features and what they are."""
    table = _table("feature", "type", "")
    for feature in features:
        table.add_row(feature.name, str(feature.type), f"[dim]{escape(feature.describe)}[/]")
    console.print(table if features else "No features are defined.")


def show_models(models: list[ModelSummary]) -> None:
    """Models and how good they are."""
    table = _table("model", "predicts", "status", "")
    for model in models:
        status = (model.status or "not trained").replace("_", " ")
        table.add_row(model.name, escape(model.predicts), status, escape(model.headline))
    console.print(table if models else "No models are defined.")


def show_recompute(report: RecomputeReport) -> None:
    """What a recomputation did."""
    console.print(
        f"{report.features} features and {report.segments} segments of {report.people:,} people in"
        f" {report.seconds:.1f} s: {report.entered:,} entered a segment, {report.left:,} left one."
    )
    if report.differences:
        console.print(
            f"[yellow]{report.differences:,} memberships were not as history has them; everybody"
            " was built anew.[/] Please report this: it should not happen."
        )


def show_campaigns(campaigns: list[CampaignSummary]) -> None:
    """Campaigns and their state."""
    table = _table(
        "campaign",
        "status",
        "audience",
        "planned",
        "accepted",
        "skipped",
        right=("planned", "accepted", "skipped"),
    )
    for campaign in campaigns:
        table.add_row(
            campaign.campaign,
            campaign.status,
            escape(campaign.audience),
            f"{campaign.planned:,}",
            f"{campaign.accepted:,}",
            f"{campaign.skipped:,}",
        )
    console.print(table if campaigns else "No campaigns are defined.")


def show_send(report: SendReport) -> None:
    """Where a run stands."""
    begun = "went on with" if report.resumed else "planned and sent"
    console.print(
        f"{begun.capitalize()} [bold]{report.campaign}[/] over {report.channel}:"
        f" {report.planned:,} people, {report.status}."
    )
    table = _table("", "people", right=("people",))
    for state, count in sorted(report.counts.items(), key=lambda pair: -pair[1]):
        table.add_row(escape(state.replace("_", " ")), f"{count:,}")
    console.print(table)
    if report.ambiguous:
        console.print(
            f"{len(report.ambiguous)} may or may not have arrived; they are not sent again:"
        )
        for message_id in report.ambiguous[:10]:
            console.print(f"  {message_id}")
    console.print(f"See what came of it: vocative report {report.campaign}")


def show_report(report: Any) -> None:
    """A campaign's report."""
    from vocative.measure.show import print_report

    print_report(report, console)


def show_explain(explanation: Explanation) -> None:
    """Every step, with what it saw."""
    console.print(f"[bold]{escape(explanation.sentence)}[/]")
    for step in explanation.steps:
        mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}[step.verdict]
        console.print(f"{mark} [bold]{step.title}[/]: {escape(step.detail)}")
        for condition in step.conditions:
            _show_condition(condition, indent=4)


def _show_condition(condition: Condition, indent: int) -> None:
    mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]?[/]"}[condition.verdict]
    saw = ", ".join(f"{name} = {_value(value)}" for name, value in condition.values.items())
    saw = f" [dim]({escape(saw)})[/]" if saw else ""
    console.print(f"{' ' * indent}{mark} {escape(condition.text)}{saw}")
    for inner in condition.because:
        _show_condition(inner, indent + 4)


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def show_model(card: Any) -> None:
    """A model's card, as text."""
    from rich.markdown import Markdown

    from vocative.predict.card import card_markdown

    Console(highlight=False).print(Markdown(card_markdown(card)))


def show_scored(people: int) -> None:
    """How many people have a score."""
    console.print(f"Scored {people:,} people.")


def show_recommended(people: int) -> None:
    """How many people have a list of items."""
    console.print(f"Chose items for {people:,} people.")


def show_people(page: People) -> None:
    """A page of people."""
    table = _table(
        "person", "name", "e-mail", "country", "orders", "spend", right=("orders", "spend")
    )
    for person in page.people:
        table.add_row(
            person.person_id,
            escape(person.name or ""),
            escape(person.email or ""),
            escape(person.country or ""),
            f"{person.orders:,}",
            f"{person.spend:,.2f}",
        )
    console.print(table)
    console.print(f"{page.total:,} people" + (f"; next: --after {page.next}" if page.next else ""))


def show_timeline(page: Timeline) -> None:
    """What a person did."""
    table = _table("at (UTC)", "event", "")
    for event in page.events:
        table.add_row(f"{event.at:%Y-%m-%d %H:%M:%S}", escape(event.name), escape(event.summary))
    console.print(table if page.events else "Nothing yet.")


def show_messages(page: Messages) -> None:
    """A page of messages."""
    table = _table("message", "person", "variant", "state", "")
    for message in page.messages:
        said = message.reason or message.provider_reply or ""
        table.add_row(
            message.message_id, message.person_id, message.arm, message.state, escape(said)
        )
    console.print(table)
    console.print(
        f"{page.total:,} messages" + (f"; next: --after {page.next}" if page.next else "")
    )


def show_message(message: Message) -> None:
    """One mail: its headers and plain text."""
    console.print(f"[bold]{escape(message.subject)}[/]")
    console.print(
        f"[dim]from {escape(message.sender)} to {escape(message.to)}, {message.message.state}[/]\n"
    )
    console.print(escape(message.text))


def show_overview(page: Overview) -> None:
    """The key numbers."""
    console.print(
        f"[bold]{escape(page.workspace)}[/]: {page.people:,} people,"
        f" {page.events:,} events, {page.items:,} items"
    )
    for alert in page.alerts:
        console.print(escape(f"{alert.level}: {alert.message} {alert.hint or ''}"))
    table = _table(
        "week of",
        "orders",
        "revenue",
        "active people",
        right=("orders", "revenue", "active people"),
    )
    for week in page.weeks[-8:]:
        table.add_row(
            f"{week.week_on}", f"{week.orders:,}", f"{week.revenue:,.2f}", f"{week.active_people:,}"
        )
    console.print(table)


def show_plugins(plugins: list[Plugin]) -> None:
    """Plug-ins by kind."""
    table = _table("kind", "name", "")
    for plugin in plugins:
        name = plugin.name if plugin.usable else f"[dim]{plugin.name}[/]"
        table.add_row(plugin.kind, name, escape(plugin.about))
    console.print(table)


def show_doctor(findings: list[Finding]) -> None:
    """What works and what does not."""
    for finding in findings:
        mark = "[green]✓[/]" if finding.works else "[red]✗[/]"
        console.print(f"{mark} [bold]{finding.what}[/]: {escape(finding.detail)}")


def _money(amount: float | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"
