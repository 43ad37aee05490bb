"""No line of a file goes missing, whatever it holds."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vocative.collect import table_file
from vocative.collect.table_file import CsvFile, Unreadable, byte_lines, json_lines

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "x.csv"


def read(path: Path) -> tuple[list[int], list[list[str]], list[Unreadable]]:
    lines, rows, unreadable = [], [], []
    for chunk in CsvFile(path, delimiter=",", encoding="utf-8").chunks():
        lines += chunk.lines
        rows += chunk.rows
        unreadable += chunk.unreadable
    return lines, rows, unreadable


cells = st.text(st.sampled_from("ab\",;\n\r \t'é")) | st.text(st.characters(codec="utf-8"))
clean = cells.filter(lambda cell: "\0" not in cell)


@quick
@given(st.lists(st.tuples(clean, clean, clean), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_is_read(
    path: Path, rows: list[tuple[str, str, str]], end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    path.write_bytes(text.getvalue().encode())
    lines, found, unreadable = read(path)
    assert found == [list(row) for row in rows]
    assert unreadable == []
    assert lines == sorted(set(lines))


@quick
@given(st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r\n", b"\xff", b"\0", b"b,c,d\n"])))
@example([b'"', b"\n"] * 30)
@example([b'"a\n', b"b,c,d\n", b'"b"c\n'])
def test_every_line_is_in_a_row_or_unreadable(path: Path, pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    path.write_bytes(b"a,b,c\n" + body)
    lines, rows, unreadable = read(path)
    physical = body.decode("utf-8", "surrogateescape")
    ends = io.StringIO(physical, newline="").readlines()
    starts = sorted([*lines, *(one.line for one in unreadable)])
    assert starts == sorted(set(starts))
    # Each record takes its own line and those that its quoted values go over.
    spans = {line: 1 + sum(cell_ends(cell) for cell in row) for line, row in zip(lines, rows)}  # noqa: B905
    for one in unreadable:
        spans.setdefault(one.line, 1)
    if not any("not text" in one.reason or "NUL" in one.reason or "than" in one.reason
               for one in unreadable):  # fmt: skip
        assert sum(spans.values()) == len(ends)
    if starts:
        assert starts[0] == 2
        assert starts[-1] <= len(ends) + 1


def cell_ends(cell: str) -> int:
    return len(io.StringIO(cell + "x", newline="").readlines()) - 1


def test_an_unclosed_quote_costs_its_own_line_only(path: Path) -> None:
    good = "".join(f"{n},{n},{n}\n" for n in range(5_000))
    path.write_text('a,b,c\n1,"2,3\n' + good)
    lines, rows, unreadable = read(path)
    assert [one.line for one in unreadable] == [2]
    assert len(rows) == 5_000
    assert lines[-1] == 5_002


def test_a_value_longer_than_any_is_unreadable(path: Path) -> None:
    path.write_text("a,b,c\n1," + "x" * 200_000 + ",3\n4,5,6\n")
    _, rows, unreadable = read(path)
    assert rows == [["4", "5", "6"]]
    assert len(unreadable) == 1


def test_columns_without_a_name_get_one(path: Path) -> None:
    path.write_text(",b , \n1,2,3\n")
    assert CsvFile(path, delimiter=None, encoding="utf-8").columns == ["column_1", "b", "column_3"]


@pytest.mark.parametrize(
    ("header", "mark"),
    [("a,b;c,d", ","), ('"a,b";c', ";"), ("a\tb c\td", "\t"), ("a|b|c", "|"), ("a", ",")],
)
def test_the_delimiter_is_what_the_header_has_most_of(path: Path, header: str, mark: str) -> None:
    path.write_text(header + "\n")
    assert CsvFile(path, delimiter=None, encoding="utf-8").delimiter == mark


def test_lines_of_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_LINE_BYTES", 10)
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n" + b"x" * 35 + b"\ntwo\n" + b"y" * 11)
    assert list(byte_lines(path)) == [b"one", b"", None, b"two", None]


@quick
@given(st.lists(st.binary(max_size=12).filter(lambda raw: b"\n" not in raw), max_size=8))
def test_every_json_line_is_a_row_or_unreadable(path: Path, raw: list[bytes]) -> None:
    mixed = [b'{"a":1}', *raw, b'{"b":"\\u0000"}']
    path.write_bytes(b"\n".join(mixed))
    keys: dict[str, None] = {}
    lines: list[int] = []
    for chunk, unreadable in json_lines(path, keys):
        lines += chunk["line"].to_pylist()
        lines += [one.line for one in unreadable]
    assert sorted(lines) == list(range(1, len(mixed) + 1))
    assert {"a", "b"} <= set(keys)
