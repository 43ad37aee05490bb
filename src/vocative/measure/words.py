"""Results in plain sentences: what a marketer reads first.

In come the structs of `results`; out come short sentences without jargon. A difference is never
called one unless its interval excludes zero.
"""

from vocative.measure.results import Comparison, SampleRatio


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate as text; a dash when there is none.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '-')
    """
    if rate is None:
        return "-"
    # Conversion rates below one per mille would all read 0.0 %.
    if rate and abs(rate) < 0.5 * 10 ** -(digits + 2) * 10:
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
        f"{interval.level * 100:g} % interval"
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
        f" against {_value(found.b_value, found)}, {_size(found.difference, found, digits)} apart"
        f" ({bounds})"
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
    if found.visible_effect is None:
        return ""
    effect = _size(found.visible_effect, found, 1 if found.kind == "rate" else 2)
    effect = f"a lift of 10 % ({effect})"
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
