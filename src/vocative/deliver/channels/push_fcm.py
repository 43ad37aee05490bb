"""Push notifications to apps, through Firebase Cloud Messaging (HTTP v1).

Subject and plain text become title and body; the last web address in the text is where a tap leads.
A service account signs for short-lived tokens (RFC 7523), so no SDK is needed.
"""

import re
import time
from base64 import urlsafe_b64encode
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

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
from vocative.deliver.channels.base import ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.errors import AuthorError, ProviderError

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MOST_CHARACTERS = 1_000
_LIFETIME_SECONDS = 3_600
_RENEW_SECONDS = 300


class PushFcmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.push_fcm` in vocative.yaml."""

    service_account: Text
    """The JSON key of a service account; write `env:NAME`."""
    base_url: Text = "https://fcm.googleapis.com"
    connections: Connections = 4
    timeout_seconds: Timeout = 30.0


class _Account(msgspec.Struct, frozen=True):
    """What of a service account's key is used."""

    project_id: str
    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address


class PushFcm(HttpChannel):
    """Firebase Cloud Messaging, for apps on phones."""

    medium = "push"
    address_field = "push_token"
    locks_out = frozenset({401, 402})
    Settings: ClassVar[type[msgspec.Struct]] = PushFcmSettings
    settings: PushFcmSettings

    def __init__(self, settings: PushFcmSettings, **more: Any) -> None:
        super().__init__(settings, **more)
        self._token = ""
        self._renew_at = 0.0

    def open(self) -> None:
        """Read the key and get ready."""
        self._account, self._key = _read(self.settings.service_account)
        self.check_address(self._account.token_uri)
        self._token = ""
        super().open()

    def base_url(self) -> str:
        """The API."""
        return self.settings.base_url.rstrip("/")

    def request(self, message: OutgoingMessage) -> Request:
        """One notification."""
        if not re.fullmatch(r"[A-Za-z0-9_:.-]{10,4096}", message.to):
            raise Unmailable("this is no push token")
        body, link = split_link(short_text(message, most=_MOST_CHARACTERS))
        data = {MESSAGE_ID: message.message_id}
        if link:
            data["link"] = link
        told: dict[str, Any] = {
            "token": message.to,
            "notification": {"title": message.subject, "body": body},
            "data": data,
        }
        return Request(
            path=f"/v1/projects/{self._account.project_id}/messages:send",
            content=msgspec.json.encode({"message": told}),
            headers={
                "authorization": f"Bearer {self._bearer()}",
                "content-type": "application/json",
            },
        )

    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """FCM's error codes; UNREGISTERED means that the app is gone."""
        code = _code(answer)
        if code == "UNREGISTERED":
            return self.says_no(answer, message, code, "bounced", address_is_dead=True)
        if code == "SENDER_ID_MISMATCH":
            return self.says_no(answer, message, code, "bounced")
        if answer.status in (403, 404):
            raise self.locked_out(answer, message)
        return self.says_no(answer, message, code)

    def _bearer(self) -> str:
        """A token that is good for a while yet."""
        if self._token and time.monotonic() < self._renew_at:
            return self._token
        form = {"grant_type": _GRANT, "assertion": self._assertion()}
        answer = self._exchange(
            Request(
                path=self._account.token_uri,
                content=urlencode(form).encode(),
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
        )
        # Nothing of the message has left yet, whatever became of this.
        if answer is None or answer.status == 429 or answer.status >= 500:
            raise ChannelDown("push_fcm gets no token now", where="channels.push_fcm")
        token = answer.json().get("access_token")
        if answer.status != 200 or not isinstance(token, str):
            raise ProviderError(
                f"push_fcm gets no token: the service account is refused ({answer.status})",
                where="channels.push_fcm in vocative.yaml",
                hint="check the key, and this machine's clock",
            )
        lives = answer.json().get("expires_in")
        lives = lives if isinstance(lives, int) else _LIFETIME_SECONDS
        self._token, self._renew_at = token, time.monotonic() + lives - _RENEW_SECONDS
        return token

    def _assertion(self) -> str:
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": self._account.client_email,
            "scope": _SCOPE,
            "aud": self._account.token_uri,
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
        }
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        signed = b".".join(_base64url(msgspec.json.encode(part)) for part in parts)
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64url(signature)).decode()


def _read(key: str) -> tuple[_Account, rsa.RSAPrivateKey]:
    try:
        account = msgspec.json.decode(key, type=_Account)
        private = serialization.load_pem_private_key(account.private_key.encode(), None)
    except (msgspec.MsgspecError, ValueError, TypeError):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise AuthorError(
            "channels.push_fcm.service_account is no key of a service account",
            where="vocative.yaml",
            hint="the whole JSON file that Firebase gives, in an environment variable",
        ) from None
    return account, private


def _code(answer: Answer) -> str:
    error = answer.json().get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and isinstance(detail.get("errorCode"), str):
            return str(detail["errorCode"])
    return str(error.get("status") or answer.status)


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
