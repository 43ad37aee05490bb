"""What the DNS says of a sender's domain, asked of a real name server."""

import subprocess
from base64 import b64encode
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from name_server import Zone, name_server
from post_office import set_channels

from vocative.cli.doctor import Finding, doctor
from vocative.errors import AuthorError
from vocative.workspace import Workspace

NAME = "shop.example"
KEY_PLACE = ("main._domainkey.shop.example", "TXT")


def text(words: str) -> str:
    """As zone files write it, in strings of at most 255 characters."""
    return " ".join(f'"{words[start : start + 200]}"' for start in range(0, len(words), 200))


@cache
def rsa_key(bits: int) -> str:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    raw = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b64encode(raw).decode()


def good() -> Zone:
    return {
        (NAME, "MX"): ["10 mx.shop.example."],
        (NAME, "TXT"): [text("v=spf1 mx include:_spf.esp.example ~all"), text("other=1")],
        ("_spf.esp.example", "TXT"): [text("v=spf1 ip4:192.0.2.0/24 -all")],
        KEY_PLACE: [text(f"v=DKIM1; k=rsa; p={rsa_key(2048)}")],
        (f"_dmarc.{NAME}", "TXT"): [text("v=DMARC1; p=reject; rua=mailto:d@shop.example")],
    }


def looked(workspace: Workspace, zone: Zone, *selectors: str) -> dict[str, Finding]:
    with name_server(zone) as server:
        found = doctor(
            workspace, part="domain", selector=",".join(selectors) or "main", name_server=server
        )
    return {finding.what.split(" ")[0]: finding for finding in found}


def test_a_domain_in_order_is_said_to_be(workspace: Workspace) -> None:
    found = looked(workspace, good())
    assert list(found) == ["MX", "SPF", "DKIM", "DMARC"]
    assert all(finding.works for finding in found.values()), found
    assert "2 of 10 questions" in found["SPF"].detail
    assert found["DKIM"].what == "DKIM at main._domainkey.shop.example"
    assert found["DKIM"].detail == "RSA, 2,048 bits"


def test_of_a_domain_with_nothing_each_record_to_publish_is_shown(workspace: Workspace) -> None:
    found = looked(workspace, {(NAME, "NS"): ["ns.shop.example."]})
    assert not any(finding.works for finding in found.values())
    assert "shop.example. MX 10" in found["MX"].detail
    assert 'shop.example. TXT "v=spf1 mx ~all"' in found["SPF"].detail
    assert "main._domainkey.shop.example. TXT" in found["DKIM"].detail
    assert (
        '_dmarc.shop.example. TXT "v=DMARC1; p=none; rua=mailto:dmarc@shop.example"'
        in found["DMARC"].detail
    )


def _chain(length: int) -> Zone:
    """Includes one behind the other."""
    zone = {
        (f"i{n}.example", "TXT"): [text(f"v=spf1 include:i{n + 1}.example ~all")]
        for n in range(length)
    }
    zone[(f"i{length}.example", "TXT")] = [text("v=spf1 -all")]
    return zone


@pytest.mark.parametrize(
    ("changes", "what", "words"),
    [
        ({(NAME, "MX"): ["0 ."]}, "MX", "takes no mail"),
        ({(NAME, "TXT"): [text("v=spf1 mx ~all"), text("v=spf1 a -all")]}, "SPF", "2 SPF records"),
        ({(NAME, "TXT"): [text("v=spf1 mx +all")]}, "SPF", "everybody"),
        (
            {(NAME, "TXT"): [text("v=spf1 include:none.example ~all")]},
            "SPF",
            "none.example, which has no SPF record",
        ),
        (
            {(NAME, "TXT"): [text("v=spf1 redirect=shop.example")]},
            "SPF",
            "lead back to shop.example",
        ),
        (
            {**_chain(10), (NAME, "TXT"): [text("v=spf1 a include:i0.example ~all")]},
            "SPF",
            "12 questions, 10 are allowed",
        ),
        ({KEY_PLACE: [text("v=DKIM1; p=")]}, "DKIM", "taken back"),
        ({KEY_PLACE: [text("v=DKIM1; p=abc!")]}, "DKIM", "damaged"),
        ({KEY_PLACE: [text("v=DKIM1; p=YWJj")]}, "DKIM", "damaged"),
        ({KEY_PLACE: [text("p=YQ=="), text("p=Yg==")]}, "DKIM", "several records"),
        ({(f"_dmarc.{NAME}", "TXT"): [text("v=DMARC1; p=maybe")]}, "DMARC", "names no policy"),
        (
            {(f"_dmarc.{NAME}", "TXT"): [text("v=DMARC1; p=none"), text("v=DMARC1; p=reject")]},
            "DMARC",
            "2 records",
        ),
    ],
)
def test_what_is_wrong_is_named(workspace: Workspace, changes: Zone, what: str, words: str) -> None:
    found = looked(workspace, {**good(), **changes})
    assert not found[what].works
    assert words in found[what].detail
    others = [finding for kind, finding in found.items() if kind != what]
    assert all(finding.works for finding in others)


@pytest.mark.parametrize(
    ("changes", "what", "words"),
    [
        ({(NAME, "MX"): [], (NAME, "A"): ["192.0.2.1"]}, "MX", "no MX record"),
        ({(NAME, "TXT"): [text("v=spf1 mx")]}, "SPF", "says little"),
        ({(f"_dmarc.{NAME}", "TXT"): [text("v=DMARC1; p=none")]}, "DMARC", "reports go to nobody"),
        ({KEY_PLACE: [text(f"p={rsa_key(1024)}; t=y")]}, "DKIM", "being tried out"),
    ],
)
def test_what_could_be_better_is_said(
    workspace: Workspace, changes: Zone, what: str, words: str
) -> None:
    found = looked(workspace, {**good(), **changes})
    assert found[what].works
    assert words in found[what].detail


def test_a_key_on_the_other_curve_counts(workspace: Workspace) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    stated = text(f"v=DKIM1; k=ed25519; p={b64encode(raw).decode()}")
    found = looked(workspace, {**good(), KEY_PLACE: [stated]})
    assert found["DKIM"].works
    assert "Ed25519" in found["DKIM"].detail


def test_what_stands_above_counts_below(workspace: Workspace) -> None:
    zone = {
        **good(),
        ("news.shop.example", "MX"): ["10 mx.shop.example."],
        ("news.shop.example", "TXT"): [text("v=spf1 mx -all")],
    }
    with name_server(zone) as server:
        found = doctor(
            workspace,
            part="domain",
            domain="News.Shop.Example.",
            selector="main@shop.example",
            name_server=server,
        )
    assert all(finding.works for finding in found), found
    assert "at shop.example" in found[-1].detail


def test_settings_tell_what_to_look_for(workspace: Workspace) -> None:
    set_channels(workspace, "{mailgun: {domain: d, api_key: k}, sendgrid: {api_key: k}}")
    with name_server(good()) as server:
        found = doctor(workspace, part="domain", name_server=server)
    assert [finding.what for finding in found if "DKIM" in finding.what] == [
        "DKIM at s1._domainkey.shop.example",
        "DKIM at s2._domainkey.shop.example",
    ]
    assert any("does not name include:mailgun.org" in finding.detail for finding in found)


def test_without_a_selector_it_says_what_to_do(workspace: Workspace) -> None:
    with name_server(good()) as server:
        found = doctor(workspace, part="domain", name_server=server)
    assert any("--selector NAME" in finding.detail for finding in found if not finding.works)


def test_servers_that_do_not_answer_are_not_taken_for_missing_records(
    workspace: Workspace,
) -> None:
    with name_server({}, fails=True) as server:
        found = doctor(workspace, part="domain", selector="main", name_server=server)
    assert [finding.works for finding in found] == [False] * 4
    assert all("do not answer" in finding.detail for finding in found)
    assert not any("publish" in finding.detail for finding in found)


def test_the_command_shows_it(
    workspace: Workspace, vocative: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = ("--workspace", str(workspace.root))
    with name_server(good()) as server:
        asked = ("--name-server", server, "--selector", "main, old")
        done = vocative("doctor", "domain", *folder, *asked)
    assert done.returncode == 0, done.stderr
    assert "✓ SPF of shop.example" in done.stdout
    assert "✗ DKIM at old._domainkey.shop.example" in done.stdout


@pytest.mark.parametrize("domain", ["localhost", "shop example", "-.example", "a" * 300, "x..de"])
def test_what_is_no_domain_is_refused(workspace: Workspace, domain: str) -> None:
    with pytest.raises(AuthorError, match="no domain"):
        doctor(workspace, part="domain", domain=domain, name_server="127.0.0.1:1")
    with pytest.raises(AuthorError, match="no name server"):
        doctor(workspace, part="domain", name_server="not an address")
