"""The syntax of addresses in a mail: what a link or a picture may point at.

In comes an address as written, with a plain word where a value will stand; out goes what is wrong
with it. Nothing is fetched.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SPOILT_SCHEME = re.compile(r"(?:h?t?tps?|https?)(?::?/+|:(?!//))", re.IGNORECASE)
_HOST = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*|localhost|\d+(?:\.\d+){3}|\[[0-9a-fA-F:.]+\]"
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAIL = re.compile(r"[^\s@?]+@[^\s@?]+\.[^\s@?]+(?:\?.*)?")
_PHONE = re.compile(r"\+?[\d\s().-]{3,}(?:[;?].*)?")
_RUNS_CODE = frozenset(("javascript", "vbscript", "data", "file", "blob"))
_WEB = frozenset(("http", "https"))


class Fault(NamedTuple):
    """What is wrong with an address, under the code of its finding."""

    code: str
    message: str
    fix: str


_UNSAFE = Fault("unsafe_link", "this link runs code", "link to an https:// address")
_NOWHERE = Fault("incomplete_link", "this link leads nowhere", "write where it is to lead")
_INCOMPLETE = Fault(
    "incomplete_link",
    "this link leads nowhere: a mail has no site of its own",
    "write the whole address, with https://",
)


def check_address(address: str, *, value: str = "") -> Fault | None:
    """What is wrong with an address.

    Args:
        address: As written, trimmed.
        value: A word that stands where a value will; such a part is not judged.

    >>> check_address("https://shop.example/sale?a=1") is None
    True
    >>> check_address("https:/shop.example").code
    'broken_link'
    """
    if address in ("", "#"):
        return _NOWHERE
    if address.startswith("#"):
        return None
    scheme = _SCHEME.match(address)
    name = scheme[1].lower() if scheme else ""
    if name in _RUNS_CODE:
        return _UNSAFE
    if name == "mailto":
        return _unless(_mails(address[7:], value), "this is no mail address")
    if name in ("tel", "sms"):
        number = address.partition(":")[2]
        usable = bool(value and value in number) or _PHONE.fullmatch(number)
        return _unless(usable, "this is no telephone number")
    if name in _WEB and address[len(name) : len(name) + 3] == "://":
        return _check_web(address, value)
    if _SPOILT_SCHEME.match(address):
        return _broken("this address does not begin with https://")
    if scheme and not re.match(r"\d", address[scheme.end() :]) and "." not in name:
        return _broken(f"{name}: is no scheme that mail programs follow")
    return _INCOMPLETE


def _check_web(address: str, value: str) -> Fault | None:
    if re.search(r"[\s<>\"\\^`{|}]", address):
        return _broken("this address holds a character that no address may hold")
    if _BAD_ESCAPE.search(address):
        return _broken("% in an address must be followed by two hexadecimal digits")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return _broken("this address cannot be read")
    if value and value in parts.netloc:
        return None
    if host in _WEB:
        return _broken("this address begins with https:// twice")
    return _unless(_HOST.fullmatch(host), "this address has no complete host name")


def _mails(text: str, value: str) -> object:
    return (value and value in text) or _MAIL.fullmatch(text)


def _unless(fine: object, message: str) -> Fault | None:
    return None if fine else _broken(message)


def _broken(message: str) -> Fault:
    return Fault("broken_link", message, "write it as https://shop.example/page")
