"""Mail through Postmark's API.

A message goes as its parts, with its own tracking switched off. Postmark keeps a list of addresses
that bounced or complained and refuses them with a code of its own; that is where such a message
ends here, too.
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

_INACTIVE = 406
"""The address bounced, complained or unsubscribed before."""
_ABOUT_US = frozenset({10, 400, 401, 402, 405, 412, 413, 1235})
"""Token, sender signature, credits, message stream: nothing will leave until somebody acts."""


class PostmarkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.postmark` in vocative.yaml."""

    server_token: Text
    """The token of a server; write `env:NAME`."""
    message_stream: Text = "broadcast"
    """Which message stream carries them."""
    base_url: Text = "https://api.postmarkapp.com"
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Postmark(HttpChannel):
    """Postmark, over its API."""

    Settings: ClassVar[type[msgspec.Struct]] = PostmarkSettings
    settings: PostmarkSettings

    def base_url(self) -> str:
        """Postmark's API."""
        return self.settings.base_url.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One mail."""
        headers = headers_of(assemble(message))
        body: dict[str, object] = {
            "From": _from(message),
            "To": wire_address(message.to),
            "Subject": message.subject,
            "HtmlBody": message.html,
            "TextBody": message.text,
            "MessageStream": self.settings.message_stream,
            "TrackOpens": False,
            "TrackLinks": "None",
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
            "Metadata": {MESSAGE_ID: message.message_id},
        }
        if message.reply_to:
            body["ReplyTo"] = wire_address(message.reply_to)
        return Request(
            path="/email",
            content=msgspec.json.encode(body),
            headers={
                "x-postmark-server-token": self.settings.server_token,
                "content-type": "application/json",
            },
        )

    def accepted(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """Postmark says in the body, too, whether it took it."""
        code = answer.json().get("ErrorCode", 0)
        if code:
            return self.refused(answer, message)
        return super().accepted(answer, message)

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """Postmark's codes, from its API documentation."""
        code = answer.json().get("ErrorCode")
        if answer.status == 404 or code in _ABOUT_US:
            raise self.locked_out(answer, message)
        if code == _INACTIVE:
            return self.says_no(answer, message, code, "bounced", address_is_dead=True)
        return self.says_no(answer, message, code or answer.status)


def _from(message: OutgoingMessage) -> str:
    address = wire_address(message.from_email)
    name = message.from_name.strip()
    if not name:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'
