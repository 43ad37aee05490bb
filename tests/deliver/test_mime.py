"""What we assemble, the standard library reads back unchanged."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.deliver.message import OutgoingMessage
from vocative.deliver.mime import Unmailable, assemble, rfc_date, wire_address

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# What a template may produce: any character but those that no text has.
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"))
LINE = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")))


def message(**changes: object) -> OutgoingMessage:
    fields = {
        "message_id": "ab" * 16,
        "subject": "Hello",
        "html": "<p>Hello</p>",
        "text": "Hello",
        "from_email": "hello@shop.example",
        "to": "ana@people.example",
        "purpose": "marketing",
        "campaign": "autumn sale",
        "occurrence": "1",
        "workspace": "demo",
        "at": AT,
    }
    return OutgoingMessage(**{**fields, **changes})


def read(**changes: object) -> EmailMessage:
    raw = assemble(message(**changes))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def parts(parsed: EmailMessage) -> tuple[str, str]:
    text, html = parsed.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return text.get_content(), html.get_content()


def folded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Events(HTMLParser):
    """What a browser would see: tags, attributes and decoded text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag):
        self.seen.append(tag)

    def handle_data(self, data):
        self.seen.append(data)


def test_the_headers_are_all_there() -> None:
    parsed = read(
        from_name="The Shop",
        reply_to="help@shop.example",
        unsubscribe_url="https://shop.example/u/abc-_1",
        headers=(("X-Shop", "yes"),),
    )
    assert parsed["From"].addresses[0].display_name == "The Shop"
    assert parsed["To"] == "ana@people.example"
    assert parsed["Reply-To"] == "help@shop.example"
    assert parsed["Date"].datetime == AT
    assert parsed["Message-ID"] == f"<{'ab' * 16}@shop.example>"
    assert parsed["List-Unsubscribe"] == "<https://shop.example/u/abc-_1>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["List-Id"] == "<marketing.demo.shop.example>"
    assert parsed["Feedback-ID"] == "autumn-sale:marketing:1:demo"
    assert parsed["X-Shop"] == "yes"


@given(LINE)
@settings(deadline=None)
def test_any_subject_comes_back(subject: str) -> None:
    assert read(subject=subject)["Subject"] == subject


@given(LINE)
@settings(deadline=None)
def test_any_sender_name_comes_back(name: str) -> None:
    raw = message_from_bytes(assemble(message(from_name=name)))["From"]
    # The modern reader puts a space between encoded words of a name; this one follows RFC 2047.
    decoded, address = parseaddr(raw)
    assert address == "hello@shop.example"
    assert str(make_header(decode_header(decoded))).split() == name.split()


@given(TEXT)
@settings(deadline=None)
def test_any_text_comes_back(text: str) -> None:
    # The line end before a boundary belongs to the boundary.
    got, _ = parts(read(text=text))
    assert folded(got) == folded(text)


@given(TEXT)
@settings(deadline=None)
def test_any_html_means_the_same(html: str) -> None:
    _, got = parts(read(html=html))
    assert Events(folded(got)).seen == Events(folded(html)).seen


@pytest.mark.parametrize(
    "html",
    [
        "<style>p::before { content: 'é' }</style><p>é</p>",
        "<STYLE>ü</STYLE>",
        "<script>'é'</script",
        "<p>\x80 and \x85 are not what their references say</p>",
        f"<p>--=_{'ab' * 16}</p>",
        f"a\n--=_{'ab' * 16}--\nb",
        "<p>" + "word " * 400 + "</p>",
        "<p>" + "é" * 400 + "</p>",
        "x" * 998 + "\n" + "y" * 999 + "\n.\n..\n",
        "&amp;#233; &#233;",
    ],
)
def test_html_that_needs_care(html: str) -> None:
    _, got = parts(read(html=html))
    assert Events(folded(got)).seen == Events(html).seen


def test_ordinary_html_goes_as_7_bit() -> None:
    raw = assemble(message(html="<p>Grüße 👋</p>"))
    assert b"<p>Gr&#252;&#223;e &#128075;</p>" in raw


@pytest.mark.parametrize("field", ["subject", "from_name", "reply_to", "from_email", "to"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x00", "\x0b"])
def test_no_header_takes_a_control_character(field: str, end: str) -> None:
    value = f"a@shop.example{end}Bcc: all@example.com"
    with pytest.raises(Unmailable):
        assemble(message(**{field: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "b\r\nBcc: c"), ("Bcc", "x@example.com"), ("X A", "b"), ("X-A\r\nBcc", "b")],
)
def test_no_extra_header_smuggles(name: str, value: str) -> None:
    with pytest.raises(Unmailable):
        assemble(message(headers=((name, value),)))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a.example/> , <b", "https://a.example/\r\nX: y"]
)
def test_the_unsubscribe_link_is_a_plain_one(url: str) -> None:
    with pytest.raises(Unmailable):
        assemble(message(unsubscribe_url=url))


@pytest.mark.parametrize(
    "address",
    ["", "ana", "@example.com", "ana@", "a b@example.com", "<ana@example.com>", "a@b@example.com",
     "ana@example.com,bob@example.com", "ana@exa mple.com", "jürgen@example.com",
     "a..b@example.com", "x" * 65 + "@example.com", "ana@-.example"],
)  # fmt: skip
def test_what_is_no_plain_mailbox_is_refused(address: str) -> None:
    with pytest.raises(Unmailable):
        wire_address(address)


def test_a_foreign_domain_becomes_punycode() -> None:
    assert wire_address("ana@bücher.example") == "ana@xn--bcher-kva.example"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_dates_are_what_they_say(naive: datetime) -> None:
    from email.utils import parsedate_to_datetime

    at = naive.replace(tzinfo=UTC, microsecond=0)
    assert parsedate_to_datetime(rfc_date(at)) == at
