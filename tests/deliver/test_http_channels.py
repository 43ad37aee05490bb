"""Channels over HTTP: what is sent, and what each answer or silence means for the message."""

import json
import re
import socket
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from http_channels import CASES, SECRETS, VAPID_KEY, WEBHOOK_SECRET, bench_for, service_key
from post_office import set_channels

from http_provider import HangUp, Provider, Reply, Seen, provider
from vocative.deliver.channels import channel_for
from vocative.deliver.channels._http import retry_after_seconds
from vocative.deliver.channels._short import split_link
from vocative.deliver.channels._webpush import base64url, from_base64url, private_key
from vocative.deliver.channels.base import ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.errors import AuthorError, ProviderError, VocativeError
from vocative.testing.channel_laws import ChannelBench
from vocative.workspace import Workspace

MAIL = ("sendgrid", "postmark", "mailgun", "ses", "webhook")


@pytest.fixture
def workspace(shared_workspace: Workspace) -> Workspace:
    """One for all tests here: each bench has people of its own."""
    return shared_workspace


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def told(name: str) -> Iterator[Provider]:
    with provider(lambda _: CASES[name].usual) as started:
        yield started


def sent(bench: ChannelBench, **changes: Any) -> tuple[OutgoingMessage, Receipt]:
    message, permit = bench.permitted(**changes)
    with bench.channel as channel:
        return message, channel.send(message, permit)


def answering(told: Provider, status: int, body: object = None, **headers: str) -> None:
    """Every message is answered so; a token is given as usual."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    reply = Reply(status=status, body=json.dumps(body or {}).encode(), headers=named)
    usual = CASES["push_fcm"].usual
    told.answer = lambda seen: usual if seen.path == "/token" else reply


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(429, "deferred"), (500, "deferred"), (503, "deferred"), (413, "failed"), (504, "unsure")],
)
def test_what_any_provider_may_answer(
    name: str, told: Provider, workspace: Workspace, status: int, outcome: str
) -> None:
    bench = bench_for(name, workspace, told)
    answering(told, status, {"message": "later"}, retry_after="7")
    _, receipt = sent(bench)
    if outcome == "unsure":
        # A gateway that gave up waiting knows no more than we do.
        outcome = "deferred" if name == "webhook" else "ambiguous"
    assert receipt.outcome == outcome
    if status in (429, 500, 503):
        assert receipt.retry_seconds == 7
        assert receipt.reason == f"{name}_{status}"


def test_a_request_without_an_answer_is_never_guessed_about(
    name: str, told: Provider, workspace: Workspace
) -> None:
    bench = bench_for(name, workspace, told)
    usual = CASES["push_fcm"].usual
    told.answer = lambda seen: usual if seen.path == "/token" else HangUp()
    message, receipt = sent(bench)
    assert receipt.outcome == ("deferred" if name == "webhook" else "ambiguous")
    assert receipt.reason == "no_answer"
    assert len(bench.carried(message.message_id)) == 1, "it was handed over once"


def test_silence_again_and_again_ends_the_run(
    name: str, told: Provider, workspace: Workspace
) -> None:
    if name == "webhook":
        return
    bench = bench_for(name, workspace, told)
    usual = CASES["push_fcm"].usual
    told.answer = lambda seen: usual if seen.path == "/token" else HangUp()
    pairs = [bench.permitted() for _ in range(4)]
    with bench.channel as channel:
        for message, permit in pairs[:3]:
            assert channel.send(message, permit).outcome == "ambiguous"
        asked = len(told.requests)
        with pytest.raises(ProviderError, match="3 messages in a row"):
            channel.send(*pairs[3])
    assert len(told.requests) == asked


def test_who_cannot_be_reached_has_got_nothing(
    name: str, told: Provider, workspace: Workspace
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = Provider(lambda _: Reply())
        nobody.port = closed.getsockname()[1]
        with pytest.raises(ChannelDown):
            sent(bench_for(name, workspace, nobody))


def test_a_slow_provider_is_waited_for_so_long(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = Provider(lambda _: Reply())
        silent.port = mute.getsockname()[1]
        bench = bench_for("postmark", workspace, silent, timeout_seconds=0.2)
        _, receipt = sent(bench)
    assert (receipt.outcome, receipt.reason) == ("ambiguous", "no_answer")


def test_wrong_credentials_stop_everything_and_are_not_told(
    name: str, told: Provider, workspace: Workspace
) -> None:
    bench = bench_for(name, workspace, told)
    to = bench.address(1)
    answering(told, 401, {"message": f"unknown key, sending to {to}"})
    if name == "webpush":
        # There each browser says so for itself.
        assert sent(bench)[1].outcome == "bounced"
        return
    with pytest.raises(ProviderError) as caught:
        sent(bench)
    said = str(caught.value)
    assert f"channels.{name}" in said
    assert not any(secret in said for secret in (*SECRETS, to, "people.example"))


@pytest.mark.parametrize(
    ("name", "status", "body", "expected", "dead"),
    [
        (
            "sendgrid",
            400,
            {"errors": [{"message": "bad", "field": "personalizations.0.to.0.email"}]},
            ("bounced", "sendgrid_400"),
            False,
        ),
        ("sendgrid", 400, {"errors": [{"field": "content"}]}, ("failed", "sendgrid_400"), False),
        ("sendgrid", 400, {"errors": [{"field": "from.email"}]}, None, False),
        ("sendgrid", 400, [1, 2], ("failed", "sendgrid_400"), False),
        ("postmark", 422, {"ErrorCode": 406}, ("bounced", "postmark_406"), True),
        ("postmark", 422, {"ErrorCode": 300}, ("failed", "postmark_300"), False),
        ("postmark", 422, {"ErrorCode": 405}, None, False),
        ("postmark", 200, {"ErrorCode": 406}, ("bounced", "postmark_406"), True),
        (
            "mailgun",
            400,
            {"message": "'to' parameter is not a valid address. please check documentation"},
            ("bounced", "mailgun_400"),
            False,
        ),
        ("mailgun", 404, {"message": "Domain not found: mg.shop.example"}, None, False),
        ("mailgun", 400, {"message": "mime is missing"}, ("failed", "mailgun_400"), False),
        ("ses", 400, {"__type": "MessageRejected"}, ("failed", "ses_MessageRejected"), False),
        (
            "ses",
            400,
            {"__type": "com.amazonaws.ses#LimitExceededException"},
            ("deferred", "ses_LimitExceededException"),
            False,
        ),
        ("ses", 400, {"__type": "MailFromDomainNotVerifiedException"}, None, False),
        (
            "ses",
            400,
            {"__type": "MessageRejected", "message": "Email address is not verified."},
            None,
            False,
        ),
        ("webhook", 422, {"detail": "no"}, ("failed", "webhook_422"), False),
        ("webhook", 410, {}, None, False),
        ("sms_twilio", 400, {"code": 21211}, ("bounced", "sms_twilio_21211"), True),
        ("sms_twilio", 400, {"code": 21610}, ("bounced", "sms_twilio_21610"), True),
        ("sms_twilio", 400, {"code": 21606}, None, False),
        ("sms_twilio", 400, {"code": 21617}, ("failed", "sms_twilio_21617"), False),
        (
            "push_fcm",
            404,
            {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}},
            ("bounced", "push_fcm_UNREGISTERED"),
            True,
        ),
        (
            "push_fcm",
            403,
            {"error": {"details": [{"errorCode": "SENDER_ID_MISMATCH"}]}},
            ("bounced", "push_fcm_SENDER_ID_MISMATCH"),
            False,
        ),
        ("push_fcm", 403, {"error": {"status": "PERMISSION_DENIED"}}, None, False),
        ("webpush", 410, {}, ("bounced", "webpush_410"), True),
        ("webpush", 403, {}, ("bounced", "webpush_403"), False),
    ],
)
def test_what_each_provider_says_no_with(
    told: Provider,
    workspace: Workspace,
    name: str,
    status: int,
    body: object,
    expected: tuple[str, str] | None,
    dead: bool,
) -> None:
    bench = bench_for(name, workspace, told)
    answering(told, status, body)
    if expected is None:
        with pytest.raises(ProviderError):
            sent(bench)
        return
    _, receipt = sent(bench)
    assert (receipt.outcome, receipt.reason) == expected
    assert receipt.address_is_dead is dead


def test_what_providers_say_is_kept_without_people(
    name: str, told: Provider, workspace: Workspace
) -> None:
    bench = bench_for(name, workspace, told)
    to = bench.address(1)
    answering(told, 422, {"message": f"cannot reach {to}", "code": "x"})
    _, receipt = sent(bench)
    assert receipt.reply
    assert "cannot reach" in receipt.reply
    for told_of in (to, "people.example", "+4477", "token-0", "/push/"):
        assert told_of not in receipt.reply


def test_an_answer_that_never_ends_is_not_read_to_its_end(workspace: Workspace) -> None:
    with provider(lambda _: Reply(status=400, body=b"no" * 500_000)) as told:
        _, receipt = sent(bench_for("sendgrid", workspace, told))
    assert receipt.outcome == "failed"
    assert len(receipt.reply or "") <= 300


@pytest.mark.parametrize("name", MAIL)
def test_mails_keep_what_makes_them_ours(told: Provider, workspace: Workspace, name: str) -> None:
    bench = bench_for(name, workspace, told)
    message, _ = sent(bench, unsubscribe_url="https://shop.example/u/1")
    [seen] = told.requests
    headers = _mail_headers(name, seen)
    assert headers["List-Unsubscribe"] == "<https://shop.example/u/1>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Feedback-ID"] == "law:marketing:1:test"
    assert headers["Message-ID"] == f"<{message.message_id}@shop.example>"
    assert (
        "Grüße".encode() in seen.body
        or b"Gr\\u00fc" in seen.body
        or name
        in (
            "ses",
            "mailgun",
        )
    )


def _mail_headers(name: str, seen: Seen) -> dict[str, str]:
    match name:
        case "sendgrid":
            return dict(seen.json()["personalizations"][0]["headers"])
        case "postmark":
            return {one["Name"]: one["Value"] for one in seen.json()["Headers"]}
        case "webhook":
            return dict(seen.json()["data"]["headers"])
        case "ses":
            raw = b64decode(seen.json()["Content"]["Raw"]["Data"])
        case _:
            raw = _form(seen)["message"]
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed["Subject"] == "Grüße 👋"
    return {key: str(value) for key, value in parsed.items()}


def _form(seen: Seen) -> dict[str, bytes]:
    """A multipart form, read by the standard library."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    parsed = message_from_bytes(head + seen.body)
    found = {}
    for part in parsed.get_payload():  # type: ignore[union-attr]
        field = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        inner = part.get_payload()  # type: ignore[union-attr]
        raw = inner[0].as_bytes() if part.is_multipart() else str(inner).encode()  # type: ignore[union-attr,index]
        found[str(field)] = raw
    return found


def test_mailgun_gets_the_mail_and_what_is_to_be_done_with_it(workspace: Workspace) -> None:
    with provider(lambda _: CASES["mailgun"].usual) as told:
        message, _ = sent(bench_for("mailgun", workspace, told, require_tls=True))
    [seen] = told.requests
    form = _form(seen)
    assert seen.path == "/v3/mg.shop.example/messages.mime"
    assert form["to"].strip() == message.to.encode()
    assert form["o:tracking"].strip() == b"no"
    assert form["o:require-tls"].strip() == b"yes"
    assert form["v:vocative_message_id"].strip() == message.message_id.encode()
    assert seen.headers["authorization"] == "Basic YXBpOm1nLWtleQ=="


def test_a_reply_address_and_further_settings_travel_along(workspace: Workspace) -> None:
    with provider(lambda _: Reply()) as told:
        sent(
            bench_for("sendgrid", workspace, told, ip_pool="news"),
            reply_to="ask@shop.example",
            from_name="",
        )
        postmark = bench_for("postmark", workspace, told)
        sent(postmark, reply_to="ask@shop.example", from_name="")
        more = {"configuration_set": "main", "session_token": "st"}
        sent(bench_for("ses", workspace, told, **more))
    first, second, third = told.requests
    assert first.json()["reply_to"] == {"email": "ask@shop.example"}
    assert first.json()["ip_pool_name"] == "news"
    assert first.json()["from"] == {"email": "hello@shop.example"}
    assert second.json()["ReplyTo"] == "ask@shop.example"
    assert second.json()["From"] == "hello@shop.example"
    assert third.json()["ConfigurationSetName"] == "main"
    assert third.headers["x-amz-security-token"] == "st"


def test_text_messages_carry_the_plain_text(workspace: Workspace) -> None:
    with provider(lambda _: CASES["sms_twilio"].usual) as told:
        bench = bench_for("sms_twilio", workspace, told)
        sent(bench, text="\nBack in stock: https://s.example/1\n", to="+44 (7700) 900-123")
        for wrong in (
            {"text": " "},
            {"text": "x" * 1_601},
            {"to": "07700 900123"},
            {"to": "+49"},
        ):
            with pytest.raises(Unmailable):
                sent(bench, **wrong)
        [seen] = told.requests
        assert parse_qs(seen.body.decode()) == {
            "To": ["+447700900123"],
            "From": ["+15005550006"],
            "Body": ["Back in stock: https://s.example/1"],
        }
        service = bench_for(
            "sms_twilio", workspace, told, from_number=None, messaging_service="MG1"
        )
        sent(service)
        assert b"MessagingServiceSid=MG1" in told.requests[-1].body
        with pytest.raises(AuthorError, match="from_number or messaging_service"):
            sent(bench_for("sms_twilio", workspace, told, messaging_service="MG1"))


def test_apps_get_title_text_and_link_with_a_token_for_many(workspace: Workspace) -> None:
    with provider(lambda _: CASES["push_fcm"].usual) as told:
        bench = bench_for("push_fcm", workspace, told)
        pairs = [bench.permitted(text="It is back https://s.example/1") for _ in range(3)]
        with bench.channel as channel:
            for pair in pairs:
                channel.send(*pair)
    token, first, *others = told.requests
    assert len(others) == 2, "one token serves all"
    assert first.json()["message"]["notification"] == {"title": "Grüße 👋", "body": "It is back"}
    assert first.json()["message"]["data"]["link"] == "https://s.example/1"
    assert first.headers["authorization"] == "Bearer ya29"
    form = parse_qs(token.body.decode())
    head, claims, signature = form["assertion"][0].split(".")
    key: Any = serialization.load_pem_private_key(service_key().encode(), None)
    key.public_key().verify(
        from_base64url(signature),
        f"{head}.{claims}".encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    said = json.loads(from_base64url(claims))
    assert said["iss"] == "push@shop.example"
    assert said["aud"] == f"{told.url}/token"
    assert said["exp"] - said["iat"] == 3600


@pytest.mark.parametrize(
    ("status", "error"), [(400, ProviderError), (503, ChannelDown), (200, ProviderError)]
)
def test_without_a_token_nothing_leaves(
    workspace: Workspace, status: int, error: type[VocativeError]
) -> None:
    with provider(lambda _: Reply(status=status)) as told:
        with pytest.raises(error, match="token"):
            sent(bench_for("push_fcm", workspace, told))
        assert [seen.path for seen in told.requests] == ["/token"]


def test_browsers_get_what_only_they_can_read(workspace: Workspace) -> None:
    with provider(lambda _: CASES["webpush"].usual) as told:
        bench = bench_for("webpush", workspace, told)
        message, _ = sent(bench, text="It is back https://s.example/1")
    [seen] = told.requests
    assert json.loads(opened(seen.body)) == {
        "title": "Grüße 👋",
        "body": "It is back",
        "url": "https://s.example/1",
        "vocative_message_id": message.message_id,
    }
    assert seen.headers["content-encoding"] == "aes128gcm"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,32}", seen.headers["topic"])
    found = re.fullmatch(r"vapid t=(.+)\.(.+)\.(.+), k=(.+)", seen.headers["authorization"])
    assert found
    public = private_key(VAPID_KEY).public_key()
    raw = from_base64url(found[3])
    signature = encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )
    public.verify(signature, f"{found[1]}.{found[2]}".encode(), ec.ECDSA(hashes.SHA256()))
    assert json.loads(from_base64url(found[2]))["aud"] == told.url


def opened(body: bytes) -> bytes:
    """What the browser of `http_channels` reads; RFC 8188 and 8291 once more, from its side."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from http_channels import browser

    salt, size = body[:16], body[20]
    point, sealed = body[21 : 21 + size], body[21 + size :]
    own = (
        browser()
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    shared = browser().exchange(ec.ECDH(), theirs)

    def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, info).derive(secret)

    keyed = derive(shared, bytes(range(16)), b"WebPush: info\0" + own + point, 32)
    key = derive(keyed, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derive(keyed, salt, b"Content-Encoding: nonce\0", 12)
    plain = AESGCM(key).decrypt(nonce, sealed, None)
    assert plain.endswith(b"\x02")
    return plain[:-1]


def test_push_messages_are_as_in_the_standard() -> None:
    """The worked example of RFC 8291, section 5."""
    from vocative.deliver.channels._webpush import Keys, Recipient, encrypt

    recipient = Recipient.of(
        Keys(
            p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6"
            "SRpkNtoIAiw4",
            auth="BTBZMqHH6r4Tts7J_aSIgg",
        )
    )
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        recipient,
        sender=private_key(VAPID_KEY),
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocIn"
        "mYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNW"
        "QexSgSxsj_Qulcy4a-fN"
    )
    with pytest.raises(ValueError, match=r"3,993"):
        encrypt(b"x" * 4_000, recipient)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://metadata.internal/push",
        "http://updates.push.services.mozilla.com/wpush/1",
        "https://fcm.googleapis.com:8080/fcm/send/1",
        "https://fcm.googleapis.com.evil.example/1",
        "https://user@fcm.googleapis.com/1",
        "file:///etc/passwd",
    ],
)
def test_only_push_services_are_posted_to(workspace: Workspace, endpoint: str) -> None:
    with provider(lambda _: Reply()) as told:
        bench = bench_for("webpush", workspace, told)
        there = msgspec.json.decode(bench.address(1))
        with pytest.raises(Unmailable, match="known push service"):
            sent(bench, to=json.dumps({**there, "endpoint": endpoint}))
        assert told.requests == []


def test_services_of_ones_own_can_check_who_posts(workspace: Workspace) -> None:
    standardwebhooks = pytest.importorskip("standardwebhooks", reason="no library: make vendors")
    with provider(lambda _: CASES["webhook"].usual) as told:
        message, _ = sent(bench_for("webhook", workspace, told))
    [seen] = told.requests
    verified = standardwebhooks.Webhook(WEBHOOK_SECRET).verify(seen.body, seen.headers)
    assert verified["data"]["message_id"] == message.message_id == seen.headers["webhook-id"]
    assert verified["data"]["text"] == message.text


def test_requests_to_amazon_are_signed_as_its_own_library_does(workspace: Workspace) -> None:
    auth = pytest.importorskip("botocore.auth", reason="no botocore: make clouds")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    with provider(lambda _: CASES["ses"].usual) as told:
        sent(bench_for("ses", workspace, told, session_token="a/token+"))
    [seen] = told.requests
    at = datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    theirs = auth.SigV4Auth(
        Credentials("AKIDEXAMPLE", "ses-secret", "a/token+"), "ses", "eu-west-1"
    )
    request = AWSRequest(
        "POST",
        f"{told.url}{seen.path}",
        headers={"content-type": "application/json"},
        data=seen.body,
    )
    # Its own steps, at the instant at which ours was signed.
    request.context["timestamp"] = seen.headers["x-amz-date"]
    theirs._modify_request_before_signing(request)  # it sets the date of now
    request.headers.replace_header("X-Amz-Date", seen.headers["x-amz-date"])
    signature = theirs.signature(
        theirs.string_to_sign(request, theirs.canonical_request(request)), request
    )
    assert seen.headers["authorization"].rpartition("Signature=")[2] == signature


def test_amazon_takes_a_mail_from_a_verified_sender_only(workspace: Workspace) -> None:
    """Against moto's SES, asked over HTTP as the real one is."""
    moto = pytest.importorskip("moto.server", reason="no moto: make clouds")
    boto3 = pytest.importorskip("boto3", reason="no boto3: make clouds")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        nobody = Provider(lambda _: Reply())
        nobody.port = port
        bench = bench_for("ses", workspace, nobody)
        assert sent(bench)[1].reason == "ses_MessageRejected"
        client = boto3.client(
            "ses",
            region_name="eu-west-1",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="ses-secret",
        )
        client.verify_email_identity(EmailAddress="hello@shop.example")
        assert sent(bench)[1].outcome == "accepted"
        client.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("sendgrid", {"base_url": "http://api.example.com"}, "must start with https"),
        ("webhook", {"secret": "whsec_short"}, "no Standard Webhooks secret"),
        ("webhook", {"secret": "x" * 40}, "no Standard Webhooks secret"),
        ("push_fcm", {"service_account": "{}"}, "no key of a service account"),
        ("webpush", {"private_key": "short"}, "no VAPID key"),
        ("postmark", {"server_token": "line\nbreak"}, "character that no request can have"),
    ],
)
def test_a_setting_that_cannot_work_is_named(
    told: Provider, workspace: Workspace, name: str, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(VocativeError, match=words) as caught:
        sent(bench_for(name, workspace, told, **settings))
    assert not any(value in str(caught.value) for value in settings.values() if len(value) > 5)


def test_secrets_come_from_the_environment_here_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SG_KEY", "SG.secret")
    set_channels(workspace, "{sendgrid: {api_key: 'env:SG_KEY'}}")
    assert channel_for(workspace, "sendgrid").settings.api_key == "SG.secret"


def test_how_long_to_wait_is_read_in_both_forms() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    earlier = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    waits = [
        retry_after_seconds({"retry-after": stated})
        for stated in ("120", later, earlier, "999999999", "-5", "never", "")
    ]
    assert waits[0] == 120
    assert waits[1] is not None
    assert 3_500 < waits[1] <= 3_600
    assert waits[2:] == [0.0, 86_400.0, None, None, None]


def test_the_last_address_is_where_a_tap_leads() -> None:
    text = "See https://s.example/a or\nhttps://s.example/b today"
    assert split_link(text) == ("See https://s.example/a or today", "https://s.example/b")
    assert split_link("no link") == ("no link", None)
