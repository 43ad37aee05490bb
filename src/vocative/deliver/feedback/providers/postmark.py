"""Postmark's webhooks, with basic authentication: Postmark signs nothing."""

import base64
import hmac
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
from vocative.deliver.feedback.replies import Kind as BounceKind
from vocative.deliver.feedback.returned_mail import Kind, Report
from vocative.deliver.feedback.settings import PostmarkSettings

_BOUNCES: dict[str, BounceKind] = {
    "HardBounce": "hard",
    "BadEmailAddress": "hard",
    "SoftBounce": "soft",
    "Transient": "soft",
    "DnsError": "soft",
    "Unknown": "soft",
    "Blocked": "block",
    "SpamNotification": "block",
    "DMARCPolicy": "block",
    "VirusNotification": "block",
}
_OTHERS: dict[str, Kind] = {
    "AutoResponder": "auto_reply",
    "AddressChange": "auto_reply",
    "ChallengeVerification": "challenge",
    "SpamComplaint": "complaint",
}


class Postmark(Provider):
    """Bounces of all types, and complaints."""

    def __init__(self, settings: PostmarkSettings) -> None:
        pair = f"{settings.username}:{settings.password}".encode()
        self._expected = b"Basic " + base64.b64encode(pair)

    def read(self, call: Call) -> list[Report]:
        """Verify, then read."""
        stated = call.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(stated, self._expected):
            raise NotGenuine("user name or password is missing or wrong")
        report = _report(mapping(decoded(call.body)))
        return [] if report is None else [report]


def _report(event: dict[str, Any]) -> Report | None:
    record, kind = text(event.get("RecordType")), text(event.get("Type"))
    if record not in ("Bounce", "SpamComplaint"):
        return None
    message_id = our_id(mapping(event.get("Metadata")).get(OUR_FIELD))
    recipient = text(event.get("Email"))
    other: Kind | None = "complaint" if record == "SpamComplaint" else _OTHERS.get(kind)
    if other is not None:
        return Report(
            kind=other, reason="abuse" if other == "complaint" else other,
            rule=f"provider:{kind or record}", recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    if kind not in _BOUNCES:
        return None
    return bounce(
        text(event.get("Details")), status="", vendor=_BOUNCES[kind], vendor_says=kind,
        recipient=recipient, message_id=message_id,
    )  # fmt: skip
