"""What is wrong with the markup of a template: its pictures, links, footer and colours.

In comes a protected layout, out go findings at the author's places. Nothing is fetched.
"""

import re
from collections.abc import Iterator

from vocative.compose.authoring.blocks import SCOPE_TAG
from vocative.compose.authoring.source import Passage
from vocative.compose.authoring.tags import find_tags
from vocative.compose.checking.contrast import poor_contrasts
from vocative.compose.findings import Finding, Severity
from vocative.compose.markup.addresses import Fault, check_address
from vocative.compose.markup.pieces import Attribute, Piece
from vocative.compose.markup.protect import Protected
from vocative.errors import Where

_IMAGES = frozenset(("img", "mj-image", "mj-carousel-image"))
_NO_LINKS = frozenset(("mj-font", "link"))
_SOURCES = ("src", "background-url", "thumbnails-src")
_EMBEDDED = re.compile(r"(?:data:image/|cid:)", re.IGNORECASE)
_EVENT = re.compile(r"on[a-z]{3,}")
_IN_TEXT = re.compile(r"<([a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>]*)>")
_TAG_WORD = "x"


def check_markup(protected: Protected) -> Iterator[Finding]:
    """Findings about a layout's elements and what every mail must have."""
    for piece in protected.pieces:
        if piece.kind == "start":
            yield from _check_element(piece, protected)
    yield from _check_footer(protected)


def check_contrast(protected: Protected) -> Iterator[Finding]:
    """Findings about text that is hard to read.

    Raises:
        AuthorError: the layout cannot be compiled.
    """
    for found in poor_contrasts(protected):
        yield Finding(
            severity="warning",
            code="low_contrast",
            message=f"this text is hard to read: {found.colour} on {found.behind} has a contrast"
            f" of {found.ratio:.1f}, and {found.least:g} is the least",
            where=found.where,
            fix="make the text darker or its background lighter, or the other way round",
        )


def check_addresses_in_text(passage: Passage) -> Iterator[Finding]:
    """Findings about the addresses in an author's own plain text, `<https://…>`."""
    text, at, parts = passage.text, 0, []
    for tag in find_tags(passage):
        # As long as the tag, so that every place stays what it is.
        parts += [text[at : tag.start], _TAG_WORD * len(tag.text)]
        at = tag.end
    parts.append(text[at:])
    for found in _IN_TEXT.finditer("".join(parts)):
        fault = check_address(found[1], value=_TAG_WORD)
        if fault is not None:
            yield _of_fault(fault, passage.where(found.start(1)))


def missing_unsubscribe(where: Where, message: str = "there is no unsubscribe link") -> Finding:
    """The finding that somebody could not leave."""
    fix = 'add <a href="{{ unsubscribe_url }}">Unsubscribe</a> to the footer, in no condition'
    return Finding(
        severity="error", code="no_unsubscribe_link", message=message, where=where, fix=fix
    )


def missing_address(where: Where, message: str = "there is no postal address") -> Finding:
    """The finding that somebody would not see who wrote."""
    fix = "add {{ postal_address }} to the footer, in no condition"
    return Finding(
        severity="error", code="no_postal_address", message=message, where=where, fix=fix
    )


def _check_element(piece: Piece, protected: Protected) -> Iterator[Finding]:
    if piece.name in _IMAGES and piece.attribute("alt") is None:
        yield Finding(
            severity="warning",
            code="image_without_alt",
            message=f"this <{piece.name}> says nothing where images are off or not seen",
            where=protected.where_plain(piece.start),
            fix='add alt="…", or alt="" for decoration',
        )
    if piece.name == "mj-social-element" and piece.attribute("name") and not piece.attribute("src"):
        yield Finding(
            severity="warning",
            code="foreign_picture",
            message="without src this icon comes from www.mailjet.com, which sees who reads",
            where=protected.where_plain(piece.start),
            fix='put the icon into assets and add src="asset:name.png"',
        )
    for attribute in piece.attributes:
        if attribute.name == "href" and piece.name not in _NO_LINKS:
            yield from _check_link(attribute, protected)
        elif attribute.name in _SOURCES and attribute.value:
            yield from _check_picture(attribute, protected)
        elif _EVENT.fullmatch(attribute.name) and not piece.name.startswith("mj-"):
            yield Finding(
                severity="error",
                code="unsafe_context",
                message=f"{attribute.name} runs code, and mail programs run none",
                where=protected.where_plain(attribute.start),
                fix="remove the attribute",
            )


def _check_link(link: Attribute, protected: Protected) -> Iterator[Finding]:
    address = (link.value or "").strip()
    if address.startswith(protected.word):
        return
    fault = check_address(address, value=protected.word)
    if fault is not None:
        # Only a link that is still to be written; the mail can go out with it.
        severity: Severity = "warning" if address == "#" else "error"
        yield _of_fault(fault, protected.where_plain(link.start), severity)


def _check_picture(source: Attribute, protected: Protected) -> Iterator[Finding]:
    address = (source.value or "").strip()
    if address.startswith(protected.word) or _EMBEDDED.match(address):
        return
    fault = check_address(address, value=protected.word)
    if fault is not None:
        picture = Fault(fault.code, fault.message.replace("link", "picture"), fault.fix)
        yield _of_fault(picture, protected.where_plain(source.start))


def _of_fault(fault: Fault, where: Where, severity: Severity = "error") -> Finding:
    return Finding(
        severity=severity, code=fault.code, message=fault.message, where=where, fix=fault.fix
    )


def _check_footer(protected: Protected) -> Iterator[Finding]:
    end = next(
        (one.start for one in reversed(protected.pieces) if one.name in ("mj-body", "body")), 0
    )
    where = protected.where_plain(end)
    links = [one.attribute("href") for one in protected.pieces if one.kind == "start"]
    in_links = " ".join(
        tag.text for link in links if link for tag in protected.tags_in(link.value or "")
    )
    # A block may be handed an address under another name; then only rendering can tell.
    handed_over = "".join(tag.text for tag in protected.tags if tag.name == SCOPE_TAG)
    if "unsubscribe_url" not in in_links + handed_over:
        yield missing_unsubscribe(where)
    if not any("postal_address" in tag.text for tag in protected.tags):
        yield missing_address(where)
