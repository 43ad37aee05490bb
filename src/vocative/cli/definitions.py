"""Definitions on the command line: check, diff, apply, export.

The folder is the source of truth. `apply` records a revision of every definition that changed,
with its author, so that the workspace's history can be read back.
"""

import getpass
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from vocative.clock import to_micros
from vocative.compose.kept import keep_versions
from vocative.errors import AuthorError, StateError
from vocative.stores import Transaction
from vocative.workspace import KINDS, Definition, Workspace
from vocative.workspace.definitions import ONE_EACH, PIECES


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One definition that differs from its last revision."""

    kind: str
    name: str
    change: str
    """added, changed or removed."""
    revision: int
    """The revision that applying makes."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, or what was applied."""

    applied: bool
    changes: list[Change]
    segments: int = 0
    people: int = 0


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace whose definitions are right, and advice about them."""

    definitions: dict[str, int]
    """How many there are of each kind."""
    warnings: list[str]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """Where definitions were written."""

    folder: str
    files: list[str]


def check_workspace(workspace: Workspace) -> Checked:
    """Check every definition and template.

    Raises:
        AuthorError: the first thing that is wrong, with its place.
    """
    warnings: list[str] = []
    for path in dict.fromkeys(kind.check for kind in KINDS.values()):
        module, _, attribute = path.partition(":")
        check: Callable[[Workspace], Any] = getattr(importlib.import_module(module), attribute)
        warnings.extend(str(finding) for finding in check(workspace) or ())
    counts = {kind: len(workspace.definitions(kind)) for kind in KINDS}
    return Checked(definitions=counts, warnings=warnings)


def diff(workspace: Workspace) -> Changes:
    """What differs between the folder and the last applied revisions."""
    with workspace.store.read() as tx:
        return Changes(applied=False, changes=_changes(workspace, tx))


def apply(
    workspace: Workspace,
    *,
    author: str | None = None,
    recompute: bool = True,
    progress: Callable[..., None] | None = None,
) -> Changes:
    """Check the definitions, record what changed, and compute segments anew.

    Args:
        workspace: Whose definitions.
        author: Who changed them; the system user unless told.
        recompute: Whether to compute features and segments afterwards.
        progress: Told how far the computation is.

    Raises:
        AuthorError: something is wrong; then nothing is applied.
    """
    check_workspace(workspace)
    now = to_micros(workspace.clock.now())
    who = author or getpass.getuser()
    with workspace.store.transaction() as tx:
        changes = _changes(workspace, tx)
        bodies = {
            (kind, name): _body(definition)
            for kind in KINDS
            for name, definition in workspace.definitions(kind).items()
        }
        tx.run(
            "INSERT INTO definitions (kind, name, revision, body, author, applied_at)"
            " VALUES (:kind, :name, :revision, :body, :author, :applied_at)",
            [
                {
                    "kind": change.kind,
                    "name": change.name,
                    "revision": change.revision,
                    "body": bodies.get((change.kind, change.name)),
                    "author": who,
                    "applied_at": now,
                }
                for change in changes
            ],
        )
        keep_versions(workspace, tx, author=who)
    segments = people = 0
    if recompute:
        from vocative.segment import recompute as compute

        report = compute(workspace, progress=progress)
        segments, people = report.segments, report.people
    return Changes(applied=True, changes=changes, segments=segments, people=people)


def export(workspace: Workspace, folder: Path) -> Exported:
    """Write the applied definitions as files, one folder per kind.

    Args:
        workspace: Whose definitions.
        folder: Where to; it must be new or empty.

    Raises:
        StateError: nothing was applied yet, or the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StateError("the folder is not empty", where=str(folder), hint="choose a new one")
    with workspace.store.read() as tx:
        latest = _latest(tx)
    if not latest:
        raise StateError("nothing was applied yet", hint="run `vocative apply` first")
    files: dict[Path, str] = {}
    together: dict[str, dict[str, Any]] = {}
    for (kind, name), (_, text) in sorted(latest.items()):
        if text is None or kind not in KINDS:
            continue
        whole = msgspec.json.decode(text)
        if kind in _FILE_EACH:
            files |= _own_files(folder / KINDS[kind].folder, name, whole)
        else:
            together.setdefault(kind, {})[name] = whole["body"]
    for kind, bodies in together.items():
        files[folder / KINDS[kind].folder / f"{KINDS[kind].folder}.yaml"] = _yaml(bodies)
    for name in ("vocative.yaml", "traits.yaml"):
        if (workspace.root / name).exists():
            files[folder / name] = (workspace.root / name).read_text(encoding="utf-8")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Exported(
        folder=str(folder), files=sorted(str(path.relative_to(folder)) for path in files)
    )


_SOURCES = {".mjml": "source", ".html": "html", ".txt": "text"}
"""The key under which a revision keeps the text of a file, by the end of its name."""
_FILE_EACH = {"template", *PIECES, *ONE_EACH}


def _own_files(folder: Path, name: str, whole: dict[str, Any]) -> dict[Path, str]:
    """The files of a definition that does not share one with others."""
    found = {}
    for suffix, key in _SOURCES.items():
        if key in whole:
            found[folder / f"{name.removesuffix(suffix)}{suffix}"] = str(whole[key])
    if whole["body"]:
        found[folder / f"{name}.yaml"] = _yaml(whole["body"])
    return found


def _changes(workspace: Workspace, tx: Transaction) -> list[Change]:
    latest = _latest(tx)
    found = []
    present = set()
    for kind in KINDS:
        for name, definition in workspace.definitions(kind).items():
            present.add((kind, name))
            revision, body = latest.get((kind, name), (0, None))
            if body != _body(definition):
                change = "changed" if body is not None else "added"
                found.append(Change(kind=kind, name=name, change=change, revision=revision + 1))
    for (kind, name), (revision, body) in latest.items():
        if kind in KINDS and body is not None and (kind, name) not in present:
            found.append(Change(kind=kind, name=name, change="removed", revision=revision + 1))
    return found


def _latest(tx: Transaction) -> dict[tuple[str, str], tuple[int, str | None]]:
    rows = tx.tuples("SELECT kind, name, revision, body FROM definitions ORDER BY revision")
    return {(kind, name): (int(revision), body) for kind, name, revision, body in rows}


def _body(definition: Definition) -> str:
    whole: dict[str, Any] = {"body": definition.body}
    if definition.source is not None:
        whole[_SOURCES[definition.suffix]] = definition.source
    if definition.plain is not None:
        whole[_SOURCES[".txt"]] = definition.plain
    return msgspec.json.encode(whole).decode()


def _yaml(value: Any) -> str:
    try:
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)
    except yaml.YAMLError as error:
        raise AuthorError("this definition cannot be written as YAML") from error
