"""DKIM: what we sign is verified from the RFC, by a verifier that is held to its example."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from vocative.deliver.channels.smtp import Smtp, SmtpSettings
from vocative.deliver.dkim import DkimKey, Signer, relaxed_body
from vocative.deliver.message import OutgoingMessage
from vocative.deliver.mime import assemble
from vocative.errors import AuthorError

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()
PUBLIC = {"rsa": RSA.public_key(), "ed": ED25519.public_key()}
# RFC 8463, appendix A: the key of the selector "brisbane" and the mail it signs.
BRISBANE = Ed25519PublicKey.from_public_bytes(
    base64.b64decode("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
)
FOOTBALL = b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")


def fields_of(raw: bytes) -> tuple[list[bytes], bytes]:
    """Header fields as they stand, and the body."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return re.split(rb"\r\n(?![ \t])", head), body


def canonical(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    unfolded = re.sub(rb"\r\n", b"", value)
    return name.lower().strip() + b":" + re.sub(rb"[ \t]+", b" ", unfolded).strip()


def canonical_body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def verify(raw: bytes, field: bytes, key: rsa.RSAPublicKey | Ed25519PublicKey) -> dict[str, str]:
    """Section 6.1 of RFC 6376 for one signature; raises InvalidSignature."""
    fields, body = fields_of(raw)
    _, _, value = field.partition(b":")
    parts = [part.partition(b"=")[::2] for part in value.split(b";")]
    tags = {name.strip().decode(): re.sub(rb"\s", b"", text).decode() for name, text in parts}
    if base64.b64encode(hashlib.sha256(canonical_body(body)).digest()).decode() != tags["bh"]:
        raise InvalidSignature("body")
    by_name: dict[bytes, list[bytes]] = {}
    for one in fields:
        by_name.setdefault(one.partition(b":")[0].strip().lower(), []).append(one)
    signed = b""
    for name in tags["h"].lower().encode().split(b":"):
        if by_name.get(name):
            signed += canonical(by_name[name].pop()) + b"\r\n"
    signed += canonical(re.sub(rb"b=[^;]*$", b"b=", field))
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(base64.b64decode(tags["b"]), signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(base64.b64decode(tags["b"]), hashlib.sha256(signed).digest())
    return tags


def signatures(raw: bytes) -> list[bytes]:
    return [one for one in fields_of(raw)[0] if one.lower().startswith(b"dkim-signature:")]


def pem(key: serialization.PrivateFormat | object) -> str:
    return key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def signer(folder: Path, keys: Mapping[str, object]) -> Signer:
    stated = []
    for name, key in keys.items():
        (folder / f"{name}.pem").write_text(pem(key))
        stated.append(DkimKey(domain="shop.example", selector=name, key=f"file:{name}.pem"))
    return Signer(stated, root=folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("keys"), {"rsa": RSA, "ed": ED25519})


def message(**changes: object) -> OutgoingMessage:
    fields = {
        "message_id": "ab" * 16, "subject": "Hello", "html": "<p>Hello</p>", "text": "Hello",
        "from_email": "hello@shop.example", "to": "ana@people.example", "at": AT,
        "from_name": "The Shop", "purpose": "marketing", "workspace": "shop",
        "unsubscribe_url": "https://shop.example/u/token",
    }  # fmt: skip
    return OutgoingMessage(**{**fields, **changes})


def test_the_verifier_accepts_the_mail_of_the_rfc_and_no_other() -> None:
    [field] = signatures(FOOTBALL)
    assert verify(FOOTBALL, field, BRISBANE)["s"] == "brisbane"
    for changed in (FOOTBALL.replace(b"lost", b"won"), FOOTBALL.replace(b"dinner", b"lunch")):
        with pytest.raises(InvalidSignature):
            verify(changed, signatures(changed)[0], BRISBANE)


LINES = st.text(st.sampled_from("ab \t\nä.=<>&"), max_size=60)


@given(
    text=LINES,
    html=LINES,
    subject=st.text(st.sampled_from("ab éü?=_"), min_size=1, max_size=90),
)
def test_every_mail_verifies_under_every_key(
    both: Signer, text: str, html: str, subject: str
) -> None:
    raw = assemble(message(text=text, html=html, subject=subject), both)
    first, second = signatures(raw)
    assert verify(raw, first, PUBLIC["rsa"])["a"] == "rsa-sha256"
    assert verify(raw, second, PUBLIC["ed"])["a"] == "ed25519-sha256"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


@given(st.binary(max_size=80).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"\r\n")))
def test_a_body_is_brought_to_the_form_of_the_rfc(body: bytes) -> None:
    assert relaxed_body(body) == canonical_body(body)


def test_what_is_added_or_changed_on_the_way_breaks_it(both: Signer) -> None:
    raw = assemble(message(), both)
    [field, _] = signatures(raw)
    tags = verify(raw, field, PUBLIC["rsa"])
    listed = tags["h"].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "feedback-id"} <= set(listed)
    assert listed.count("from") == listed.count("subject") == 2
    assert (tags["c"], tags["d"], tags["t"]) == ("relaxed/relaxed", "shop.example", "1772443800")
    assert "l" not in tags
    end = raw.index(b"\r\n\r\n")
    for changed in (
        raw[:end] + b"\r\nFrom: Evil <evil@example.net>" + raw[end:],
        raw[:end] + b"\r\nSubject: Win" + raw[end:],
        raw.replace(b"One-Click", b"No-Click"),
        raw + b"more",
    ):
        with pytest.raises(InvalidSignature):
            verify(changed, signatures(changed)[0], PUBLIC["rsa"])
    # Blanks and folds may change on the way.
    folded = raw.replace(b"Subject: Hello", b"Subject:\r\n\tHello  ")
    verify(folded, signatures(folded)[0], PUBLIC["rsa"])


@pytest.mark.may_skip
def test_dkimpy_agrees(both: Signer) -> None:
    dkim = pytest.importorskip("dkim", reason="dkimpy is not installed")
    pytest.importorskip("nacl", reason="PyNaCl, by which dkimpy knows Ed25519, is not installed")
    raw = assemble(message(subject="Grüße", text="a  b\t\n\n"), both)
    der = PUBLIC["rsa"].public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    records = {
        b"rsa._domainkey.shop.example.": b"v=DKIM1; k=rsa; p=" + base64.b64encode(der),
        b"ed._domainkey.shop.example.": b"v=DKIM1; k=ed25519; p="
        + base64.b64encode(PUBLIC["ed"].public_bytes_raw()),
    }
    found = dkim.DKIM(raw)
    for index in range(2):
        assert found.verify(idx=index, dnsfunc=lambda name, timeout=5: records[name])


def test_keys_come_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DKIM", pem(ED25519))
    stated = DkimKey(domain="shop.example", selector="ed", key="env:SHOP_DKIM")
    raw = assemble(message(), Signer([stated], root=tmp_path))
    verify(raw, signatures(raw)[0], PUBLIC["ed"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        ("secret text", "no private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_before_anything_is_sent(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "dkim.pem").write_text(content)
    stated = DkimKey(domain="shop.example", selector="one", key="file:dkim.pem")
    settings = SmtpSettings(host="127.0.0.1", port=1, security="none", dkim=[stated])
    with pytest.raises(AuthorError, match=complaint) as told:
        Smtp(settings, state_dir=tmp_path / ".vocative").open()
    assert "secret text" not in str(told.value)
    with pytest.raises(AuthorError, match="NO_KEY"):
        Signer([DkimKey(domain="a.example", selector="s", key="env:NO_KEY")], root=tmp_path)
