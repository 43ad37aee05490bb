"""Amazon SES, by SNS: messages signed with a certificate that SNS publishes.

The certificate is fetched from SNS itself and from nowhere else, must be valid now and made out to
SNS. A subscription to a topic that the workspace names is confirmed by itself.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from vocative.deliver.feedback.providers.base import (
    OUR_FIELD,
    Call,
    NotGenuine,
    NotReadable,
    Provider,
    bounce,
    decoded,
    items,
    mapping,
    our_id,
    text,
)
from vocative.deliver.feedback.returned_mail import Report
from vocative.deliver.feedback.settings import SesSettings
from vocative.errors import ProviderError, Retryable

Fetch = Callable[[str], bytes]
_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(?:\.cn)?")
_NAME = re.compile(r"sns(?:\.[a-z0-9-]{3,40})?\.amazonaws\.com(?:\.cn)?")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_HASHES: dict[str, type[hashes.SHA1 | hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_CERTIFICATES: dict[str, bytes] = {}
_MOST_CERTIFICATES = 20


class SnsAway(ProviderError, Retryable):
    """SNS does not give its certificate, or take a confirmation, now; it will call again."""


class Ses(Provider):
    """Bounces, complaints and delays of SES.

    Args:
        settings: With the topics that may call.
        fetch: Gets a page of SNS.
    """

    def __init__(self, settings: SesSettings, fetch: Fetch | None = None) -> None:
        self._topics = frozenset(settings.topics)
        self._fetch = fetch or _fetched

    def read(self, call: Call) -> list[Report]:
        """Verify, then read."""
        envelope = decoded(call.body)
        if not isinstance(envelope, dict):
            raise NotReadable("the call is no message of SNS")
        self._verify(envelope, call.at)
        if envelope["Type"] == "SubscriptionConfirmation":
            self._fetch(_of_sns(text(envelope["SubscribeURL"])))
            return []
        return read_notice(decoded(text(envelope["Message"])))

    def _verify(self, envelope: dict[str, Any], now: datetime) -> None:
        names = _SIGNED.get(text(envelope.get("Type")))
        algorithm = _HASHES.get(text(envelope.get("SignatureVersion")))
        if names is None or algorithm is None:
            raise NotGenuine("the call is no signed message of SNS")
        if text(envelope.get("TopicArn")) not in self._topics:
            raise NotGenuine(
                "the call is of a topic that is not ours", hint="see feedback.ses.topics"
            )
        signed = "".join(
            f"{name}\n{text(envelope[name])}\n" for name in names if envelope.get(name) is not None
        )
        try:
            signature = base64.b64decode(text(envelope.get("Signature")), validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotGenuine("the signature is not readable") from error
        key = self._key(_of_sns(text(envelope.get("SigningCertURL"))), now)
        try:
            key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm())
        except InvalidSignature:
            raise NotGenuine("the signature is wrong") from None

    def _key(self, url: str, now: datetime) -> rsa.RSAPublicKey:
        raw = _CERTIFICATES.get(url) or self._fetch(url)
        try:
            certificate = x509.load_pem_x509_certificate(raw)
            key = certificate.public_key()
        except ValueError as error:
            raise NotGenuine("the certificate is not readable") from error
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotGenuine("the certificate is not valid now")
        if not any(_NAME.fullmatch(name) for name in _names(certificate)):
            raise NotGenuine("the certificate is not made out to SNS")
        if not isinstance(key, rsa.RSAPublicKey):
            raise NotGenuine("the certificate holds no RSA key")
        if len(_CERTIFICATES) < _MOST_CERTIFICATES and self._fetch is _fetched:
            _CERTIFICATES[url] = raw
        return key


def _names(certificate: x509.Certificate) -> list[str]:
    names = [
        str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return names
    return names + found.value.get_values_for_type(x509.DNSName)


def _of_sns(url: str) -> str:
    """An address, if it is one of SNS.

    Raises:
        NotGenuine: it leads elsewhere.
    """
    try:
        parts = urlsplit(url)
        plain = parts.port is None and parts.username is None and parts.password is None
    except ValueError:
        raise NotGenuine("an address in the call is no address") from None
    if parts.scheme != "https" or not plain or not _HOST.fullmatch(parts.hostname or ""):
        raise NotGenuine("an address in the call does not lead to SNS")
    return url


def _fetched(url: str) -> bytes:
    import httpx2

    try:
        answer = httpx2.get(url, timeout=10, follow_redirects=False)
    except httpx2.HTTPError as error:
        raise SnsAway(f"SNS cannot be reached ({type(error).__name__})") from error
    if answer.status_code != 200 or len(answer.content) > 100_000:
        raise SnsAway(f"SNS answers with {answer.status_code}")
    return answer.content


def read_notice(notice: Any) -> list[Report]:
    """What SES tells of one mail; also as it stands in mails of SNS."""
    notice = mapping(notice)
    mail = mapping(notice.get("mail"))
    headers = {
        text(one.get("name")).lower(): one.get("value") for one in items(mail.get("headers"))
    }
    tagged = mapping(mail.get("tags")).get(OUR_FIELD)
    message_id = our_id(
        *(tagged if isinstance(tagged, list) else [tagged]),
        headers.get("message-id"),
        mapping(mail.get("commonHeaders")).get("messageId"),
    )
    kind = text(notice.get("eventType") or notice.get("notificationType"))
    if kind == "Bounce":
        return _bounces(mapping(notice.get("bounce")), message_id)
    if kind == "Complaint":
        told = mapping(notice.get("complaint"))
        reason = text(told.get("complaintFeedbackType")) or "abuse"
        if reason == "not-spam":
            return []
        recipients = items(told.get("complainedRecipients"))
        return [
            Report(
                kind="complaint", reason=reason[:40], rule="provider:Complaint",
                recipient=text(one.get("emailAddress")) or None, message_id=message_id,
            )
            for one in recipients
        ]  # fmt: skip
    if kind == "DeliveryDelay":
        told = mapping(notice.get("deliveryDelay"))
        return [
            Report(
                kind="delayed", reason="not_reached", rule="provider:DeliveryDelay",
                recipient=text(one.get("emailAddress")) or None, message_id=message_id,
                status=text(one.get("status")) or None,
            )
            for one in items(told.get("delayedRecipients"))
        ]  # fmt: skip
    return []


def _bounces(told: dict[str, Any], message_id: str | None) -> list[Report]:
    permanent = told.get("bounceType") == "Permanent"
    says = f"{text(told.get('bounceType'))}/{text(told.get('bounceSubType'))}"
    return [
        bounce(
            text(one.get("diagnosticCode")),
            status=text(one.get("status")),
            vendor="hard" if permanent else "soft",
            vendor_says=says,
            recipient=text(one.get("emailAddress")),
            message_id=message_id,
        )
        for one in items(told.get("bouncedRecipients"))
    ]
