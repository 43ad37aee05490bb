"""How pages look: name, colour, logo, font and legal links of whoever they are from.

A colour can be any: text on it is black or white, whichever is read better, and where it is hardly
seen on the page itself (WCAG 2: less than 3:1), edges are drawn in the colour of text instead.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from vocative.pages.words import Text

DEFAULT_COLOR = "#3b4cca"
DEFAULT_FONT = "system-ui, sans-serif"
LIGHT_PAPER, DARK_PAPER = "#ffffff", "#1f1f25"
"""What pages are written on; as in `page.css`."""
LEAST_CONTRAST = 3.0
"""Of what is no text (WCAG 2, 1.4.11)."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[\w ,'\"-]{1,200}")


class BrandLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link at the foot of pages: imprint, privacy policy."""

    text: Text
    url: str


class Brand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How pages look; what is not stated comes from the workspace's brand, or is plain."""

    name: str | None = None
    color: str | None = None
    """Of buttons: six hexadecimal digits."""
    logo: str | None = None
    font: str | None = None
    links: list[BrandLink] = []


def filled(brand: Brand, otherwise: Brand) -> Brand:
    """A brand whose gaps another one fills."""
    return Brand(
        name=brand.name or otherwise.name,
        color=brand.color or otherwise.color,
        logo=brand.logo or otherwise.logo,
        font=brand.font or otherwise.font,
        links=brand.links or otherwise.links,
    )


def brand_faults(brand: Brand) -> Iterator[tuple[tuple[str | int, ...], str, str | None]]:
    """What is wrong with a brand: where, what, and what to write instead."""
    if brand.color is not None and not _COLOR.fullmatch(brand.color):
        yield ("color",), "this is no color", f'write "{DEFAULT_COLOR}"'
    if brand.font is not None and not _FONT.fullmatch(brand.font):
        yield ("font",), "this is no list of fonts", "write Georgia, serif"
    if brand.logo is not None and origin_of(brand.logo) is None:
        yield ("logo",), "this is no web address", None
    for index, link in enumerate(brand.links):
        if origin_of(link.url) is None:
            yield ("links", index, "url"), "this is no web address", None


def origin_of(address: str) -> str | None:
    """The origin of a web address; None when it is none that a browser would go to as it stands."""
    if not address.isascii() or not address.isprintable() or set(address) & set(" \"'<>\\^`{|};,"):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def contrast(one: str, other: str) -> float:
    """How well two colours are told apart, from 1 to 21 (WCAG 2).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def on_color(color: str) -> str:
    """Black or white, whichever is read better on a color: at least 4.58:1."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(color, ink))


def is_seen_on(color: str, paper: str) -> bool:
    """Whether edges of a colour are seen on a page."""
    return contrast(color, paper) >= LEAST_CONTRAST


def _luminance(color: str) -> float:
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
