"""The static check: what is wrong with a template, told before anybody gets it.

In come a template's source and the catalog of a person's fields, out go findings with the
author's line, a caret and a way to repair it. Nothing is sent and no person's data is read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

from vocative.compose.authoring.blocks import assemble
from vocative.compose.authoring.languages import check_languages, read_each
from vocative.compose.authoring.source import Passage, TemplateSource
from vocative.compose.checking.contexts import contexts
from vocative.compose.checking.fields import Shape, data_shape
from vocative.compose.checking.markup import (
    check_addresses_in_text,
    check_contrast,
    check_markup,
    missing_address,
    missing_unsubscribe,
)
from vocative.compose.checking.names import check_names
from vocative.compose.checking.sample import POSTAL_ADDRESS, UNSUBSCRIBE_URL, Amount, sample_data
from vocative.compose.findings import Finding, from_error
from vocative.compose.language.environments import Environment, HtmlEnvironment, TextEnvironment
from vocative.compose.language.raw_html import refuse_html_in_markup
from vocative.compose.language.skipping import MessageSkipped
from vocative.compose.links import rewrite_links
from vocative.compose.markup.protect import Protected
from vocative.compose.plain_file import check_plain_file
from vocative.compose.template import Rendered, compile_template, parse
from vocative.errors import AuthorError, Where
from vocative.sql import Field

if TYPE_CHECKING:
    from vocative.workspace import Workspace

CLIP_BYTES = 102_000
"""Gmail cuts a mail's HTML off behind this, the unsubscribe link with it."""
_MOST_TOLD = 20
"""Errors of one template that are told beside the first."""
_WITH: Mapping[Amount, str] = {
    "usual": "with six products and an offer",
    "long": "with six products, an offer and long texts",
    "sparse": "with six products and an offer that lack what they may lack",
    "bare": "with nothing that may be missing",
}
_COUNTED_LINK_BYTES = 100
"""What a counted link is longer than its own address, written as base64."""


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
    warnings = []
    for source in read_each(workspace):
        warnings += _raise_first(check_template(source, catalog))
        warnings += check_plain_file(source)
    return [*warnings, *_raise_first(check_languages(workspace))]


def _raise_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, unless some are errors; then the first is raised and the others are told."""
    found = list(findings)
    errors = [one for one in found if one.severity == "error"]
    if not errors:
        return found
    first = errors[0].as_error()
    others = [
        f"{one.where.file}:{one.where.line}:{one.where.column} {one.message}"
        for one in errors[1 : 1 + _MOST_TOLD]
    ]
    if others:
        more = f"and {len(errors) - 1} more:\n    " + "\n    ".join(others)
        first.hint = f"{first.hint}; {more}" if first.hint else more
    raise first


def _check_lines(source: TemplateSource, data: Shape) -> Iterator[Finding]:
    """The subject, the preheader and the author's own plain text."""
    for key, passage in source.lines():
        try:
            part = parse(passage, TextEnvironment)
        except AuthorError as error:
            yield from_error("liquid", error)
            continue
        yield from check_names(part.parsed, data, passage.where)
        if key == "text":
            yield from check_addresses_in_text(passage)
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
        layout = assemble(source)
        part = parse(layout, HtmlEnvironment)
    except AuthorError as error:
        yield from_error("liquid", error)
        return
    try:
        protected = Protected(layout, source.markup)
    except AuthorError as error:
        yield from check_names(part.parsed, data, layout.where)
        yield from_error("mjml", error)
        return
    yield from check_names(part.parsed, data, layout.where, contexts(protected))
    try:
        refuse_html_in_markup(part.parsed.nodes, protected)
    except AuthorError as error:
        yield from_error("unsafe_context", error)
    yield from check_markup(protected)
    try:
        yield from check_contrast(protected)
    except AuthorError as error:
        yield from_error("mjml", error)


def _check_rendered(source: TemplateSource, catalog: Mapping[str, Field]) -> Iterator[Finding]:
    """What only shows once the template is put together and rendered with made-up data."""
    start = source.body.where(0)
    try:
        template = compile_template(source)
        mails = {}
        for amount in get_args(Amount):
            # Whom the template skips gets no mail that could be wrong.
            with suppress(MessageSkipped):
                mails[amount] = template.render(sample_data(catalog, amount))
    except AuthorError as error:
        yield from_error("render", error)
        return
    yield from _check_always(mails.values(), start)
    yield from _check_size({amount: _sent_bytes(mail) for amount, mail in mails.items()}, start)


def _check_size(sizes: Mapping[Amount, int], where: Where) -> Iterator[Finding]:
    """Whether Gmail shows all of it, with the longer addresses of counted links."""
    amount: Amount = "usual"
    if sizes.get(amount, 0) <= CLIP_BYTES:
        amount = max(sizes, key=lambda one: sizes[one], default=amount)
    if sizes.get(amount, 0) > CLIP_BYTES:
        yield Finding(
            severity="warning",
            code="too_large",
            message=f"{_WITH[amount]}, the HTML has {sizes[amount] / 1000:.0f} kB as it is sent;"
            f" Gmail cuts it off behind {CLIP_BYTES // 1000} kB",
            where=where,
            fix="use fewer blocks, or link to a page",
        )


def _sent_bytes(rendered: Rendered) -> int:
    def counted(url: str) -> str:
        return "x" * (_COUNTED_LINK_BYTES + len(url.encode()) * 4 // 3)

    return len(rewrite_links(rendered.html, counted).encode()) + _COUNTED_LINK_BYTES


def _check_always(mails: Collection[Rendered], where: Where) -> Iterator[Finding]:
    """What everybody must get must not stand inside a condition."""
    if not all(f'href="{UNSUBSCRIBE_URL}"' in one.html for one in mails):
        yield missing_unsubscribe(where, "some people would get no unsubscribe link")
    if not all(POSTAL_ADDRESS in one.html for one in mails):
        yield missing_address(where, "some people would get no postal address")
