"""Mail handed to a service of your own, as signed JSON (Standard Webhooks).

For a gateway or a house mailer that has no channel here. The message's id is the `webhook-id`:
whoever receives the same one twice must carry it once, so after a lost answer it is sent again.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from typing import ClassVar

import msgspec

from vocative.clock import SystemClock
from vocative.deliver.channels._http import (
    Answer,
    Connections,
    HttpChannel,
    Request,
    Text,
    Timeout,
    headers_of,
)
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import assemble, wire_address
from vocative.errors import AuthorError


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.webhook` in vocative.yaml."""

    url: Text
    """Where messages are posted; https."""
    secret: Text
    """`whsec_` and 24 to 64 bytes in base 64; write `env:NAME`."""
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Webhook(HttpChannel):
    """A service of one's own that takes messages as signed JSON."""

    is_idempotent = True
    Settings: ClassVar[type[msgspec.Struct]] = WebhookSettings
    settings: WebhookSettings

    def open(self) -> None:
        """Check the secret and get ready."""
        _key(self.settings.secret)
        super().open()

    def base_url(self) -> str:
        """The stated address."""
        return self.settings.url

    def request(self, message: OutgoingMessage) -> Request:
        """One message, signed."""
        body = {
            "type": "message.send",
            "data": {
                "message_id": message.message_id,
                "to": wire_address(message.to),
                "from_email": wire_address(message.from_email),
                "from_name": message.from_name,
                "reply_to": message.reply_to,
                "subject": message.subject,
                "html": message.html,
                "text": message.text,
                "headers": [list(pair) for pair in headers_of(assemble(message))],
                "campaign": message.campaign,
                "purpose": message.purpose,
            },
        }
        content = msgspec.json.encode(body)
        stamp = str(int(SystemClock().now().timestamp()))
        return Request(
            path="",
            content=content,
            headers={
                "content-type": "application/json",
                "webhook-id": message.message_id,
                "webhook-timestamp": stamp,
                "webhook-signature": sign(self.settings.secret, message.message_id, stamp, content),
            },
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """404 and 410 mean that nobody is there; any other 4xx is about the message."""
        if answer.status in (404, 405, 410):
            raise self.locked_out(answer, message)
        return self.says_no(answer, message, answer.status)


def sign(secret: str, message_id: str, stamp: str, content: bytes) -> str:
    """The `webhook-signature` of a message.

    Raises:
        AuthorError: the secret is none.
    """
    signed = b".".join((message_id.encode(), stamp.encode(), content))
    return f"v1,{b64encode(hmac.digest(_key(secret), signed, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise AuthorError(
            "channels.webhook.secret is no Standard Webhooks secret",
            where="vocative.yaml",
            hint="whsec_ and 24 to 64 random bytes in base 64",
        )
    return key
