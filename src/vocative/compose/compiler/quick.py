"""The filters that mails use most, for values of the usual types.

Each does for a plain text, number or date what the filter does under its guard, without the guard;
anything else goes the guarded way. They belong to the filters' functions, not to their names: a
filter that is replaced loses its quick form.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from liquid.builtin.filters import misc, string
from markupsafe import Markup

from vocative.compose.compiler.runtime import ABSENT, State, escape_text
from vocative.compose.language import filters
from vocative.compose.language.context import Missing

Guarded = Callable[..., Any]
Quick = Callable[..., Any]
SHORT = 10_000
"""Of a text as short, no filter below makes more than a value may have."""
_MAX_AMOUNT = 1e9
# Directives of strftime that ask for the day, and for the time.
_USUAL = re.compile(r"(?:[^%]|%[aAbBdejmuwyYHMS])*")
_TIME = re.compile(r"%[HMS]")
_TWO = [f"{number:02d}" for number in range(100)]
_MAX_DAYS = 4_096
_MAX_PATTERNS = 16
_MAX_CURRENCIES = 256
_LONG_PATTERN = 50
_TEXTS = frozenset((str, Markup))


def quick_form(guarded: Guarded, *, escapes: bool) -> Quick | None:
    """A function of a render's state, a value and arguments that does what a filter does.

    Args:
        guarded: The filter, as an environment has it.
        escapes: Whether the environment escapes what it prints.
    """
    make = _FORMS.get(getattr(guarded, "function", None))
    if make is None or (make is _escape and not escapes):
        return None
    return make(guarded)


def _default(guarded: Guarded) -> Quick:
    def default(state: State, value: object, other: object = "") -> Any:
        if type(value) is str and len(value) < SHORT:
            return value or other
        if value is None or type(value) is Missing:
            return other
        return guarded(value, other, context=state)

    return default


def _of_text(change: Callable[[str], str]) -> Callable[[Guarded], Quick]:
    def make(guarded: Guarded) -> Quick:
        def changed(state: State, value: object) -> Any:
            if type(value) is str and len(value) < SHORT:
                return change(value)
            return guarded(value, context=state)

        return changed

    return make


def _markup(text: str) -> Markup:
    return Markup(escape_text(text))  # noqa: S704 - it is escaped


_escape = _of_text(_markup)


def _money(guarded: Guarded) -> Quick:
    symbols: dict[str, str] = {}

    def money(state: State, value: Any, currency: Any = None) -> Any:
        # An amount in whole cents prints as it reads, so nothing has to be rounded.
        if (
            type(value) is float
            and 0 <= value < _MAX_AMOUNT
            and (cents := int(value * 100 + 0.5)) / 100 == value
            and (type(currency) is str or type(currency) is Markup)
        ):
            symbol = symbols.get(currency)
            if symbol is not None:
                return f"{symbol}{cents // 100:,}.{_TWO[cents % 100]}"
            zero = filters.money(0, currency)
            if zero.endswith("0.00") and max(len(zero), len(symbols)) < _MAX_CURRENCIES:
                symbols[currency] = zero.removesuffix("0.00")
        return guarded(value, currency, context=state)

    return money


def _date(guarded: Guarded) -> Quick:
    plans: dict[str, _Days | None] = {}

    def formatted(state: State, value: Any, pattern: Any = ABSENT, zone: Any = None) -> Any:
        if type(value) is str and zone is None and type(pattern) in _TEXTS:
            plan = plans.get(pattern, ABSENT)
            if plan is ABSENT and len(plans) < _MAX_PATTERNS:
                plan = plans[pattern] = _Days.of(pattern)
            if type(plan) is _Days and not value.isdigit():
                try:
                    return plan.write(value, datetime.fromisoformat(value))
                except ValueError:
                    pass
        given = [one for one in (pattern, zone) if one is not ABSENT and one is not None]
        return guarded(value, *given, context=state)

    return formatted


class _Days:
    """A pattern of strftime, and what it gave for days: only the hour is left to be put in."""

    __slots__ = ("_days", "_has_time", "_pattern")

    def __init__(self, pattern: str, *, has_time: bool) -> None:
        self._days: dict[str, str] = {}
        # Doubled, a directive of the time is left standing by strftime.
        self._pattern = _TIME.sub(r"%\g<0>", pattern) if has_time else pattern
        self._has_time = has_time

    @classmethod
    def of(cls, pattern: str) -> "_Days | None":
        """A pattern of the usual directives; None for any other."""
        plain = str(pattern)
        if "%" not in plain or len(plain) > _LONG_PATTERN or not _USUAL.fullmatch(plain):
            return None
        return cls(plain, has_time=bool(_TIME.search(plain)))

    def write(self, value: str, instant: datetime) -> str:
        """An instant that was read from an ISO text."""
        day = value[:10]  # it never tells more than the day, and always that
        text = self._days.get(day)
        if text is None:
            if len(self._days) >= _MAX_DAYS:
                self._days.clear()
            text = self._days[day] = instant.strftime(self._pattern)
        if not self._has_time:
            return text
        hour, minute, second = _TWO[instant.hour], _TWO[instant.minute], _TWO[instant.second]
        return text.replace("%H", hour).replace("%M", minute).replace("%S", second)


_FORMS: dict[Any, Callable[[Guarded], Quick]] = {
    misc.default: _default,
    string.upcase: _of_text(str.upper),
    string.downcase: _of_text(str.lower),
    string.capitalize: _of_text(str.capitalize),
    string.escape: _escape,
    filters.money: _money,
    filters.format_date: _date,
}
