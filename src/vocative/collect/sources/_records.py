"""Records of other systems, read into the shapes that their makers document.

A record that has another shape must not hold up the ones beside it: it is counted with its reason,
which names the place and quotes nothing.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from vocative.collect.sources.base import NotReadable
from vocative.errors import DataError

T = TypeVar("T")


class OddRecord(DataError):
    """A record has a shape that its system does not document."""


def read_record(told: Any, shape: type[T], *, strict: bool = True) -> T:
    """A record in a shape.

    Args:
        told: Decoded JSON.
        shape: What to read it as; what it has beside that is passed over.
        strict: Whether a number has to be one; some systems write numbers as text.

    Raises:
        OddRecord: it does not fit.
    """
    try:
        return msgspec.convert(told, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise OddRecord(_words(error)) from None


def read_body(body: bytes, shape: type[T], *, strict: bool = True) -> T:
    """The body of a webhook in a shape; see `read_record`.

    Raises:
        NotReadable: it does not fit, or is no JSON.
    """
    try:
        return msgspec.json.decode(body, type=shape, strict=strict)
    except msgspec.ValidationError as error:
        raise NotReadable(_words(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotReadable("the body is no JSON") from None


def read_each(records: Iterable[Any], read: Callable[[Any], T]) -> tuple[list[T], dict[str, int]]:
    """What records tell, and how many could not be read, by reason."""
    found: list[T] = []
    rejected: dict[str, int] = {}
    for record in records:
        try:
            found.append(read(record))
        except OddRecord as odd:
            rejected[odd.message] = rejected.get(odd.message, 0) + 1
    return found, rejected


def _words(error: msgspec.ValidationError) -> str:
    place = str(error).rpartition(" - at ")[2].strip("`$.") or "the record"
    return f"{place} is not as this system documents it"
