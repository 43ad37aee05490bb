"""Mail through SendGrid's Mail Send API (v3).

It takes no ready-made mails, so a message goes as its parts: our headers, and HTML and text as they
are. Its own tracking is switched off for each message: links lead through Vocative already.
"""

from typing import ClassVar

import msgspec

from vocative.deliver.channels._http import (
    MESSAGE_ID,
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


class SendgridSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.sendgrid` in vocative.yaml."""

    api_key: Text
    """A key that may send mail; write `env:NAME`."""
    base_url: Text = "https://api.sendgrid.com"
    """`https://api.eu.sendgrid.com` for accounts in Europe."""
    ip_pool: str | None = None
    """Which of the account's pools of addresses sends."""
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Sendgrid(HttpChannel):
    """SendGrid, over its API."""

    Settings: ClassVar[type[msgspec.Struct]] = SendgridSettings
    settings: SendgridSettings

    def base_url(self) -> str:
        """SendGrid's API."""
        return self.settings.base_url.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One mail."""
        headers = dict(headers_of(assemble(message)))
        sender = {"email": wire_address(message.from_email)}
        if message.from_name.strip():
            sender["name"] = message.from_name.strip()
        body = {
            "personalizations": [
                {
                    "to": [{"email": wire_address(message.to)}],
                    "headers": headers,
                    "custom_args": {MESSAGE_ID: message.message_id},
                }
            ],
            "from": sender,
            "subject": message.subject,
            "content": [
                {"type": "text/plain", "value": message.text or " "},
                {"type": "text/html", "value": message.html or " "},
            ],
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        if message.reply_to:
            body["reply_to"] = {"email": wire_address(message.reply_to)}
        if self.settings.ip_pool:
            body["ip_pool_name"] = self.settings.ip_pool
        return Request(
            path="/v3/mail/send",
            content=msgspec.json.encode(body),
            headers={
                "authorization": f"Bearer {self.settings.api_key}",
                "content-type": "application/json",
            },
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """SendGrid names the field that it does not like."""
        errors = answer.json().get("errors")
        first = errors[0] if isinstance(errors, list) and errors else {}
        field = str(first.get("field") or "") if isinstance(first, dict) else ""
        if answer.status == 404 or field.startswith(("from", "ip_pool")):
            raise self.locked_out(answer, message)
        about_address = ".to" in field
        return self.says_no(
            answer, message, answer.status, "bounced" if about_address else "failed"
        )
