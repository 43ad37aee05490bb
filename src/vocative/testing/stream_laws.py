"""What every stream in front of the log must keep, whoever runs it.

A stream's test makes a `StreamBench` around a real service and runs every law of `LAWS`:

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_my_stream(law, bench):
        law(bench)
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vocative.clock import to_micros
from vocative.errors import Unsupported
from vocative.streams.outside import (
    Arrival,
    Record,
    Stream,
    StreamDown,
    StreamSettings,
    Subscription,
)
from vocative.streams.outside.base import RecordTooLarge

RECEIVED_AT = 1_772_443_800_123_456
PATIENCE_SECONDS = 60.0


class LawBroken(AssertionError):
    """A stream does not keep a law."""


@dataclass(frozen=True, kw_only=True)
class StreamBench:
    """An empty topic of a stream, and somewhere no stream is."""

    stream: Callable[[], Stream]
    """Another value for the same topic; it gives up after 10 s at most."""
    nowhere: Callable[[], Stream]
    """One that cannot be reached; it gives up after 2 s at most."""
    now: Callable[[], int]
    """The service's clock, in microseconds UTC; never the same one twice."""


def record(number: int, *, person: int = 0) -> Record:
    """The event with this number, of this person."""
    body = b'{"messageId": "%d", "userId": "p%d", "properties": {"s": "\\u00e9"}}' % (
        number,
        person,
    )
    return Record(body=body, key=f"p{person}", source="shop", received_at=RECEIVED_AT + number)


def _law(kept: object, words: str) -> None:
    if not kept:
        raise LawBroken(words)


def _read(
    stream: Stream, count: int, positions: Mapping[str, str] | None = None, *, keep: bool = True
) -> list[Arrival]:
    """So many arrivals, in their order; acknowledged unless `keep` is False."""
    subscription = stream.subscribe((positions or {}).get, reader="law")
    try:
        return _read_on([subscription], count, keep=keep)
    finally:
        subscription.close()


def _read_on(
    subscriptions: Sequence[Subscription], count: int, *, keep: bool = True
) -> list[Arrival]:
    found: list[Arrival] = []
    until = time.monotonic() + PATIENCE_SECONDS
    while len(found) < count and time.monotonic() < until:
        for one in subscriptions:
            arrivals = one.read(100, 0.2)
            if keep and arrivals:
                one.acknowledge(arrivals)
            found += arrivals
    _law(len(found) >= count, f"only {len(found)} of {count} records came")
    return found


def _nothing_more(stream: Stream, positions: Mapping[str, str]) -> None:
    subscription = stream.subscribe(positions.get, reader="law")
    try:
        for _ in range(5):
            _law(not subscription.read(100, 0.5), "a record came that was taken already")
    finally:
        subscription.close()


def _positions(arrivals: Iterable[Arrival]) -> dict[str, str]:
    return {one.partition: one.position for one in arrivals if one.position is not None}


def gives_back_what_was_published(bench: StreamBench) -> None:
    """Bodies, sources and instants come back as they went in, each once."""
    stream = bench.stream()
    sent = [record(number, person=number % 7) for number in range(50)]
    stream.publish(sent)
    stream.publish([])
    got = _read(stream, 50)
    expected = sorted((one.body, one.source, one.received_at) for one in sent)
    _law(
        sorted((one.body, one.source or "", one.received_at) for one in got) == expected,
        "what came back is not what was published",
    )
    _nothing_more(stream, _positions(got))
    stream.close()


def keeps_the_order_of_a_person(bench: StreamBench) -> None:
    """Whatever else goes on, one person's records come in the order they were published."""
    stream = bench.stream()
    for start in range(0, 600, 60):
        stream.publish([record(n, person=n % 20) for n in range(start, start + 60)])
    of_person: dict[int, list[int]] = defaultdict(list)
    for one in _read(stream, 600):
        number = one.received_at - RECEIVED_AT
        of_person[number % 20].append(number)
    _law(
        all(numbers == sorted(numbers) for numbers in of_person.values()),
        "records of one person changed their order",
    )
    stream.close()


def goes_on_where_it_was(bench: StreamBench) -> None:
    """A new reader begins where the last one was; nothing is left out, nothing comes again."""
    stream = bench.stream()
    stream.publish([record(n, person=n % 5) for n in range(40)])
    first = _read(stream, 40)
    stream.publish([record(n, person=n % 5) for n in range(40, 70)])
    second = _read(stream, 30, _positions(first))
    numbers = sorted(one.received_at - RECEIVED_AT for one in [*first, *second])
    _law(numbers == list(range(70)), "records were left out or came again")
    stream.close()


def gives_again_what_was_not_kept(bench: StreamBench) -> None:
    """What was read and neither kept nor acknowledged comes again."""
    stream = bench.stream()
    stream.publish([record(n, person=n % 5) for n in range(30)])
    _read(stream, 30, keep=False)
    again = _read(stream, 30)
    numbers = {one.received_at - RECEIVED_AT for one in again}
    _law(numbers == set(range(30)), "records were lost with a reader that kept nothing")
    stream.close()


def takes_from_several_threads(bench: StreamBench) -> None:
    """Publishing is safe from several threads; each call waits for its own records."""
    stream = bench.stream()
    with ThreadPoolExecutor(4) as pool:
        batches = [[record(n, person=n % 9) for n in range(s, s + 20)] for s in range(0, 200, 20)]
        list(pool.map(stream.publish, batches))
    numbers = sorted(one.received_at - RECEIVED_AT for one in _read(stream, 200))
    _law(numbers == list(range(200)), "records of several threads were lost or doubled")
    stream.close()


def refuses_what_is_too_large(bench: StreamBench) -> None:
    """One record that is too large stops its batch before any of it leaves."""
    stream = bench.stream()
    most = stream.settings.most_event_bytes
    large = Record(body=b"x" * (most + 1), key="p", source="shop", received_at=RECEIVED_AT)
    try:
        stream.publish([record(0), large])
    except RecordTooLarge:
        pass
    else:
        raise LawBroken("it took a record that is too large")
    body = b'{"x": "' + b"x" * (most - 9) + b'"}'
    stream.publish([Record(body=body, key=None, source="shop", received_at=RECEIVED_AT)])
    _law([one.body for one in _read(stream, 1)] == [body], "the largest record did not come first")
    stream.close()


def rewinds_only_if_it_claims_to(bench: StreamBench) -> None:
    """Everything, or everything since an instant, can be read again."""
    stream = bench.stream()
    if "rewinds" not in stream.capabilities:
        _unsupported(lambda: stream.rewind(None))
        return
    stream.publish([record(n, person=n % 5) for n in range(20)])
    between = bench.now()
    stream.publish([record(n, person=n % 5) for n in range(20, 50)])
    _read(stream, 50)
    for to, expected in ((None, 0), (between, 20)):
        again = _read(stream, 50 - expected, stream.rewind(to))
        numbers = sorted(one.received_at - RECEIVED_AT for one in again)
        _law(numbers == list(range(expected, 50)), f"it was read again from {numbers[:1]}")
    stream.close()


def measures_only_if_it_claims_to(bench: StreamBench) -> None:
    """What waits is told, by partition."""
    stream = bench.stream()
    if "measures" not in stream.capabilities:
        _unsupported(lambda: stream.lags({}))
        return
    stream.publish([record(n, person=n % 5) for n in range(20)])
    positions = _positions(_read(stream, 20))
    _law(_waits(stream, {}) in (20, None), "it does not tell that everything waits")
    _law(_waits(stream, positions) in (0, None), "it tells that something waits")
    stream.publish([record(n, person=n % 5) for n in range(20, 33)])
    _law(_waits(stream, positions) in (13, None), "it tells another number than what waits")
    stream.close()


def _waits(stream: Stream, positions: Mapping[str, str]) -> int | None:
    lags = stream.lags(positions)
    if any(lag.records is None for lag in lags):
        return None
    return sum(lag.records or 0 for lag in lags)


def shares_only_if_it_claims_to(bench: StreamBench) -> None:
    """Two readers together get everything, and one that goes leaves its part to the other."""
    stream = bench.stream()
    if "shares" not in stream.capabilities:
        return
    kept: dict[str, str] = {}
    subscriptions = [stream.subscribe(kept.get, reader="law") for _ in range(2)]
    for subscription in subscriptions * 10:
        subscription.read(100, 0.3)  # Until each has its part.
    numbers: set[int] = set()
    for start, readers in ((0, subscriptions), (60, subscriptions[1:])):
        stream.publish([record(n, person=n % 30) for n in range(start, start + 60)])
        until = time.monotonic() + PATIENCE_SECONDS
        while len(numbers) < start + 60 and time.monotonic() < until:
            for one in readers:
                arrivals = one.read(100, 0.2)
                kept.update(_positions(arrivals))
                one.acknowledge(arrivals)
                numbers |= {arrival.received_at - RECEIVED_AT for arrival in arrivals}
        _law(len(numbers) == start + 60, f"{len(numbers)} of {start + 60} records came")
        subscriptions[0].close()
    subscriptions[1].close()
    stream.close()


def says_when_it_is_down(bench: StreamBench) -> None:
    """Without the service nothing is acknowledged, and trying again is what the error says."""
    stream = bench.nowhere()
    try:
        stream.publish([record(0)])
    except StreamDown:
        pass
    else:
        raise LawBroken("it acknowledged what went nowhere")
    stream.close()


def closes_any_number_of_times(bench: StreamBench) -> None:
    """Closing twice is fine, and a closed stream publishes again."""
    stream = bench.stream()
    stream.publish([record(0)])
    stream.close()
    stream.close()
    stream.publish([record(1)])
    subscription = stream.subscribe(lambda _: None, reader="law")
    subscription.close()
    subscription.close()
    stream.close()


def describes_itself(bench: StreamBench) -> None:
    """Settings are a frozen struct that knows all its fields; a topic has a name of its own."""
    stream = bench.stream()
    config = type(stream).Settings.__struct_config__
    _law(config.frozen and config.forbid_unknown_fields, "settings must be frozen and complete")
    _law(issubclass(type(stream).Settings, StreamSettings), "settings lack what all streams have")
    _law(bool(type(stream).__doc__), "the stream does not say what it is")
    _law(stream.name == bench.stream().name, "the same topic has two names")
    _law(stream.capabilities <= {"shares", "rewinds", "measures"}, "it claims what nobody knows of")


def _unsupported(call: Callable[[], object]) -> None:
    try:
        call()
    except Unsupported:
        return
    raise LawBroken("it does what it does not claim")


def service_now() -> int:
    """The machine's clock, a little later than everything before and earlier than all after it."""
    from vocative.clock import SystemClock

    time.sleep(0.05)
    now = to_micros(SystemClock().now())
    time.sleep(0.05)
    return now


LAWS: tuple[Callable[[StreamBench], None], ...] = (
    gives_back_what_was_published,
    keeps_the_order_of_a_person,
    goes_on_where_it_was,
    gives_again_what_was_not_kept,
    takes_from_several_threads,
    refuses_what_is_too_large,
    rewinds_only_if_it_claims_to,
    measures_only_if_it_claims_to,
    shares_only_if_it_claims_to,
    says_when_it_is_down,
    closes_any_number_of_times,
    describes_itself,
)
