"""The plain-text part of a mail, made once from its layout.

In comes the compiled HTML with placeholders, out goes text with the same placeholders, so that
loops and conditions keep working. A link becomes `words <address>`; the angle brackets tell
`rewrite_links` that the author put it there. Links that are not tracked stand without brackets.
"""

import re
from typing import TYPE_CHECKING

from vocative.compose.markup.protect import Protected

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

_ROWS = frozenset(("tbody", "thead", "tfoot", "tr"))
_TABLE = "data-table"
_HIDDEN = re.compile(r"display\s*:\s*none")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


def to_text(html: str, protected: Protected) -> str:
    """The layout as plain text, its placeholders in place."""
    from inscriptis import Inscriptis
    from lxml.html import document_fromstring

    body = document_fromstring(html.removeprefix(protected.prologue)).find("body")
    _flatten(body, protected)
    # Inscriptis leaves an empty line above a document that starts with a block.
    text = Inscriptis(body).get_text().replace("\xa0", " ")
    text = protected.words_of(protected.prologue) + text
    return _join_control_lines(text, protected).strip() + "\n"


def _flatten(body: "HtmlElement", protected: Protected) -> None:
    """Turn layout tables into lines, links into words and addresses, placeholders into text."""
    placeholder = re.compile(rf"{protected.word}\d+x")
    for node in list(body.iter()):
        if not isinstance(node.tag, str):
            _replace(node, node.text if placeholder.fullmatch(node.text or "") else "")
        elif node.tag in ("style", "title") or _HIDDEN.search(node.get("style", "")):
            _replace(node, "")

    def address(link: "HtmlElement") -> str:
        return "".join(protected.restore(link.get("href", "")).text.split())

    named = {address(link) for link in body.iter("a") if _words(link, placeholder)}
    for node in list(body.iter()):
        if node.tag == "a":
            _write_link(node, address(node) in named, placeholder)
        elif node.tag == "img":
            _replace(node, "" if node.get("alt") is None else _one_line(node.get("alt")))
        else:
            _rename(node, protected)


def _is_layout(table: "HtmlElement", protected: Protected) -> bool:
    """Whether a table only puts things in their place; in HTML most do, and few say so."""
    if table.get("role") == "presentation":
        return True
    return protected.markup == "html" and table.find(".//th") is None


def _rename(node: "HtmlElement", protected: Protected) -> None:
    """Make a part of a table what a reader of plain text needs: a line, or words in a line."""
    node.attrib.pop("style", None)
    if node.tag == "table":
        node.set(_TABLE, "layout" if _is_layout(node, protected) else "data")
        node.tag = "div"
    elif node.tag in _ROWS:
        node.tag = "div"
    elif node.tag in ("td", "th"):
        table = next((one for one in node.iterancestors() if one.get(_TABLE)), None)
        if table is not None and table.get(_TABLE) == "data":
            node.tag = "span"
            node.tail = f"  {node.tail or ''}"
        else:
            node.tag = "div"
    elif "mj-outlook-group-fix" in node.get("class", ""):
        node.tag = "p"  # a column: empty lines around it


def _words(node: "HtmlElement", placeholder: re.Pattern[str]) -> str:
    return placeholder.sub("x", str(node.text_content())).strip()


def _write_link(
    link: "HtmlElement",
    named: bool,  # noqa: FBT001
    placeholder: re.Pattern[str],
) -> None:
    address = link.get("href", "")
    words = _one_line(str(link.text_content()))
    if not _words(link, placeholder):
        # A picture says nothing that words which lead to the same page do not say better.
        alts = [] if named else [_one_line(picture.get("alt")) for picture in link.iter("img")]
        words = " ".join([*filter(None, alts), words]).strip()
        if not words or named:
            _replace(link, words)
            return
    if address.startswith("mailto:"):
        address = address.removeprefix("mailto:")
        _replace(link, words if words == address else f"{words} ({address})")
    elif link.get("data-vocative") == "untracked":
        _replace(link, f"{words}: {address}")
    elif not address or address.startswith("#"):
        _replace(link, words)
    else:
        _replace(link, f"{words} <{address}>")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _replace(node: "HtmlElement", text: str) -> None:
    """Put text in the place of a node, keeping what follows it."""
    parent = node.getparent()
    if parent is None:
        return
    text += node.tail or ""
    before = node.getprevious()
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text
    parent.remove(node)


def _join_control_lines(text: str, protected: Protected) -> str:
    """Let a control tag that stands alone take its line break with it."""
    control = "|".join(
        f"{protected.word}{number}x"
        for number, tag in enumerate(protected.tags)
        if tag.kind == "control"
    )
    lines = [line.strip() for line in text.split("\n")]
    if control:
        alone = re.compile(rf"(?:(?:{control})\s*)+")
        lines = [line + ("" if alone.fullmatch(line) else "\n") for line in lines]
        return _BLANK_LINES.sub("\n\n", "".join(lines))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines))
