"""Templates in several languages: `autumn`, and beside it `autumn.de` and `autumn.pt-br`.

In come a workspace's templates, out go sources that know their other languages, and what is wrong
with the languages. Somebody who reads `de-AT` gets `autumn.de-at`, else `autumn.de`, else `autumn`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from vocative.compose.authoring.assets import AssetAddresses
from vocative.compose.authoring.source import SharedPieces, TemplateSource, fallbacks, source_of
from vocative.compose.findings import Finding
from vocative.compose.language.amounts import locale
from vocative.errors import unknown_name
from vocative.workspace.definitions import Definition

if TYPE_CHECKING:
    from vocative.workspace import Workspace


def written_in(name: str) -> str | None:
    """The language tag that a template's name ends with, in lower case.

    >>> written_in("autumn.pt-BR"), written_in("autumn")
    ('pt-br', None)
    """
    _, _, tag = name.partition(".")
    return tag.replace("_", "-").lower() or None


def read_template(workspace: "Workspace", name: str) -> TemplateSource:
    """A template of a workspace with all its languages.

    Raises:
        UnknownName: there is no such template.
        AuthorError: its files are wrong.
    """
    definitions = workspace.definitions("template")
    if name not in definitions:
        raise unknown_name("template", name, definitions)
    pieces = SharedPieces(workspace.root)
    languages = {
        tag: source_of(definition, pieces, language=tag)
        for tag, definition in _others(definitions, name)
    }
    source = source_of(definitions[name], pieces, language=written_in(name))
    assets = AssetAddresses(workspace.root, workspace.settings.base_url)
    return replace(
        source,
        assets=assets,
        languages={tag: replace(one, assets=assets) for tag, one in languages.items()},
    )


def read_each(workspace: "Workspace") -> Iterator[TemplateSource]:
    """Every template of a workspace, each language by itself.

    Raises:
        AuthorError: the files of one are wrong.
    """
    pieces = SharedPieces(workspace.root)
    for name, definition in workspace.definitions("template").items():
        source = source_of(definition, pieces, language=written_in(name))
        yield replace(source, assets=AssetAddresses(workspace.root, workspace.settings.base_url))


def check_languages(workspace: "Workspace") -> Iterator[Finding]:
    """What is wrong with the languages of templates: one that is none, one that is missing."""
    definitions = workspace.definitions("template")
    wanted = [tag.replace("_", "-").lower() for tag in workspace.settings.languages]
    for name, definition in definitions.items():
        tag = written_in(name)
        if tag is not None:
            yield from _check_variant(definition, tag, definitions)
            continue
        there = {workspace.settings.language.lower(), *dict(_others(definitions, name))}
        missing = [one for one in wanted if not there.intersection(fallbacks(one))]
        if missing:
            yield Finding(
                severity="warning",
                code="missing_language",
                message=f"the template {name!r} is not there in: {', '.join(missing)}",
                where=definition.where(),
                fix=f"add templates/{name}.{missing[0]}{definition.suffix} and its .yaml;"
                " until then these people get it as it is",
            )


def _check_variant(
    definition: Definition, tag: str, definitions: Mapping[str, Definition]
) -> Iterator[Finding]:
    name = definition.name.partition(".")[0]
    if name not in definitions:
        yield Finding(
            severity="error",
            code="language_alone",
            message=f"{definition.name!r} is a template in another language, but of none",
            where=definition.where(),
            fix=f"add templates/{name}{definition.suffix}, which everybody else gets",
        )
    if locale(tag) is None:
        yield Finding(
            severity="error",
            code="unknown_language",
            message=f"{tag!r} is no language",
            where=definition.where(),
            fix="end the name in a language tag such as de or pt-br; names have no other dot",
        )


def _others(definitions: Mapping[str, Definition], name: str) -> Iterator[tuple[str, Definition]]:
    for other, definition in definitions.items():
        tag = written_in(other)
        if tag is not None and other.partition(".")[0] == name:
            yield tag, definition


def locale_of(wanted: str | None, written: str) -> str:
    """How numbers and dates are written in a text: as its reader does if that is its language.

    Args:
        wanted: The reader's language, such as `de-AT`.
        written: The language of the text.

    >>> locale_of("de-AT", "de"), locale_of("fr-CH", "en"), locale_of(None, "en")
    ('de-at', 'en', 'en')
    """
    tags = fallbacks(wanted)
    return tags[0] if tags and tags[-1] == written.partition("-")[0].lower() else written
