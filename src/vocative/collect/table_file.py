"""Reads a table file line by line: every line becomes a row or is unreadable for a reason.

A CSV file (plain, .gz, .zst), JSON lines or Parquet comes in. Chunks of rows, each with its line
in the file, go out. Nothing is guessed from a sample, so no line can go missing: a quote that is
not closed costs its own line only. Refused: what is no file, not text, cut off, or has no header.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from vocative.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
CHUNK_ROWS = 20_000
MAX_LINE_BYTES = 4_000_000
_MAX_RECORD_LINES = 1_000
_MAX_COLUMNS = 2_000
_COMPRESSED = (".gz", ".zst")


class Unreadable(msgspec.Struct, frozen=True):
    """A line that is no row, and why."""

    line: int
    reason: str


class Chunk(msgspec.Struct, frozen=True):
    """Some rows of a file with their lines (1-based), and the lines between that are no rows."""

    lines: list[int]
    rows: list[list[str]]
    unreadable: list[Unreadable]


def plain_name(path: Path) -> str:
    """The file's name without what tells its compression."""
    name = path.name
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed.

    Raises:
        DataError: there is no such file, or it cannot be read to its end.
    """
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"there is no file {path.name}", where=str(path), hint="check the path")
    try:
        with pa.input_stream(str(path), compression="detect", buffer_size=1 << 20) as stream:
            yield stream
    except (OSError, pa.ArrowException, UnicodeError) as error:
        raise DataError(
            f"{path.name} cannot be read: it is cut off, or not what its name says",
            where=str(path),
            hint="check the file, and the mapping's `encoding:`; nothing of it was taken in",
        ) from error


def read_through(path: Path) -> None:
    """Make sure that a compressed file is whole before anything of it is used.

    Raises:
        DataError: it is cut off.
    """
    if path.suffix in _COMPRESSED:
        with opened(path) as stream:
            while stream.read(1 << 20):
                pass


def byte_lines(path: Path) -> Iterator[bytes | None]:
    """The lines of a file without their ends; None for one that is longer than MAX_LINE_BYTES.

    Raises:
        DataError: the file cannot be read to its end.
    """
    import io

    with opened(path) as stream:
        # BufferedReader reads lines of bounded length; the stream itself would not.
        buffered = io.BufferedReader(cast("io.RawIOBase", stream), buffer_size=1 << 20)
        first = True
        while line := buffered.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                while not line.endswith(b"\n") and (line := buffered.readline(MAX_LINE_BYTES)):
                    pass
                yield None
                continue
            yield (line.removeprefix(b"\xef\xbb\xbf") if first else line).rstrip(b"\r\n")
            first = False


class CsvFile:
    """A CSV file with a header line.

    Args:
        path: The file; .gz and .zst are decompressed.
        delimiter: Between the values; the one of `, ; tab |` that the header has most of, unless
            told.
        encoding: How its text is written.

    Raises:
        DataError: it cannot be read, is empty, is no text, or has no header line.
    """

    def __init__(self, path: Path, *, delimiter: str | None, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        with self._text() as text:
            lines = list(islice(_Lines(text), _MAX_RECORD_LINES))
        if not lines:
            raise self._wrong("is empty", "export it again")
        if _odd(lines[0]):
            hint = (
                "is it a spreadsheet? save it as CSV (UTF-8), or tell the mapping its `encoding:`"
            )
            raise self._wrong(f"is no {encoding} text", hint)
        self.delimiter = delimiter or max(
            DELIMITERS, key=lambda mark: len(_first_record(lines, mark))
        )
        self.columns = self._header(_first_record(lines, self.delimiter))

    def chunks(self) -> Iterator[Chunk]:
        """All rows after the header."""
        with self._text() as text:
            records = _records(text, self.delimiter)
            next(records)
            while some := list(islice(records, CHUNK_ROWS)):
                yield self._chunk(some)

    def _chunk(self, records: list[tuple[int, list[str] | str]]) -> Chunk:
        width = len(self.columns)
        lines, rows, unreadable = [], [], []
        for line, row in records:
            reason = row if isinstance(row, str) else _misfit(row, width)
            if reason:
                unreadable.append(Unreadable(line, reason))
            else:
                lines.append(line)
                rows.append(cast("list[str]", row))
        return Chunk(lines, rows, unreadable)

    @contextmanager
    def _text(self) -> Iterator[Iterator[str]]:
        import io

        with opened(self._path) as stream:
            text = io.TextIOWrapper(
                cast("IO[bytes]", io.BufferedReader(cast("io.RawIOBase", stream), 1 << 20)),
                encoding="utf-8-sig" if self._encoding == "utf-8" else self._encoding,
                # A byte that is no text marks its own line only, see `_records`.
                errors="surrogateescape",
                newline="",
            )
            yield text

    def _header(self, cells: list[str]) -> list[str]:
        names = [cell.strip() for cell in cells]
        if not any(names):
            raise self._wrong("has no header line", "the first line must name the columns")
        if any(map(_is_data, names)):
            # The cells are not repeated: they may be somebody's.
            raise self._wrong(
                "has no header line: its first line looks like data",
                "the first line must name the columns",
            )
        return checked_columns(
            [name or f"column_{n}" for n, name in enumerate(names, 1)], self._path
        )

    def _wrong(self, what: str, hint: str) -> DataError:
        return DataError(f"{self._path.name} {what}", where=str(self._path), hint=hint)


def checked_columns(names: list[str], path: Path) -> list[str]:
    """The names as they are, if each can be told from every other.

    Raises:
        DataError: two are the same (in any case of letters), or there are too many.
    """
    if len(names) > _MAX_COLUMNS:
        raise DataError(f"{path.name} has more than {_MAX_COLUMNS:,} columns", where=str(path))
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        other = first.setdefault(name.casefold(), number)
        if other != number:
            raise DataError(
                f"the columns {other} and {number} of {path.name} have one name",
                where=str(path),
                hint="give one of them another name; capitals make no difference",
            )
    return names


class _TooLong(Exception):
    """A record that does not end: a quote was not closed."""


class _Lines:
    """Lines that remember what was taken since the last mark, to be taken again."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MAX_RECORD_LINES:
            raise _TooLong
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        self.number += 1
        return line

    def take_again(self) -> None:
        """Give back all lines but the first that was taken."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


def _records(text: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(first line, values) of every record, or (line, why it is unreadable)."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        first = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong):
            lines.take_again()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield first, "a quote is not closed, or stands where none may"
            continue
        if len(lines.taken) == 1 and lines.taken[0].isascii():
            yield first, "a NUL character" if "\0" in lines.taken[0] else row
        else:
            yield first, _odd("".join(lines.taken)) or row


def _odd(text: str) -> str | None:
    if "\0" in text:
        return "a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not text in the file's encoding"
    return None


def _first_record(lines: list[str], delimiter: str) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _misfit(row: list[str], width: int) -> str | None:
    if len(row) == width:
        return None
    if not row:
        return "empty line"
    return "fewer values than columns" if len(row) < width else "more values than columns"


def _is_data(cell: str) -> bool:
    """Whether no one would call a column so: a number, a date or an e-mail address."""
    return bool(re.fullmatch(r"[-+]?[\d.,]+|\d{4}-\d\d-\d\d.*|[^@\s]+@[^@\s]+\.[^@\s]+", cell))


def json_lines(path: Path, keys: dict[str, None]) -> "Iterator[tuple[pa.Table, list[Unreadable]]]":
    """Lines of JSON objects as tables (line BIGINT, body VARCHAR), and the lines that are none.

    Args:
        path: The file.
        keys: Every key of every object is added here.

    Raises:
        DataError: the file cannot be read to its end.
    """
    import pyarrow as pa

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    numbered = enumerate(byte_lines(path), 1)
    while some := list(islice(numbered, CHUNK_ROWS)):
        lines, bodies, unreadable = [], [], []
        for number, raw in some:
            if raw is None or not raw.strip():
                unreadable.append(
                    Unreadable(number, "line too long" if raw is None else "empty line")
                )
                continue
            try:
                keys.update(dict.fromkeys(decode(raw)))
                bodies.append(raw.decode())
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                unreadable.append(Unreadable(number, "not a JSON object"))
            else:
                lines.append(number)
        yield pa.table({"line": lines, "body": pa.array(bodies, pa.string())}), unreadable
