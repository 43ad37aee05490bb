"""AMPscript's functions on numbers; reckoned in decimals, as money is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

_NUMBER = re.compile(r"\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*\Z", re.ASCII)
_MAX_DIGITS = 40
_MAX_PLACES = 20
_STANDARD = re.compile(r"([CcNnFfPpDdGg])(\d{0,2})\Z")
_CUSTOM = re.compile(r"([^#0,.]*)([#0,]*)(?:\.([#0]*))?([^#0,.]*)\Z")
_REMAINDER = Context(prec=60)


@dataclass(frozen=True)
class Culture:
    """How numbers are written in a country."""

    group: str
    point: str
    money: str
    """With `{}` for the number."""


CULTURES = {
    "en-us": Culture(",", ".", "${}"),
    "en-gb": Culture(",", ".", "£{}"),
    "en-ca": Culture(",", ".", "${}"),
    "en-au": Culture(",", ".", "${}"),
    "de-de": Culture(".", ",", "{} €"),
    "es-es": Culture(".", ",", "{} €"),
    "fr-fr": Culture("\u00a0", ",", "{} €"),
    "it-it": Culture(".", ",", "{} €"),
    "nl-nl": Culture(".", ",", "€ {}"),
    "ja-jp": Culture(",", ".", "¥{}"),
    "pt-br": Culture(".", ",", "R$ {}"),
}


def number(value: object) -> Decimal:
    """A value as a number.

    Raises:
        ValueError: it is none.
    """
    found = number_or_none(value)
    if found is None:
        raise ValueError("not a number")
    return found


def number_or_none(value: object) -> Decimal | None:
    """A value as a number, also one written as text; None: it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    text = str(value)
    if isinstance(value, str | float) and len(text) <= _MAX_DIGITS and _NUMBER.match(text):
        return Decimal(text.strip())
    return None


def whole(value: object) -> int:
    """A value as a whole number.

    Raises:
        ValueError: it is none.
    """
    found = number(value)
    if found != found.to_integral_value():
        raise ValueError("not a whole number")
    return int(found)


def tidy(value: Decimal) -> int | Decimal:
    """A result without zeros behind the point."""
    if value == value.to_integral_value():
        return int(value)
    return value.normalize()


def _divide(left: object, right: object) -> int | Decimal:
    return tidy(number(left) / number(right))


def _remainder(left: object, right: object) -> int | Decimal:
    return tidy(_REMAINDER.remainder(number(left), number(right)))


def format_number(value: object, pattern: object, culture: object = "en-US") -> str:
    """A number in a pattern of .NET: `C2`, `N0`, `P1`, `#,##0.00`.

    >>> format_number("12345.678", "N1"), format_number(0.5, "P0"), format_number(7, "D3")
    ('12,345.7', '50%', '007')
    """
    amount, ways = number(value), _culture(culture)
    standard = _STANDARD.match(str(pattern))
    if standard is None:
        return _custom(amount, str(pattern), ways)
    letter = standard[1].upper()
    places = int(standard[2]) if standard[2] else None
    if letter == "C":
        return _money(amount, 2 if places is None else places, ways)
    if letter == "P":
        return f"{_fixed(amount * 100, 0 if places is None else places, ways, grouped=True)}%"
    if letter == "D":
        return f"{'-' if amount < 0 else ''}{abs(whole(amount)):0{places or 1}d}"
    if letter == "G":
        return str(tidy(amount)).replace(".", ways.point)
    return _fixed(amount, 2 if places is None else places, ways, grouped=letter == "N")


def format_currency(
    value: object, culture: object = "en-US", places: object = 2, symbol: object = None
) -> str:
    """An amount of money as a country writes it.

    >>> format_currency(1234.5), format_currency(1234.5, "de-DE"), format_currency(-2, "en-GB", 0)
    ('$1,234.50', '1.234,50 €', '-£2')
    """
    ways = _culture(culture)
    if symbol:
        ways = Culture(ways.group, ways.point, f"{str(symbol)[:5]}{{}}")
    return _money(number(value), whole(places), ways)


def _culture(name: object) -> Culture:
    return CULTURES[str(name or "en-US").lower()]


def _money(amount: Decimal, places: int, ways: Culture) -> str:
    sign = "-" if amount < 0 else ""
    return sign + ways.money.format(_fixed(abs(amount), places, ways, grouped=True))


def _fixed(amount: Decimal, places: int, ways: Culture, *, grouped: bool) -> str:
    if not 0 <= places <= _MAX_PLACES:
        raise ValueError("too many places")
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _REMAINDER)
    written = f"{rounded:,f}" if grouped else f"{rounded:f}"
    return written.replace(",", "\0").replace(".", ways.point).replace("\0", ways.group)


def _custom(amount: Decimal, pattern: str, ways: Culture) -> str:
    found = _CUSTOM.match(pattern[:60])
    if found is None or not found[2]:
        raise ValueError("not a pattern of numbers")
    decimals = found[3] or ""
    written = _fixed(abs(amount), len(decimals), ways, grouped="," in found[2])
    optional = len(decimals) - len(decimals.rstrip("#"))
    for _ in range(optional):
        written = written.removesuffix("0")
    written = written.removesuffix(ways.point)
    digits = found[2].replace(",", "").count("0")
    head, point, tail = written.partition(ways.point)
    head = head.rjust(digits, "0") if digits > len(head) else head
    sign = "-" if amount < 0 else ""
    return f"{sign}{found[1]}{head}{point}{tail}{found[4]}"


FUNCTIONS: dict[str, Callable[..., object]] = {
    "add": lambda left, right: tidy(number(left) + number(right)),
    "subtract": lambda left, right: tidy(number(left) - number(right)),
    "multiply": lambda left, right: tidy(_REMAINDER.multiply(number(left), number(right))),
    "divide": _divide,
    "mod": _remainder,
    "number": whole,
    "formatnumber": format_number,
    "formatcurrency": format_currency,
}
