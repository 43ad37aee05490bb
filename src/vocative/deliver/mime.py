"""One message as the bytes of an e-mail, assembled from ready pieces.

A rendered message comes in; the bytes of RFC 5322 with CRLF line ends go out. `email.message` is
several hundred times slower and is used in tests only, to read the result back. Refused: control
characters in any header, and addresses that a mail server could misread.
"""

import binascii
import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache

from vocative.compose.template import has_long_line
from vocative.deliver.dkim import Signer
from vocative.deliver.message import OutgoingMessage
from vocative.errors import DataError

_LINE_LIMIT = 998
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_OWN_HEADERS = frozenset(
    "from to subject date message-id mime-version content-type content-transfer-encoding"
    " list-unsubscribe list-unsubscribe-post list-id feedback-id reply-to bcc cc sender".split()
)
_RAW_ELEMENT = re.compile(rb"<(style|script|xmp|iframe|noembed|noframes|plaintext)")
# The pattern begins with plain characters: only then does `re` skip through a large body.
_PLANE_ENDS = "|".join(str(plane * 0x10000 + low) for plane in range(17) for low in (65534, 65535))
_UNSAFE_REFERENCE = re.compile(
    rf"&#(?:1[2-5]\d|5[5-7]\d{{3}}|649\d\d|650\d\d|{_PLANE_ENDS});".encode()
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class Unmailable(DataError):
    """A header or address that no mail can carry; the message must not be sent."""


def assemble(message: OutgoingMessage, signer: Signer | None = None) -> bytes:
    """The bytes of a message, with CRLF line ends and without dot-stuffing.

    Args:
        message: Complete.
        signer: Signs it, if it is to be signed here.

    Raises:
        Unmailable: a header holds a control character, or an address cannot be used.
    """
    boundary = f"=_{message.message_id}"
    lines = [*_headers(message), f'Content-Type: multipart/alternative; boundary="{boundary}"']
    mark = boundary.encode("ascii")
    text_encoding, text = _text_part(message.text, mark)
    html_encoding, html = _html_part(message.html, mark)
    body = b"".join(
        (
            b"--",
            mark,
            b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ",
            text_encoding,
            b"\r\n\r\n",
            text,
            b"\r\n--",
            mark,
            b"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: ",
            html_encoding,
            b"\r\n\r\n",
            html,
            b"\r\n--",
            mark,
            b"--\r\n",
        )
    )
    if signer is not None and message.at is not None:
        lines[:0] = signer.sign(lines, body, at=message.at)
    return b"".join(("\r\n".join(lines).encode("ascii"), b"\r\n\r\n", body))


def _headers(message: OutgoingMessage) -> list[str]:
    if message.at is None:
        raise Unmailable("the message has no date")
    sender = wire_address(message.from_email)
    domain = sender.rpartition("@")[2]
    lines = [
        _from_line(message.from_name, sender),
        f"To: {wire_address(message.to)}",
        _unstructured("Subject", message.subject),
        f"Date: {rfc_date(message.at)}",
        f"Message-ID: {message_id_header(message)}",
        "MIME-Version: 1.0",
    ]
    if message.reply_to:
        lines.append(f"Reply-To: {wire_address(message.reply_to)}")
    if message.unsubscribe_url:
        url = message.unsubscribe_url
        if not re.fullmatch(r"https?://[!-;=?-~]+", url) or len(url) > 900:
            raise Unmailable("the unsubscribe link is no plain web address")
        lines.append(f"List-Unsubscribe: <{url}>")
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    if message.purpose:
        name = _label(message.purpose), _label(message.workspace or "vocative")
        lines.append(f"List-Id: <{name[0]}.{name[1]}.{domain}>")
        # campaign:purpose:occurrence:sender, as mailbox providers group complaints.
        parts = (message.campaign, message.purpose, message.occurrence, message.workspace)
        lines.append("Feedback-ID: " + ":".join(_label(part or "none") for part in parts))
    lines += [_extra(name, value) for name, value in message.headers]
    return lines


def message_id_header(message: OutgoingMessage) -> str:
    """`<message_id@sender's domain>`."""
    return f"<{message.message_id}@{wire_address(message.from_email).rpartition('@')[2]}>"


@lru_cache(maxsize=10_000)
def wire_address(address: str) -> str:
    """An address as it stands in a header or SMTP command; a foreign domain becomes punycode.

    Raises:
        Unmailable: it is not one plain ASCII mailbox.
    """
    local, _, domain = address.strip().rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
    usable = len(local) <= 64 and len(domain) <= 253
    if not (usable and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise Unmailable("this address is not a plain mailbox", hint="expected name@domain")
    return f"{local}@{domain}"


@lru_cache(maxsize=1_000)
def _from_line(name: str, address: str) -> str:
    _refuse_control("the sender's name", name)
    name = name.strip()
    if not name:
        return f"From: {address}"
    if _PLAIN_NAME.fullmatch(name) and "=?" not in name and len(name) < 60:
        return f'From: "{name}" <{address}>'
    return f"From: {_encoded_words(name, first=6)}\r\n <{address}>"


def _unstructured(name: str, value: str) -> str:
    """A free-text header; anything but short printable ASCII becomes encoded words (RFC 2047)."""
    _refuse_control(f"the header {name}", value)
    plain = value.isascii() and "=?" not in value and len(value) + len(name) < 76
    # Spaces at the ends, or in runs, do not survive folding by every server.
    if plain and value == value.strip() and "  " not in value:
        return f"{name}: {value}" if value else f"{name}:"
    return f"{name}: {_encoded_words(value, first=len(name) + 2)}"


def _extra(name: str, value: str) -> str:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
        raise Unmailable(f"the header {name!r} cannot be set by a message")
    return _unstructured(name, value)


def _refuse_control(what: str, value: str) -> None:
    if _CONTROL.search(value):
        raise Unmailable(
            f"{what} holds a line break or another control character",
            hint="strip line breaks from the values that the template puts there",
        )


def _encoded_words(value: str, *, first: int) -> str:
    """Base-64 encoded words of whole characters, on lines of at most 76 characters."""
    words, chunk, room = [], b"", (75 - first - 12) // 4 * 3
    for character in value:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            words.append(chunk)
            chunk, room = b"", (74 - 12) // 4 * 3
        chunk += encoded
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words)


def _text_part(text: str, mark: bytes) -> tuple[bytes, bytes]:
    lines = _line_ends(text)
    if not lines.isascii():
        return _quoted_printable(lines)
    return _as_is(lines.encode("ascii"), mark, lines)


def _html_part(html: str, mark: bytes) -> tuple[bytes, bytes]:
    """7 bit with numeric references: smaller and faster than quoted-printable; that where not."""
    lines = _line_ends(html)
    if not lines.isascii() and _has_raw_foreign_text(lines):
        return _quoted_printable(lines)
    body = lines.encode("ascii", "xmlcharrefreplace")
    # References to C1 controls mean something else, and some others are no characters at all.
    if len(body) != len(lines) and _UNSAFE_REFERENCE.search(body):
        return _quoted_printable(lines)
    return _as_is(body, mark, lines)


def _has_raw_foreign_text(html: str) -> bool:
    """Whether non-ASCII stands where a browser decodes no references, such as in a style sheet."""
    lowered = html.encode("utf-8", "replace").lower()
    at = 0
    while (raw := _RAW_ELEMENT.search(lowered, at)) is not None:
        end = lowered.find(b"</" + raw[1], raw.end())
        at = end if end >= 0 else len(lowered)
        if not lowered[raw.start() : at].isascii():
            return True
    return False


def _as_is(body: bytes, mark: bytes, lines: str) -> tuple[bytes, bytes]:
    """The body in 7 bit, unless a line is too long or could be taken for the boundary."""
    if b"\0" in body or mark in body or has_long_line(body, _LINE_LIMIT):
        return _quoted_printable(lines)
    return b"7bit", body.replace(b"\n", b"\r\n")


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _quoted_printable(text: str) -> tuple[bytes, bytes]:
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    return b"quoted-printable", encoded.replace(b"\n", b"\r\n")


@lru_cache(maxsize=1_000)
def _label(text: str) -> str:
    """A word that may stand in a List-Id."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-") or "x"


@lru_cache(maxsize=64)
def _date_to_the_second(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> str:
    weekday = _WEEKDAYS[datetime(year, month, day, tzinfo=UTC).weekday()]
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{weekday}, {day:02} {_MONTHS[month - 1]} {year:04} {clock} +0000"


def rfc_date(at: datetime) -> str:
    """An instant as mail headers write it, in UTC whatever the locale.

    >>> rfc_date(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    'Mon, 02 Mar 2026 09:30:00 +0000'
    """
    utc = at.astimezone(UTC)
    return _date_to_the_second(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)
