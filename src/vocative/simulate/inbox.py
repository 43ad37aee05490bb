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
        message_id=str(message.get("Message-ID", "")).strip().strip("<>"),
        subject=str(message.get("Subject", "")),
        html=html.get_content() if html else "",
        text=text.get_content() if text else "",
        headers={name: str(value) for name, value in message.items()},
    )


_ANCHOR = re.compile(r"<a\b([^>]*)>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_SRC = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_LABEL = re.compile(r"""\b(?:alt|title)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ONE_PIXEL = re.compile(r"""\b(?:width|height)\s*=\s*["']?1(?:px)?["'\s/>]""", re.IGNORECASE)
_HIDDEN = re.compile(
    r"<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^>]*>")
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
        page = _HIDDEN.sub(" ", mail.html)
        item_links: dict[int, str] = {}
        others: list[str] = []
        links: list[str] = []
        for attributes, inside in _ANCHOR.findall(page):
            url = unescape(_first(_HREF.findall(attributes)))
            if not url.startswith("http"):
                continue
            links.append(url)
            seen = self._find(_visible(inside)) or self._on_page(url)
            for item in seen:
                item_links.setdefault(item, url)
            if not seen and not _WAY_OUT.search(f"{_visible(inside)} {url}"):
                others.append(url)
        shown = self._find(_visible(page)) or list(item_links)
        if not mail.html:
            links = others = _URL.findall(mail.text)
            others = [url for url in others if not _WAY_OUT.search(url)]
            shown = self._find(mail.text)
        return Contents(
            items=tuple(dict.fromkeys(shown)),
            item_links=item_links,
            other_links=tuple(dict.fromkeys(others)),
            all_links=tuple(dict.fromkeys(links)),
            pixel=_pixel(page),
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


def _first(pairs: list[tuple[str, str]]) -> str:
    return next((one or other for one, other in pairs), "")


def _visible(fragment: str) -> str:
    labels = " ".join(one or other for one, other in _LABEL.findall(fragment))
    return _SPACES.sub(" ", unescape(f"{_TAG.sub(' ', fragment)} | {labels}"))


def _pixel(page: str) -> str | None:
    for image in _IMAGE.findall(page):
        source = unescape(_first(_SRC.findall(image)))
        if source.startswith("http") and ("/o/" in source or _ONE_PIXEL.search(image)):
            return source
    return None


def _leave_url(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if name.casefold() == "list-unsubscribe":
            return next(iter(_URL.findall(value)), None)
    return None
