"""Text messages through Twilio.

The plain text of a message goes to the vault field `phone`, which must be in international form.
Twilio keeps who answered STOP and refuses them; here they bounce and are suppressed.
"""

import re
from base64 import b64encode
from typing import Annotated, ClassVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from vocative.deliver.channels._http import (
    Answer,
    Connections,
    HttpChannel,
    Request,
    Text,
    Timeout,
)
from vocative.deliver.channels._short import short_text
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.errors import AuthorError

_MOST_CHARACTERS = 1_600
_DEAD = frozenset({21211, 21214, 21217, 21610, 21614})
"""No number, no mobile, or its owner answered STOP."""
_UNREACHABLE = frozenset({21215, 21408, 21612})
"""We may not, or cannot, send there."""
_ABOUT_US = frozenset({20003, 20404, 21212, 21603, 21606, 21607, 21659, 21660, 21703, 30002, 63038})


class SmsTwilioSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.sms_twilio` in vocative.yaml."""

    account: Annotated[str, Meta(pattern="^(AC[0-9a-fA-F]{32}|env:.+)$")]
    """The account's SID."""
    auth_token: Text
    """Write `env:NAME`."""
    from_number: str | None = None
    """The number or name that messages are from."""
    messaging_service: str | None = None
    """The SID of a messaging service, instead of `from_number`."""
    base_url: Text = "https://api.twilio.com"
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class SmsTwilio(HttpChannel):
    """Twilio, for text messages."""

    medium = "sms"
    address_field = "phone"
    Settings: ClassVar[type[msgspec.Struct]] = SmsTwilioSettings
    settings: SmsTwilioSettings

    def open(self) -> None:
        """Check that there is somebody to send as, and get ready."""
        if bool(self.settings.from_number) == bool(self.settings.messaging_service):
            raise AuthorError(
                "channels.sms_twilio needs either from_number or messaging_service",
                where="vocative.yaml",
                hint="one of them, not both",
            )
        super().open()

    def base_url(self) -> str:
        """Twilio's API."""
        return self.settings.base_url.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One text message."""
        settings = self.settings
        form = {"To": _number(message.to), "Body": short_text(message, most=_MOST_CHARACTERS)}
        if settings.messaging_service:
            form["MessagingServiceSid"] = settings.messaging_service
        else:
            form["From"] = settings.from_number or ""
        pair = b64encode(f"{settings.account}:{settings.auth_token}".encode()).decode()
        return Request(
            path=f"/2010-04-01/Accounts/{settings.account}/Messages.json",
            content=urlencode(form).encode(),
            headers={
                "authorization": f"Basic {pair}",
                "content-type": "application/x-www-form-urlencoded",
            },
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """Twilio's codes, from its error dictionary."""
        code = answer.json().get("code") or answer.status
        if answer.status == 404 or code in _ABOUT_US:
            raise self.locked_out(answer, message)
        if code in _DEAD:
            return self.says_no(answer, message, code, "bounced", address_is_dead=True)
        if code in _UNREACHABLE:
            return self.says_no(answer, message, code, "bounced")
        return self.says_no(answer, message, code)


def _number(stated: str) -> str:
    """A number as E.164; spaces and punctuation that people write are left out.

    Raises:
        Unmailable: it has no country code, or is no number.
    """
    plain = re.sub(r"[ ()./-]", "", stated)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", plain):
        raise Unmailable(
            "this phone number is not in international form",
            hint="declare the trait with `kind: phone` and a region in traits.yaml",
        )
    return plain
