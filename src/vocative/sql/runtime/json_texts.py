"""Parts of JSON as the texts that DuckDB makes of them."""

import math
import re
from decimal import Decimal
from typing import Any

import msgspec


def json_text(record: Any, path: tuple[str, ...]) -> str | None:
    """A part of a JSON object as text: a text as it is, anything else as JSON; null is None.

    Args:
        record: The object, or the text of it.
        path: The names that lead to the part.
    """
    found = msgspec.json.decode(record) if isinstance(record, str | bytes) else record
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    if isinstance(found, str) or found is None:
        return found
    return _json(found)


def _json(value: Any) -> str:
    """JSON as DuckDB writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(_json(part) for part in value) + "]"
    if isinstance(value, dict):
        parts = (f"{_json(str(name))}:{_json(part)}" for name, part in value.items())
        return "{" + ",".join(parts) + "}"
    if isinstance(value, str):
        return '"' + _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value) + '"'
    return msgspec.json.encode(value).decode()


_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_ESCAPES = {
    **{chr(code): f"\\u{code:04X}" for code in range(32)},
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    '"': r"\"",
    "\\": r"\\",
}


def number_text(value: float) -> str:
    """The shortest digits of a double; an exponent only from 1e21 on and below 1e-6."""
    if not math.isfinite(value):
        return "null"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if text == "0":
        return minus + "0.0"
    if not -6 < point <= 21:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{rest}e{point - 1}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"
