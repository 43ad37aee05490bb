"""Mailgun's webhooks, signed with HMAC over a time and a token, but not over what they say.

So a token counts once: the same one with another body is refused, and old ones are.
"""

import hashlib
import hmac
from collections import OrderedDict
from datetime import timedelta
from typing import Any

from vocative.deliver.feedback.providers.base import (
    OUR_FIELD,
    Call,
    NotGenuine,
    Provider,
    bounce,
    decoded,
    mapping,
    our_id,
    text,
)
from vocative.deliver.feedback.returned_mail import Report
from vocative.deliver.feedback.settings import MailgunSettings

OLDEST = timedelta(hours=10)
"""Mailgun tries again for eight hours."""
_MOST_TOKENS = 50_000
_used: OrderedDict[str, bytes] = OrderedDict()


class Mailgun(Provider):
    """Permanent and temporary failures, and complaints."""

    def __init__(self, settings: MailgunSettings) -> None:
        self._key = settings.signing_key.encode()

    def read(self, call: Call) -> list[Report]:
        """Verify, then read."""
        told = mapping(decoded(call.body))
        self._verify(mapping(told.get("signature")), call)
        report = _report(mapping(told.get("event-data")))
        return [] if report is None else [report]

    def _verify(self, signature: dict[str, Any], call: Call) -> None:
        at, token = str(signature.get("timestamp", "")), text(signature.get("token"))
        expected = hmac.new(self._key, f"{at}{token}".encode(), "sha256").hexdigest()
        stated = text(signature.get("signature"))
        if not token or not hmac.compare_digest(stated.encode(), expected.encode()):
            raise NotGenuine("the signature is missing or wrong")
        if not at.isdigit() or abs(call.at.timestamp() - int(at)) > OLDEST.total_seconds():
            raise NotGenuine("the signature is too old")
        digest = hashlib.sha256(call.body).digest()
        if _used.setdefault(token, digest) != digest:
            raise NotGenuine("the signature was used for another call")
        while len(_used) > _MOST_TOKENS:
            _used.popitem(last=False)


def _report(event: dict[str, Any]) -> Report | None:
    kind, severity = text(event.get("event")), text(event.get("severity"))
    headers = mapping(mapping(event.get("message")).get("headers"))
    message_id = our_id(
        mapping(event.get("user-variables")).get(OUR_FIELD), headers.get("message-id")
    )
    recipient = text(event.get("recipient"))
    if kind == "complained":
        return Report(
            kind="complaint", reason="abuse", rule="provider:complained",
            recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    if kind != "failed":
        return None
    if severity == "temporary":
        return Report(
            kind="delayed", reason="not_reached", rule="provider:failed/temporary",
            recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    status = mapping(event.get("delivery-status"))
    said = f"{status.get('code') or ''} {text(status.get('message'))}"
    if not text(status.get("message")):
        said += text(status.get("description"))
    reason = text(event.get("reason"))
    return bounce(
        said, status=text(status.get("enhanced-code")),
        vendor="hard" if reason in ("bounce", "suppress-bounce") else "soft",
        vendor_says=f"failed/{reason}", recipient=recipient, message_id=message_id,
    )  # fmt: skip
