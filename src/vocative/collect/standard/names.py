"""Names that mean one thing in every language that knows them."""

import re
import unicodedata
from collections.abc import Iterable

LANGUAGES = "en de fr es it pt nl pl sv da nb fi cs sk hu ro tr el ru uk ja zh".split()
"""In which names of countries and currencies are known."""


def plain(name: str) -> str:
    """A name as it is compared: without case, accents, points and blanks too many.

    >>> plain(" Côte  d'Ivoire ")
    "cote d'ivoire"
    """
    letters = unicodedata.normalize("NFKD", name.replace("’", "'"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[\s.,_-]+", " ", bare.casefold()).strip().removeprefix("the ")


def unambiguous(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name → code, of (code, name) pairs; what means two codes means none."""
    found: dict[str, str] = {}
    doubtful: set[str] = set()
    for code, name in named:
        key = plain(name)
        if key and found.setdefault(key, code) != code:
            doubtful.add(key)
    return {key: code for key, code in found.items() if key not in doubtful}
