"""Definitions as a running process knows them: changed files count, wrong ones change nothing."""

import logging
from pathlib import Path

import pytest

from vocative.errors import AuthorError
from vocative.workspace import Workspace, known
from vocative.workspace.known import KnownByName

log = logging.getLogger("test")


def spends(workspace: Workspace) -> dict[str, str]:
    return {name: str(one.body["sum"]) for name, one in workspace.definitions("feature").items()}


@pytest.fixture
def file(workspace: Workspace) -> Path:
    folder = workspace.root / "features"
    folder.mkdir(exist_ok=True)
    return folder / "spends.yaml"


@pytest.fixture
def features(workspace: Workspace, file: Path) -> KnownByName[str]:
    return KnownByName(workspace, "feature", spends, log=log, otherwise="all goes on")


def test_what_is_new_counts_at_once(features: KnownByName[str], file: Path) -> None:
    assert features.find("spend") is None
    file.write_text("spend: {sum: revenue}\n")
    assert features.find("spend") == "revenue"


def test_what_changed_counts_when_it_is_looked_at_again(
    features: KnownByName[str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "LOOK_SECONDS", float("inf"))
    file.write_text("spend: {sum: revenue}\n")
    assert features.find("spend") == "revenue"
    file.write_text("spend: {sum: price_paid}\n")
    assert features.find("spend") == "revenue"
    monkeypatch.setattr(known, "LOOK_SECONDS", 0.0)
    assert features.find("spend") == "price_paid"
    file.unlink()
    assert features.find("spend") is None


def test_what_is_wrong_changes_nothing_and_is_told(
    features: KnownByName[str],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(known, "LOOK_SECONDS", 0.0)
    file.write_text("spend: [\n")
    with pytest.raises(AuthorError):
        features.now()
    file.write_text("spend: {sum: revenue}\n")
    assert features.now() == {"spend": "revenue"}
    file.write_text("spend: [\n")
    for _ in range(3):
        assert features.now() == {"spend": "revenue"}
    assert [one.getMessage().endswith("; all goes on") for one in caplog.records] == [True]
