"""Settings and traits are checked, and an error points at the word that is wrong."""

from pathlib import Path

import pytest

from vocative.errors import AuthorError
from vocative.workspace.settings import read_settings, read_traits, secret

SETTINGS = """\
workspace: test
timezone: Europe/London
base_url: http://127.0.0.1:8750
sender: {email: hello@shop.example, name: The Shop}
postal_address: 1 High Street
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "vocative.yaml").write_text(SETTINGS)
    return tmp_path


def added(root: Path, text: str) -> Path:
    (root / "vocative.yaml").write_text(SETTINGS + text)
    return root


def test_defaults_fill_what_is_not_said(root: Path) -> None:
    settings = read_settings(root)
    assert settings.workspace == "test"
    assert settings.channels == {"outbox_folder": {}}
    assert settings.purposes["marketing"].consent == "opt_in"


def test_a_folder_without_settings_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(AuthorError, match="no Vocative workspace") as caught:
        read_settings(tmp_path)
    assert "vocative init" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "message", "under", "hint"),
    [
        ("chanels: {}\n", "unknown field `chanels`", "chanels", "did you mean 'channels'?"),
        (
            "purposes:\n  news: {}\n  offers: {consnt: opt_in}\n",
            "unknown field `consnt`",
            "consnt",
            "did you mean 'consent'?",
        ),
        (
            "quiet_hours: {start: 22, stop: 7}\n",
            "unknown field `stop`",
            "stop",
            "known: end, start",
        ),
        ("quiet_hours: {start: 22}\n", "missing required field `end`", "{start", None),
        ("quiet_hours: {start: 22, end: x}\n", "Expected `int`, got `str`", "x}", None),
        (
            "purposes:\n  news: {}\n  offers: {max_per_week: often}\n",
            "Expected `int",
            "often",
            None,
        ),
        ("purposes:\n  offers: {consent: maybe}\n", "Invalid enum value 'maybe'", "maybe", None),
        ("channels:\n  smtp: []\n", "Expected `object`, got `array`", "[]", None),
        ("store: 5\n", "Expected `str", "5", None),
    ],
)
def test_the_caret_stands_under_what_is_wrong(
    root: Path, text: str, message: str, under: str, hint: str | None
) -> None:
    with pytest.raises(AuthorError) as caught:
        read_settings(added(root, text))
    error = caught.value
    assert message in error.message
    assert error.where is not None
    assert error.where.source_line is not None
    assert error.where.column is not None
    assert error.where.source_line[error.where.column - 1 :].startswith(under)
    assert error.hint == hint


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("Europe/London", "Europe/Londn", "unknown time zone", "did you mean 'Europe/London'?"),
        ("Europe/London", "../etc/passwd", "unknown time zone", None),
        ("Europe/London", '""', "unknown time zone", None),
        ("http://127", "ftp://127", "base_url must start with", None),
        ("workspace: test", "workspace:", "Expected `str`, got `null`", None),
    ],
)
def test_values_are_checked(root: Path, old: str, new: str, message: str, hint: str | None) -> None:
    (root / "vocative.yaml").write_text(SETTINGS.replace(old, new))
    with pytest.raises(AuthorError, match=message) as caught:
        read_settings(root)
    assert caught.value.where is not None
    if hint:
        assert caught.value.hint == hint


def test_traits_are_plain_words(root: Path) -> None:
    path = root / "traits.yaml"
    assert read_traits(root) == {}
    path.write_text("country:\nage: {type: integer}\ngröße: {type: number, personal: true}\n")
    traits = read_traits(root)
    assert list(traits) == ["country", "age", "größe"]
    assert (traits["country"].type, traits["age"].type) == ("text", "integer")
    assert traits["größe"].personal


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("First Name: {}\n", "not a plain lower-case word", 1),
        ("Country: {}\n", "not a plain lower-case word", 1),
        ("email_domain: {}\n", "is taken", 1),
        ("person_id: {}\n", "is taken", 1),
        ("age: {type: int}\n", "Invalid enum value 'int'", 13),
        ("age: []\n", "Expected `object`", 6),
        ("age: 5\n", "Expected `object`", 6),
        ("age: {sort: text}\n", "unknown field", 7),
        ("email_kind: {}\n", "is taken", 1),
        ("land: {kind: city}\n", "Invalid enum value 'city'", 14),
        ("land: {kind: country, type: number}\n", "a country is text", 14),
        ("land: {kind: country, region: DE}\n", "only phone numbers have a region", 31),
        ("call: {kind: phone, region: Germany}\n", "is no code of a country", 29),
        ("born: {format: '%d.%m.%Y'}\n", "only dates have a format", 17),
        ("born: {kind: date, format: ['%d.%m.%y']}\n", "one day from another", 28),
    ],
)
def test_wrong_traits_are_pointed_at(root: Path, text: str, message: str, column: int) -> None:
    (root / "traits.yaml").write_text(text)
    with pytest.raises(AuthorError, match=message) as caught:
        read_traits(root)
    assert caught.value.where is not None
    assert caught.value.where.column == column


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hush")
    assert secret("env:SMTP_PASSWORD", setting="password") == "hush"
    assert secret("plain", setting="password") == "plain"
    monkeypatch.delenv("SMTP_PASSWORD")
    with pytest.raises(AuthorError, match="SMTP_PASSWORD, which is not set"):
        secret("env:SMTP_PASSWORD", setting="password")
