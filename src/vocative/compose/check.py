"""The static check: what is wrong with a template, told before anybody gets it.

In come a template's source and the catalog of a person's fields, out go findings with the
author's line, a caret and a way to repair it. Nothing is sent and no person's data is read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vocative.compose.blocks import SCOPE_TAG, put_in_blocks
from vocative.compose.fields import Shape, data_shape
from vocative.compose.findings import Finding, Severity, from_error
from vocative.compose.language import Environment, HtmlEnvironment, TextEnvironment
from vocative.compose.markup import Attribute, Piece
from vocative.compose.names import check_names
from vocative.compose.protect import Protected
from vocative.compose.sample import POSTAL_ADDRESS, UNSUBSCRIBE_URL, sample_data
from vocative.compose.source import Passage, TemplateSource, read_blocks, source_of
from vocative.compose.template import Rendered, compile_template, parse
from vocative.errors import AuthorError, Where
from vocative.sql import Field

if TYPE_CHECKING:
    from vocative.workspace import Workspace

CLIP_BYTES = 102_000
"""Gmail cuts a mail's HTML off behind this, the unsubscribe link with it."""
_IMAGES = frozenset(("img", "mj-image", "mj-carousel-image"))
_SCHEME = re.compile(r"(?:https?|mailto|tel|sms):|#", re.IGNORECASE)


def check_template(source: TemplateSource, catalog: Mapping[str, Field]) -> list[Finding]:
    """Everything that is wrong with a template, errors first.

    Args:
        source: The template as written.
        catalog: The fields of a person, by name.
    """
    data = data_shape(catalog)
    findings = [*_check_lines(source, data), *_check_layout(source, data)]
    if not any(found.severity == "error" for found in findings):
        findings += _check_rendered(source, catalog)
    return sorted(findings, key=lambda found: found.severity != "error")


def check_line(text: str, catalog: Mapping[str, Field], *, where: Where) -> list[Finding]:
    """What is wrong with a line of Liquid outside a template, such as a variant's subject.

    Args:
        text: The line.
        catalog: The fields of a person, by name.
        where: Where it is written.
    """

    def place(_: int) -> Where:
        return where

    try:
        part = parse(Passage(text, place), Environment)
    except AuthorError as error:
        return [from_error("liquid", error)]
    return check_names(part.parsed, data_shape(catalog), place)


def check_definitions(workspace: "Workspace") -> list[Finding]:
    """Check the templates of a workspace.

    Returns:
        Its warnings.

    Raises:
        AuthorError: the first error found.
    """
    from vocative.segment import field_catalog

    catalog = field_catalog(workspace)
    blocks = read_blocks(workspace.root)
    warnings = []
    for definition in workspace.definitions("template").values():
        for found in check_template(source_of(definition, blocks), catalog):
            if found.severity == "error":
                raise found.as_error()
            warnings.append(found)
    return warnings


def _check_lines(source: TemplateSource, data: Shape) -> Iterator[Finding]:
    """The subject, the preheader and the author's own plain text."""
    for key, passage in source.lines():
        try:
            part = parse(passage, TextEnvironment)
        except AuthorError as error:
            yield from_error("liquid", error)
            continue
        yield from check_names(part.parsed, data, passage.where)
        if key == "text" and "unsubscribe_url" not in passage.text:
            yield Finding(
                severity="warning",
                code="text_without_unsubscribe",
                message="the plain text has no way to unsubscribe",
                where=passage.where(0),
                fix="add a line such as: Unsubscribe: {{ unsubscribe_url }}",
            )


def _check_layout(source: TemplateSource, data: Shape) -> Iterator[Finding]:
    try:
        layout = put_in_blocks(source.body, source.blocks)
        part = parse(layout, HtmlEnvironment)
    except AuthorError as error:
        yield from_error("liquid", error)
        return
    yield from check_names(part.parsed, data, layout.where)
    try:
        protected = Protected(layout, source.markup)
    except AuthorError as error:
        yield from_error("mjml", error)
        return
    for piece in protected.pieces:
        if piece.kind == "start":
            yield from _check_element(piece, protected)
    yield from _check_footer(protected)


def _check_element(piece: Piece, protected: Protected) -> Iterator[Finding]:
    if piece.name in _IMAGES and piece.attribute("alt") is None:
        yield _finding(
            "warning",
            "image_without_alt",
            f"this <{piece.name}> says nothing where images are off or not seen",
            protected.where_plain(piece.start),
            'add alt="…", or alt="" for decoration',
        )
    link = piece.attribute("href")
    if link is not None and not piece.name.startswith("mj-font"):
        yield from _check_link(link, protected)


def _check_link(link: Attribute, protected: Protected) -> Iterator[Finding]:
    address = (link.value or "").strip()
    if address.startswith(protected.word) or _SCHEME.match(address):
        return
    where = protected.where_plain(link.start)
    if re.match(r"(?:javascript|vbscript|data):", address, re.IGNORECASE):
        yield _finding(
            "error", "unsafe_link", "this link runs code", where, "link to an https:// address"
        )
    else:
        yield _finding(
            "error",
            "incomplete_link",
            "this link leads nowhere: a mail has no site of its own",
            where,
            "write the whole address, with https://",
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
        yield _missing_unsubscribe(where)
    if not any("postal_address" in tag.text for tag in protected.tags):
        yield _missing_address(where)


def _check_rendered(source: TemplateSource, catalog: Mapping[str, Field]) -> Iterator[Finding]:
    """What only shows once the template is put together and rendered with made-up data."""
    start = source.body.where(0)
    try:
        template = compile_template(source)
        full = template.render(sample_data(catalog, complete=True))
        bare = template.render(sample_data(catalog, complete=False))
    except AuthorError as error:
        yield from_error("render", error)
        return
    yield from _check_always(full, bare, start)
    size = len(full.html.encode())
    if size > CLIP_BYTES:
        yield _finding(
            "warning",
            "too_large",
            f"with six products and an offer the HTML has {size / 1000:.0f} kB;"
            f" Gmail cuts it off behind {CLIP_BYTES // 1000} kB",
            start,
            "use fewer blocks, or link to a page",
        )


def _check_always(full: Rendered, bare: Rendered, where: Where) -> Iterator[Finding]:
    """What everybody must get must not stand inside a condition."""
    if not all(f'href="{UNSUBSCRIBE_URL}"' in one.html for one in (full, bare)):
        yield _missing_unsubscribe(where, "some people would get no unsubscribe link")
    if not all(POSTAL_ADDRESS in one.html for one in (full, bare)):
        yield _missing_address(where, "some people would get no postal address")


def _missing_unsubscribe(where: Where, message: str = "there is no unsubscribe link") -> Finding:
    fix = 'add <a href="{{ unsubscribe_url }}">Unsubscribe</a> to the footer, in no condition'
    return _finding("error", "no_unsubscribe_link", message, where, fix)


def _missing_address(where: Where, message: str = "there is no postal address") -> Finding:
    fix = "add {{ postal_address }} to the footer, in no condition"
    return _finding("error", "no_postal_address", message, where, fix)


def _finding(severity: Severity, code: str, message: str, where: Where, fix: str) -> Finding:
    return Finding(severity=severity, code=code, message=message, where=where, fix=fix)
