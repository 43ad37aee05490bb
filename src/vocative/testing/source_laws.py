"""What every source must keep, whatever system it speaks to.

A source's test makes a `SourceBench` around a system that holds a few records, best some pages of
them, and runs every law of `LAWS`:

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_my_source(law, bench):
        law(bench)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.event import EventRefused, read_event
from vocative.collect.mapping import ITEM_FIELDS
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Page, Source
from vocative.collect.sourcing.cursors import HOOK
from vocative.collect.sourcing.definitions import COMMON_FIELDS, can_be_pulled
from vocative.collect.sourcing.pulling import NO_STREAM
from vocative.errors import Unsupported

_LATE = datetime(2100, 1, 1, tzinfo=UTC)
"""When everything has happened that a system may tell."""
MOST_RESUMED = 6
"""From how many cursors of a pull it is gone on, at most."""


class LawBroken(AssertionError):
    """A source does not keep a law."""


@dataclass(frozen=True, kw_only=True)
class SourceBench:
    """A source and a system that does not change while laws are looked at."""

    open: Callable[[], Source]
    """A fresh source each time, over the same system."""
    calls: Sequence[Call] = ()
    """Genuine webhooks, if it takes any."""
    signs_body: bool = True
    """Whether what makes them genuine covers their bodies, as a signature does and a token not."""
    secrets: Sequence[str] = ()
    """What must not be seen anywhere."""
    _pulled: dict[str, list[Page]] = field(default_factory=dict, init=False)

    def pulled(self, stream: str) -> list[Page]:
        """Everything of a stream, from the beginning; asked for once."""
        if stream not in self._pulled:
            self._pulled[stream] = _pulled(self, stream)
        return self._pulled[stream]


def options_leave_no_doubt(bench: SourceBench) -> None:
    """A field that nobody knows is refused, and none has the name of one that all sources have."""
    with _opened(bench) as source:
        options = type(source).Options
    _law(options.__struct_config__.forbid_unknown_fields, "its options take unknown fields")
    names = {field.encode_name for field in msgspec.structs.fields(options)}
    taken = sorted(names & {*COMMON_FIELDS})
    _law(not taken, f"its options take names that all sources have: {taken}")


def streams_can_be_named(bench: SourceBench) -> None:
    """What it offers is what its kind has, and no name is taken."""
    with _opened(bench) as source:
        offered = list(source.offered())
    _law(len({*offered}) == len(offered), "a stream is offered twice")
    _law(not {HOOK, NO_STREAM} & {*offered}, f"{HOOK!r} and {NO_STREAM!r} are no names of streams")
    if source.streams:
        _law({*offered} <= {*source.streams}, "it offers a stream that its kind does not have")


def what_it_does_not_claim_it_refuses(bench: SourceBench) -> None:
    """A source that is not asked, or takes no webhooks, says so."""
    with _opened(bench) as source:
        if not can_be_pulled(type(source)):
            _law(not source.offered(), "it offers streams and cannot be pulled")
            _law(
                _raised(lambda _: [*source.pull("x", None)], None) is Unsupported,
                "it does not refuse",
            )
        if not source.pushes:
            call = Call(headers={}, body=b"{}")
            _law(_raised(source.receive, call) is Unsupported, "it does not refuse")


def everything_can_be_used(bench: SourceBench) -> None:
    """Every event is read as it stands on the log, with an id and a time of its own."""
    for stream in _streams(bench):
        for page in bench.pulled(stream):
            _usable(page)


def one_id_one_fact(bench: SourceBench) -> None:
    """Two events of one id are one: what differs in them would be lost."""
    for stream in _streams(bench):
        seen: dict[str, Mapping[str, Any]] = {}
        for event in _events(bench.pulled(stream)):
            before = seen.setdefault(str(event["messageId"]), event)
            _law(
                _encoded(before) == _encoded(event),
                f"two events that differ have one id in {stream!r}",
            )


def asked_again_it_says_the_same(bench: SourceBench) -> None:
    """A pull from the beginning brings the same facts under the same ids."""
    for stream in _streams(bench):
        first, second = _by_id(bench.pulled(stream)), _by_id(_pulled(bench, stream))
        _law(first == second, f"{stream!r} is not the same when it is pulled again")


def it_goes_on_from_every_page(bench: SourceBench) -> None:
    """Whoever keeps a page's cursor and goes on from it with a fresh source misses nothing."""
    for stream in _streams(bench):
        pages = bench.pulled(stream)
        everything = {*_by_id(pages)}
        for end in _some(len(pages)):
            known = {*_by_id(pages[:end])}
            rest = _pulled(bench, stream, _cursor_after(pages[:end]))
            missing = everything - known - {*_by_id(rest)}
            _law(not missing, f"{len(missing)} events of {stream!r} are missed after page {end}")


def after_the_end_there_is_nothing_new(bench: SourceBench) -> None:
    """A pull from where the last one ended brings nothing that was not known."""
    for stream in _streams(bench):
        pages = bench.pulled(stream)
        cursor = _cursor_after(pages)
        again = _pulled(bench, stream, cursor)
        new = {*_by_id(again)} - {*_by_id(pages)}
        _law(not new, f"{len(new)} events of {stream!r} are new though nothing happened")


def cursors_are_texts_without_secrets(bench: SourceBench) -> None:
    """A cursor is kept in the store in the clear."""
    for stream in _streams(bench):
        for page in bench.pulled(stream):
            _law(page.cursor is None or isinstance(page.cursor, str), "a cursor is no text")
            _hidden(bench, page.cursor or "")
            _hidden(bench, *page.rejected)


def genuine_webhooks_are_taken(bench: SourceBench) -> None:
    """What a genuine one tells can be used, and is the same when it comes twice."""
    for call in bench.calls:
        with _opened(bench) as source:
            first, second = source.receive(call), source.receive(call)
        _usable(first)
        _law(_by_id([first]) == _by_id([second]), "a webhook that comes twice says something else")


def what_was_tampered_with_is_refused(bench: SourceBench) -> None:
    """A body that is not what was signed, or comes without a signature, changes nothing."""
    for call in bench.calls:
        changed = [replace(call, headers={})]
        if bench.signs_body:
            changed += [
                replace(call, body=call.body + b" "),
                replace(call, body=call.body[:-1]),
                replace(call, body=b""),
                replace(call, headers={name: _bent(value) for name, value in call.headers.items()}),
            ]
        for one in changed:
            with _opened(bench) as source:
                raised = _raised(source.receive, one)
            _law(raised is NotGenuine, "a webhook that is not genuine is not refused as such")


def garbage_is_refused(bench: SourceBench) -> None:
    """Whatever is sent to a webhook, it is refused and not failed on."""
    for call in bench.calls:
        strange = dict.fromkeys(call.headers, "\xff;=,")
        for body in (b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}'):
            for headers in ({}, call.headers, strange):
                with _opened(bench) as source:
                    raised = _raised(source.receive, replace(call, headers=headers, body=body))
                known = raised in (None, NotGenuine, NotReadable)
                _law(known, f"garbage makes it fail with {raised}")


def it_can_be_closed_twice(bench: SourceBench) -> None:
    """Closing is always possible."""
    source = bench.open()
    source.close()
    source.close()


LAWS = (
    options_leave_no_doubt,
    streams_can_be_named,
    what_it_does_not_claim_it_refuses,
    everything_can_be_used,
    one_id_one_fact,
    asked_again_it_says_the_same,
    it_goes_on_from_every_page,
    after_the_end_there_is_nothing_new,
    cursors_are_texts_without_secrets,
    genuine_webhooks_are_taken,
    what_was_tampered_with_is_refused,
    garbage_is_refused,
    it_can_be_closed_twice,
)


class _Opened:
    """A source that is closed at the end."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> Source:
        return self._source

    def __exit__(self, *_: object) -> None:
        self._source.close()


def _opened(bench: SourceBench) -> _Opened:
    return _Opened(bench.open())


def _streams(bench: SourceBench) -> list[str]:
    with _opened(bench) as source:
        return list(source.offered())


def _pulled(bench: SourceBench, stream: str, cursor: str | None = None) -> list[Page]:
    with _opened(bench) as source:
        return list(source.pull(stream, cursor))


def _cursor_after(pages: Sequence[Page]) -> str | None:
    """What whoever runs the source keeps after these pages."""
    return next((page.cursor for page in reversed(pages) if page.cursor is not None), None)


def _some(pages: int) -> list[int]:
    """Ends of pages to go on from: all of them, or some of many."""
    step = max(1, pages // MOST_RESUMED)
    return list(range(0, pages, step))


def _events(pages: Sequence[Page]) -> Iterator[Mapping[str, Any]]:
    return (event for page in pages for event in page.events)


def _by_id(pages: Sequence[Page]) -> dict[str, bytes]:
    return {str(event["messageId"]): _encoded(event) for event in _events(pages)}


def _encoded(event: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(event, order="deterministic")


def _usable(page: Page) -> None:
    for event in page.events:
        raw = msgspec.json.encode(event)
        try:
            read = read_event(raw, received_at=to_micros(_LATE))
        except EventRefused as refused:
            raise LawBroken(f"an event cannot be used: {refused}") from refused
        _law(isinstance(event.get("messageId"), str) and event["messageId"], "an event has no id")
        _law(event.get("timestamp"), "an event has no time of its own")
        _law(
            "personId" not in (event.get("context") or {}), f"{read.name} names a person by our id"
        )
    for item in page.items:
        _law(item.get("item_id"), "an item has no id")
        unknown = sorted({*item} - {*ITEM_FIELDS})
        _law(not unknown, f"an item has fields that the catalog has not: {unknown}")


def _hidden(bench: SourceBench, *texts: str) -> None:
    for secret in bench.secrets:
        _law(all(secret not in text for text in texts), "a secret can be seen")


def _bent(value: str) -> str:
    """A value of which one letter is another."""
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


def _raised(act: Callable[[Any], object], given: Any) -> type[BaseException] | None:
    try:
        act(given)
    except Exception as error:  # noqa: BLE001 - which it is, is the question
        return type(error)
    return None


def _law(kept: object, words: str) -> None:
    if not kept:
        raise LawBroken(words)
