"""Plug-ins are found by their file's name and loaded one at a time."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from vocative.errors import AuthorError, UnknownName
from vocative.registry import Kind

BASE = """
import abc
class Sound(abc.ABC):
    @abc.abstractmethod
    def make(self): ...
"""


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kind[type]:
    package = tmp_path / "zoo_sounds"
    package.mkdir()
    files = {
        "__init__": "",
        "base": BASE,
        "dog": "from zoo_sounds.base import Sound\nclass Dog(Sound):\n    def make(self): ...\n",
        "cat": (
            "from zoo_sounds.base import Sound\nfrom zoo_sounds.dog import Dog\n"
            "class Half(Sound): ...\nclass Cat(Sound):\n    def make(self): ...\n"
        ),
        "needy": "import a_package_nobody_has\n",
        "empty": "",
        "_hidden": "raise RuntimeError\n",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("zoo_sounds")]:
        monkeypatch.delitem(sys.modules, name)
    import zoo_sounds.base  # type: ignore[import-not-found]

    yield Kind("sounds", "zoo_sounds", zoo_sounds.base.Sound)
    for name in [name for name in sys.modules if name.startswith("zoo_")]:
        del sys.modules[name]


def test_names_are_told_without_importing(sounds: Kind[type]) -> None:
    assert sounds.names() == ["cat", "dog", "empty", "needy"]
    assert "zoo_sounds.dog" not in sys.modules


def test_a_file_gives_its_own_class(sounds: Kind[type]) -> None:
    assert sounds.load("cat").__name__ == "Cat"
    assert sounds.load("dog").__name__ == "Dog"


def test_an_unknown_plug_in_offers_the_nearest(sounds: Kind[type]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'dog'"):
        sounds.load("doog")


def test_a_missing_package_is_named(sounds: Kind[type]) -> None:
    with pytest.raises(AuthorError, match="a_package_nobody_has") as caught:
        sounds.load("needy")
    assert "pip install a_package_nobody_has" in str(caught.value.hint)


def test_a_file_without_a_class_says_what_to_add(sounds: Kind[type]) -> None:
    with pytest.raises(AuthorError, match="defines no Sound"):
        sounds.load("empty")


def test_installed_packages_join_and_built_ins_win(
    sounds: Kind[type], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zoo_outside.py").write_text(
        "from zoo_sounds.base import Sound\nclass Fox(Sound):\n    def make(self): ...\n"
    )
    points = [
        importlib.metadata.EntryPoint("fox", "zoo_outside:Fox", "vocative.sounds"),
        importlib.metadata.EntryPoint("dog", "zoo_outside", "vocative.sounds"),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert sounds.names() == ["cat", "dog", "empty", "fox", "needy"]
    assert sounds.load("fox").__name__ == "Fox"
    assert sounds.load("dog").__name__ == "Dog"
