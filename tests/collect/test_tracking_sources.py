"""Sources: files that say who may send events."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vocative.cli.definitions import check_workspace
from vocative.collect.door import accept
from vocative.collect.sourcing.listing import list_sources
from vocative.collect.sourcing.starters import new_source
from vocative.errors import AuthorError, StateError
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write(workspace: Workspace, **texts: str) -> None:
    folder = workspace.root / "sources"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)


def test_a_new_source_has_a_key_of_its_own(workspace: Workspace) -> None:
    one, other = new_source(workspace, "web_shop"), new_source(workspace, "app")
    assert one.file == "sources/web_shop.yaml"
    assert len(one.source.write_key) == 32
    assert one.source.write_key != other.source.write_key
    assert [(found.name, found.write_key) for found in list_sources(workspace)] == [
        ("app", other.source.write_key),
        ("web_shop", one.source.write_key),
    ]
    assert check_workspace(workspace).definitions["source"] == 2


def test_a_source_is_not_written_over(workspace: Workspace) -> None:
    new_source(workspace, "web")
    with pytest.raises(StateError, match="'web' already"):
        new_source(workspace, "web")


@pytest.mark.parametrize("name", ["", "Web", "a b", "../x", "a" * 64, "vocative"])
def test_names_that_no_source_can_have(workspace: Workspace, name: str) -> None:
    with pytest.raises(AuthorError):
        new_source(workspace, name)
    assert not (workspace.root / "sources").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: trackin\nwrite_key: abcdefgh\n", "did you mean 'tracking'?"),
        ("kind: tracking\nwrite_keys: abcdefgh\n", "did you mean 'write_key'?"),
        ("kind: tracking\n", "write_key"),
        ("kind: tracking\nwrite_key: a b\n", "this cannot be a write key"),
        ("kind: tracking\nwrite_key: 'x:y:z'\n", "this cannot be a write key"),
        ("kind: tracking\nwrite_key: abcdefgh\nevents_per_second: 0\n", "at least 1"),
    ],
)
def test_a_wrong_file_is_pointed_at(workspace: Workspace, text: str, told: str) -> None:
    write(workspace, web=text)
    with pytest.raises(AuthorError) as caught:
        list_sources(workspace)
    assert told in str(caught.value)
    assert "sources/web.yaml" in str(caught.value)


def test_two_sources_cannot_have_one_key(workspace: Workspace) -> None:
    text = "kind: tracking\nwrite_key: abcdefgh\n"
    write(workspace, a=text, b=text)
    with pytest.raises(AuthorError, match="the source 'a' has this write key, too"):
        list_sources(workspace)


def test_nobody_can_send_what_only_vocative_may(workspace: Workspace) -> None:
    # Events of this source may name a person by id.
    write(workspace, vocative="kind: tracking\nwrite_key: abcdefgh\n")
    with pytest.raises(AuthorError, match="Vocative's own"):
        list_sources(workspace)


def test_the_list_says_what_became_of_events(workspace: Workspace) -> None:
    new_source(workspace, "web")
    new_source(workspace, "app")
    good = {"type": "page", "userId": "u", "messageId": "m"}
    accept(workspace, [good, good, {"userId": "u"}, {"type": "x", "userId": "u"}], source="web")
    apply_log(workspace)
    app, web = list_sources(workspace)
    assert (app.applied, app.duplicates, app.rejected) == (0, 0, {})
    assert (web.applied, web.duplicates) == (1, 1)
    assert web.rejected == {"a track event without a name": 1, "unknown event type": 1}


def test_sources_travel_with_the_other_definitions(vocative: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    vocative("init", str(folder))
    made = json.loads(vocative("source", "new", "till", "--json", cwd=folder).stdout)
    assert made["source"]["write_key"] in (folder / "sources" / "till.yaml").read_text()
    assert "till" in vocative("source", "list", cwd=folder).stdout
    assert vocative("apply", "--no-recompute", cwd=folder).returncode == 0
    vocative("export", str(tmp_path / "copy"), cwd=folder)
    copied = (tmp_path / "copy" / "sources" / "till.yaml").read_text()
    assert made["source"]["write_key"] in copied
