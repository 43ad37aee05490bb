"""The shapes that measurement hands out: to the command line, the app and the API.

Rates are in [0, 1]; money is in major units of the workspace's currency; instants are aware UTC.
Every result that needs judgement carries `words` that say it in a sentence.
"""

from datetime import datetime
from typing import Literal

import msgspec

Method = Literal["always_valid", "fixed_horizon"]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where a true value lies, with the stated level of confidence."""

    low: float
    high: float
    level: float


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many people, with Wilson's interval; `rate` is None without people."""

    count: int
    people: int
    rate: float | None
    low: float
    high: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two arms of an experiment on one metric; `difference` is `a` minus `b`."""

    metric: str
    kind: Literal["rate", "mean"]
    unit: str
    """`points` for rates, else a currency code or nothing."""
    method: Method
    a: str
    b: str
    a_people: int
    b_people: int
    a_value: float | None
    b_value: float | None
    difference: float | None = None
    interval: Interval | None = None
    """None while nothing has happened that could tell the arms apart."""
    lift: float | None = None
    """The difference relative to `b`: 0.1 is ten per cent more."""
    lift_interval: Interval | None = None
    verdict: Literal["better", "no_difference_yet", "too_few"] = "too_few"
    better: str | None = None
    visible_lift: float | None = None
    visible_effect: float | None = None
    """The difference that `more_people` refers to: relative, and in units of the metric."""
    more_people: tuple[int, int] | None = None
    """How many more people in `a` and in `b` would show that difference four times in five."""
    words: str = ""


class SampleRatio(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the arms' sizes fit the shares they were to have (chi-square)."""

    planned: dict[str, int]
    expected: dict[str, float]
    p_value: float
    fits: bool
    words: str = ""


class ArmResult(msgspec.Struct, frozen=True, kw_only=True):
    """One variant, or the holdout; every rate is of all people assigned to it."""

    name: str
    subject: str | None
    people: int
    accepted: int
    opened: Rate
    clicked: Rate
    unsubscribed: Rate
    converted: Rate
    revenue: float
    revenue_per_person: float | None


class Touches(msgspec.Struct, frozen=True, kw_only=True):
    """Opens or clicks: distinct messages and all events, by who is believed to have made them."""

    human_messages: int
    human_events: int
    machine_messages: int
    machine_events: int


class Holdout(msgspec.Struct, frozen=True, kw_only=True):
    """What the campaign changed: everyone assigned to a message against everyone held out."""

    conversion: Comparison
    revenue: Comparison | None
    incremental_conversions: float | None
    incremental_conversions_interval: Interval | None
    incremental_revenue: float | None
    incremental_revenue_interval: Interval | None
    words: str = ""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Goals that followed a person's click on this campaign, no later click in between."""

    conversions: int
    revenue: float
    words: str = ""


class GoalSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The goal as the campaign's run recorded it, and how much of its window has passed."""

    event: str
    within_seconds: int
    value: str | None
    open_windows: int
    """People whose window had not closed at the report's instant."""
    words: str = ""


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a campaign did and what came of it, as of an instant."""

    campaign: str
    occurrence: str
    status: str
    currency: str
    planned_at: datetime
    as_of: datetime
    fresh_until: datetime | None
    """When the newest event in the history came in; None when there is no history."""
    planned: int
    held_out: int
    in_progress: int
    accepted: int
    skipped: dict[str, int]
    ambiguous: int
    failed: int
    deferred: int
    bounced: int
    delivered: int
    delivery_confirmed: int
    opens: Touches
    clicks: Touches
    unsubscribed: int
    complained: int
    goal: GoalSeen | None
    conversions: int
    revenue: float
    arms: list[ArmResult]
    comparisons: list[Comparison]
    winner: str | None
    verdict: str
    holdout: Holdout | None
    sample_ratio: SampleRatio | None
    attribution: Attribution | None
    notes: list[str]
