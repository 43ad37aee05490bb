"""What a person, or a machine, finds in a mail: items shown, links, the open picture, the way out.

In: a raw message or a `DeliveredMail`. Out: `Contents`. Items are recognised by their visible
titles, because links lead through the sender's redirects and tell nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html import unescape

from vocative.errors import DataError
from vocative.simulate.items import Items
from vocative.simulate.words import CATEGORIES, CATEGORY_KEYWORDS


@dataclass(frozen=True, kw_only=True)
class DeliveredMail:
    """A mail as it lies in a mailbox. Header names are matched in any case."""

    to_address: str
    at: datetime
    message_id: str
    subject: str
    html: str = ""
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What is in a mail: item rows in the order shown, links, the picture that tells of an open."""

    items: tuple[int, ...]
    item_links: dict[int, str]
    other_links: tuple[str, ...]
    all_links: tuple[str, ...]
    pixel: str | None
    leave_url: str | None


def parse_mail(raw: bytes, *, at: datetime | None = None) -> DeliveredMail:
    """A `DeliveredMail` from a raw message; `at` is the instant of delivery, else its Date.

    Its id is the Message-ID without the domain, as senders number their mails.

    Raises:
        DataError: there is no usable Date and no `at` was given.
    """
    message = BytesParser(policy=policy.default).parsebytes(raw)
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    if at is None:
        try:
            at = parsedate_to_datetime(str(message["Date"]))
        except ValueError:
            raise DataError("a mail has no usable Date header") from None
    return DeliveredMail(
        to_address=parseaddr(str(message.get("To", "")))[1],
        at=at.replace(tzinfo=UTC) if at.tzinfo is None else at,
        message_id=str(message.get("Message-ID", "")).strip().strip("<>").rpartition("@")[0],
        subject=str(message.get("Subject", "")),
        html=html.get_content() if html else "",
        text=text.get_content() if text else "",
        headers={name: str(value) for name, value in message.items()},
    )


_ATTRIBUTE = r"""\b%s\s*=\s*(?:"([^"]*)"|'([^']*)')"""
_HREF = re.compile(_ATTRIBUTE % "href", re.IGNORECASE)
_SRC = re.compile(_ATTRIBUTE % "src", re.IGNORECASE)
_ALT = re.compile(_ATTRIBUTE % "alt", re.IGNORECASE)
_ONE_PIXEL = re.compile(r"""\b(?:width|height)\s*=\s*["']?1(?:px)?(?:["'\s/]|$)""", re.IGNORECASE)
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HIDDEN = re.compile(
    r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
_SPACES = re.compile(r"\s+")
_URL = re.compile(r"""https?://[^\s<>"')\]]+""")
_WAY_OUT = re.compile(
    r"unsubscribe|opt.?out|preferences|view (?:this )?(?:mail |email )?(?:in|online)|abmelden",
    re.IGNORECASE,
)


class Eye:
    """Reads mails for the items of one catalogue."""

    def __init__(self, items: Items) -> None:
        self._titles = {title.casefold(): n for n, title in enumerate(items.title)}
        self._by_id = {item_id: n for n, item_id in enumerate(items.item_id)}
        # Titles share few first words: plain searches for those find every place to look at.
        self._starts = sorted({title.split()[0] for title in self._titles})
        self._lengths = sorted({len(title) for title in self._titles}, reverse=True)
        self._product_page = re.compile(r"/p/([A-Za-z0-9_-]+)")

    def read(self, mail: DeliveredMail) -> Contents:
        """What a reader of the mail finds in it."""
        page = _look_at(mail.html)
        item_links: dict[int, str] = {}
        others: list[str] = []
        for url, words in page.links:
            seen = self._find(words) or self._on_page(url)
            for item in seen:
                item_links.setdefault(item, url)
            if not seen and words.strip() and not _WAY_OUT.search(f"{words} {url}"):
                others.append(url)
        links = page.all_links
        shown = self._find(page.words) or list(item_links)
        if not mail.html:
            links = _URL.findall(mail.text)
            others = [url for url in links if not _WAY_OUT.search(url)]
            shown = self._find(mail.text)
        return Contents(
            items=tuple(dict.fromkeys(shown)),
            item_links=item_links,
            other_links=tuple(dict.fromkeys(others)),
            all_links=tuple(dict.fromkeys(links)),
            pixel=page.pixel,
            leave_url=_leave_url(mail.headers),
        )

    def _find(self, visible: str) -> list[int]:
        folded = visible.casefold()
        found = []
        for at in sorted(at for start in self._starts for at in _places_of(start, folded)):
            titles = (folded[at : at + length] for length in self._lengths)
            found.extend([self._titles[title] for title in titles if title in self._titles][:1])
        return found

    def _on_page(self, url: str) -> list[int]:
        found = self._product_page.search(url)
        return [self._by_id[found[1]]] if found and found[1] in self._by_id else []

    def named_in_subject(self, subject: str) -> tuple[list[int], list[int]]:
        """Items and categories that a subject line mentions."""
        mentioned = {_CATEGORY_OF[word] for word in _CATEGORY_WORD.findall(subject.casefold())}
        return self._find(subject), sorted(mentioned)


_CATEGORY_OF = {
    word.casefold(): n
    for n, category in enumerate(CATEGORIES)
    for word in (category.name, *CATEGORY_KEYWORDS[category.name])
}
_CATEGORY_WORD = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, _CATEGORY_OF), key=len, reverse=True)) + r")\b"
)


def _places_of(words: str, text: str) -> Iterator[int]:
    at = text.find(words)
    while at >= 0:
        yield at
        at = text.find(words, at + 1)


@dataclass(frozen=True, kw_only=True)
class _Page:
    """Visible words, links that can be seen with theirs, all links, and the tracking picture."""

    words: str
    links: list[tuple[str, str]]
    all_links: list[str]
    pixel: str | None


def _look_at(html: str) -> _Page:
    """One pass over the tags: a parser of the whole language would take ten times as long."""
    seen: list[str] = []
    links: list[tuple[str, str]] = []
    every: list[str] = []
    pixel: str | None = None
    link, began = "", 0
    for piece in _HIDDEN.sub(" ", html).split("<"):
        tag, closed, words = piece.partition(">")
        if not closed:
            tag, words = "", piece
        name = tag[:4].casefold()
        if name in {"img ", "img\n"}:
            source = _attribute(_SRC, tag)
            if source.startswith("http") and ("/o/" in source or _ONE_PIXEL.search(tag)):
                pixel = pixel or source
            seen.append(_attribute(_ALT, tag))
        elif name[:2] in {"a ", "a\n"}:
            link, began = _attribute(_HREF, tag), len(seen)
            link = link if link.startswith("http") else ""
            every += [link] * bool(link)
            link = "" if _UNSEEN.search(tag) else link
        elif name == "/a" and link:
            links.append((link, _plain(seen[began:])))
            link = ""
        seen.append(words)
    return _Page(words=_plain(seen), links=links, all_links=every, pixel=pixel)


def _attribute(pattern: re.Pattern[str], tag: str) -> str:
    found = pattern.search(tag)
    return unescape(found[1] or found[2] or "") if found else ""


def _plain(pieces: list[str]) -> str:
    return _SPACES.sub(" ", unescape(" ".join(pieces)))


def _leave_url(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if name.casefold() == "list-unsubscribe":
            return next(iter(_URL.findall(value)), None)
    return None
