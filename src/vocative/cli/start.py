"""Starts a workspace: a folder with commented definitions, a key and empty state."""

import re
import shutil
from pathlib import Path

import msgspec

from vocative.errors import AuthorError, StateError

STARTER = Path(__file__).parent.parent / "workspace" / "starter"


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A new workspace."""

    folder: str
    files: int


def init(folder: Path, *, name: str | None = None) -> Started:
    """Make a workspace folder with starter definitions.

    Args:
        folder: Where; it may exist as long as it is no workspace yet.
        name: The workspace's name; the folder's unless told.

    Raises:
        StateError: the folder is a workspace already.
        AuthorError: the folder cannot be made.
    """
    if (folder / "vocative.yaml").exists():
        raise StateError(
            "this folder is a workspace already",
            where=str(folder / "vocative.yaml"),
            hint="run `vocative apply` in it, or choose another folder",
        )
    from vocative.workspace import Workspace, prepare_state

    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(STARTER, folder, dirs_exist_ok=True)
        settings = folder / "vocative.yaml"
        plain = re.sub(r"[^a-z0-9_]+", "_", (name or folder.resolve().name).lower()).strip("_")
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("workspace: starter", f"workspace: {plain or 'shop'}"))
        prepare_state(folder)
    except OSError as error:
        raise AuthorError(
            f"the folder cannot be made: {error.strerror}", where=str(folder)
        ) from error
    with Workspace(folder) as workspace, workspace.store.read():
        files = [path for path in folder.rglob("*.*") if ".vocative" not in path.parts]
    return Started(folder=str(folder), files=len(files))
