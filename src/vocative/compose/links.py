"""Links of a rendered mail, led through tracking, and the picture that tells of an opening.

Only what the author made a link is touched: `<a href="http…">` in HTML, `<http…>` in plain text.
A person's data cannot write either: it is escaped in HTML, and in plain text a `<` from data is
followed by a space. Links marked `data-vocative="untracked"` keep their address.
"""

import html
import re
from collections.abc import Callable

_LINK = re.compile(
    r'<a\b(?:[^<>"]|"[^"]*")*>'  # HTML, as the compiler writes it: double quotes only
    r"|<(https?://[^\s<>]+)>"
)
_HREF = re.compile(r'\shref="(https?://[^"]+)"', re.IGNORECASE)
_UNTRACKED = re.compile(r'\s+data-vocative="untracked"')
# Anything else in a rendered mail's links is relative, or runs code.
_UNSAFE = re.compile(r'href="(?!(?i:https?|mailto|tel|sms):|[#"])[^"]*"')


def rewrite_links(
    body: str, replace: Callable[[str], str], *, open_pixel_url: str | None = None
) -> str:
    """Send the links of a rendered body through `replace`.

    Args:
        body: Rendered HTML or plain text.
        replace: Gives the address to write for an address, both unescaped.
        open_pixel_url: When given, an invisible picture from there is put before `</body>`.

    Returns:
        The body; the marks of untracked links are gone.

    >>> rewrite_links('<a href="https://shop.example/?a=1&amp;b=2">Go</a>', lambda url: url + "#x")
    '<a href="https://shop.example/?a=1&amp;b=2#x">Go</a>'
    >>> rewrite_links("Go <https://shop.example>", lambda url: "https://t.example/1")
    'Go <https://t.example/1>'
    """
    # The same few links come up again and again.
    known: dict[str, str] = {}

    def rewritten(link: re.Match[str]) -> str:
        if link[1]:
            return f"<{replace(link[1])}>"
        tag = link[0]
        if "data-vocative=" in tag:
            return _UNTRACKED.sub("", tag)
        href = _HREF.search(tag)
        if href is None:
            return tag
        address = href[1]
        written = known.get(address)
        if written is None:
            written = known[address] = html.escape(replace(html.unescape(address)))
        return f"{tag[: href.start(1)]}{written}{tag[href.end(1) :]}"

    body = _LINK.sub(rewritten, body)
    if open_pixel_url is not None:
        body = _with_pixel(body, open_pixel_url)
    return body


def refuse_unsafe_links(body: str) -> str:
    """Empty the links of rendered HTML that lead nowhere a mail may lead, such as javascript:."""
    return _UNSAFE.sub('href="#"', body)


def _with_pixel(body: str, url: str) -> str:
    end = body.rfind("</body>")
    if end < 0:
        return body
    pixel = f'<img src="{html.escape(url)}" width="1" height="1" alt="" style="display:block">\n'
    return body[:end] + pixel + body[end:]
