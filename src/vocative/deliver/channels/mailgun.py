"""Mail through Mailgun, which takes the finished mail as it is (MIME).

What leaves is the same to the byte as over SMTP, so headers and signatures stay whole.
"""

import re
import secrets
from base64 import b64encode
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
)
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import assemble, wire_address


class MailgunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.mailgun` in vocative.yaml."""

    domain: Text
    """The sending domain, as Mailgun knows it."""
    api_key: Text
    """A sending key; write `env:NAME`."""
    base_url: Text = "https://api.mailgun.net"
    """`https://api.eu.mailgun.net` for domains in Europe."""
    require_tls: bool = False
    """Deliver over encrypted connections only."""
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Mailgun(HttpChannel):
    """Mailgun, over its API."""

    Settings: ClassVar[type[msgspec.Struct]] = MailgunSettings
    settings: MailgunSettings

    def base_url(self) -> str:
        """Mailgun's API."""
        return self.settings.base_url.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One mail."""
        fields = {
            "to": wire_address(message.to),
            "o:tracking": "no",
            "o:require-tls": "yes" if self.settings.require_tls else "no",
            f"v:{MESSAGE_ID}": message.message_id,
        }
        kind, content = _form(fields, assemble(message))
        pair = b64encode(f"api:{self.settings.api_key}".encode()).decode()
        return Request(
            path=f"/v3/{self.settings.domain}/messages.mime",
            content=content,
            headers={"authorization": f"Basic {pair}", "content-type": kind},
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """Mailgun says in words what it does not like."""
        said = str(answer.json().get("message") or "")
        if answer.status == 404 or re.search(r"\bfrom\b|domain .* (disabled|not allowed)", said):
            raise self.locked_out(answer, message)
        about_address = re.search(r"'?\bto\b'? parameter|recipient", said, re.IGNORECASE)
        return self.says_no(
            answer, message, answer.status, "bounced" if about_address else "failed"
        )


def _form(fields: dict[str, str], mail: bytes) -> tuple[str, bytes]:
    """Fields and the mail as multipart/form-data: its content type and its bytes."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="message"; filename="mail.eml"\r\n'
        "Content-Type: message/rfc822\r\n\r\n"
    )
    content = b"".join((*parts, head.encode(), mail, f"\r\n--{boundary}--\r\n".encode()))
    return f"multipart/form-data; boundary={boundary}", content
