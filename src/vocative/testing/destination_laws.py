"""Laws that every destination must keep, over a system of this machine that imitates it.

@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_my_destination(law, bench):
    law(bench)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationDown,
    DestinationRefused,
    RowRefused,
    Value,
)
from vocative.deliver.syncing.batches import send_apart
from vocative.deliver.syncing.definitions import COMMON_FIELDS
from vocative.errors import VocativeError

_WORDS = {"yes": "true", "no": "", "false": "", "none": ""}


class LawBroken(AssertionError):
    """A destination does not keep a law."""


@dataclass(frozen=True, kw_only=True)
class DestinationBench:
    """A destination and the system that it tells."""

    open: Callable[[], Destination]
    """A fresh destination each time, over the same system."""
    held: Callable[[Change], Mapping[str, Any] | None]
    """What the system knows of somebody, by name; None of whom it does not know."""
    change: Change
    """A put with fields and segments that the system has."""
    answer: Callable[[int, bytes], None] | None = None
    """Lets the system answer all requests with a status and a body; None: it speaks no HTTP."""
    rows_stay: bool = True
    """Whether it goes on to know the address of who leaves, empty; otherwise it forgets them."""
    secrets: Sequence[str] = ()
    """What must not be seen anywhere."""


def options_leave_no_doubt(bench: DestinationBench) -> None:
    """A field that nobody knows is refused, and none has a name that all destinations have."""
    with _opened(bench) as destination:
        options = type(destination).Options
    _law(options.__struct_config__.forbid_unknown_fields, "its options take unknown fields")
    names = {field.encode_name for field in msgspec.structs.fields(options)}
    taken = sorted(names & {*COMMON_FIELDS})
    _law(not taken, f"its options take names that all destinations have: {taken}")


def a_check_changes_nothing(bench: DestinationBench) -> None:
    """Whoever only checks tells nothing of anybody."""
    with _opened(bench) as destination:
        destination.check()
    _law(bench.held(bench.change) is None, "a check made somebody known")


def what_was_put_is_there(bench: DestinationBench) -> None:
    """Every field and segment of a put, and a second put in the place of the first."""
    _sent(bench, bench.change)
    _law(_holds(bench, bench.change), "what was put is not there")
    changed = _with_other_values(bench.change)
    _sent(bench, changed)
    _law(_holds(bench, changed), "what was put later is not there")


def twice_is_once(bench: DestinationBench) -> None:
    """After a crash everything is sent again: by a fresh instance, with the same result."""
    for change in (bench.change, _gone(bench.change, "leave"), _gone(bench.change, "erase")):
        _sent(bench, change)
        before = copy(bench.held(change))
        _sent(bench, change)
        _law(bench.held(change) == before, f"a {change.action} that comes twice is not one")


def who_leaves_leaves_nothing(bench: DestinationBench) -> None:
    """Every field is empty and no segment has them any more."""
    _sent(bench, bench.change)
    _sent(bench, _gone(bench.change, "leave"))
    held = bench.held(bench.change)
    _law(not _known(held), "something stays of who left")
    _law(bench.rows_stay or held is None, "who left is still there")


def who_is_erased_is_forgotten(bench: DestinationBench) -> None:
    """Nothing is known of who was erased."""
    _sent(bench, bench.change)
    _sent(bench, _gone(bench.change, "erase"))
    held = bench.held(bench.change)
    _law(not _known(held), "something stays of who was erased")
    _law(bench.rows_stay or held is None, "who was erased is still there")


def who_was_never_there_can_go(bench: DestinationBench) -> None:
    """Somebody there may have taken people out by hand."""
    stranger = replace(bench.change, person_id="pstranger", email="stranger@example.com")
    _sent(bench, _gone(stranger, "leave"))
    _sent(bench, _gone(stranger, "erase"))
    _law(not _known(bench.held(stranger)), "taking somebody out made them known")


def many_go_together(bench: DestinationBench) -> None:
    """Of a batch each is told of; nothing is refused that is right."""
    people = [
        replace(bench.change, person_id=f"p{number}", email=f"p{number}@example.com")
        for number in range(5)
    ]
    _sent(bench, *people)
    _law(all(_holds(bench, one) for one in people), "somebody of a batch is missing")
    _sent(bench)


def trouble_is_told_apart(bench: DestinationBench) -> None:
    """Whether to try again, to mend the definition or to leave a row out must be known."""
    if bench.answer is None:
        return
    for status, expected in (
        (503, DestinationDown),
        (429, DestinationDown),
        (401, DestinationRefused),
        (403, DestinationRefused),
    ):
        bench.answer(status, b"")
        raised = _raised(bench, bench.change)
        _law(isinstance(raised, expected), f"{status} is told as {type(raised).__name__}")


def errors_hold_nothing_personal(bench: DestinationBench) -> None:
    """Whatever the system says, neither people nor secrets stand in what is told of it."""
    if bench.answer is None:
        return
    email, phone = bench.change.email or "", bench.change.phone or ""
    said = f"{email} with {phone} and {' '.join(bench.secrets)} is wrong"
    for status in (400, 401, 422, 500):
        bench.answer(status, msgspec.json.encode({"message": said, "errors": [said]}))
        raised = _raised(bench, bench.change)
        told = f"{raised} {getattr(raised, 'hint', '')}"
        for word in (email, phone, *bench.secrets):
            _law(word not in told, f"what is told of {status} holds what nobody may see")


def garbage_is_no_surprise(bench: DestinationBench) -> None:
    """A system that answers nonsense is told of as any other that fails, or taken at its status."""
    if bench.answer is None:
        return
    for body in (
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"errors":7}',
    ):
        bench.answer(200, body)
        raised = _raised(bench, bench.change)
        _law(raised is None or isinstance(raised, VocativeError), f"{body[:9]!r} makes it fail")


def it_can_be_closed_twice(bench: DestinationBench) -> None:
    """Closing is always possible."""
    destination = bench.open()
    destination.close()
    destination.close()


LAWS = (
    options_leave_no_doubt,
    a_check_changes_nothing,
    what_was_put_is_there,
    twice_is_once,
    who_leaves_leaves_nothing,
    who_is_erased_is_forgotten,
    who_was_never_there_can_go,
    many_go_together,
    trouble_is_told_apart,
    errors_hold_nothing_personal,
    garbage_is_no_surprise,
    it_can_be_closed_twice,
)


@contextmanager
def _opened(bench: DestinationBench) -> Iterator[Destination]:
    destination = bench.open()
    try:
        yield destination
    finally:
        destination.close()


def _sent(bench: DestinationBench, *changes: Change) -> None:
    with _opened(bench) as destination:
        refused = send_apart(destination, changes)
    _law(not refused, f"what is right was refused: {refused}")


def _raised(bench: DestinationBench, *changes: Change) -> BaseException | None:
    """What sending ends with; the reason of a refused row counts as an error."""
    with _opened(bench) as destination:
        try:
            refused = destination.send(changes)
        except Exception as error:  # noqa: BLE001 - which it is, is the question
            return error
    return RowRefused(next(iter(refused.values()))) if refused else None


def _gone(change: Change, action: Any) -> Change:
    return replace(
        change,
        action=action,
        fields=dict.fromkeys(change.fields),
        segments=dict.fromkeys(change.segments, False),
    )


def _with_other_values(change: Change) -> Change:
    other: dict[type, Value] = {str: "another", int: 7, float: 0.5, bool: False}
    return replace(
        change,
        fields={name: other[type(value)] for name, value in change.fields.items()},
        segments={name: not is_in for name, is_in in change.segments.items()},
    )


def _holds(bench: DestinationBench, change: Change) -> bool:
    held = bench.held(change)
    return held is not None and _known(held) == _known({**change.fields, **change.segments})


def _known(held: Mapping[str, Any] | None) -> dict[str, str]:
    """What is not empty, as words."""
    words = {name: str(value).lower() for name, value in (held or {}).items()}
    return {name: found for name, word in words.items() if (found := _WORDS.get(word, word))}


def _law(kept: object, words: str) -> None:
    if not kept:
        raise LawBroken(words)
