"""Templates of other systems, taken into a workspace.

In come files as another system exports them, out go templates in `templates/`, their sources kept
untouched beside them, and a report of every tag. Refused: files that are no text, names that are
taken.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vocative.compose.authoring.source import Passage, TemplateSource
from vocative.compose.checking.check import check_template
from vocative.compose.dialects import (
    Converted,
    Dialect,
    FieldMap,
    ForeignTemplate,
    Note,
    dialect_named,
    read_field_map,
)
from vocative.compose.findings import Finding
from vocative.errors import AuthorError, StateError
from vocative.sql import Field, Type

if TYPE_CHECKING:
    from vocative.workspace import Workspace

SOURCES_FOLDER = "templates/sources"
_MAX_BYTES = 2_000_000
_PARTS = (".html", ".liquid", ".txt", ".mjml")
_TITLE = re.compile(r"<title\b[^>]*>(.{1,500}?)</title>", re.IGNORECASE | re.DOTALL)
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class ConvertedFile:
    """What became of one file."""

    file: str
    template: str
    """The name of the template that it became."""
    dialect: str
    carried: int
    approximated: int
    refused: int
    notes: tuple[Note, ...]
    new_traits: tuple[str, ...]
    """Traits that the template names and the workspace does not have."""
    written: tuple[str, ...]
    """Files, below the workspace's folder."""
    findings: tuple[Finding, ...]
    """What `vocative check` says of the template once these traits are declared."""


def convert(
    workspace: "Workspace",
    files: list[str],
    *,
    from_: str,
    to: Literal["liquid"] = "liquid",  # noqa: ARG001 - the one runtime dialect, stated by the caller
    fields: Path | None = None,
    parts: Path | None = None,
    subject: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> list[ConvertedFile]:
    """Take templates of another system into the workspace.

    Args:
        workspace: Where to.
        files: The templates: HTML, MJML or Liquid.
        from_: The dialect they are written in; `vocative plugins` lists them.
        to: What they become.
        fields: A YAML file that says which trait each of their names stands for.
        parts: A folder with what they put in: partials, content blocks, snippets.
        subject: Their subject line, in the same dialect; without it their title.
        replace: Write over templates of the same names.
        dry_run: Report only; write nothing.

    Raises:
        UnknownName: there is no such dialect.
        AuthorError: a file cannot be read, or the mapping is wrong.
        StateError: a template of that name is there already.
    """
    dialect = dialect_named(from_)
    catalog = _catalog(workspace)
    field_map = read_field_map(fields, {name: one.type.value for name, one in catalog.items()})
    pieces = _read_parts(parts)
    names = [template_name(Path(file)) for file in files]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise AuthorError(f"two of the files would become the template {name!r}")
        if not replace and not dry_run:
            _refuse_taken(workspace, name)
    taking = _Taking(workspace, from_, dialect, field_map, catalog)
    found = []
    for file in files:
        foreign = read_foreign(Path(file), subject=subject, parts=pieces)
        found.append(taking.take(Path(file), foreign, write=not dry_run))
    return found


def template_name(file: Path) -> str:
    """The name of the template that a file becomes.

    >>> template_name(Path("Welcome Mail (2).html"))
    'welcome_mail_2'
    """
    return _NOT_A_NAME.sub("_", file.stem.lower()).strip("_") or "imported"


def read_foreign(
    file: Path, *, subject: str | None = None, parts: Mapping[str, Passage] | None = None
) -> ForeignTemplate:
    """A file as another system has it, with its plain text (`NAME.txt`) if that lies beside it.

    Args:
        file: The file.
        subject: Its subject line; without it the title in its head, or its name.
        parts: What it may put in, by name.

    Raises:
        AuthorError: a file cannot be read.
    """
    text = _read(file)
    beside = file.with_suffix(".txt")
    plain = beside.is_file() and beside != file
    found = _TITLE.search(text)
    title = " ".join(html.unescape(found[1]).split()) if found else ""
    if "SUBJECT" in title.upper():
        # The head takes its title from the subject, not the other way round.
        title = ""
    line = subject or title or file.stem.replace("_", " ").replace("-", " ").capitalize()
    return ForeignTemplate(
        name=template_name(file),
        html=Passage.of_file(str(file), text),
        subject=Passage.of_file(f"{file} (subject)", line),
        text=Passage.of_file(str(beside), _read(beside)) if plain else None,
        parts=parts or {},
    )


def source_of_converted(name: str, converted: Converted) -> TemplateSource:
    """What was converted as a template's source."""
    markup = "mjml" if is_mjml(converted.html) else "html"
    body: dict[str, Any] = {markup: converted.html}
    return TemplateSource.of(name, subject=converted.subject or name, text=converted.text, **body)


def is_mjml(text: str) -> bool:
    """Whether a layout is MJML."""
    return "<mjml" in text[:2_000]


@dataclass(frozen=True)
class _Taking:
    """What is the same for every file that is taken in."""

    workspace: "Workspace"
    dialect_name: str
    dialect: Dialect
    fields: FieldMap
    catalog: Mapping[str, Field]

    def take(self, file: Path, foreign: ForeignTemplate, *, write: bool) -> ConvertedFile:
        """One file as a template, written unless it is only reported."""
        converted = self.dialect.convert(foreign, self.fields)
        source = source_of_converted(foreign.name, converted)
        return ConvertedFile(
            file=str(file),
            template=foreign.name,
            dialect=self.dialect_name,
            carried=converted.count("carried"),
            approximated=converted.count("approximated"),
            refused=converted.count("refused"),
            notes=converted.notes,
            new_traits=tuple(converted.new_traits),
            written=self._write(file, foreign, converted) if write else (),
            findings=tuple(check_template(source, {**_undeclared(converted), **self.catalog})),
        )

    def _write(self, file: Path, foreign: ForeignTemplate, converted: Converted) -> tuple[str, ...]:
        root, name = self.workspace.root, foreign.name
        folder = root / "templates"
        suffix, other = (".mjml", ".html") if is_mjml(converted.html) else (".html", ".mjml")
        kept = root / SOURCES_FOLDER / f"{name}.{self.dialect_name}{file.suffix}"
        texts = {
            kept: foreign.html.text,
            folder / f"{name}{suffix}": converted.html,
            folder / f"{name}.yaml": _settings(converted, self.dialect_name, file.name),
        }
        if foreign.text is not None and converted.text is not None:
            texts[kept.with_suffix(".txt")] = foreign.text.text
            texts[folder / f"{name}.txt"] = converted.text
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        (folder / f"{name}{other}").unlink(missing_ok=True)
        return tuple(str(path.relative_to(root)) for path in texts)


def _settings(converted: Converted, dialect: str, file: str) -> str:
    # JSON's strings are YAML's strings between double quotes.
    about = json.dumps(f"From {file} ({dialect})", ensure_ascii=False)
    subject = json.dumps(converted.subject or "", ensure_ascii=False)
    return f"describe: {about}\nsubject: {subject}\n"


def _refuse_taken(workspace: "Workspace", name: str) -> None:
    for suffix in (".mjml", ".html", ".yaml"):
        path = workspace.root / "templates" / f"{name}{suffix}"
        if path.exists():
            raise StateError(
                f"there is a template {name!r} already",
                where=str(path.relative_to(workspace.root)),
                hint="rename the file, or write over it with --replace",
            )


def _catalog(workspace: "Workspace") -> dict[str, Field]:
    from vocative.segment import field_catalog

    return field_catalog(workspace)


def _undeclared(converted: Converted) -> dict[str, Field]:
    return {
        name: Field(name=name, kind="trait", type=Type.TEXT, nullable=True, describe="")
        for name in converted.new_traits
    }


def _read_parts(folder: Path | None) -> dict[str, Passage]:
    if folder is None:
        return {}
    if not folder.is_dir():
        raise AuthorError("there is no such folder of parts", where=str(folder))
    return {
        path.stem: Passage.of_file(str(path), _read(path))
        for path in sorted(folder.iterdir())
        if path.suffix in _PARTS and path.is_file()
    }


def _read(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise AuthorError(f"the file cannot be read: {error.strerror}", where=str(file)) from error
    if len(raw) > _MAX_BYTES:
        raise AuthorError(f"the file is larger than {_MAX_BYTES:,} bytes", where=str(file))
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise AuthorError(
            f"the file is not UTF-8 text (byte {error.start})",
            where=str(file),
            hint="save it as UTF-8",
        ) from error
