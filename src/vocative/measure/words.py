"""Results in plain sentences: what a marketer reads first.

In come the structs of `results`; out come short sentences without jargon. A difference is never
called one unless its interval excludes zero.
"""

from collections.abc import Sequence

from vocative.measure.results import (
    Attribution,
    CampaignReport,
    Comparison,
    GoalSeen,
    Holdout,
    Interval,
    SampleRatio,
    Touches,
)

_METRICS = {
    "converted": "people who reached the goal",
    "revenue": "value per person",
    "clicked": "people who clicked",
    "opened": "people who opened",
}


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate as text; a dash when there is none.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '-')
    """
    if rate is None:
        return "-"
    if rate and abs(rate) < 0.005:
        digits += 1
    return f"{100 * rate:.{digits}f} %"


def amount(value: float, unit: str) -> str:
    """A sum of money or a plain number.

    >>> amount(1234.5, "GBP"), amount(2.0, "")
    ('1,234.50 GBP', '2.00')
    """
    return f"{value:,.2f} {unit}".strip()


def comparison_words(found: Comparison) -> str:
    """The verdict on two arms in a sentence."""
    if found.verdict == "too_few" or found.interval is None or found.difference is None:
        return _too_few_words(found)
    interval = found.interval
    sign = -1 if found.better == found.b else 1
    low, high = sorted((sign * interval.low, sign * interval.high))
    digits = _digits(interval.high - interval.low, found.kind)
    bounds = (
        f"{interval.level * 100:.3g} % interval"
        f" {_plain(low, found, digits)} to {_plain(high, found, digits)}"
    )
    if found.better is not None:
        first, second = (
            (found.a_value, found.b_value) if sign > 0 else (found.b_value, found.a_value)
        )
        return (
            f"{found.better} is better by {_size(sign * found.difference, found, digits)}"
            f" ({bounds}): {_value(first, found)} against {_value(second, found)}"
        )
    shown = (
        f"no difference shown yet between {found.a} and {found.b}: {_value(found.a_value, found)}"
        f" against {_value(found.b_value, found)}, a difference of"
        f" {_size(found.difference, found, digits)} ({bounds})"
    )
    return shown + _needed_words(found)


def sample_ratio_words(found: SampleRatio) -> str:
    """Whether the arms' sizes can be trusted, in a sentence."""
    sizes = ", ".join(
        f"{arm} {count:,} of {found.expected[arm]:,.0f}" for arm, count in found.planned.items()
    )
    if found.fits:
        return f"the arms have the intended sizes ({sizes} expected)"
    return (
        f"the arms do not have the intended sizes ({sizes} expected; chance {found.p_value:.1g}):"
        " do not trust the comparisons of this campaign before the reason is found"
    )


def verdict_words(
    variants: Sequence[str], comparisons: Sequence[Comparison], winner: str | None, *, trusted: bool
) -> str:
    """Whether a variant won, in a sentence."""
    if not comparisons:
        return "one message for everyone: there are no variants to compare"
    first = [found for found in comparisons if found.metric == comparisons[0].metric]
    by = f"by {_METRICS[first[0].metric]}"
    if not trusted:
        return "no winner: the arms do not have the intended sizes"
    if winner is None:
        said = first[0].words
        if len(first) > 1:
            said = f"none of the {len(variants)} is shown to be better than each other one"
        return f"no winner yet, {by}: {said}"
    if len(first) > 1:
        return f"{winner} wins, {by}: it is better than each of the {len(variants) - 1} others"
    return f"{winner} wins, {by}: {first[0].words}"


def further_comparisons(found: CampaignReport) -> list[str]:
    """What the verdict on the variants does not say already, a line per pair and metric."""
    return [
        f"{_METRICS[each.metric]}: {each.words}"
        for each in found.comparisons
        if each.words not in found.verdict
    ]


def goal_words(found: GoalSeen, people: int) -> str:
    """The goal and how much of its window has passed."""
    said = f"{found.event} within {_span(found.within_seconds)}"
    if found.open_windows == 0:
        return f"{said}; every window has closed"
    share = f"{100 * found.open_windows / people:.0f} %" if people else "nobody"
    return f"{said}; the window is still open for {found.open_windows:,} people ({share})"


def holdout_words(found: Holdout, event: str) -> str:
    """What the campaign changed, in one or two sentences."""
    said = [_change_words(found.conversion, f"people with {event}", found)]
    if found.revenue is not None:
        said.append(_change_words(found.revenue, "value per person", found))
    return ". ".join(said)


def attribution_words(found: Attribution, unit: str) -> str:
    """Last-touch attribution, and why it is not the effect."""
    return (
        f"last click: {found.conversions:,} people and {amount(found.revenue, unit)} followed a"
        " click on this campaign; part of that would have come without it, which only the holdout"
        " can tell"
    )


def outlier_words(arm: str, largest: float, revenue: float, currency: str) -> str:
    """A warning that one person carries much of an arm's revenue."""
    return (
        f"one person in {arm} makes up {100 * largest / revenue:.0f} % of its revenue"
        f" ({amount(largest, currency)}): read revenue per person with care"
    )


def notes(found: CampaignReport) -> list[str]:
    """What a reader has to know before believing the numbers."""
    said = []
    if found.fresh_until is None:
        said.append("there are no events in the history yet")
    else:
        said.append(f"events that came in until {found.fresh_until:%Y-%m-%d %H:%M:%S} UTC count")
    if found.ambiguous:
        said.append(
            f"for {found.ambiguous:,} messages the mail server's answer is not known;"
            " they are not sent again by themselves"
        )
    if found.in_progress or found.deferred:
        said.append(f"{found.in_progress + found.deferred:,} messages are still on their way")
    for kind, touches in (("opens", found.opens), ("clicks", found.clicks)):
        if touches.machine_messages:
            said.append(
                f"{kind} of {touches.machine_messages:,} messages look made by machines:"
                " they are shown, but not counted as people"
            )
    skipped = sum(found.skipped.values())
    if skipped and (found.holdout or found.comparisons):
        said.append(
            f"comparisons count all {found.planned:,} people who were planned, also the"
            f" {skipped:,} who were skipped: leaving them out could favour an arm"
        )
    return said


def summary_lines(found: CampaignReport) -> list[str]:
    """The report as lines of plain text, most important first."""
    lines = [
        (
            f"{found.campaign}, run {found.occurrence} ({found.status}),"
            f" as of {found.as_of:%Y-%m-%d %H:%M} UTC"
        ),
        (
            f"planned {found.planned:,}: accepted {found.accepted:,}, held out {found.held_out:,},"
            f" skipped {sum(found.skipped.values()):,}, bounced {found.bounced:,},"
            f" failed {found.failed:,}, deferred {found.deferred:,},"
            f" ambiguous {found.ambiguous:,}, in progress {found.in_progress:,}"
        ),
    ]
    if found.skipped:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in found.skipped.items())
        lines.append(f"skipped because: {reasons}")
    lines += [
        f"opens: {_touch_words(found.opens)}",
        f"clicks: {_touch_words(found.clicks)}",
        f"unsubscribed {found.unsubscribed:,}, marked as spam {found.complained:,}",
    ]
    if found.goal is not None:
        unit = found.currency if found.goal.value == "revenue" else ""
        value = f", {amount(found.revenue, unit)}" if found.goal.value else ""
        lines.append(f"goal: {found.goal.words}: {found.conversions:,} people{value}")
    lines.append(f"variants: {found.verdict}")
    lines += [f"  {line}" for line in further_comparisons(found)]
    if found.holdout is not None:
        lines.append(f"holdout: {found.holdout.words}")
    if found.attribution is not None:
        lines.append(found.attribution.words)
    if found.sample_ratio is not None:
        lines.append(found.sample_ratio.words)
    return lines + [f"note: {note}" for note in found.notes]


def _touch_words(found: Touches) -> str:
    return (
        f"{found.human_messages:,} messages by people ({found.human_events:,} times),"
        f" {found.machine_messages:,} by machines ({found.machine_events:,} times)"
    )


def _change_words(found: Comparison, what: str, holdout: Holdout) -> str:
    """A comparison with the holdout: more or less, and how much that is in all."""
    if found.interval is None or found.difference is None or found.better is None:
        return f"{what}: {found.words}"
    digits = _digits(found.interval.high - found.interval.low, found.kind)
    more = "more" if found.difference > 0 else "less"
    sign = 1 if found.difference > 0 else -1
    low, high = sorted((sign * found.interval.low, sign * found.interval.high))
    total = _total_words(found, holdout, sign)
    return (
        f"{what}: the campaign made it {_size(sign * found.difference, found, digits)} {more} than"
        f" no message ({found.interval.level * 100:.3g} % interval {_plain(low, found, digits)} to"
        f" {_plain(high, found, digits)}), {_value(found.a_value, found)} against"
        f" {_value(found.b_value, found)}; {total} in all"
    )


def _total_words(found: Comparison, holdout: Holdout, sign: int) -> str:
    rate = found.kind == "rate"
    total = holdout.incremental_conversions if rate else holdout.incremental_revenue
    interval = (
        holdout.incremental_conversions_interval if rate else holdout.incremental_revenue_interval
    )
    unit = "people" if rate else found.unit
    more = "more" if sign > 0 else "fewer" if rate else "less"
    return f"about {_whole(total, unit, sign)} {more}{_between(interval, sign)}"


def _whole(value: float | None, unit: str, sign: int) -> str:
    return "?" if value is None else f"{sign * value:,.0f} {unit}".strip()


def _between(interval: Interval | None, sign: int) -> str:
    if interval is None:
        return ""
    low, high = sorted((sign * interval.low, sign * interval.high))
    return f" ({low:,.0f} to {high:,.0f})"


def _span(seconds: int) -> str:
    """A length of time as people say it.

    >>> _span(604800), _span(3600), _span(90)
    ('7 days', '1 hour', '90 seconds')
    """
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"


def _too_few_words(found: Comparison) -> str:
    if min(found.a_people, found.b_people) < 2:
        return (
            f"too few people to compare {found.a} ({found.a_people:,})"
            f" with {found.b} ({found.b_people:,})"
        )
    if found.kind == "rate" and found.a_value == found.b_value == 1:
        return f"nothing to compare yet: everyone did it, in {found.a} and in {found.b}"
    return f"nothing to compare yet: nothing has happened in {found.a} or in {found.b}"


def _needed_words(found: Comparison) -> str:
    if found.visible_effect is None or found.visible_lift is None:
        return ""
    effect = _size(found.visible_effect, found, 1 if found.kind == "rate" else 2)
    effect = f"a lift of {100 * found.visible_lift:g} % ({effect})"
    if found.more_people is None:
        return f"; no audience is large enough to see {effect}"
    more_a, more_b = (_rounded(count) for count in found.more_people)
    if max(more_a, more_b) == 0:
        return f"; {effect} would most likely have been seen"
    if abs(more_a - more_b) <= 0.1 * max(more_a, more_b):
        return f"; about {more_a:,} more people per arm would be needed to see {effect}"
    return (
        f"; about {more_a:,} more people in {found.a} and {more_b:,} in {found.b}"
        f" would be needed to see {effect}"
    )


def _rounded(count: int) -> int:
    """Two significant digits: more would promise what no planner can keep."""
    size = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // size) * size


def _digits(width: float, kind: str) -> int:
    """Decimals that tell the two ends of an interval apart."""
    if kind == "mean":
        return 2
    return 1 if width >= 0.002 else 2 if width >= 0.0002 else 3


def _plain(value: float, found: Comparison, digits: int) -> str:
    text = f"{100 * value:.{digits}f}" if found.kind == "rate" else f"{value:,.{digits}f}"
    return "0" + text[2:] if text.startswith("-0") and not float(text.replace(",", "")) else text


def _size(value: float, found: Comparison, digits: int) -> str:
    if found.kind == "rate":
        if value and abs(value) < 0.0005:
            digits = max(digits, 2 if abs(value) >= 0.00005 else 3)
        return f"{_plain(value, found, digits)} points"
    return f"{_plain(value, found, digits)} {found.unit}".strip()


def _value(value: float | None, found: Comparison) -> str:
    if value is None:
        return "-"
    return percent(value) if found.kind == "rate" else amount(value, found.unit)
