"""Reads what stands on the log: raw events in, checked ones with what they say about whom out."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.collect.quality.faults import Fault
from vocative.collect.quality.judging import Judge
from vocative.collect.quality.rules import Rules, known_rules
from vocative.identify.facts import event_columns
from vocative.identify.graph import Identity
from vocative.identify.personal import clean_properties, without
from vocative.identify.profiles import NOTHING, Statement, read_statement
from vocative.ids import event_key_for
from vocative.streams.embedded import EmbeddedLog, LogBatch
from vocative.workspace import Workspace
from vocative.workspace.known import Known
from vocative.workspace.second import Asked, SecondProcess

MOST_AHEAD = 5_000
"""Events of the longest step that a thread reads ahead. Longer ones are of a backlog: in them the
two threads are in each other's way, which costs 3 %; a second process reads them."""


_encode = msgspec.msgpack.Encoder().encode


class ReadEvent(msgspec.Struct, frozen=True, gc=False):
    """A readable event, what it says about whom, and what history will say of it."""

    event_id: str
    key: bytes
    """The same id as it is kept in `seen_events`."""
    event: Event
    position: int
    """Of its batch on the log."""
    identities: tuple[Identity, ...]
    """Strongest first."""
    stated: Statement
    columns: tuple[Any, ...]
    """Of its row of `events`, from name on."""
    lines: Sequence[tuple[Any, ...]]
    """Of its rows of `order_lines`, from name on."""
    faults: Sequence[Fault] = ()
    """What is wrong about it, though it can be used."""


_decode = msgspec.msgpack.Decoder(list[ReadEvent]).decode


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An event that cannot be used."""

    position: int
    index: int
    source: str
    reason: str
    faults: Sequence[Fault] = ()


class _OffPlan(EventRefused):
    """It could be used, and is not wanted."""

    def __init__(self, reason: Fault, faults: Sequence[Fault]) -> None:
        super().__init__(reason.told())
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Batches of the log and what they say."""

    batches: Sequence[LogBatch]
    read: Sequence[ReadEvent]
    refused: Sequence[Refused]

    @property
    def events(self) -> int:
        """How many events they hold."""
        return len(self.read) + len(self.refused)

    def __add__(self, later: "Reading") -> "Reading":
        return Reading(
            batches=[*self.batches, *later.batches],
            read=[*self.read, *later.read],
            refused=[*self.refused, *later.refused],
        )


class Packed(NamedTuple):
    """A reading on its way between processes; pickled as it is, it would take ten times as long."""

    batches: Sequence[LogBatch]
    """Without their events."""
    read: bytes
    refused: Sequence[Refused]

    @classmethod
    def of(cls, reading: Reading) -> "Packed":
        """Pack it."""
        batches = [replace(batch, events=[]) for batch in reading.batches]
        return cls(batches, _encode(reading.read), reading.refused)

    def unpacked(self) -> Reading:
        """What was packed, but for the raw events of its batches."""
        return Reading(batches=self.batches, read=_decode(self.read), refused=self.refused)


class ReadAhead:
    """Reads the log one step ahead.

    Of short steps in a thread, while the store commits the step before: a commit is work of the
    disk and the system, reading is work of Python's, and together they take as long as one of them.
    Of long steps in a second process, if there is one, from the beginning of the step before.
    """

    def __init__(
        self, log: EmbeddedLog, rules: Rules | None = None, second: SecondProcess | None = None
    ) -> None:
        self._log = log
        self._rules = rules or Rules()
        self._second = second
        self._thread: ThreadPoolExecutor | None = None
        self._next: tuple[int, Future[Reading] | Asked[Packed]] | None = None
        """After which position, and what was found there."""

    def obey(self, rules: Rules) -> None:
        """Judge by other rules from now on; what was read ahead by these is read again."""
        if rules is not self._rules:
            self._rules, self._next = rules, None

    def begin_beside(self, after: int, most_events: int) -> None:
        """Read what comes after a long step, in the second process, while this one works on it."""
        if most_events > MOST_AHEAD and self._second is not None and self._second.is_ready:
            self._next = after, self._second.ask(read_beside, after, most_events)

    def begin(self, after: int, most_events: int) -> None:
        """Read what comes after a short step, in a thread, beside whatever happens now."""
        if most_events > MOST_AHEAD:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "log")
        self._next = after, self._thread.submit(self._read, after, most_events)

    def take(self, after: int, most_events: int) -> Reading:
        """Batches after a position: at most so many events, but at least one batch if there is one.

        Raises:
            LogError, PrivacyError: the log cannot be read.
        """
        began, self._next = self._next, None
        if began is None or began[0] != after:
            return self._read(after, most_events)
        answer = began[1].result()
        found = answer.unpacked() if isinstance(answer, Packed) else answer
        if found is None or not found.batches or found.events > most_events:
            return self._read(after, most_events)
        left = most_events - found.events
        if left:
            # Some came in meanwhile.
            later = self._read(found.batches[-1].position, left)
            if later.events <= left:
                return found + later
        return found

    def _read(self, after: int, most_events: int) -> Reading:
        return read_log(self._log, self._rules, after, most_events)


def read_log(log: EmbeddedLog, rules: Rules, after: int, most_events: int) -> Reading:
    """Batches after a position: at most so many events, but at least one batch if there is one."""
    batches = list(log.read(after, most_events=most_events))
    read, refused = read_batches(batches, rules)
    return Reading(batches=batches, read=read, refused=refused)


_known: Known[Rules] | None = None


def read_beside(workspace: Workspace, after: int, most_events: int) -> Packed:
    """What `read_log` finds, in a second process.

    Raises:
        OverflowError, UnicodeEncodeError: a number or a text in it cannot be packed.
    """
    global _known  # noqa: PLW0603 - kept from step to step
    _known = _known or known_rules(workspace)
    return Packed.of(read_log(workspace.log, _known.now(), after, most_events))


def read_batches(
    batches: Sequence[LogBatch], rules: Rules
) -> tuple[list[ReadEvent], list[Refused]]:
    """Every event of some batches, in their order, and those that cannot be used."""
    read: list[ReadEvent] = []
    refused: list[Refused] = []
    for batch in batches:
        judge = rules.judge_of(batch.source)
        for index, raw in enumerate(batch.events):
            try:
                read.append(_read(raw, batch, rules, judge))
            except EventRefused as refusal:
                faults = refusal.faults if isinstance(refusal, _OffPlan) else ()
                reason = str(refusal)
                refused.append(Refused(batch.position, index, batch.source, reason, faults))
    return read, refused


def _read(raw: bytes, batch: LogBatch, rules: Rules, judge: Judge | None) -> ReadEvent:
    source, position = batch.source, batch.position
    event = read_event(raw, received_at=batch.received_at, trusted=source == OWN_SOURCE)
    try:
        stated = read_statement(event, rules) if event.traits else NOTHING
        properties = event.properties
        faults = () if stated is NOTHING else _faults_of_traits(event, stated, rules)
        if judge is not None:
            verdict = judge.judge(event)
            properties = verdict.properties
            if verdict.faults:
                faults = [*faults, *verdict.faults]
            if verdict.personal:
                properties = without(properties, verdict.personal)
        name, values, rest, products = event_columns(event.name, clean_properties(properties))
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error
    identities = _identities(event, stated)
    if not (identities or event.person_id or event.nobody):
        raise EventRefused("no userId, no anonymousId and no usable e-mail address")
    if faults and (reason := next((one for one in faults if one.outcome == "reject"), None)):
        raise _OffPlan(reason, faults)
    key, at = event_key_for(source, event.message_id), event.at
    return ReadEvent(
        key.hex(),
        key,
        event,
        position,
        identities,
        stated,
        (name, at, batch.received_at, source, *values, rest, position),
        [(name, at, values[0], *line, position) for line in products] if products else products,
        faults,
    )


def _faults_of_traits(event: Event, stated: Statement, rules: Rules) -> Sequence[Fault]:
    """What is doubtful about what an identify states; it counts, whatever a plan says."""
    if event.type != "identify":
        return ()
    faults = [Fault(event.name, name, "unreadable", "flag") for name in stated.unreadable]
    kind = stated.traits.get("email_kind", "ordinary")
    if kind != "ordinary":
        faults.append(Fault(event.name, "email", kind, rules.addresses.get(kind, "flag")))
    return faults


def _identities(event: Event, stated: Statement) -> tuple[Identity, ...]:
    found: list[Identity] = []
    if event.user_id:
        found.append(("user_id", event.user_id))
    if stated is not NOTHING and (email := stated.vault.get("email")):
        found.append(("email", email))
    if event.anonymous_id:
        found.append(("anonymous_id", event.anonymous_id))
    if event.type == "alias" and event.user_id and event.previous_id:
        # Clients send the former id of an account or of a device, and do not say which.
        found += [("user_id", event.previous_id), ("anonymous_id", event.previous_id)]
    return tuple(found)
