"""Amounts, dates and counted words as a language and region write them.

Everything follows from the arguments: the same value in the same locale is always written alike,
so that what was written once can be kept.
"""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from liquid.exceptions import FilterArgumentError

STYLES = ("short", "medium", "long", "full")
PLURALS = ("zero", "one", "two", "few", "many", "other")


def write_money(amount: Decimal, currency: str, tag: str) -> str:
    r"""An amount as readers of a locale expect it.

    >>> write_money(Decimal("1234.5"), "EUR", "de"), write_money(Decimal(3), "GBP", "en")
    ('1.234,50\xa0€', '£3.00')
    """
    return format_currency(amount, currency, locale=_locale(tag))


def write_number(number: Decimal, tag: str) -> str:
    """A number with the marks of a locale.

    >>> write_number(Decimal("1234.5"), "de")
    '1.234,5'
    """
    return format_decimal(number, locale=_locale(tag))


def write_date(at: datetime, style: str, tag: str) -> str:
    """A day, or with `time` behind the style the day and time, in words of a locale.

    >>> write_date(datetime(2026, 3, 2, 9, 5), "long", "de")
    '2. März 2026'
    >>> write_date(datetime(2026, 3, 2, 9, 5), "short time", "en-gb")
    '02/03/2026, 09:05'
    """
    known = _locale(tag)
    size, _, with_time = style.partition(" ")
    if style == "time":
        return format_time(at, "short", locale=known)
    if size not in STYLES or with_time not in ("", "time"):
        raise FilterArgumentError(f"no style of dates: {', '.join(STYLES)}", token=None)
    if not with_time:
        return format_date(at, size, locale=known)
    pattern = known.datetime_formats[size]
    day = format_date(at, size, locale=known)
    return str(pattern).format(format_time(at, "short", locale=known), day).replace("'", "")


def write_strftime(at: datetime, pattern: str, tag: str) -> str:
    """A strftime pattern whose names of days and months are those of a locale.

    >>> write_strftime(datetime(2026, 3, 2), "%a, %-d. %B", "de")
    'Mo., 2. März'
    """
    known = _locale(tag)
    names = {
        "%A": known.days["format"]["wide"][at.weekday()],
        "%a": known.days["format"]["abbreviated"][at.weekday()],
        "%B": known.months["format"]["wide"][at.month],
        "%b": known.months["format"]["abbreviated"][at.month],
    }
    for sign, name in names.items():
        pattern = pattern.replace(sign, name.replace("%", "%%"))
    return at.strftime(pattern)


def write_plural(number: Decimal, words: dict[str, str], tag: str) -> str:
    """The word that goes with a number by the rules of a language, `#` being the number.

    >>> write_plural(Decimal(2), {"one": "# Artikel", "other": "# Artikel"}, "de")
    '2 Artikel'
    >>> write_plural(Decimal(5), {"one": "# sztuka", "few": "# sztuki", "many": "# sztuk"}, "pl")
    '5 sztuk'
    """
    known = _locale(tag)
    form = known.plural_form(number)
    word = words.get(form, words.get("other"))
    if word is None:
        raise FilterArgumentError(f"pluralise needs other: or {form}:", token=None)
    return word.replace("#", write_number(number, tag))


@lru_cache(maxsize=500)
def _locale(tag: str) -> Locale:
    found = locale(tag) or locale(tag.partition("-")[0])
    if found is None:
        raise FilterArgumentError("unknown locale", token=None)
    return found


@lru_cache(maxsize=500)
def locale(tag: str) -> Locale | None:
    """What is known of how a language and region write numbers and dates; None: nothing."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1_000)
def zone_or(stated: object, usual: str) -> str:
    """The IANA time zone that somebody stated, or the usual one when it is none.

    >>> zone_or("Europe/Vienna", "UTC"), zone_or("Vienna", "UTC"), zone_or(None, "UTC")
    ('Europe/Vienna', 'UTC', 'UTC')
    """
    try:
        ZoneInfo(str(stated))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return usual
    return str(stated)
