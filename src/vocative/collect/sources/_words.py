"""What a vendor says of a failure, shortened, without what must not be shown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

MOST_LETTERS = 200
_TOLD_IN = ("message", "error_description", "detail", "title", "reason", "error", "errors", "code")
_SECRET_OR_PERSONAL = re.compile(
    r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+"  # an address
    r"|(?=[\w\-.+/=]*\d)[\w\-.+/=]{20,}"  # what may be a token
    r"|\+?\d[\d\s\-()]{6,}\d"  # what may be a phone number or an account
)


def words_of(body: bytes, *, secrets: Iterable[str] = ()) -> str:
    """What an answer says, in at most some 200 letters; nothing of what is no text.

    Args:
        body: JSON with a message in one of the usual places, or plain text.
        secrets: What must not be repeated.

    >>> words_of(b'{"errors": [{"message": "unknown customer jane@example.com"}]}')
    'unknown customer …'
    """
    try:
        found = _told(msgspec.json.decode(body), 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _text(body)
    words = " ".join(found.split())
    for secret in secrets:
        for part in {secret, secret.rpartition(" ")[2]}:
            if len(part) >= 4:
                words = words.replace(part, "…")
    words = _SECRET_OR_PERSONAL.sub("…", words[: 4 * MOST_LETTERS])
    return words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…"


def _told(value: Any, depth: int) -> str:
    """The first text in one of the usual places."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    inside: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inside = (value[name] for name in _TOLD_IN if value.get(name))
    elif isinstance(value, list):
        inside = value[:3]
    return next((text for part in inside if (text := _told(part, depth + 1))), "")


def _text(body: bytes) -> str:
    """Plain text as it is; a page of HTML says nothing."""
    try:
        text = body.decode("utf-8").strip()
    except UnicodeDecodeError:
        return ""
    return "" if text.startswith("<") else text
