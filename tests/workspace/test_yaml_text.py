"""YAML is read as it is meant, and every wrong text gives one error that points at its place."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vocative.errors import AuthorError
from vocative.workspace.yaml_text import MAX_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("TRUE", "TRUE"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02 03:04:05", "2026-01-02 03:04:05"),
        ("12:30:45", "12:30:45"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("017", "017"),
        ("1_000", "1_000"),
        ("-5", -5),
        ("+5", 5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'5'", "5"),
        ('"a\\nb"', "a\nb"),
        ("<<", "<<"),
        ("=", "="),
        ("30d", "30d"),
        ("50%", "50%"),
        ("[a, 1, [b]]", ["a", 1, ["b"]]),
        ("{a: {b: }}", {"a": {"b": None}}),
        (">-\n    one\n    two", "one two"),
    ],
)
def test_scalars_mean_what_they_say(written: str, value: object) -> None:
    found = parse_yaml(f"x: {written}\n", "f.yaml").value["x"]
    assert found == value
    assert type(found) is type(value)


def test_an_empty_document_is_an_empty_mapping() -> None:
    for text in ("", "\n\n", "# only a comment\n", "---\n"):
        assert parse_yaml(text, "f.yaml").value == {}


TEXT = """\
one: 1
two:
  - a
  - {b: "quoted"}
three: >-
  folded
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("one",), 1, 6),
        (("one", "@key"), 1, 1),
        (("two", 0), 3, 5),
        (("two", 1, "b"), 4, 10),  # behind the quote
        (("two", 1, "b", "@key"), 4, 6),
        (("three",), 5, 8),
        (("two", 7, "c"), 3, 3),  # the nearest parent there is
        (("missing",), 1, 1),
    ],
)
def test_every_part_has_a_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    where = parse_yaml(TEXT, "f.yaml").where(path)
    assert (where.line, where.column) == (line, column)


def test_windows_line_ends_do_not_move_the_caret() -> None:
    where = parse_yaml(TEXT.replace("\n", "\r\n"), "f.yaml").where(("two", 1, "b"))
    assert (where.line, where.column) == (4, 10)
    assert where.source_line == '  - {b: "quoted"}'


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' is written twice", 3, 1),
        ("a: {x: 1, x: 2}\n", "'x' is written twice", 1, 11),
        ("a: 1\n1: 2\n'1': 3\n", "'1' is written twice", 3, 1),
        ("a: &x 1\nb: 2\n", "anchors", 1, 4),
        ("a: 1\nb: *x\n", "anchors", 2, 4),
        ("a: &x [*x]\n", "anchors", 1, 4),
        ("a: !!int five\n", "tags", 1, 4),
        ("a: !!python/object/apply:os.system [ls]\n", "tags", 1, 4),
        ("a: !mine x\n", "tags", 1, 4),
        ("a:\n\tb: 1\n", "cannot start any token", 2, 1),
        ("a: [1, 2\n", "expected ',' or ']'", 2, 1),
        ("a: 'open\n", "end of stream", 2, 1),
        ("a: b: c\n", "mapping values are not allowed", 1, 5),
        ("a: 1\n  b: 2\n", "mapping values are not allowed", 2, 4),
        ("? [a]\n: b\n", "a name must be plain text", 1, 3),
        ("[a]: b\n", "a name must be plain text", 1, 1),
        ("a: 1\n---\nb: 2\n", "but found another document", 2, 1),
        ("- a\n- b\n", "expected names and values", 1, 1),
        ("just text\n", "expected names and values", 1, 1),
        ("5\n", "expected names and values", 1, 1),
        ("a: \x00\n", "a character that text does not have", 1, 4),
        ("b: 1\na: \x1b[0m\n", "a character that text does not have", 2, 4),
        ('a: "\\ud800"\n', "half a character", 1, 4),
        ("a: 1\nb: " + "9" * 5000 + "\n", "too many digits", 2, 4),
        ("%YAML 9.9\n---\na: 1\n", "incompatible YAML document", 1, 1),
        ("a: " + "[" * 2000 + "]" * 2000 + "\n", "nested deeper", 1, 43),
        ("".join(f"{' ' * n}k:\n" for n in range(300)), "nested deeper", 40, 40),
    ],
)
def test_wrong_text_is_pointed_at(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(AuthorError) as caught:
        parse_yaml(text, "f.yaml")
    assert message in caught.value.message
    where = caught.value.where
    assert where is not None
    assert (where.file, where.line) == ("f.yaml", line)
    assert where.column == column


def test_deep_nesting_is_refused_at_once() -> None:
    with pytest.raises(AuthorError, match="nested deeper"):
        parse_yaml("a: " + "{b: " * 300_000, "f.yaml")


pieces = st.sampled_from(
    "a b : | : |\n|  |\t|- |[|]|{|}|,|'|\"|&|*|!|>|#|%|@|`|? |1|e|~|<<|\\|---\n|\0|é|\u2028".split(
        "|"
    )
)
texts = st.text() | st.lists(pieces, max_size=25).map("".join)


@given(texts)
@example("\ud800")
@example("a: \ufeff")
@example("!<tag:yaml.org,2002:int> x")
@example('"\\ud800": 1')
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        parsed = parse_yaml(text, "f.yaml")
    except AuthorError as error:
        place = error.where
    else:
        assert isinstance(parsed.value, dict)
        place = parsed.where(("x", "y"))
    assert place is not None
    assert place.line is not None


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: "e" not in repr(x))
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1), values, max_size=3))
def test_json_is_read_as_json(value: dict[str, object]) -> None:
    assert parse_yaml(json.dumps(value), "f.yaml").value == value


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    with pytest.raises(AuthorError, match="there is no file"):
        read_yaml(path)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(AuthorError, match="not UTF-8 text") as caught:
        read_yaml(path)
    assert caught.value.where is not None
    path.write_bytes(b"a: 1\n" * (MAX_BYTES // 5 + 1))
    with pytest.raises(AuthorError, match="larger than"):
        read_yaml(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(AuthorError, match="cannot be read"):
        read_yaml(path)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    text = read_yaml(path, shown_as="folder/f.yaml")
    assert text.value == {"a": 1}
    assert str(text.where(("a",))) == "folder/f.yaml:1:4\n  a: 1\n     ^"
