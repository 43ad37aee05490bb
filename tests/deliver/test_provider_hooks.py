"""Providers call: signed calls count once, forged ones not at all."""

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from post_office import CAMPAIGN, RUN, add_people, compose, plan
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vocative.deliver.channels import channel_for
from vocative.deliver.feedback.hooks import feedback_routes
from vocative.deliver.feedback.providers.base import Call, NotGenuine, NotReadable
from vocative.deliver.feedback.providers.mailgun import Mailgun
from vocative.deliver.feedback.providers.sendgrid import SIGNATURE, TIMESTAMP, Sendgrid
from vocative.deliver.feedback.providers.ses import Ses, read_notice
from vocative.deliver.feedback.settings import (
    MailgunSettings,
    SendgridSettings,
    SesSettings,
)
from vocative.deliver.sender import deliver
from vocative.deliver.suppressing import list_suppressions
from vocative.workspace import Workspace
from vocative.workspace.settings import read_settings

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:bounces"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
ID = "0123456789abcdef0123456789abcdef"
ANA = "person0@people.example"


@pytest.fixture
def message_id(workspace: Workspace) -> str:
    """A delivered message."""
    plan(workspace, add_people(workspace, 1))
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    with workspace.store.read() as tx:
        return str(tx.value("SELECT message_id FROM messages"))


@pytest.fixture
def client(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The route, with all providers but SES named."""
    monkeypatch.setenv("MAILGUN_KEY", "mailgun-key")
    settings = {
        "sendgrid": {"public_key": public_key()},
        "mailgun": {"signing_key": "env:MAILGUN_KEY"},
        "postmark": {"username": "postmark", "password": "long enough"},
    }
    with (workspace.root / "vocative.yaml").open("a") as file:
        file.write(f"feedback: {json.dumps(settings)}\n")
    workspace.__dict__["settings"] = read_settings(workspace.root)
    return TestClient(Starlette(routes=feedback_routes(workspace)))


def public_key() -> str:
    der = EC_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def by_sendgrid(events: list[dict[str, Any]]) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(events).encode() + b"\r\n"
    signature = EC_KEY.sign(b"1772444000" + body, ec.ECDSA(hashes.SHA256()))
    return body, {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: "1772444000"}


def by_mailgun(
    event: dict[str, Any], *, at: datetime = NOW, token: str = "token"
) -> tuple[bytes, dict[str, str]]:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(b"mailgun-key", f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return json.dumps({"signature": signed, "event-data": event}).encode(), {}


def by_postmark(event: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    pair = base64.b64encode(b"postmark:long enough").decode()
    return json.dumps(event).encode(), {"Authorization": f"Basic {pair}"}


def sendgrid_event(message_id: str, **more: Any) -> dict[str, Any]:
    fields = {
        "email": ANA, "event": "bounce", "type": "bounce", "status": "5.1.1",
        "reason": "550 5.1.1 user unknown", "vocative_message_id": message_id,
    }  # fmt: skip
    return {**fields, **more}


def mailgun_event(message_id: str, **more: Any) -> dict[str, Any]:
    fields = {
        "event": "failed", "severity": "permanent", "reason": "bounce", "recipient": ANA,
        "delivery-status": {"code": 550, "message": "5.1.1 user unknown"},
        "user-variables": {"vocative_message_id": message_id},
    }  # fmt: skip
    return {**fields, **more}


def postmark_event(message_id: str, **more: Any) -> dict[str, Any]:
    fields = {
        "RecordType": "Bounce", "Type": "HardBounce", "Email": ANA,
        "Details": "smtp;550 5.1.1 user unknown", "Metadata": {"vocative_message_id": message_id},
    }  # fmt: skip
    return {**fields, **more}


@pytest.mark.parametrize(
    ("provider", "signed"),
    [
        ("sendgrid", lambda one: by_sendgrid([sendgrid_event(one)])),
        ("mailgun", lambda one: by_mailgun(mailgun_event(one), token="once")),
        ("postmark", lambda one: by_postmark(postmark_event(one))),
    ],
)
def test_signed_calls_count_once_and_forged_ones_never(
    workspace: Workspace,
    client: TestClient,
    message_id: str,
    provider: str,
    signed: Callable[[str], tuple[bytes, dict[str, str]]],
) -> None:
    body, headers = signed(message_id)
    url = f"/feedback/{provider}"
    forged = json.dumps([sendgrid_event(message_id)]).encode() + b"\n"
    assert client.post(url, content=forged, headers={}).status_code == 403
    assert client.post(url, content=b"", headers=headers).status_code in (400, 403)
    assert list_suppressions(workspace).total == 0
    for _ in range(2):
        assert client.post(url, content=body, headers=headers).status_code == 200
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT kind, reason, source FROM returns")
    assert rows == [("hard", "unknown_address", provider)]
    found = list_suppressions(workspace, address=ANA).suppressions
    assert [one.reason for one in found] == ["bounce"]


def test_only_those_whom_the_workspace_names_are_heard(client: TestClient) -> None:
    assert client.post("/feedback/ses", content=b"{}").status_code == 404
    assert client.post("/feedback/nobody", content=b"{}").status_code == 404
    assert client.get("/feedback/mailgun").status_code == 405
    assert client.post("/feedback/mailgun", content=b"x" * 5_000_001).status_code == 413
    assert client.post("/feedback/mailgun", content=b"\xff{").status_code == 400


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (sendgrid_event(ID, type="blocked", reason="550 rejected, spam", status="5.7.1"), "block"),
        (sendgrid_event(ID, reason="552 5.2.2 mailbox full", status="5.2.2"), "soft"),
        (sendgrid_event(ID, reason="", status=""), "hard"),
        (sendgrid_event(ID, event="spamreport"), "complaint"),
        (sendgrid_event(ID, event="deferred"), "delayed"),
        (sendgrid_event(ID, event="dropped", reason="Bounced Address"), "hard"),
        (sendgrid_event(ID, event="dropped", reason="Unsubscribed Address"), None),
        (sendgrid_event(ID, event="open"), None),
    ],
)
def test_sendgrid(event: dict[str, Any], kind: str | None) -> None:
    body, headers = by_sendgrid([event])
    found = Sendgrid(SendgridSettings(public_key=public_key())).read(call(body, headers))
    assert [one.kind for one in found] == ([] if kind is None else [kind])
    assert all(one.message_id == ID for one in found)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (mailgun_event(ID, severity="temporary"), "delayed"),
        (mailgun_event(ID, event="complained"), "complaint"),
        (mailgun_event(ID, reason="old", **{"delivery-status": {"code": 602}}), "soft"),
        (mailgun_event(ID, reason="suppress-bounce", **{"delivery-status": {}}), "hard"),
        (mailgun_event(ID, event="delivered"), None),
    ],
)
def test_mailgun(event: dict[str, Any], kind: str | None) -> None:
    body, _ = by_mailgun(event, token=json.dumps(event))
    found = Mailgun(MailgunSettings(signing_key="mailgun-key")).read(call(body))
    assert [one.kind for one in found] == ([] if kind is None else [kind])


def test_a_token_of_mailgun_is_good_for_one_call_and_not_for_long() -> None:
    mailgun = Mailgun(MailgunSettings(signing_key="mailgun-key"))
    mailgun.read(call(by_mailgun(mailgun_event(ID), token="t1")[0]))
    other, _ = by_mailgun(mailgun_event(ID, recipient="else@people.example"), token="t1")
    with pytest.raises(NotGenuine, match="another call"):
        mailgun.read(call(other))
    old, _ = by_mailgun(mailgun_event(ID), at=NOW - timedelta(days=1), token="t2")
    with pytest.raises(NotGenuine, match="too old"):
        mailgun.read(call(old))


def call(body: bytes, headers: dict[str, str] | None = None) -> Call:
    plain = {name.lower(): value for name, value in (headers or {}).items()}
    return Call(headers=plain, body=body, at=NOW)


def certificate(name: str = "sns.amazonaws.com", *, until: datetime = NOW + timedelta(9)) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(RSA_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=99))
        .not_valid_after(until)
        .sign(RSA_KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def by_sns(kind: str = "Notification", **more: str) -> dict[str, str]:
    envelope = {
        "Type": kind, "MessageId": "1", "TopicArn": TOPIC, "Message": json.dumps(notice()),
        "Timestamp": "2026-03-02T09:29:59.000Z", "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL, **more,
    }  # fmt: skip
    names = sorted(set(envelope) - {"SignatureVersion", "SigningCertURL", "Signature"})
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names)
    version: hashes.HashAlgorithm = (
        hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()
    )
    signature = RSA_KEY.sign(text.encode(), padding.PKCS1v15(), version)
    return {"Signature": base64.b64encode(signature).decode(), **envelope}


def notice(**more: Any) -> dict[str, Any]:
    bounced = {"emailAddress": ANA, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
    fields = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                   "bouncedRecipients": [bounced]},
        "mail": {"tags": {"vocative_message_id": [ID]}},
    }  # fmt: skip
    return {**fields, **more}


def ses(pem: bytes | None = None, visited: list[str] | None = None) -> Ses:
    def fetch(url: str) -> bytes:
        if visited is not None:
            visited.append(url)
        return pem or certificate()

    return Ses(SesSettings(topics=[TOPIC]), fetch)


@pytest.mark.parametrize("version", ["1", "2"])
def test_sns_is_believed_when_it_signs(version: str) -> None:
    envelope = by_sns(SignatureVersion=version, Subject="Amazon SES")
    [found] = ses().read(call(json.dumps(envelope).encode()))
    assert (found.kind, found.message_id, found.recipient) == ("hard", ID, ANA)


def test_a_subscription_to_our_topic_is_confirmed() -> None:
    visited: list[str] = []
    url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1"
    envelope = by_sns("SubscriptionConfirmation", SubscribeURL=url, Token="1")
    assert ses(visited=visited).read(call(json.dumps(envelope).encode())) == []
    assert visited == [CERTIFICATE_URL, url]


@pytest.mark.parametrize(
    ("change", "pem"),
    [
        ({"Message": "{}"}, None),
        ({"Signature": "AAAA"}, None),
        ({"Signature": "no base64"}, None),
        ({"SigningCertURL": "https://evil.example/sns.amazonaws.com.pem"}, None),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem"}, None),
        ({"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/x.pem"}, None),
        ({"SigningCertURL": "https://a@sns.eu-central-1.amazonaws.com/x.pem"}, None),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com:99999/x.pem"}, None),
        ({"SignatureVersion": "3"}, None),
        ({"TopicArn": "arn:aws:sns:eu-central-1:1:other"}, None),
        ({"Type": "Other"}, None),
        ({}, certificate("evil.example")),
        ({}, certificate("sns.amazonaws.com.evil.example")),
        ({}, certificate(until=NOW - timedelta(days=1))),
        ({}, b"no certificate"),
    ],
)
def test_what_sns_did_not_sign_is_refused(change: dict[str, str], pem: bytes | None) -> None:
    envelope = {**by_sns(), **change}
    with pytest.raises(NotGenuine):
        ses(pem).read(call(json.dumps(envelope).encode()))


def test_a_confirmation_leads_nowhere_else() -> None:
    visited: list[str] = []
    envelope = by_sns("SubscriptionConfirmation", SubscribeURL="https://evil.example/", Token="1")
    with pytest.raises(NotGenuine):
        ses(visited=visited).read(call(json.dumps(envelope).encode()))
    assert visited == [CERTIFICATE_URL]


def test_real_notices_of_ses_are_read_and_need_their_certificate(shared_data: Path) -> None:
    folder = shared_data / "ses_webhooks"
    real = json.loads((folder / "bounce.signed.json").read_bytes())
    [found] = read_notice(json.loads(real["Message"]))
    assert (found.kind, found.status) == ("hard", "5.1.1")
    for name in ("bounce", "subscription"):
        raw = (folder / f"{name}.signed.json").read_bytes()
        own_topic = Ses(SesSettings(topics=[json.loads(raw)["TopicArn"]]), lambda _: certificate())
        # Their certificate is on no disk here: one that is not theirs must not do.
        with pytest.raises(NotGenuine, match="signature is wrong"):
            own_topic.read(call(raw))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["eventType", "bounce", "mail", "tags", "headers", "complaint", "bouncedRecipients"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_signed_call_is_read_or_refused(value: Any) -> None:
    read_notice(value)
    body = msgspec.json.encode(value)
    for name, signed in (
        (Sendgrid(SendgridSettings(public_key=public_key())), by_sendgrid([value])),
        (Mailgun(MailgunSettings(signing_key="mailgun-key")), (body, {})),
    ):
        with contextlib.suppress(NotGenuine, NotReadable):
            name.read(call(signed[0], signed[1]))
