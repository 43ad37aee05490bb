"""Mail through Amazon SES (API v2), as finished mails.

Requests are signed here, so no SDK is needed. SES writes a Message-ID of its own: the message's id
travels as a tag, which comes back with what SES publishes about bounces and complaints.
"""

from base64 import b64encode
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from vocative.clock import SystemClock
from vocative.deliver.channels._http import (
    MESSAGE_ID,
    Answer,
    Connections,
    HttpChannel,
    Request,
    Text,
    Timeout,
)
from vocative.deliver.channels._sigv4 import AwsKey, signed_headers
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import assemble, wire_address

_PATH = "/v2/email/outbound-emails"
_LATER = frozenset({"ThrottlingException", "Throttling", "LimitExceededException"})
_ABOUT_US = frozenset(
    "AccountSuspendedException SendingPausedException MailFromDomainNotVerifiedException"
    " NotFoundException ConflictException".split()
)


class SesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.ses` in vocative.yaml."""

    region: Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """For example `eu-west-1`."""
    access_key: Text
    secret_key: Text
    """Of a user that may `ses:SendEmail`; write `env:NAME`."""
    session_token: str | None = None
    """With temporary credentials."""
    configuration_set: str | None = None
    """The one that publishes bounces and complaints."""
    base_url: str | None = None
    """Instead of the region's own address."""
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Ses(HttpChannel):
    """Amazon SES, over its API."""

    Settings: ClassVar[type[msgspec.Struct]] = SesSettings
    settings: SesSettings

    def base_url(self) -> str:
        """The region's address."""
        stated = self.settings.base_url or f"https://email.{self.settings.region}.amazonaws.com"
        return stated.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One mail, signed."""
        settings = self.settings
        body: dict[str, object] = {
            "FromEmailAddress": wire_address(message.from_email),
            "Destination": {"ToAddresses": [wire_address(message.to)]},
            "Content": {"Raw": {"Data": b64encode(assemble(message)).decode()}},
            "EmailTags": [{"Name": MESSAGE_ID, "Value": message.message_id}],
        }
        if settings.configuration_set:
            body["ConfigurationSetName"] = settings.configuration_set
        content = msgspec.json.encode(body)
        headers = signed_headers(
            self.base_url() + _PATH,
            content=content,
            headers={"content-type": "application/json"},
            key=AwsKey(
                access_key=settings.access_key,
                secret_key=settings.secret_key,
                session_token=settings.session_token,
            ),
            region=settings.region,
            service="ses",
            # The real time, whatever instant the workspace acts at: signatures grow old.
            at=SystemClock().now(),
        )
        return Request(path=_PATH, content=content, headers=headers)

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """SES names the kind of error."""
        said = answer.json()
        stated = answer.headers.get("x-amzn-errortype") or str(said.get("__type") or "")
        code = stated.partition(":")[0].rpartition("#")[2] or str(answer.status)
        words = str(said.get("message") or said.get("Message") or "")
        # In the sandbox it refuses recipients with the same words; that, too, is about us.
        if code in _ABOUT_US or "not verified" in words:
            raise self.locked_out(answer, message)
        if code in _LATER:
            return self.says_no(answer, message, code, "deferred")
        return self.says_no(answer, message, code)
