"""Filters: Liquid's own under a guard, and the few that are ours.

`date` reads ISO instants without the cost of a general parser, `money` writes an amount; both write
as a locale does when they are given one. `product` and `recommend` ask for what a message needs
beyond its data. A guard looks at what goes into a filter and what comes out, so that no chain of
filters can fill the memory, and turns a filter's own failures into template errors that never quote
a value.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid.exceptions import FilterArgumentError
from liquid.undefined import is_undefined
from markupsafe import Markup, escape

from vocative.compose import foreign
from vocative.compose.language import amounts, carried, raw_html
from vocative.compose.language.limits import check_length, check_size
from vocative.compose.language.lookups import LOOKUPS, MOST_RECOMMENDED

if TYPE_CHECKING:
    from liquid import Environment, RenderContext

Filter = Callable[..., Any]

REMOVED = ("safe", "escapejs")
SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "CNY": "¥", "INR": "₹", "KRW": "₩"}
_WHOLE_UNITS = frozenset(("JPY", "KRW", "CLP", "ISK", "VND", "XOF", "XAF"))
_CENT = Decimal("0.01")
_MAX_DIGITS = 30
_MAX_FORMAT = 100
_MAX_DATE_TEXT = 64
_TAG = re.compile(r"<(script|style)\b|<!--|<", re.IGNORECASE)


def money(amount: object, currency: object = None, locale: object = None) -> str:
    """An amount with its currency's symbol or code, thousands grouped, two decimals.

    With a locale it is written as usual there; without one as in English.

    >>> money(1234.5, "GBP"), money(12, "CHF"), money(-3, "EUR")
    ('£1,234.50', 'CHF 12.00', '-€3.00')
    """
    if amount is None or amount == "" or is_undefined(amount):
        return ""
    code = "" if currency is None or is_undefined(currency) else str(currency).upper()
    if locale:
        return _local_money(_decimal(amount), code, str(locale))
    try:
        value = Decimal(str(amount))
        unit = Decimal(1) if code in _WHOLE_UNITS else _CENT
        rounded = value.quantize(unit, rounding=ROUND_HALF_UP)
    except InvalidOperation as error:
        raise FilterArgumentError("money needs a number", token=None) from error
    sign = "-" if rounded < 0 else ""
    symbol = SYMBOLS.get(code, f"{code} " if code else "")
    return f"{sign}{symbol}{abs(rounded):,}"


def _local_money(value: Decimal, code: str, locale: str) -> str:
    if not code:
        return amounts.write_number(value, locale)
    return amounts.write_money(value, code, locale)


def number(value: object, locale: object = None) -> str:
    """A number with the marks of a locale, English without one."""
    if value is None or value == "" or is_undefined(value):
        return ""
    return amounts.write_number(_decimal(value), str(locale or "en"))


def pluralise(value: object, locale: object = None, **words: object) -> str:
    """The word for a number: `{{ n | pluralise: locale, one: "# item", other: "# items" }}`."""
    for form in words:
        if form not in amounts.PLURALS:
            known = ", ".join(amounts.PLURALS)
            raise FilterArgumentError(f"pluralise has no {form}: known are {known}", token=None)
    count = Decimal(0) if value is None or is_undefined(value) else _decimal(value)
    return amounts.write_plural(
        count, {form: str(word) for form, word in words.items()}, str(locale or "en")
    )


def _decimal(value: object) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise FilterArgumentError("this needs a number", token=None) from error
    if not found.is_finite() or abs(found.adjusted()) > _MAX_DIGITS:
        raise FilterArgumentError("this needs a number", token=None)
    return found


def product(item_id: object, *, context: "RenderContext") -> object:
    """The item of the catalog with this id; nothing when it is unknown or sold out."""
    lookups: Any = context.globals.get(LOOKUPS)
    return lookups.product(str(item_id)) if lookups is not None else None


def recommend(recommender: object, count: object = 4, *, context: "RenderContext") -> object:
    """Items for this person: `{% assign more = "similar" | recommend: 3 %}`."""
    lookups: Any = context.globals.get(LOOKUPS)
    if lookups is None:
        return []
    if not isinstance(count, int) or not 0 < count <= MOST_RECOMMENDED:
        raise FilterArgumentError(f"recommend gives 1 to {MOST_RECOMMENDED} items", token=None)
    return lookups.recommend(str(recommender), count)


def format_date(
    value: Any, pattern: Any, zone: Any = None, locale: Any = None, *, context: "RenderContext"
) -> str:
    """A date or instant in the strftime `pattern`, in the IANA time `zone` when one is given.

    The patterns `short`, `medium`, `long` and `full`, these with ` time` behind them, and `time`
    are written as usual in the `locale`.
    """
    if value is None or is_undefined(value):
        return ""
    if is_undefined(pattern):
        return str(value)
    if value in ("now", "today"):
        instant: datetime | None = context.run.clock.now()  # type: ignore[attr-defined]
    else:
        instant = _instant(value)
    if instant is None:
        return str(value)
    if zone is not None:
        instant = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(
            _zone(str(zone))
        )
    pattern = str(pattern)
    if len(pattern) > _MAX_FORMAT:
        raise FilterArgumentError("the date format is too long", token=None)
    if pattern == "%s":
        return str(int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()))
    if pattern.removesuffix("time").strip() in (*amounts.STYLES, ""):
        return amounts.write_date(instant, pattern, str(locale or "en"))
    if locale:
        return amounts.write_strftime(instant, pattern, str(locale))
    return instant.strftime(pattern)


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise FilterArgumentError("date needs a date, an instant or text", token=None)
    return _parsed(value)


@lru_cache(maxsize=4096)
def _parsed(value: int | str) -> datetime | None:
    if isinstance(value, str) and not value.isdigit():
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return _parsed_freely(value)
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _parsed_freely(value: str) -> datetime | None:
    from dateutil import parser  # type: ignore[import-untyped]

    if len(value) > _MAX_DATE_TEXT:
        return None
    try:
        found: datetime = parser.parse(value, default=datetime(1970, 1, 1))  # noqa: DTZ001
    except (parser.ParserError, OverflowError):
        return None
    return found


@lru_cache(maxsize=600)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FilterArgumentError("unknown time zone", token=None) from error


def strip_html(value: object) -> str:
    """Text without its tags, comments, scripts and styles; one pass, whatever the text."""
    text = str(value if value is not None else "")
    parts, at = [], 0
    unclosed: set[str] = set()
    while found := _TAG.search(text, at):
        closing = f"</{found[1].lower()}>" if found[1] else "-->" if found[0] == "<!--" else ">"
        end = -1 if closing in unclosed else _find_folded(text, closing, found.end())
        if end < 0 and closing != ">":
            unclosed.add(closing)
            closing = ">"
            end = text.find(">", found.end())
        if end < 0:
            break
        parts.append(text[at : found.start()])
        at = end + len(closing)
    parts.append(text[at:])
    plain = "".join(parts)
    # What was escaped stays so: taking tags away writes none.
    return Markup(plain) if isinstance(value, Markup) else plain  # noqa: S704


def _find_folded(text: str, closing: str, at: int) -> int:
    if closing in (">", "-->"):
        return text.find(closing, at)
    found = re.compile(re.escape(closing), re.IGNORECASE).search(text, at)
    return found.start() if found else -1


def _check_replace(value: object, sought: object, *_: object) -> None:
    text, part = str(value), str(sought)
    new = str(_[0]) if _ else ""
    count = text.count(part) if part else len(text) + 1
    check_length(len(text) + count * (len(new) - len(part)))


def _check_join(value: object, separator: object = " ", *_: object) -> None:
    if isinstance(value, list | tuple):
        texts = sum(len(item) for item in value if isinstance(item, str))
        check_length(texts + len(value) * len(str(separator)))


# Filters whose result can be far larger than their arguments are measured before they run.
_BEFORE: dict[str, Callable[..., None]] = {"replace": _check_replace, "join": _check_join}
# Filters that want the context for its clock alone.
_ASKING_TIME = frozenset(("date",))
# Liquid itself would write the word None.
_JOINING = ("append", "prepend")
_REPLACING = ("replace", "replace_first", "replace_last")
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)


def guard(name: str, function: Filter, environment: "Environment") -> Filter:
    """The filter under its guard."""
    before = _BEFORE.get(name)
    replacing = name in _REPLACING
    original = function
    wants_context = getattr(function, "with_context", False)
    if getattr(function, "with_environment", False):
        function = partial(function, environment=environment)

    def guarded(value: object, *args: object, context: "RenderContext", **kwargs: object) -> object:
        context.run.check_time()  # type: ignore[attr-defined]
        for given in (value, *args):
            check_size(given)
        if before is not None:
            before(value, *args)
        if name in _JOINING:
            args = tuple("" if one is None else one for one in args)
        if replacing and len(args) > 1:
            # Escaped text stays escaped: nothing may be turned back into a tag.
            new = "".join((str(args[1]),))
            args = (args[0], escape(new) if isinstance(value, Markup) else new, *args[2:])
        if wants_context:
            kwargs["context"] = context
        try:
            result = function(value, *args, **kwargs)
        except _FAILURES as error:
            raise FilterArgumentError(f"{name} cannot use this value", token=None) from error
        check_size(result)
        return result

    guarded.with_context = True  # type: ignore[attr-defined]
    guarded.function = original  # type: ignore[attr-defined]
    # What the compiler may keep: a filter that sees the context may depend on anybody's data.
    guarded.given_only = not wants_context or name in _ASKING_TIME  # type: ignore[attr-defined]
    guarded.asks_time = name in _ASKING_TIME  # type: ignore[attr-defined]
    return guarded


def register(environment: "Environment") -> None:
    """Give an environment our filters and put every filter under its guard."""
    for name in REMOVED:
        del environment.filters[name]
    asking: tuple[Any, ...] = (format_date, product, recommend)
    for one in asking:
        one.with_context = True
    environment.filters |= {
        "date": format_date,
        raw_html.FILTER: raw_html.as_text,
        "money": money,
        "number": number,
        "pluralise": pluralise,
        "product": product,
        "recommend": recommend,
        "strip_html": strip_html,
    }
    environment.filters |= carried.FILTERS | foreign.FILTERS
    for name, function in environment.filters.items():
        environment.filters[name] = guard(name, function, environment)


def register_html(environment: "Environment") -> None:
    """Replace the filter that reads HTML: here its tags are wanted."""
    environment.filters[raw_html.FILTER] = guard(raw_html.FILTER, raw_html.clean, environment)


def register_plain(environment: "Environment") -> None:
    """Replace the filters that write HTML: in plain text they leave the value as it is."""
    for name in ("escape", "escape_once", "newline_to_br"):
        environment.filters[name] = guard(name, _as_text, environment)


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
