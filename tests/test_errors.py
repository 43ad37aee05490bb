"""Errors say what, where and what next, in text and in one JSON shape."""

import inspect
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative import errors
from vocative.errors import AuthorError, VocativeError, Where, nearest, unknown_name


def test_an_error_prints_its_place_with_a_caret() -> None:
    where = Where.in_text("segments/x.yaml", "a: 1\nwhere: spend_18d > 5\n", 12)
    assert (where.line, where.column) == (2, 8)
    error = AuthorError("unknown field", where=where, hint="did you mean 'spend_180d'?")
    assert str(error) == (
        "unknown field\n"
        "  at segments/x.yaml:2:8\n"
        "    where: spend_18d > 5\n"
        "           ^\n"
        "  hint: did you mean 'spend_180d'?"
    )


def test_one_json_shape() -> None:
    error = AuthorError("wrong", where=Path("x.yaml"))
    assert error.as_json() == {
        "error": {
            "kind": "author",
            "message": "wrong",
            "where": {"file": "x.yaml", "line": None, "column": None, "source_line": None},
            "hint": None,
        }
    }
    assert VocativeError("x").as_json()["error"]["where"] is None


@given(st.text(st.sampled_from("ab\n\t")), st.integers(-3, 40))
def test_the_caret_stands_under_the_character(text: str, offset: int) -> None:
    where = Where.in_text("f", text, offset)
    offset = max(0, min(offset, len(text)))
    assert where.line is not None
    assert where.column is not None
    line = text.split("\n")[where.line - 1]
    assert line == where.source_line
    if offset < len(text) and text[offset] != "\n":
        assert line[where.column - 1] == text[offset]
    printed = str(where).split("\n")
    assert len(printed) == 3
    assert printed[2].index("^") == where.column + 1


def test_a_very_long_line_is_shown_around_the_caret() -> None:
    where = Where.in_text("f", "x" * 10_000 + "HERE" + "y" * 10_000, 10_000)
    place, shown, caret = str(where).split("\n")
    assert place == "f:1:10001"
    assert len(shown) < 200
    assert shown[caret.index("^") :].startswith("HERE")


@pytest.mark.parametrize(
    ("name", "found"),
    [("spend_18d", "spend_180d"), ("COUNTRY", "country"), ("xyz", None), ("", None)],
)
def test_the_nearest_name(name: str, found: str | None) -> None:
    assert nearest(name, ["spend_180d", "country"]) == found


def test_an_unknown_name_lists_what_there_is() -> None:
    assert "did you mean 'country'?" in str(unknown_name("field", "contry", ["country"]))
    assert "known: a, b" in str(unknown_name("field", "zzz", ["b", "a"]))
    assert "there is no field yet" in str(unknown_name("field", "zzz", []))
    many = str(unknown_name("field", "zzz", [f"f{n:02}" for n in range(20)]))
    assert "f11, …" in many
    assert "f12" not in many


def test_the_tree_at_the_top_is_complete() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    kinds = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, VocativeError) and kind is not VocativeError
    }
    assert kinds - {"Retryable", "Permanent"} == drawn
