"""Text in compiled expressions: case, patterns, the numbers that texts spell."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any


class _Simple(dict[int, int]):
    """Letters one by one, as Unicode's simple case mappings have them: 'ß' is not two letters."""

    def __init__(self, change: Callable[[str], str], others: dict[str, str]) -> None:
        super().__init__({ord(letter): ord(changed) for letter, changed in others.items()})
        self._change = change

    def __missing__(self, code: int) -> int:
        changed = self._change(chr(code))
        self[code] = found = ord(changed) if len(changed) == 1 else code
        return found


# Python spells these with two letters; they have a capital of their own.
_GREEK = {chr(base + i): chr(base + 8 + i) for base in (0x1F80, 0x1F90, 0x1FA0) for i in range(8)}
_LOWER = _Simple(str.lower, {"İ": "i"})
_UPPER = _Simple(str.upper, {"ß": "ẞ", "ᾳ": "ᾼ", "ῃ": "ῌ", "ῳ": "ῼ", **_GREEK})


def lower(text: str) -> str:
    """Text in lower case, letter by letter."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper(text: str) -> str:
    """Text in upper case, letter by letter."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:[.][0-9]{0,30})?|[.][0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?"
)


def to_number(text: str) -> float | None:
    """The number a text spells, or None."""
    text = text.strip(" ")
    return float(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def like_pattern(pattern: str) -> Callable[[str], Any]:
    """What matches a pattern of `like`: `%` any text, `_` any character."""
    first, *rest = (
        "".join("." if letter == "_" else re.escape(letter) for letter in part)
        for part in re.split("%+", pattern)
    )
    if not rest:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = rest
    # The leftmost match of each part is as good as any; atomic groups keep it from being retried.
    inner = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{inner}.*{last}", re.DOTALL).fullmatch


def like(text: str, pattern: str) -> bool:
    """`text like pattern`."""
    return like_pattern(pattern)(text) is not None


def ilike(text: str, pattern: str) -> bool:
    """`text ilike pattern`."""
    return like_pattern(lower(pattern))(lower(text)) is not None
