"""AMPscript's functions on text."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote_plus

from vocative.compose.foreign.ampscript_dates import written
from vocative.compose.foreign.ampscript_numbers import tidy, whole

_MAX_REPEATS = 10_000
_MAX_CHARACTER = 0x10FFFF
_ESCAPED = re.compile(r"%[0-9A-F]{2}")
_ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@[^\s@.<>\"]{1,63}(?:\.[^\s@.<>\"]{1,63}){1,8}")
_FIRST_LETTER = re.compile(r"(^|\s)(\S)")


def text(value: object) -> str:
    """A value as AMPscript prints it.

    >>> text(None), text(True), text(Decimal("2.50")), text(datetime(2026, 3, 1, 15, 4))
    ('', 'True', '2.5', '3/1/2026 3:04:00 PM')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(tidy(value)) if isinstance(value, Decimal) else str(value)


def proper_case(value: object) -> str:
    """Every word with a capital, the rest of it in lower case.

    >>> proper_case("BARB  o'neil BR.OWN")
    "Barb  O'neil Br.own"
    """
    return _FIRST_LETTER.sub(lambda found: found[1] + found[2].upper(), text(value).lower())


def replace(value: object, old: object, new: object) -> str:
    """Text with every occurrence replaced, whatever its case."""
    if not text(old):
        return text(value)
    found = re.compile(re.escape(text(old)), re.IGNORECASE)
    return found.sub(lambda _: text(new), text(value))


def _replace_list(value: object, new: object, *olds: object) -> str:
    changed = text(value)
    for old in olds:
        changed = replace(changed, old, new)
    return changed


def substring(value: object, start: object, length: object = None) -> str:
    """Part of a text; its first character is number 1."""
    first = whole(start) - 1
    if first < 0:
        raise ValueError("a text begins at 1")
    if length is None:
        return text(value)[first:]
    if whole(length) < 0:
        raise ValueError("a length is not negative")
    return text(value)[first : first + whole(length)]


def index_of(value: object, part: object) -> int:
    """Where a part begins, from 1; 0 when it is not there. Case does not matter."""
    return text(value).lower().find(text(part).lower()) + 1


def character(code: object, times: object = 1) -> str:
    """The character of a number, perhaps several times."""
    number, count = whole(code), whole(times)
    if not 0 <= number <= _MAX_CHARACTER or not 0 <= count <= _MAX_REPEATS:
        raise ValueError("no character has that number")
    return chr(number) * count


def url_encode(value: object, everything: object = 0, unreserved: object = 0) -> str:
    """Text for use in an address.

    Args:
        value: An address or a part of one.
        everything: Encode all that can be, a blank as `+`; otherwise only blanks of the query.
        unreserved: Encode blanks wherever they stand, as `%20`.

    >>> url_encode("a b"), url_encode("http://x?q=a b,"), url_encode("a b", True, True)
    ('a b', 'http://x?q=a%20b,', 'a+b')
    """
    given = text(value)
    if _truth(everything):
        head, mark, query = given.partition("?")
        part = given if _truth(unreserved) or not mark else query
        encoded = _ESCAPED.sub(lambda code: code[0].lower(), quote_plus(part, safe="!*()-._"))
        return encoded if part is given else f"{head}?{encoded}"
    if _truth(unreserved):
        return given.replace(" ", "%20")
    head, mark, query = given.partition("?")
    return f"{head}{mark}{query.replace(' ', '%20')}" if mark else given


def _truth(value: object) -> bool:
    return value is True or text(value).lower() in ("true", "1")


def regex_match(value: object, pattern: object, group: object, *options: object) -> str:
    """The part of a text that a simple pattern finds; empty when there is none."""
    from vocative.compose.foreign.ampscript_patterns import find

    ignores_case = any(text(one).lower() == "ignorecase" for one in options)
    return find(text(pattern), text(value), group, ignore_case=ignores_case)


def is_email_address(value: object) -> bool:
    """Whether a text looks like an address of e-mail.

    >>> is_email_address("a@example.com"), is_email_address("a@example"), is_email_address(None)
    (True, False, False)
    """
    return _ADDRESS.fullmatch(text(value).strip()) is not None


def is_phone_number(value: object) -> bool:
    """Whether a text looks like a telephone number of North America, as AMPscript takes it.

    >>> is_phone_number("(212) 555-0100"), is_phone_number("12")
    (True, False)
    """
    digits = re.sub(r"[\s().+-]", "", text(value)[:40])
    return digits.isascii() and digits.isdigit() and len(digits.removeprefix("1")) == 10


def _digest(algorithm: str) -> Callable[[object], str]:
    return lambda value: hashlib.new(
        algorithm, text(value).encode(), usedforsecurity=False
    ).hexdigest()


FUNCTIONS: dict[str, Callable[..., object]] = {
    "uppercase": lambda value: text(value).upper(),
    "lowercase": lambda value: text(value).lower(),
    "propercase": proper_case,
    "trim": lambda value: text(value).strip(),
    "length": lambda value: len(text(value)),
    "concat": lambda *parts: "".join(text(part) for part in parts),
    "replace": replace,
    "replacelist": _replace_list,
    "substring": substring,
    "indexof": index_of,
    "char": character,
    "domain": lambda value: text(value).rpartition("@")[2] if "@" in text(value) else "",
    "isemailaddress": is_email_address,
    "isphonenumber": is_phone_number,
    "stringtohex": lambda value: text(value).encode().hex(),
    "urlencode": url_encode,
    "regexmatch": regex_match,
    "base64encode": lambda value: base64.b64encode(text(value).encode()).decode(),
    "base64decode": lambda value: base64.b64decode(text(value), validate=True).decode(),
    "md5": _digest("md5"),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
}
