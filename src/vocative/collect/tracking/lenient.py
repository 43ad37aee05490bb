"""JSON as clients write it, made into JSON as the standard has it.

Libraries in Python send NaN, Infinity, half characters and NUL. A strict reader would refuse the
whole request, and the client would drop the hundred events in it.
"""

import json
import math
import re
from typing import Any

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_MOST_DIGITS = 300
"""Of an integer: with more it is infinite as a floating point number."""


def is_plain(body: bytes) -> bool:
    """Whether the bytes are UTF-8 and without NUL, which not every database keeps."""
    if b"\\u0000" in body:
        return False
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def tidied(body: bytes) -> bytes:
    """The same JSON with null for what is no number and without what is no character.

    >>> tidied(b'{"a": NaN, "b": [1, Infinity]}')
    b'{"a":null,"b":[1,null]}'

    Raises:
        ValueError: this is no JSON even so.
        RecursionError: it is nested too deeply.
    """
    value = json.loads(
        body.decode("utf-8-sig", "replace"),
        parse_constant=_nothing,
        parse_float=_finite,
        parse_int=_whole,
        strict=False,
    )
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Through UTF-16, whose decoder knows what half a character is.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return _NUL.sub(rb"\1", whole)


def _nothing(_: str) -> None:
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _whole(text: str) -> Any:
    return int(text) if len(text) <= _MOST_DIGITS else None
