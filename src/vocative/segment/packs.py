"""Packs: ready features and segments that a workspace can take over as files of its own.

A pack is a folder with `pack.yaml` (title and description) and `features.yaml`, `segments.yaml` or
both. Adding one writes them into the workspace's folders; from then on they are the workspace's to
edit. Refused: a pack with a name that means something else there already.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

import vocative.workspace
from vocative.errors import StateError, unknown_name
from vocative.segment.plan import build_plan, plan_definitions
from vocative.segment.results import AddedPack, Pack, PackDefinition, PackFile, PackSummary
from vocative.workspace import Definition, Workspace
from vocative.workspace.adding import add_files
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlText, parse_yaml, read_yaml

PACKS = Path(vocative.workspace.__file__).parent / "packs"
Kind = Literal["feature", "segment"]
_FOLDERS: dict[Kind, str] = {"feature": "features", "segment": "segments"}
State = Literal["absent", "added", "partly", "edited"]


class PackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of `pack.yaml`."""

    title: str
    describe: str


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One file of a pack."""

    kind: Kind
    text: YamlText


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A pack as its folder has it."""

    name: str
    body: PackBody
    parts: tuple[_Part, ...]

    def definitions(self) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
        for part in self.parts:
            for name, body in part.text.value.items():
                yield part.kind, name, body

    def names(self, kind: Kind) -> list[str]:
        return [name for found, name, _ in self.definitions() if found == kind]


def list_packs(workspace: Workspace) -> list[PackSummary]:
    """Every pack, and whether the workspace has it."""
    there = _defined(workspace)
    return [_summary(_read(name), there) for name in _names()]


def show_pack(workspace: Workspace, name: str) -> Pack:
    """A pack in detail: its definitions, and the files that adding it writes.

    Args:
        workspace: Where it would go.
        name: Its name, as `vocative packs list` shows it.

    Raises:
        UnknownName: there is no such pack.
    """
    pack = _read(name)
    return Pack(
        summary=_summary(pack, _defined(workspace)),
        definitions=[
            PackDefinition(
                kind=kind, name=found, describe=body.get("describe", ""), definition=body
            )
            for kind, found, body in pack.definitions()
        ],
        files=[
            PackFile(path=_shown(workspace, path), text=part.text.text)
            for part, path in _places(workspace, pack)
        ],
    )


def add_pack(workspace: Workspace, name: str) -> AddedPack:
    """Copy a pack's definitions into the workspace's folders; a second time changes nothing.

    Args:
        workspace: Where to.
        name: Its name, as `vocative packs list` shows it.

    Raises:
        UnknownName: there is no such pack.
        StateError: one of its names is taken, or a file of its name is.
        AuthorError: together with the workspace's definitions it does not make sense.
    """
    pack = _read(name)
    # Two at once would take each other's half for somebody's own.
    with workspace.worker_lock("packs"):
        there = _defined(workspace)
        state = _state(pack, there)
        if state in ("partly", "edited"):
            raise _taken(pack, there)
        places = _places(workspace, pack)
        if state == "absent":
            _check_together(workspace, places)
            add_files({path: part.text.text for part, path in places})
    return AddedPack(
        name=name,
        added=state == "absent",
        files=[_shown(workspace, path) for _, path in places] if state == "absent" else [],
        features=pack.names("feature"),
        segments=pack.names("segment"),
    )


def _names() -> list[str]:
    return sorted(path.parent.name for path in PACKS.glob("*/pack.yaml"))


def _read(name: str) -> _Read:
    if name not in _names():
        raise unknown_name("pack", name, _names())
    about = read_yaml(PACKS / name / "pack.yaml")
    parts = [
        _Part(kind=kind, text=read_yaml(path, shown_as=f"{name}/{path.name}"))
        for kind, folder in _FOLDERS.items()
        if (path := PACKS / name / f"{folder}.yaml").exists()
    ]
    return _Read(name=name, body=convert(about, (), about.value, PackBody), parts=tuple(parts))


def _defined(workspace: Workspace) -> dict[tuple[Kind, str], Definition]:
    found = workspace.definitions_together(*_FOLDERS)
    return {
        (kind, name): definition for kind in _FOLDERS for name, definition in found[kind].items()
    }


def _summary(pack: _Read, there: dict[tuple[Kind, str], Definition]) -> PackSummary:
    return PackSummary(
        name=pack.name,
        title=pack.body.title,
        describe=pack.body.describe,
        features=len(pack.names("feature")),
        segments=len(pack.names("segment")),
        state=_state(pack, there),
    )


def _state(pack: _Read, there: dict[tuple[Kind, str], Definition]) -> State:
    found = [
        _meaning(there[kind, name].body) == _meaning(body)
        for kind, name, body in pack.definitions()
        if (kind, name) in there
    ]
    if not found:
        return "absent"
    if not all(found):
        return "edited"
    return "added" if len(found) == sum(1 for _ in pack.definitions()) else "partly"


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "describe"}


def _taken(pack: _Read, there: dict[tuple[Kind, str], Definition]) -> StateError:
    """What stands in the way: the first name with another meaning, or that stands elsewhere."""
    known = [(kind, name, body) for kind, name, body in pack.definitions() if (kind, name) in there]
    other = [one for one in known if _meaning(there[one[0], one[1]].body) != _meaning(one[2])]
    kind, name, _ = (other or known)[0]
    said = "with another meaning" if other else "but not everything else of the pack"
    return StateError(
        f"the {kind} {name!r} of the pack {pack.name!r} is there already, {said}",
        where=there[kind, name].where("@key"),
        hint=f"keep yours, or remove it and run `vocative packs add {pack.name}` again",
    )


def _places(workspace: Workspace, pack: _Read) -> list[tuple[_Part, Path]]:
    """Where each file goes: `features/<pack>.yaml`, or `<pack>_pack.yaml` when that is taken."""
    found = []
    for part in pack.parts:
        folder = workspace.root / _FOLDERS[part.kind]
        names = (f"{pack.name}.yaml", f"{pack.name}_pack.yaml")
        free = [folder / name for name in names if _is_free(folder / name, part)]
        if not free:
            raise StateError(
                f"the pack {pack.name!r} has no file to go to",
                where=_shown(workspace, folder / names[0]),
                hint="give that file another name, then add the pack again",
            )
        found.append((part, free[0]))
    return found


def _is_free(path: Path, part: _Part) -> bool:
    return not path.exists() or path.read_bytes() == part.text.text.encode()


def _check_together(workspace: Workspace, places: list[tuple[_Part, Path]]) -> None:
    """Check the pack beside the workspace's definitions before a file of the workspace changes."""
    found = {kind: dict(there) for kind, there in plan_definitions(workspace).items()}
    for part, path in places:
        text = parse_yaml(part.text.text, _shown(workspace, path))
        for name, body in text.value.items():
            found[part.kind][name] = Definition(part.kind, name, body, text, (name,))
    build_plan(workspace, found)


def _shown(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()
