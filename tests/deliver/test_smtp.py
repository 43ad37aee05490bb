"""SMTP: every answer means what it says, and what nobody can know is ambiguous."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from post_office import Mailbox, Script, Server

from vocative.deliver.channels.base import ChannelDown
from vocative.deliver.channels.smtp import Smtp, SmtpSettings
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.smtp_connection import without_addresses
from vocative.errors import ProviderError

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HELLO = ["220 script", None, "250-script\r\n250 PIPELINING"]
ENVELOPE = [None, None, None, "250 2.1.0 ok", "250 2.1.5 ok", "354 go"]


def message(**changes: object) -> OutgoingMessage:
    fields = {
        "message_id": "ab" * 16, "subject": "Hello", "html": "<p>Hello</p>", "text": "Hello",
        "from_email": "hello@shop.example", "to": "ana.maria@people.example", "at": AT,
    }  # fmt: skip
    return OutgoingMessage(**{**fields, **changes})


def channel(port: int, **changes: object) -> Smtp:
    fields = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 2}
    return Smtp(SmtpSettings(**{**fields, **changes}), state_dir=Path())


def send(port: int, **changes: object) -> Receipt:
    with channel(port) as smtp:
        return smtp.hand_over(message(**changes))


Scripted = Callable[..., Script]


def test_an_accepted_message_is_acknowledged_at_the_final_dot(scripted: Scripted) -> None:
    server = scripted([*HELLO, *ENVELOPE, "body", "250 2.0.0 queued as 1"])
    receipt = send(server.port, html="<p>a</p>\n.\n..b")
    assert (receipt.outcome, receipt.reply) == ("accepted", "250 2.0.0 queued as 1")
    assert server.heard[1] == b"MAIL FROM:<hello@shop.example>\r\n"
    assert server.heard[2] == b"RCPT TO:<ana.maria@people.example>\r\n"
    assert b"\r\n..\r\n...b\r\n" in server.heard[4]


@pytest.mark.parametrize(
    ("reply", "outcome", "reason", "dead"),
    [
        ("450 4.2.1 try later", "deferred", "smtp_4.2.1", False),
        ("451 try later", "deferred", "smtp_451", False),
        ("550 5.1.1 no such user", "bounced", "smtp_5.1.1", True),
        ("550 no such user", "bounced", "smtp_550", True),
        ("552 5.2.2 mailbox full", "bounced", "smtp_5.2.2", False),
        ("550 5.7.1 not from you", "failed", "smtp_5.7.1", False),
        ("554 5.3.4 too large", "failed", "smtp_5.3.4", False),
    ],
)
def test_a_refused_recipient(
    scripted: Scripted, reply: str, outcome: str, reason: str, dead: bool
) -> None:
    # Having said DATA already, we end the transaction with an empty message (RFC 2920).
    server = scripted(
        [*HELLO, None, None, None, "250 ok", reply, "354 go", None, "554 no recipients"]
    )
    receipt = send(server.port)
    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    assert receipt.address_is_dead == dead
    assert server.heard[4] == b".\r\n"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [("451 4.3.0 later", "deferred"), ("554 5.7.1 spam", "failed"), ("550 5.1.1 who", "bounced")],
)
def test_a_refused_body(scripted: Scripted, reply: str, outcome: str) -> None:
    server = scripted([*HELLO, *ENVELOPE, "body", reply])
    assert send(server.port).outcome == outcome


def test_no_answer_after_the_final_dot_is_ambiguous(scripted: Scripted) -> None:
    server = scripted([*HELLO, *ENVELOPE, "body"])
    receipt = send(server.port)
    assert (receipt.outcome, receipt.reason) == ("ambiguous", "no_answer")


def test_silence_after_the_final_dot_is_ambiguous(scripted: Scripted) -> None:
    server = scripted([*HELLO, *ENVELOPE, "body", None])
    with channel(server.port, timeout_seconds=0.2) as smtp:
        assert smtp.hand_over(message()).outcome == "ambiguous"


def test_nonsense_after_the_final_dot_is_ambiguous(scripted: Scripted) -> None:
    server = scripted([*HELLO, *ENVELOPE, "body", "OK thanks"])
    assert send(server.port).outcome == "ambiguous"


def test_a_connection_lost_before_the_body_is_tried_again_on_a_new_one(scripted: Scripted) -> None:
    server = scripted(
        [*HELLO, None, None, None], [*HELLO, *ENVELOPE, "body", "250 2.0.0 ok", None, "221 bye"]
    )
    assert send(server.port).outcome == "accepted"


def test_a_connection_lost_twice_before_the_body_is_deferred(scripted: Scripted) -> None:
    server = scripted([*HELLO, None, None, None], [*HELLO, None, None, None], [*HELLO])
    with channel(server.port) as smtp:
        receipt = smtp.hand_over(message())
    assert (receipt.outcome, receipt.reason) == ("deferred", "connection_lost")
    assert receipt.retry_seconds is not None


def test_a_server_that_closes_down_is_left(scripted: Scripted) -> None:
    server = scripted(
        [*HELLO, *ENVELOPE, "body", "421 4.3.2 closing"],
        [*HELLO, *ENVELOPE, "body", "250 2.0.0 ok", None, "221 bye"],
    )
    with channel(server.port) as smtp:
        assert smtp.hand_over(message()).outcome == "deferred"
        assert smtp.hand_over(message()).outcome == "accepted"


def test_without_pipelining_it_goes_step_by_step(scripted: Scripted) -> None:
    server = scripted(
        ["220 old", None, "500 what?", None, "250 old", None, "250 ok", None, "550 5.1.1 no",
         None, "250 reset", None, "250 ok", None, "250 ok", None, "354 go", "body", "250 fine",
         None, "221 bye"]
    )  # fmt: skip
    with channel(server.port) as smtp:
        assert smtp.hand_over(message()).outcome == "bounced"
        assert smtp.hand_over(message()).outcome == "accepted"
    commands = [line[:4] for line in server.heard]
    assert commands[:5] == [b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET"]


def test_a_message_larger_than_the_server_takes_is_not_sent(scripted: Scripted) -> None:
    server = scripted(["220 small", None, "250-small\r\n250 SIZE 500", None, "221 bye"])
    receipt = send(server.port, text="x" * 600)
    assert (receipt.outcome, receipt.reason) == ("failed", "too_large")


def test_a_refused_sender_is_our_mistake_and_nothing_leaves(scripted: Scripted) -> None:
    server = scripted(
        [*HELLO, None, None, None, "550 5.7.1 <hello@shop.example> is not yours", "503 no",
         "503 no", None, "250 reset", None, "221 bye"]
    )  # fmt: skip
    with pytest.raises(ProviderError, match="refuses our sender") as caught:
        send(server.port)
    assert not isinstance(caught.value, ChannelDown)
    assert "hello@shop.example" not in str(caught.value)


def test_replies_are_kept_without_addresses(scripted: Scripted) -> None:
    server = scripted(
        [
            *HELLO,
            *ENVELOPE,
            "body",
            "550-5.1.1 <ana.maria@people.example>:\r\n550 5.1.1 no ana.maria",
        ]
    )
    receipt = send(server.port)
    assert receipt.reply == "550 5.1.1 <…>: 5.1.1 no …"


def test_words_without_addresses_are_short() -> None:
    assert len(without_addresses("x" * 1_000)) == 300


def test_nobody_listens_is_said_with_the_port() -> None:
    with pytest.raises(ChannelDown, match=r"127\.0\.0\.1:1 cannot be reached") as caught:
        channel(1).open()
    assert "nothing is lost" in str(caught.value)


def test_an_unknown_host_is_said() -> None:
    with pytest.raises(ChannelDown, match="no mail server called"):
        channel(25, host="mail.invalid").open()


@pytest.mark.parametrize("answer", [[], ["554 5.3.2 no"], ["421 4.3.2 busy"], ["hello"]])
def test_a_server_that_does_not_want_us_is_said(scripted: Scripted, answer: list[str]) -> None:
    server = scripted(answer)
    with pytest.raises(ProviderError, match="mail server at") as caught:
        channel(server.port).open()
    assert isinstance(caught.value, ChannelDown) == (answer != ["554 5.3.2 no"])


def test_encryption_that_is_not_offered_is_said(scripted: Scripted) -> None:
    server = scripted([*HELLO])
    with pytest.raises(ProviderError, match="offers no encryption"):
        channel(server.port, security="starttls").open()


def test_a_password_never_goes_over_an_open_connection(scripted: Scripted) -> None:
    greeting = ["220 x", None, "250-x\r\n250 AUTH PLAIN"]
    server = scripted([*greeting, None, "235 2.7.0 welcome"], greeting)
    settings = {"username": "ana", "password": "secret"}
    here = channel(server.port, **settings)
    here.open()  # on this machine itself it may
    here.close()
    # 0.0.0.0 leads here as well, but no longer says so.
    with pytest.raises(ProviderError, match="password over an open connection"):
        channel(server.port, **settings, host="0.0.0.0").open()
    assert len(server.heard) == 3


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_and_logged_in(certificate: tuple[Path, Path], security: str) -> None:
    def authenticate(server, session, envelope, mechanism, data):
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (b"ana", b"secret")
        return AuthResult(success=good, handled=good)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    box = Mailbox()
    options = (
        {"ssl_context": context, "auth_require_tls": False}
        if security == "tls"
        else {"tls_context": context, "require_starttls": True}
    )
    server = Server(box, authenticator=authenticate, auth_required=True, **options)
    port = server.port
    try:
        settings = {"host": "localhost", "security": security, "ca_file": str(certificate[0])}
        with channel(port, **settings, username="ana", password="secret") as smtp:
            assert smtp.hand_over(message()).outcome == "accepted"
        assert box.recipients == ["ana.maria@people.example"]
        with pytest.raises(ProviderError, match="refuses our log-in"):
            channel(port, **settings, username="ana", password="wrong").open()
        with pytest.raises(ProviderError, match="no safe connection"):
            channel(port, host="localhost", security=security).open()
    finally:
        server.close()
