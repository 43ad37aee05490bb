"""Currencies as ISO 4217 codes of three letters.

Understood are codes, names in the languages of `names.LANGUAGES`, and signs that belong to one
currency alone: € and £ do, $ and ¥ do not.
"""

from collections.abc import Iterator
from functools import cache, lru_cache

from vocative.collect.standard.names import LANGUAGES, plain, unambiguous

_NO_CURRENCIES = frozenset(["XXX", "XTS"])
_SHARED_SIGNS = frozenset(["$", "¥", "kr"])


@lru_cache(maxsize=2_000)
def currency_code(stated: str) -> str | None:
    """The three letters of a currency; None when it is none, or could be several.

    >>> currency_code("eur"), currency_code("€"), currency_code("$")
    ('EUR', 'EUR', None)
    """
    code = stated.strip().upper()
    return code if code in _codes() else _by_name().get(plain(stated))


@cache
def _codes() -> frozenset[str]:
    from babel import Locale

    return frozenset(Locale.parse("en").currencies) - _NO_CURRENCIES


@cache
def _by_name() -> dict[str, str]:
    return unambiguous(_names())


def _names() -> Iterator[tuple[str, str]]:
    from babel import Locale

    now = _in_use()
    for language in LANGUAGES:
        locale = Locale.parse(language)
        for code, name in locale.currencies.items():
            if code in now:
                yield code, name
        for code, sign in locale.currency_symbols.items():
            if code in now and plain(sign) not in _SHARED_SIGNS:
                yield code, sign
    yield "USD", "US$"


@cache
def _in_use() -> frozenset[str]:
    """Currencies that some country pays with today."""
    from babel import Locale
    from babel.numbers import get_territory_currencies

    return frozenset(
        code
        for territory in map(str, Locale.parse("en").territories)
        if len(territory) == 2
        for code in get_territory_currencies(territory)
    )
