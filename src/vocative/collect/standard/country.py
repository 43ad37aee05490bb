"""Countries as ISO 3166 codes of two letters.

Understood are codes of two and three letters, numeric codes, and names in the languages of
`names.LANGUAGES`, as Unicode's CLDR has them.
"""

from collections.abc import Iterator
from functools import cache, lru_cache

from vocative.collect.standard.names import LANGUAGES, plain, unambiguous

_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
"""Codes of CLDR that are regions, reserved or for tests."""
_ALSO = {
    "GB": "UK, U.K., Great Britain, England, Scotland, Wales, Northern Ireland, Großbritannien,"
    " Grande-Bretagne, Gran Bretaña",
    "US": "U.S., U.S.A., United States of America, Vereinigte Staaten von Amerika, États-Unis"
    " d'Amérique",
    "NL": "Holland, The Netherlands",
    "CZ": "Czech Republic, Tschechische Republik, République tchèque",
    "HK": "Hong Kong, Hongkong",
    "MO": "Macau, Macao",
    "KR": "Republic of Korea",
    "RU": "Russian Federation",
    "TR": "Turkey",
    "CI": "Ivory Coast",
    "CV": "Cape Verde",
    "MM": "Burma",
    "SZ": "Swaziland",
    "IE": "Republic of Ireland",
    "CH": "Swiss Confederation",
    "DE": "BRD, Bundesrepublik Deutschland, Federal Republic of Germany",
}


@lru_cache(maxsize=2_000)
def country_code(stated: str) -> str | None:
    """The two letters of a country; None when it is none, or could be several.

    >>> country_code("Deutschland"), country_code("gbr"), country_code("Atlantis")
    ('DE', 'GB', None)
    """
    code = stated.strip().upper()
    return code if code in _codes() else _by_name().get(plain(stated))


@cache
def _codes() -> frozenset[str]:
    from babel import Locale

    territories = map(str, Locale.parse("en").territories)
    found = {code for code in territories if len(code) == 2 and code.isalpha()}
    return frozenset(found - _NO_COUNTRIES)


@cache
def _by_name() -> dict[str, str]:
    codes = _codes()
    return unambiguous((code, name) for code, name in _names() if code in codes)


def _names() -> Iterator[tuple[str, str]]:
    from babel import Locale
    from babel.core import get_global

    for alias, codes in get_global("territory_aliases").items():
        if len(codes) == 1:
            yield codes[0], alias
    for code, names in _ALSO.items():
        for name in names.split(","):
            yield code, name
    for language in LANGUAGES:
        yield from Locale.parse(language).territories.items()
