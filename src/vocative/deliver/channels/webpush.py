"""Push notifications to browsers (RFC 8030), encrypted for each of them.

The vault field `web_push` holds what `PushSubscription.toJSON()` gave in the browser. Its address
comes from outside, so only hosts of known push services are posted to.
"""

from hashlib import sha256
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
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
from vocative.deliver.channels._short import short_text, split_link
from vocative.deliver.channels._webpush import (
    Recipient,
    Subscription,
    base64url,
    encrypt,
    private_key,
    vapid,
)
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.errors import AuthorError

_SERVICES = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
_MOST_CHARACTERS = 1_000


class WebpushSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.webpush` in vocative.yaml."""

    private_key: Text
    """The VAPID key, 32 bytes in base 64; write `env:NAME`."""
    subject: Annotated[str, Meta(pattern="^(mailto:|https:|env:).+")]
    """Whom push services may turn to: `mailto:…` or `https://…`."""
    keep_seconds: Annotated[int, Meta(ge=0, le=2_419_200)] = 86_400
    """How long a push service keeps it for a browser that is away."""
    hosts: list[str] = []
    """Hosts of further push services."""
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class Webpush(HttpChannel):
    """Web Push, for browsers."""

    medium = "push"
    address_field = "web_push"
    # A push service answers 403 when this browser subscribed with another key.
    locks_out = frozenset({402})
    Settings: ClassVar[type[msgspec.Struct]] = WebpushSettings
    settings: WebpushSettings
    _key: ec.EllipticCurvePrivateKey

    def open(self) -> None:
        """Read the key and get ready."""
        try:
            self._key = private_key(self.settings.private_key)
        except ValueError:
            raise AuthorError(
                "channels.webpush.private_key is no VAPID key",
                where="vocative.yaml",
                hint="32 bytes in base 64 for addresses, as the usual tools print it",
            ) from None
        super().open()

    def base_url(self) -> str:
        """Each browser has an address of its own."""
        return ""

    def request(self, message: OutgoingMessage) -> Request:
        """One notification: `{title, body, url, id}` for the page's service worker."""
        try:
            subscription = msgspec.json.decode(message.to, type=Subscription)
            recipient = Recipient.of(subscription.keys)
            self._check_host(subscription.endpoint)
        except (msgspec.MsgspecError, ValueError):
            raise Unmailable("this is no subscription of a known push service") from None
        body, link = split_link(short_text(message, most=_MOST_CHARACTERS))
        told = {"title": message.subject, "body": body, "url": link, MESSAGE_ID: message.message_id}
        try:
            content = encrypt(msgspec.json.encode(told), recipient)
        except ValueError as error:
            raise Unmailable(str(error)) from None
        return Request(
            path=subscription.endpoint,
            content=content,
            headers={
                "content-type": "application/octet-stream",
                "content-encoding": "aes128gcm",
                "ttl": str(self.settings.keep_seconds),
                # What still waits for a browser is replaced by the same message, not doubled.
                "topic": base64url(sha256(message.message_id.encode()).digest()[:24]),
                "authorization": vapid(
                    subscription.endpoint,
                    key=self._key,
                    subject=self.settings.subject,
                    at=SystemClock().now(),
                ),
            },
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """404 and 410: the subscription is over."""
        if answer.status in (404, 410):
            return self.says_no(answer, message, answer.status, "bounced", address_is_dead=True)
        about_address = answer.status in (400, 401, 403)
        return self.says_no(
            answer, message, answer.status, "bounced" if about_address else "failed"
        )

    def _check_host(self, endpoint: str) -> None:
        """Refuse addresses that would make this machine ask others for whoever stated them.

        Raises:
            ValueError: it is not one of a push service.
        """
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        known = any(host == one or host.endswith(f".{one}") for one in _SERVICES)
        if known and (parts.scheme, parts.port, parts.username) == ("https", None, None):
            return
        if host in self.settings.hosts:
            try:
                self.check_address(endpoint)
            except AuthorError as error:
                raise ValueError from error
            return
        raise ValueError("not a push service")
