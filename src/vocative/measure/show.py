"""A campaign's report on a terminal: tables for the numbers, sentences for what they mean."""

from typing import TYPE_CHECKING

from vocative.measure.results import ArmResult, CampaignReport, Rate, Touches
from vocative.measure.words import amount, further_comparisons, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_report(found: CampaignReport, console: "Console") -> None:
    """Print a report.

    Args:
        found: the report.
        console: where to; it decides on colour and width.
    """
    from rich.padding import Padding
    from rich.text import Text

    heading = Text(f"{found.campaign} ", style="bold")
    heading.append(
        f"run {found.occurrence}, {found.status}, planned {found.planned_at:%Y-%m-%d %H:%M} UTC",
        style="dim",
    )
    console.print(heading)
    console.print(Padding(_funnel_table(found), (1, 0, 0, 0)))
    console.print(_arm_table(found))
    for title, lines in _findings(found).items():
        if lines:
            console.print(Text(title, style="bold"))
            for line in lines:
                console.print(Padding(Text(line), (0, 0, 0, 2)))


def _findings(found: CampaignReport) -> dict[str, list[str]]:
    """Sentences under their headings."""
    ratio = found.sample_ratio
    return {
        "Goal": [found.goal.words] if found.goal else [],
        "Subjects": [f"{arm.name}: {arm.subject}" for arm in found.arms if arm.subject],
        "Variants": [found.verdict, *further_comparisons(found)],
        "What the campaign changed": [found.holdout.words] if found.holdout else [],
        "Attribution": [found.attribution.words] if found.attribution else [],
        "Can this be trusted?": [*([ratio.words] if ratio else []), *found.notes],
    }


def _funnel_table(found: CampaignReport) -> "Table":
    table = _table("", "messages", "")
    rows: list[tuple[str, int, str]] = [
        ("planned", found.planned, ""),
        ("held out", found.held_out, "on purpose, to measure what the campaign changes"),
        *((f"skipped: {reason}", count, "") for reason, count in found.skipped.items()),
        ("accepted", found.accepted, ""),
        ("bounced", found.bounced, ""),
        ("failed", found.failed, ""),
        ("deferred", found.deferred, "will be tried again"),
        ("ambiguous", found.ambiguous, "the server's answer is not known"),
        ("in progress", found.in_progress, ""),
        ("delivered", found.delivered, f"{found.delivery_confirmed:,} confirmed"),
        ("opened", found.opens.human_messages, _machines(found.opens)),
        ("clicked", found.clicks.human_messages, _machines(found.clicks)),
        ("unsubscribed", found.unsubscribed, ""),
        ("marked as spam", found.complained, ""),
    ]
    always = {"planned", "accepted", "delivered", "opened", "clicked", "unsubscribed"}
    for name, count, remark in rows:
        if count or name in always:
            table.add_row(name, f"{count:,}", remark)
    return table


def _machines(touches: Touches) -> str:
    if not touches.machine_messages:
        return ""
    return f"and {touches.machine_messages:,} by machines"


def _arm_table(found: CampaignReport) -> "Table":
    """A column per arm: measures read across, and four arms still fit a narrow terminal."""
    table = _table("of all people in the arm", *(arm.name for arm in found.arms))
    unit = found.currency if found.goal and found.goal.value == "revenue" else ""
    rows: dict[str, list[str]] = {
        "people": [f"{arm.people:,}" for arm in found.arms],
        "accepted": [f"{arm.accepted:,}" for arm in found.arms],
        "opened": [_feedback_cell(arm, arm.opened) for arm in found.arms],
        "clicked": [_feedback_cell(arm, arm.clicked) for arm in found.arms],
        "unsubscribed": [_feedback_cell(arm, arm.unsubscribed) for arm in found.arms],
    }
    if found.goal is not None:
        rows["goal"] = [_rate_cell(arm.converted) for arm in found.arms]
        if found.goal.value is not None:
            each = [(arm.revenue, arm.revenue_per_person) for arm in found.arms]
            rows[found.goal.value] = [amount(revenue, unit) for revenue, _ in each]
            rows["per person"] = ["-" if mean is None else amount(mean, unit) for _, mean in each]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _feedback_cell(arm: ArmResult, rate: Rate) -> str:
    """Who got no message cannot open one: a dash says more than 0 %."""
    return _rate_cell(rate) if arm.accepted or rate.count else "-"


def _rate_cell(rate: Rate) -> str:
    """The rate, and its interval below."""
    if rate.rate is None:
        return "-"
    return f"{percent(rate.rate)}\n{100 * rate.low:.1f} to {100 * rate.high:.1f}"


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        number = index > 0 and column != ""
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table
