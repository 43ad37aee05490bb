"""Mail handed to a service of your own, as signed JSON (Standard Webhooks).

For a gateway or a house mailer that has no channel here. The message's id is the `webhook-id`:
whoever receives the same one twice must carry it once, so after a lost answer it is sent again.
"""

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
from vocative.deliver.signed_webhooks import signed_headers, webhook_key
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
        now = int(SystemClock().now().timestamp())
        key = _key(self.settings.secret)
        return Request(
            path="",
            content=content,
            headers=signed_headers(key, message.message_id, now, content),
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """404 and 410 mean that nobody is there; any other 4xx is about the message."""
        if answer.status in (404, 405, 410):
            raise self.locked_out(answer, message)
        return self.says_no(answer, message, answer.status)


def _key(secret: str) -> bytes:
    key = webhook_key(secret)
    if key is None:
        raise AuthorError(
            "channels.webhook.secret is no Standard Webhooks secret",
            where="vocative.yaml",
            hint="whsec_ and 24 to 64 random bytes in base 64",
        )
    return key
