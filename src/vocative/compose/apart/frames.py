"""Messages between a process and its child over two pipes: a length, then so many bytes."""

import io
import pickle
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, BinaryIO

from vocative.compose.authoring.source import Passage
from vocative.errors import Where

MAX_FRAME_BYTES = 64_000_000
_LENGTH_BYTES = 4


def write_frame(pipe: BinaryIO, body: bytes) -> None:
    """Send one message."""
    pipe.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> bytes:
    """Receive one message.

    Raises:
        EOFError: the other side is gone, or sent what is too long.
    """
    length = int.from_bytes(_read_all(pipe, _LENGTH_BYTES), "big")
    if length > MAX_FRAME_BYTES:
        raise EOFError
    return _read_all(pipe, length)


def _read_all(pipe: BinaryIO, count: int) -> bytes:
    found = pipe.read(count)
    if len(found) < count:
        raise EOFError
    return found


def pack(value: Any) -> bytes:
    """A value for the child; the places of passages become tables, since functions cannot go."""
    packed = io.BytesIO()
    _Pickler(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return packed.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Passage):
            starts = [0, *(at + 1 for at, letter in enumerate(value.text) if letter == "\n")]
            return _passage, (value.text, [(start, value.where(start)) for start in starts])
        return NotImplemented


def _passage(text: str, lines: list[tuple[int, Where]]) -> Passage:
    return Passage(text, _where(lines))


def _where(lines: list[tuple[int, Where]]) -> Callable[[int], Where]:
    starts = [start for start, _ in lines]

    def where(offset: int) -> Where:
        number = max(bisect_right(starts, offset) - 1, 0)
        start, place = lines[number]
        return Where(
            file=place.file,
            line=place.line,
            column=(place.column or 1) + offset - start,
            source_line=place.source_line,
        )

    return where
