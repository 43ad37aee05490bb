"""A look at a workspace's health: what works, what does not, what to do."""

import re
import shutil
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from vocative.errors import StateError, VocativeError
from vocative.workspace import Workspace

_LOW_BYTES = 500_000_000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    works: bool
    detail: str


def doctor(
    workspace: Workspace,
    *,
    part: Literal["workspace", "domain"] = "workspace",
    domain: str | None = None,
    selector: str | None = None,
    name_server: str | None = None,
) -> list[Finding]:
    """Look at the workspace's files, key, store, log, history, disk and web app, or at its domain.

    Args:
        workspace: Which.
        part: `workspace`, or `domain`: what the DNS says about mail from the sender's domain.
        domain: Another domain than the sender's.
        selector: Names of DKIM keys to look for, with commas between them, beside those that the
            settings name.
        name_server: ADDRESS or ADDRESS:PORT of the name server to ask; this machine's unless told.

    Raises:
        AuthorError: it is no domain, or there is no name server.
    """
    if part == "domain":
        return _domain(workspace, domain, re.findall(r"[^\s,]+", selector or ""), name_server)
    looks: list[tuple[str, Callable[[Workspace], str]]] = [
        ("definitions", _definitions),
        ("workspace key", _key),
        ("store", _store),
        ("event log", _log),
        ("history", _history),
        ("disk", _disk),
        ("web app", _web_app),
    ]
    return [_look(workspace, what, look) for what, look in looks]


def _look(workspace: Workspace, what: str, look: Callable[[Workspace], str]) -> Finding:
    try:
        return Finding(what=what, works=True, detail=look(workspace))
    except VocativeError as error:
        return Finding(what=what, works=False, detail=str(error))


def _domain(
    workspace: Workspace, domain: str | None, selectors: list[str], name_server: str | None
) -> list[Finding]:
    from vocative.deliver.sender_domain import Names, look_at_domain

    found = look_at_domain(
        domain or workspace.settings.sender.email.rpartition("@")[2],
        names=Names(name_server),
        selectors=list(dict.fromkeys([*selectors, *_selectors(workspace.settings.channels)])),
        sends=["include:mailgun.org"] if "mailgun" in workspace.settings.channels else [],
    )
    return [Finding(what=look.what, works=look.works, detail=look.detail) for look in found]


def _selectors(channels: dict[str, dict[str, Any]]) -> list[str]:
    """Where the keys are that mails are signed with, as far as settings tell."""
    own = (channels.get("smtp") or {}).get("dkim") or []
    found = [f"{key.get('selector')}@{key.get('domain')}" for key in own if isinstance(key, dict)]
    if "sendgrid" in channels:
        found += ["s1", "s2"]
    return found


def _definitions(workspace: Workspace) -> str:
    from vocative.cli.definitions import check_workspace

    counts = check_workspace(workspace).definitions
    return ", ".join(f"{count} {kind}s" for kind, count in counts.items() if count)


def _key(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        person_id = tx.value("SELECT person_id FROM vault_keys LIMIT 1")
        if person_id is not None:
            workspace.vault.get(tx, str(person_id))
    return "fits the vault"


def _store(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        people = tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL")
    return f"{workspace.store.dialect}, {people:,} people"


def _log(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        applied = int(
            tx.value("SELECT max(position) FROM stream_offsets WHERE consumer = 'identify'") or 0
        )
    waiting = workspace.log.last_position() - applied
    return f"{waiting} batches wait to be applied" if waiting else "everything is applied"


def _history(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        parts = workspace.history.parts(tx)
    files = [path for paths in parts.values() for path in paths]
    missing = [path.name for path in files if not path.exists()]
    if missing:
        raise StateError(
            f"{len(missing)} history files are missing, the first is {missing[0]}",
            hint="restore the folder .vocative/history from your backup",
        )
    size = sum(path.stat().st_size for path in files)
    return f"{len(files)} files, {size / 1e6:,.1f} MB"


def _disk(workspace: Workspace) -> str:
    free = shutil.disk_usage(workspace.root).free
    if free < _LOW_BYTES:
        raise StateError(f"only {free / 1e6:,.0f} MB are free", hint="free some space")
    return f"{free / 1e9:,.1f} GB free"


def _web_app(_: Workspace) -> str:
    from vocative.cli.serve import STATIC

    if not (STATIC / "index.html").exists():
        raise StateError("the web app is not built", hint="run `make web` in the source folder")
    return "built"
