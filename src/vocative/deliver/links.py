"""Signed links: opens, clicks, unsubscribing, preferences, confirming, the mail in a browser.

A link's token holds what it is for, the message's id and, for a click, the link's number and
destination, under an HMAC of the workspace key. So nothing is stored per link, a forged link is
refused, and nobody can make this server lead people to an address of theirs. No token holds a
personal datum.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Literal

import msgspec

from vocative.compose.links import rewrite_links
from vocative.errors import DataError

Kind = Literal["open", "click", "trap", "unsubscribe", "view", "confirm", "preferences"]

_LETTERS: dict[Kind, bytes] = {
    "open": b"o",
    "click": b"c",
    "trap": b"t",
    "unsubscribe": b"u",
    "view": b"v",
    "confirm": b"k",
    "preferences": b"p",
}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_PATHS: dict[Kind, str] = {
    "open": "/o/{token}.gif",
    "click": "/c/{token}",
    "trap": "/c/{token}",
    "unsubscribe": "/u/{token}",
    "view": "/v/{token}",
    "confirm": "/confirm/{token}",
    "preferences": "/p/{token}",
}
_PURPOSE = b"vocative link 1\x00"
_SIGNATURE_BYTES = 16
_ID_BYTES = 16
MAX_TOKEN = 4_096
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a genuine token says."""

    kind: Kind
    message_id: str
    number: int = 0
    """Which link of the message, from 1; 0 for links that are not counted."""
    url: str | None = None
    """Where a click leads."""


class LinkSigner:
    """Makes and checks the links of one workspace."""

    def __init__(self, key: bytes, base_url: str) -> None:
        self._key = key
        base = base_url.rstrip("/")
        self.own_pages = tuple(f"{base}/{page}/" for page in "ocuvp")
        """What links to this server itself begin with."""
        self._around: dict[Kind, tuple[str, str]] = {}
        for kind, path in _PATHS.items():
            before, _, after = path.partition("{token}")
            self._around[kind] = (base + before, after)

    def url(self, kind: Kind, message_id: str, *, number: int = 0, url: str = "") -> str:
        """A link of one message.

        Args:
            kind: What it is for.
            message_id: From the ledger: 32 hexadecimal digits.
            number: Which link of the message, from 1.
            url: Where a click leads: http or https.

        Raises:
            DataError: the destination is no web address.
        """
        payload = _LETTERS[kind] + bytes.fromhex(message_id)
        if kind in ("click", "trap"):
            if kind == "click" and not url.startswith(("http://", "https://")):
                raise DataError("a tracked link must lead to http:// or https://")
            payload += min(number, 255).to_bytes(1, "big") + url.encode("utf-8", "replace")
        encoded = binascii.b2a_base64(payload + self._sign(payload), newline=False)
        before, after = self._around[kind]
        return f"{before}{encoded.translate(_URL_SAFE, b'=').decode('ascii')}{after}"

    def read(self, token: str, *kinds: Kind) -> Link:
        """What a token says, when it is one of `kinds` and was made here.

        Raises:
            DataError: it is forged, damaged or of another kind.
        """
        refused = DataError(
            "this link is not valid",
            hint="use the link as it stands in the mail; it may have been cut off",
        )
        if not 0 < len(token) <= MAX_TOKEN or not token.isascii():
            raise refused
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise refused from error
        payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        # One link has one token: spare bits in the last letter must not make a second one.
        canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") == token
        genuine = canonical and hmac.compare_digest(signature, self._sign(payload))
        kind = _KINDS.get(payload[:1])
        if not genuine or kind is None or kind not in kinds:
            raise refused
        message_id, rest = payload[1 : 1 + _ID_BYTES].hex(), payload[1 + _ID_BYTES :]
        if not rest:
            return Link(kind=kind, message_id=message_id)
        url = rest[1:].decode("utf-8")
        return Link(kind=kind, message_id=message_id, number=rest[0], url=url or None)

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, _PURPOSE + payload, "sha256")[:_SIGNATURE_BYTES]


def track(
    html: str, text: str, *, signer: LinkSigner, message_id: str, trap: bool = False
) -> tuple[str, str]:
    """Rendered bodies whose links and opening are counted.

    Args:
        html: Rendered HTML.
        text: Rendered plain text.
        signer: Of the workspace.
        message_id: From the ledger.
        trap: Also put in a link that no human can see; whoever follows it is a machine.

    Returns:
        HTML and text. Links to this server itself are left as they are.
    """
    replace = _numbered(signer, message_id)
    pixel = signer.url("open", message_id)
    tracked = rewrite_links(html, replace, open_pixel_url=pixel)
    if trap:
        hidden = f'<a href="{signer.url("trap", message_id)}" style="display:none"></a>'
        tracked = tracked.replace("</body>", hidden + "</body>", 1)
    return tracked, rewrite_links(text, replace)


def _numbered(signer: LinkSigner, message_id: str) -> Callable[[str], str]:
    """Numbers destinations in the order in which they come up; one destination has one number."""
    known: dict[str, str] = {}

    def replace(url: str) -> str:
        if url.startswith(signer.own_pages):
            return url
        tracked = known.get(url)
        if tracked is None:
            tracked = signer.url("click", message_id, number=len(known) + 1, url=url)
            known[url] = tracked
        return tracked

    return replace
