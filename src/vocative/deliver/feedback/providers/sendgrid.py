"""SendGrid's event webhook, signed with ECDSA over the time and the body."""

import base64
import binascii
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vocative.deliver.feedback.providers.base import (
    OUR_FIELD,
    Call,
    NotGenuine,
    Provider,
    bounce,
    decoded,
    items,
    our_id,
    text,
)
from vocative.deliver.feedback.returned_mail import Report
from vocative.deliver.feedback.settings import SendgridSettings
from vocative.errors import AuthorError

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


class Sendgrid(Provider):
    """Bounces, drops, deferrals and spam reports."""

    def __init__(self, settings: SendgridSettings) -> None:
        try:
            key = load_der_public_key(base64.b64decode(settings.public_key, validate=True))
        except (ValueError, binascii.Error) as error:
            raise AuthorError(
                "feedback.sendgrid.public_key is no key",
                where="vocative.yaml",
                hint="copy the verification key from SendGrid's settings of the event webhook",
            ) from error
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise AuthorError("feedback.sendgrid.public_key is no ECDSA key", where="vocative.yaml")
        self._key = key

    def read(self, call: Call) -> list[Report]:
        """Verify, then read."""
        try:
            signature = base64.b64decode(call.headers.get(SIGNATURE, ""), validate=True)
            signed = call.headers.get(TIMESTAMP, "").encode("latin-1") + call.body
            self._key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError, binascii.Error):
            raise NotGenuine("the signature is missing or wrong") from None
        reports = [_report(one) for one in items(decoded(call.body))]
        return [one for one in reports if one is not None]


def _report(event: dict[str, Any]) -> Report | None:
    kind, said = text(event.get("event")), text(event.get("reason"))
    message_id = our_id(event.get(OUR_FIELD), event.get("smtp-id"))
    recipient = text(event.get("email"))
    if kind == "spamreport":
        return Report(
            kind="complaint", reason="abuse", rule="provider:spamreport",
            recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    if kind == "deferred":
        return Report(
            kind="delayed", reason="not_reached", rule="provider:deferred",
            recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    if kind == "bounce":
        blocked = event.get("type") == "blocked"
        return bounce(
            said, status=text(event.get("status")), vendor="block" if blocked else "hard",
            vendor_says=text(event.get("type")) or kind, recipient=recipient, message_id=message_id,
        )  # fmt: skip
    if kind == "dropped" and said.lower() in ("bounced address", "invalid"):
        # What SendGrid itself has given up on; it never tried this one.
        return Report(
            kind="hard", reason="unknown_address", rule=f"provider:dropped/{said[:30]}",
            recipient=recipient or None, message_id=message_id,
        )  # fmt: skip
    return None
