"""Liquid carried safely through tools that know only MJML, HTML and CSS.

In comes a layout with Liquid; out goes MJML (or HTML) in which every tag is a placeholder: a plain
word in attributes and text, an HTML comment where a control tag stands between elements, because a
comment may stand anywhere, even between the rows of a table. `restore` puts the tags back and
knows where each came from. Refused: Liquid where it cannot survive.
"""

import html
import re
from dataclasses import dataclass, field

from vocative.compose.authoring.source import Markup, Passage
from vocative.compose.authoring.tags import LiquidTag, find_tags
from vocative.compose.markup.html_pieces import read_html
from vocative.compose.markup.offsets import Offsets
from vocative.compose.markup.pieces import CONTAINERS, RAW_TEXT, Attribute, Piece, read_markup
from vocative.errors import AuthorError, Where

AUTHOR_STYLE = "data-vocative-style"
NOT_INLINED = 'data-css-inline="ignore"'
_PAGE = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_REVEALED = re.compile(r"<!(\[if [^\]]*\]|\[endif\])>")
_BREAKS = re.compile(r"\s*[\r\n\t]\s*")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_ROW_FOLLOWS = re.compile(r"(?:\s|<!--.*?-->)*<tr\b", re.DOTALL)


@dataclass(frozen=True)
class Restored:
    """Text with its Liquid tags back in place."""

    text: str
    offsets: Offsets = field(repr=False)


class Protected:
    """A layout without Liquid in its way: its markup with placeholders, and its pieces."""

    def __init__(self, layout: Passage, markup: Markup = "mjml") -> None:
        self.layout = layout
        self.markup = markup
        self.tags = [tag for tag in find_tags(layout) if tag.kind != "comment"]
        self.word = "lqz"
        while self.word in layout.text:
            self.word += "z"
        self.plain, self._plain_offsets = self._with_words()
        self.pieces = self._read()
        self._offsets = Offsets()
        self.prologue, self.text = self._parted(self._written())

    def where_plain(self, offset: int) -> Where:
        """The author's place of an offset in `plain`."""
        return self.layout.where(self.source_offset(offset))

    def source_offset(self, offset: int) -> int:
        """The offset in the layout of an offset in `plain`."""
        return self._plain_offsets.source(offset)

    def where_text(self, offset: int) -> Where:
        """The author's place of an offset in `text`."""
        return self.where_plain(self._offsets.source(offset))

    def tags_in(self, text: str) -> list[LiquidTag]:
        """The tags whose placeholders stand in a text, such as an attribute's value."""
        return [self.tags[int(number)] for number in re.findall(rf"{self.word}(\d+)[xn]", text)]

    def without_tags(self, text: str) -> str:
        """A text with its placeholders taken out."""
        return re.sub(rf"{self.word}\d+[xn]", "", text)

    def words_of(self, text: str) -> str:
        """A text whose placeholders are all words."""
        return re.sub(rf"<!--({self.word}\d+x)-->", r"\1", text)

    def restore(self, text: str) -> Restored:
        """Put the Liquid tags back where their placeholders stand."""
        placeholder = re.compile(
            rf'<!--{self.word}(?P<a>\d+)x-->|{self.word}(?P<b>\d+)n=""|{self.word}(?P<c>\d+)x'
        )
        offsets, length, at = Offsets(), 0, 0
        parts: list[str] = []
        for found in placeholder.finditer(text):
            between = text[at : found.start()]
            tag = self.tags[int(found["a"] or found["b"] or found["c"])]
            length += len(between)
            offsets.add(length, tag.start)
            parts += (between, tag.text)
            length += len(tag.text)
            at = found.end()
        parts.append(text[at:])
        return Restored("".join(parts), offsets)

    def _with_words(self) -> tuple[str, Offsets]:
        text, parts, offsets = self.layout.text, [], Offsets()
        length = at = number = 0
        for tag in find_tags(self.layout):
            between = text[at : tag.start]
            offsets.add(length, at)
            length += len(between)
            parts.append(between)
            if tag.kind != "comment":
                word = f"{self.word}{number}x"
                offsets.add(length, tag.start, exact=False)
                parts.append(word)
                length += len(word)
                number += 1
            at = tag.end
        offsets.add(length, at)
        parts.append(text[at:])
        return "".join(parts), offsets

    def _read(self) -> list[Piece]:
        if self.markup == "mjml":
            return read_markup(self.plain, self.where_plain, word=self.word)
        return read_html(self.plain, self.where_plain, word=self.word, is_control=self._is_control)

    def _parted(self, text: str) -> tuple[str, str]:
        """What stands before a page in HTML, such as `assign`, and the page."""
        if self.markup == "mjml":
            return "", text
        page = _PAGE.search(text)
        if page is None:
            return "", f"<!doctype html><html><head></head><body>{text}</body></html>"
        return text[: page.start()], text[page.start() :]

    def _written(self) -> str:
        parts, length = [], 0
        bodies: list[bool] = []
        for piece in self.pieces:
            written = (
                self._as_mjml(piece, bodies) if self.markup == "mjml" else self._as_html(piece)
            )
            self._offsets.add(length, piece.start, exact=piece.kind == "text")
            parts.append(written)
            length += len(written)
        return "".join(parts)

    def _as_html(self, piece: Piece) -> str:
        """The piece as it was, its Liquid put where an HTML parser leaves it alone."""
        text = self.plain[piece.start : piece.end]
        if piece.kind == "comment":
            return self._comment(text)
        if piece.kind == "text" and not piece.parent:
            return self._with_comments(text)
        if piece.kind != "start":
            return text
        if piece.name == "style" and self._has_control(piece.end):
            text = text.replace("<style", f"<style {NOT_INLINED}", 1)
        # Control tags between attributes become attributes; parted, for the parser joins them.
        values = r"\"[^\"]*\"|'[^']*'|=\s*[^\s\"'<>]+"
        bare = rf"{values}|(?:{self.word}\d+x)+(?=[\s/>\"']|$)"
        return re.sub(bare, self._as_attributes, text)

    def _as_attributes(self, found: re.Match[str]) -> str:
        numbers = re.findall(rf"{self.word}(\d+)x", found[0])
        if found[0][:1] in "\"'=" or not all(self._is_control(int(number)) for number in numbers):
            return found[0]
        return "".join(f' {self.word}{number}n=""' for number in numbers)

    def _comment(self, text: str) -> str:
        """Outlook's conditions stay, also those that hide nothing; an author's notes go."""
        if revealed := _REVEALED.fullmatch(text):
            start = revealed[1].startswith("[if")
            return f"<!--{revealed[1]}><!-->" if start else "<!--<![endif]-->"
        if not text.startswith("<!--"):
            return text
        if not self.without_tags(text[4:-3]).strip():
            return self._with_comments(text[4:-3].strip())
        return text if "[if" in text or "[endif]" in text or self.word in text else ""

    def _has_control(self, offset: int) -> bool:
        """Whether a control tag stands in the style that begins here."""
        end = self.plain.find("</", offset)
        return any(tag.kind == "control" for tag in self.tags_in(self.plain[offset:end]))

    def _as_mjml(self, piece: Piece, bodies: list[bool]) -> str:
        if piece.kind == "comment":
            text = self.plain[piece.start : piece.end]
            return text if text.startswith("<!--[if") else ""
        if piece.kind == "text":
            return self._text(piece)
        if piece.name == "mj-style":
            # MJML would mix these rules with its own; only the author's are to be inlined.
            return (
                f'<mj-raw><style {AUTHOR_STYLE}="">'
                if piece.kind == "start"
                else ("</style></mj-raw>")
            )
        if piece.kind == "end":
            body = "</tbody>" if piece.name in ("table", "mj-table") and bodies.pop() else ""
            return f"{body}</{piece.name}>"
        attributes = "".join(f" {self._attribute(one)}" for one in piece.attributes)
        if piece.closed:
            return f"<{piece.name}{attributes}/>"
        if piece.name in ("table", "mj-table"):
            # Control tags between rows need the body that HTML would otherwise put in itself.
            bodies.append(self._rows_follow(piece.end))
            return f"<{piece.name}{attributes}>" + ("<tbody>" if bodies[-1] else "")
        return f"<{piece.name}{attributes}>"

    def _rows_follow(self, offset: int) -> bool:
        after = re.sub(rf"{self.word}\d+x", "", self.plain[offset : offset + 2_000])
        return _ROW_FOLLOWS.match(after) is not None

    def _attribute(self, attribute: Attribute) -> str:
        if attribute.value is None:
            name = attribute.name
            if name.startswith(self.word):
                return "".join(f'{self.word}{n}n=""' for n in re.findall(r"(\d+)x", name))
            return f'{name}=""'
        # MJML writes a line break in an attribute as backslash and n, which ends a style's sense.
        value = _BARE_AMPERSAND.sub("&amp;", _BREAKS.sub(" ", attribute.value))
        return f'{attribute.name}="{value.replace(chr(34), "&quot;").replace("<", "&lt;")}"'

    def _text(self, piece: Piece) -> str:
        text = self.plain[piece.start : piece.end]
        if piece.parent in RAW_TEXT:
            if "style" in piece.parent:
                self._refuse_control(piece)
                return text
            return html.escape(html.unescape(text), quote=False)
        if piece.parent in CONTAINERS or not piece.parent:
            self._refuse_words(piece, text)
        return self._with_comments(_BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;"))

    def _with_comments(self, text: str) -> str:
        return re.sub(rf"{self.word}(\d+)x", self._as_comment, text)

    def _as_comment(self, found: re.Match[str]) -> str:
        return f"<!--{found[0]}-->" if self._is_control(int(found[1])) else found[0]

    def _is_control(self, number: int) -> bool:
        return self.tags[number].kind == "control"

    def _refuse_control(self, piece: Piece) -> None:
        for tag in self.tags_in(self.plain[piece.start : piece.end]):
            if tag.kind == "control":
                raise AuthorError(
                    f"{{% {tag.name} %}} cannot stand in a style: its rules are inlined once",
                    where=self.layout.where(tag.start),
                    hint="choose between two css-class names instead",
                )

    def _refuse_words(self, piece: Piece, text: str) -> None:
        printed = [tag for tag in self.tags_in(text) if tag.kind == "output"]
        inside = f"<{piece.parent}>" if piece.parent else "the template"
        if printed:
            offset = printed[0].start
        elif self.without_tags(text).strip():
            offset = self.source_offset(piece.start + len(text) - len(text.lstrip()))
        else:
            return
        raise AuthorError(
            f"text cannot stand directly in {inside}",
            where=self.layout.where(offset),
            hint="put it in an <mj-text>",
        )
