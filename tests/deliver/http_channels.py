"""Every channel over HTTP with a provider of its own: settings, usual answers, addresses."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from post_office import set_channels

from http_provider import Provider, Reply, Seen
from vocative.deliver.channels import channel_for
from vocative.deliver.channels._webpush import base64url, from_base64url
from vocative.testing.channel_laws import ChannelBench
from vocative.workspace import Workspace

VAPID_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def mail(number: int) -> str:
    return f"person{number}@people.example"


def phone(number: int) -> str:
    return f"+44770090{number:04}"


def push_token(number: int) -> str:
    return f"token-{number:020}"


@cache
def browser() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(12345, ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class Case:
    """One channel: what vocative.yaml says, given the provider's address; what it usually says."""

    settings: Callable[[str], dict[str, Any]]
    usual: Reply
    address: Callable[[str], Callable[[int], str]] = lambda _: mail


def subscription(url: str) -> Callable[[int], str]:
    public = browser().public_key()
    point = public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )

    def made(number: int) -> str:
        keys = {"p256dh": base64url(point), "auth": base64url(bytes(range(16)))}
        return json.dumps({"endpoint": f"{url}/push/{number}", "keys": keys})

    return made


@cache
def service_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def service_account(url: str) -> str:
    account = {
        "type": "service_account",
        "project_id": "shop",
        "client_email": "push@shop.example",
        "private_key": service_key(),
        "token_uri": f"{url}/token",
    }
    return json.dumps(account)


CASES = {
    "sendgrid": Case(
        settings=lambda url: {"api_key": "SG.secret", "base_url": url},
        usual=Reply(status=202, body=b""),
    ),
    "postmark": Case(
        settings=lambda url: {"server_token": "pm-secret", "base_url": url},
        usual=Reply(body=b'{"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}'),
    ),
    "mailgun": Case(
        settings=lambda url: {"domain": "mg.shop.example", "api_key": "mg-key", "base_url": url},
        usual=Reply(body=b'{"id": "<x@mg>", "message": "Queued. Thank you."}'),
    ),
    "ses": Case(
        settings=lambda url: {
            "region": "eu-west-1",
            "access_key": "AKIDEXAMPLE",
            "secret_key": "ses-secret",
            "base_url": url,
        },
        usual=Reply(body=b'{"MessageId": "0102"}'),
    ),
    "webhook": Case(
        settings=lambda url: {"url": f"{url}/messages", "secret": WEBHOOK_SECRET},
        usual=Reply(status=204, body=b""),
    ),
    "sms_twilio": Case(
        settings=lambda url: {
            "account": "AC" + "0" * 32,
            "auth_token": "tw-secret",
            "from_number": "+15005550006",
            "base_url": url,
        },
        usual=Reply(status=201, body=b'{"sid": "SM1", "status": "queued"}'),
        address=lambda _: phone,
    ),
    "push_fcm": Case(
        settings=lambda url: {"service_account": service_account(url), "base_url": url},
        usual=Reply(body=b'{"name": "projects/shop/messages/1", "access_token": "ya29"}'),
        address=lambda _: push_token,
    ),
    "webpush": Case(
        settings=lambda _: {
            "private_key": VAPID_KEY,
            "subject": "mailto:push@shop.example",
            "hosts": ["127.0.0.1"],
        },
        usual=Reply(status=201, body=b""),
        address=subscription,
    ),
}
_PEOPLE = count(0, 100)
SECRETS = ("SG.secret", "pm-secret", "mg-key", "ses-secret", WEBHOOK_SECRET, "tw-secret", VAPID_KEY)


def bench_for(name: str, workspace: Workspace, told: Provider, **settings: object) -> ChannelBench:
    """A channel whose provider is `told`, for people whom no other bench has."""
    after = next(_PEOPLE)
    case = CASES[name]
    stated = {**case.settings(told.url), **settings}
    set_channels(workspace, json.dumps({name: stated}))
    channel = channel_for(workspace, name)
    bench = ChannelBench(
        channel=channel,
        workspace=workspace,
        carried=lambda message_id: [
            seen.body for seen in told.requests if carries(seen, message_id, bench)
        ],
        address=lambda number: case.address(told.url)(number + after),
    )
    return bench


def carries(seen: Seen, message_id: str, bench: ChannelBench) -> bool:
    """Whether a request is about a message; where its id is not told, by whom it is for."""
    if message_id.encode() in seen.body:
        return True
    raw = base64.b64decode(seen.json()["Content"]["Raw"]["Data"]) if b'"Raw"' in seen.body else b""
    to = bench.sent.get(message_id, "")
    by_address = (to.startswith("{") and json.loads(to)["endpoint"].endswith(seen.path)) or (
        to.startswith("+") and to.replace("+", "%2B").encode() in seen.body
    )
    return message_id.encode() in raw or by_address


__all__ = ["CASES", "SECRETS", "Case", "bench_for", "browser", "from_base64url"]
