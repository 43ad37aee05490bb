"""Every accepted state of a template, kept by its content: what a person got can be read again.

A version is kept when definitions are applied and when a run renders with it, as rows of the
table of definitions. The ledger notes with each message which version it was made from.
"""

import difflib
import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.compose.authoring.assets import keep_assets
from vocative.compose.authoring.languages import read_template, written_in
from vocative.compose.authoring.source import TemplateSource
from vocative.compose.authoring.versions import (
    assets_of,
    parts_of,
    source_from,
    texts_of,
    version_of,
)
from vocative.compose.template import Template, compile_template
from vocative.errors import AuthorError, EngineError, UnknownName, unknown_name
from vocative.stores import Transaction

if TYPE_CHECKING:
    from vocative.workspace import Workspace

KIND = "template_version"
FOLDER = "folder"
"""What stands for the state that the folder has now, wherever a version can be named."""
_SHORTEST = 4
_TRIES = 5


class TemplateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a template."""

    version: str
    accepted_at: datetime | None
    """None: the folder has it, but it was never applied or sent."""
    author: str | None
    current: bool
    """Whether the folder has it now."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    texts: dict[str, Any]


def keep_version(tx: Transaction, source: TemplateSource, *, author: str, at: datetime) -> str:
    """Keep a template's state, unless it is kept already.

    Returns:
        Its version.

    Raises:
        AuthorError: the template names a block that there is not.
        EngineError: others keep versions of it without end.
    """
    kept = _Kept(version=version_of(source), texts=texts_of(source))
    for _ in range(_TRIES):
        rows = _rows(tx, source.name)
        if any(one.version == kept.version for one, *_ in rows):
            return kept.version
        added = tx.run(
            "INSERT INTO definitions (kind, name, revision, body, author, applied_at)"
            " VALUES (:kind, :name, :revision, :body, :author, :at)"
            " ON CONFLICT (kind, name, revision) DO NOTHING",
            {
                "kind": KIND,
                "name": source.name,
                "revision": len(rows) + 1,
                "body": msgspec.json.encode(kept).decode(),
                "author": author,
                "at": to_micros(at),
            },
        )
        if added:
            return kept.version
    raise EngineError("the version of the template could not be kept", hint="try it again")


def keep_versions(workspace: "Workspace", tx: Transaction, *, author: str) -> None:
    """Keep the state of every template of a workspace.

    Raises:
        AuthorError: a template is wrong.
    """
    for name in workspace.definitions("template"):
        if written_in(name) is None:
            source = read_template(workspace, name)
            keep_assets(workspace.root, workspace.state_dir, assets_of(source))
            keep_version(tx, source, author=author, at=workspace.clock.now())


def load_to_send(workspace: "Workspace", name: str) -> Template:
    """A template, compiled, its version kept: what is sent can be read again.

    Raises:
        UnknownName: there is no such template.
        AuthorError: it is wrong.
    """
    source = read_template(workspace, name)
    template = compile_template(source, clock=workspace.clock, language=workspace.settings.language)
    keep_assets(workspace.root, workspace.state_dir, assets_of(source))
    with workspace.store.transaction() as tx:
        keep_version(tx, source, author=getpass.getuser(), at=workspace.clock.now())
    return template


def load_version(workspace: "Workspace", name: str, version: str) -> Template:
    """A version of a template, compiled.

    Raises:
        UnknownName: there is no such template or version.
        AuthorError: what was right then is wrong now.
    """
    return compile_template(
        source_of_version(workspace, name, version),
        clock=workspace.clock,
        language=workspace.settings.language,
    )


def list_versions(workspace: "Workspace", template: str) -> list[TemplateVersion]:
    """The states of a template, the newest first.

    Args:
        workspace: Where.
        template: The template's name.

    Raises:
        UnknownName: there is no such template, and never was.
        AuthorError: its files are wrong.
    """
    with workspace.store.read() as tx:
        rows = _rows(tx, template)
    try:
        now = version_of(read_template(workspace, template))
    except UnknownName:
        if not rows:
            raise
        now = ""
    found = [
        TemplateVersion(
            version=kept.version, accepted_at=at, author=author, current=kept.version == now
        )
        for kept, author, at in reversed(rows)
    ]
    if now and not any(one.current for one in found):
        found.insert(0, TemplateVersion(version=now, accepted_at=None, author=None, current=True))
    return found


def source_of_version(workspace: "Workspace", template: str, version: str) -> TemplateSource:
    """A template as it was in a version, or as the folder has it.

    Args:
        workspace: Where.
        template: The template's name.
        version: A version or how it begins, or `folder`.

    Raises:
        UnknownName: there is no such template or version.
        AuthorError: several versions begin so.
    """
    if version == FOLDER:
        return read_template(workspace, template)
    with workspace.store.read() as tx:
        kept = {one.version: one for one, *_ in _rows(tx, template)}
    found = [one for one in kept if one.startswith(version) and len(version) >= _SHORTEST]
    if not found:
        raise unknown_name(f"version of {template!r}", version, [*kept, FOLDER])
    if len(found) > 1:
        raise AuthorError(f"several versions begin with {version!r}", hint=", ".join(found))
    return source_from(template, kept[found[0]].texts)


def text_diff(old: TemplateSource, new: TemplateSource) -> str:
    """What an author changed between two states, part by part, as a unified diff."""
    before, after = parts_of(texts_of(old)), parts_of(texts_of(new))
    parts = dict.fromkeys([*after, *before])
    return "".join(unified(before.get(part, ""), after.get(part, ""), part) for part in parts)


def unified(before: str, after: str, name: str) -> str:
    """A unified diff of two texts; nothing when they are the same."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, lineterm="", n=2
    )
    return "".join(f"{line}\n" for line in lines)


def _rows(tx: Transaction, name: str) -> list[tuple[_Kept, str, datetime]]:
    rows = tx.tuples(
        "SELECT body, author, applied_at FROM definitions WHERE kind = :kind AND name = :name"
        " ORDER BY revision",
        {"kind": KIND, "name": name},
    )
    return [
        (msgspec.json.decode(body, type=_Kept), author, from_micros(at))
        for body, author, at in rows
        if body is not None
    ]
