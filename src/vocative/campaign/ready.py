"""Ready journeys that a workspace can take over as files of its own.

A ready journey is a folder: `journey.yaml` (its first comment says what it is), its templates, and
the features and segments that these need. All of them are put into one layout, `letter`, with its
blocks. Adding writes plain files, which from then on are the workspace's to edit. What is there
already stays as it is; a feature or segment of the same name with another meaning is refused.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

import vocative.workspace
from vocative.campaign.journeys.definition import read_journey
from vocative.errors import StateError, VocativeError, unknown_name
from vocative.workspace import Workspace
from vocative.workspace.adding import add_files, remove_files
from vocative.workspace.yaml_text import YamlText, read_yaml

READY = Path(vocative.workspace.__file__).parent / "ready"
LETTER = READY / "letter"
_JOURNEY = "journey.yaml"
_DEFINED = {"feature": "features", "segment": "segments"}


class ReadyJourney(msgspec.Struct, frozen=True, kw_only=True):
    """One ready journey in a list."""

    name: str
    describe: str
    templates: list[str]
    added: bool
    """Whether the workspace has a journey of this name, edited or not."""


class AddedJourney(msgspec.Struct, frozen=True, kw_only=True):
    """What adding a ready journey did."""

    name: str
    files: list[str]
    """What was written, below the workspace's folder."""
    kept: list[str]
    """What was there already and was left as it is."""


def list_ready(workspace: Workspace) -> list[ReadyJourney]:
    """Every ready journey, and whether the workspace has it."""
    there = workspace.definitions("journey")
    return [
        ReadyJourney(
            name=name,
            describe=str(_journey(name).get("describe") or ""),
            templates=sorted(path.stem for path in _folder(name).glob("templates/*.mjml")),
            added=name in there,
        )
        for name in _names()
    ]


def add_ready(workspace: Workspace, name: str) -> AddedJourney:
    """Copy a ready journey with what it needs into the workspace's folders.

    A second time nothing is changed: what is there stays.

    Args:
        workspace: Where to.
        name: Its name, as `vocative journey ready` shows it.

    Raises:
        UnknownName: there is no such journey.
        StateError: a feature or segment that it needs means something else in the workspace.
        AuthorError: together with the workspace's definitions it does not make sense.
    """
    if name not in _names():
        raise unknown_name("ready journey", name, _names())
    with workspace.worker_lock("packs"):
        places = dict(_places(workspace, name))
        new = {path: text for path, text in places.items() if not path.exists()}
        add_files(new)
        try:
            read_journey(workspace, name)
        except VocativeError:
            remove_files(list(new))
            raise
    return AddedJourney(
        name=name,
        files=[_shown(workspace, path) for path in new],
        kept=[_shown(workspace, path) for path in places if path not in new],
    )


def _names() -> list[str]:
    return sorted(path.parent.name for path in READY.glob(f"*/{_JOURNEY}"))


def _folder(name: str) -> Path:
    return READY / name


def _journey(name: str) -> dict[str, object]:
    body: dict[str, object] = read_yaml(_folder(name) / _JOURNEY).value
    return body


def _places(workspace: Workspace, name: str) -> Iterator[tuple[Path, str]]:
    """Each file with its text: shared ones of the letter, then the journey's own."""
    root, folder = workspace.root, _folder(name)
    for path in sorted(LETTER.glob("*/*.mjml")):
        yield root / "templates" / path.parent.name / path.name, path.read_text(encoding="utf-8")
    for path in sorted(folder.glob("templates/*")):
        yield root / "templates" / path.name, path.read_text(encoding="utf-8")
    for kind, plural in _DEFINED.items():
        path = folder / f"{plural}.yaml"
        if path.exists() and _is_missing(workspace, kind, read_yaml(path)):
            yield root / plural / f"{name}_journey.yaml", path.read_text(encoding="utf-8")
    yield root / "journeys" / f"{name}.yaml", (folder / _JOURNEY).read_text(encoding="utf-8")


def _is_missing(workspace: Workspace, kind: str, needed: YamlText) -> bool:
    """Whether the workspace lacks these definitions; what it has must mean the same."""
    there = workspace.definitions(kind)
    for name, body in needed.value.items():
        if name in there and _meaning(there[name].body) != _meaning(body):
            raise StateError(
                f"the {kind} {name!r} is there already with another meaning",
                where=there[name].where("@key"),
                hint="give yours another name, or write the journey by hand",
            )
    return not all(name in there for name in needed.value)


def _meaning(body: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in body.items() if key != "describe"}


def _shown(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()
