"""What a provider's webhook must be: genuine first, then read into reports.

A call comes in as headers and bytes; reports go out. Whatever is not signed by the provider is
refused before anything in it is looked at.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from vocative.deliver.feedback.replies import Kind as BounceKind
from vocative.deliver.feedback.replies import classify
from vocative.deliver.feedback.returned_mail import Report
from vocative.errors import DataError

OUR_FIELD = "vocative_message_id"
"""Under this our channels tell a provider the message's id."""
_OUR_ID = re.compile(r"[0-9a-f]{32}")
_OUR_HEADER = re.compile(r"<?([0-9a-f]{32})@")


class NotGenuine(DataError):
    """A call that the provider has not signed."""

    status = 403


class NotReadable(DataError):
    """A signed call that is not what the provider documents."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    """Now."""


class Provider(ABC):
    """One provider's webhook."""

    @abstractmethod
    def read(self, call: Call) -> list[Report]:
        """What a call says of messages.

        Raises:
            NotGenuine: it is not signed by the provider, or for somebody else.
            NotReadable: it is signed and cannot be understood.
            ProviderError: what is needed to verify it cannot be had now.
        """


def decoded(body: bytes | str) -> Any:
    """A JSON body.

    Raises:
        NotReadable: it is none.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotReadable("the call is no JSON") from error


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The JSON objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A JSON text; anything else is an empty one."""
    return value if isinstance(value, str) else ""


def our_id(*candidates: Any) -> str | None:
    """The first of some values that is the id of a message of ours, or our Message-ID."""
    for one in candidates:
        plain = text(one).strip().lower()
        header = _OUR_HEADER.match(plain)
        if header or _OUR_ID.fullmatch(plain):
            return header[1] if header else plain
    return None


def bounce(
    said: str,
    *,
    status: str,
    vendor: BounceKind,
    vendor_says: str,
    recipient: str,
    message_id: str | None,
) -> Report:
    """A report of a bounce: what the server's words mean, else what the provider says of them.

    Args:
        said: The server's answer.
        status: Its enhanced status; empty if it is not told apart.
        vendor: What the provider takes it for.
        vendor_says: In which of its words.
        recipient: To whom; may be empty.
        message_id: Ours.
    """
    found = classify(said, status=status or None, stage="rcpt")
    kind, reason, rule = found.kind, found.reason, found.rule
    if not rule.startswith("words:"):
        rule = f"provider:{vendor_says[:40]}"
        if kind != vendor:
            kind, reason = vendor, "unknown_address" if vendor == "hard" else "unclear"
    return Report(
        kind=kind,
        reason=reason,
        rule=rule,
        recipient=recipient or None,
        message_id=message_id,
        status=status or None,
    )
