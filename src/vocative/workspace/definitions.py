"""Definitions: the files of a workspace folder, by kind and name.

A *kind* is a folder. In most kinds one YAML file holds many definitions by name. A template is
a pair of files. What a body means is the business of the stage that owns the kind.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vocative.errors import AuthorError, Where, unknown_name
from vocative.workspace.yaml_text import YamlPath, YamlText, read_yaml


@dataclass(frozen=True)
class DefinitionKind:
    """One kind of definition: its folder and the function that checks a workspace's ones."""

    name: str
    folder: str
    check: str
    """`module:function` of the owning stage, called with the workspace; raises AuthorError."""


_CHECK_TEMPLATES = "vocative.compose.checking.check:check_definitions"
KINDS = {
    kind.name: kind
    for kind in (
        DefinitionKind("feature", "features", "vocative.segment.plan:check_definitions"),
        DefinitionKind("segment", "segments", "vocative.segment.plan:check_definitions"),
        DefinitionKind("model", "models", "vocative.predict.definitions:check_definitions"),
        DefinitionKind("template", "templates", _CHECK_TEMPLATES),
        DefinitionKind("block", "templates/blocks", _CHECK_TEMPLATES),
        DefinitionKind("layout", "templates/layouts", _CHECK_TEMPLATES),
        DefinitionKind("campaign", "campaigns", "vocative.campaign.definitions:check_definitions"),
        DefinitionKind(
            "journey", "journeys", "vocative.campaign.journeys.definition:check_definitions"
        ),
        DefinitionKind("mapping", "mappings", "vocative.collect.mapping:check_definitions"),
        DefinitionKind("form", "forms", "vocative.collect.forms.definition:check_definitions"),
        DefinitionKind(
            "expectation",
            "expectations",
            "vocative.collect.quality.expectations:check_definitions",
        ),
        DefinitionKind(
            "reconciliation",
            "reconciliations",
            "vocative.collect.quality.reconciliation:check_definitions",
        ),
        DefinitionKind("plan", "plans", "vocative.collect.quality.plan:check_definitions"),
        DefinitionKind(
            "source", "sources", "vocative.collect.sourcing.definitions:check_definitions"
        ),
        DefinitionKind(
            "destination",
            "destinations",
            "vocative.deliver.syncing.definitions:check_definitions",
        ),
    )
}


PIECES = ("block", "layout")
"""Kinds whose files are pieces of templates, without settings beside them."""
ONE_EACH = (
    "form",
    "journey",
    "mapping",
    "plan",
    "expectation",
    "reconciliation",
    "source",
    "destination",
)
"""Kinds whose files hold one definition each, named as its file."""


@dataclass(frozen=True)
class Definition:
    """One named definition and where it is written."""

    kind: str
    name: str
    body: dict[str, Any]
    text: YamlText = field(repr=False, compare=False)
    path: YamlPath = ()
    source: str | None = None
    """The text of a template's or block's own file."""
    suffix: str = ".mjml"
    """How that file's name ends."""
    plain: str | None = None
    """A template's plain text, when a file of its own has it."""

    def where(self, *path: str | int, offset: int = 0) -> Where:
        """The place of a part of the body, for an error message."""
        return self.text.where((*self.path, *path), offset=offset)


Definitions = Mapping[str, Mapping[str, Definition]]
"""Definitions by kind and name."""
_MOST_READINGS = 10
_ENDINGS = ("*.*ml", "*.txt")


def read_together(root: Path, *kinds: str) -> dict[str, dict[str, Definition]]:
    """Every definition of some kinds, by kind and name, as the folder had them at one moment.

    Who writes into the folder meanwhile may write several files that belong together, or put one
    in the place of another: what changed while it was read is read again.

    Raises:
        AuthorError: a file is not readable, or a name is defined twice.
        UnknownName: there is no such kind.
    """
    for _ in range(_MOST_READINGS):
        before = definitions_stamp(root, *kinds)
        with suppress(AuthorError):  # not wrong perhaps, but gone when its turn came
            found = {kind: read_definitions(root, kind) for kind in kinds}
            if definitions_stamp(root, *kinds) == before:
                return found
        if definitions_stamp(root, *kinds) == before:
            break
    return {kind: read_definitions(root, kind) for kind in kinds}


def definitions_stamp(root: Path, *kinds: str) -> object:
    """Changes when a file of these kinds comes, goes or is written."""
    folders = [root / KINDS[kind].folder for kind in kinds if kind in KINDS]
    found = []
    files = (path for folder in folders for ends in _ENDINGS for path in folder.glob(ends))
    for path in sorted(files):
        with suppress(FileNotFoundError):
            stat = path.stat()
            found.append((path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return found


def read_definitions(root: Path, kind: str) -> dict[str, Definition]:
    """Every definition of one kind, by name, in the order of files and lines.

    Raises:
        AuthorError: a file is not readable, or a name is defined twice.
        UnknownName: there is no such kind.
    """
    if kind not in KINDS:
        raise unknown_name("kind of definition", kind, KINDS)
    folder = root / KINDS[kind].folder
    if kind == "template" or kind in PIECES:
        return _read_sources(kind, folder, root)
    found: dict[str, Definition] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        text = read_yaml(path, shown_as=str(path.relative_to(root)))
        if kind in ONE_EACH:
            found[path.stem] = Definition(kind, path.stem, text.value, text)
            continue
        for name, body in text.value.items():
            place = text.where((name, "@key"))
            if name in found:
                raise AuthorError(
                    f"the {kind} {name!r} is already defined in {found[name].text.file}",
                    where=place,
                    hint="give one of them another name",
                )
            if not isinstance(body, dict):
                raise AuthorError(f"the {kind} {name!r} has no body", where=place)
            found[name] = Definition(kind, name, body, text, (name,))
    return found


def _read_sources(kind: str, folder: Path, root: Path) -> dict[str, Definition]:
    """Templates (MJML or HTML, and settings) and the pieces they share (MJML or HTML alone)."""
    found: dict[str, Definition] = {}
    for path in sorted([*folder.glob("*.mjml"), *folder.glob("*.html")]):
        shown_as = str(path.with_suffix(".yaml").relative_to(root))
        source = _read_text(path, kind, root)
        # A piece may be there for templates in MJML and for those in HTML.
        name = path.name if kind in PIECES and path.suffix == ".html" else path.stem
        if name in found:
            raise AuthorError(
                f"the {kind} {name!r} is written twice, as MJML and as HTML",
                where=str(path.relative_to(root)),
                hint="remove one of the two files",
            )
        plain = None
        if kind in PIECES:
            text = YamlText({}, shown_as, "", {})
        else:
            text = read_yaml(path.with_suffix(".yaml"), shown_as=shown_as)
            if path.with_suffix(".txt").exists():
                plain = _read_text(path.with_suffix(".txt"), kind, root)
        found[name] = Definition(
            kind, name, text.value, text, source=source, suffix=path.suffix, plain=plain
        )
    return found


def _read_text(path: Path, kind: str, root: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuthorError(
            f"the {kind} cannot be read as UTF-8 text", where=str(path.relative_to(root))
        ) from error
