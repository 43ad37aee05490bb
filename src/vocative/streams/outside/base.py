"""What a stream in front of the log must do: keep events durably, and give them out in order.

Collecting processes publish raw events, one record each, under a key per person; a relay reads
them and appends them to the log. A *partition* is what a stream keeps in order; a *position* is a
text, meaningful to its stream only, of where reading a partition goes on. Positions are kept in
the log with what they stand for, not with the stream. A stream that has no positions keeps its
own place and gives again what was not acknowledged.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec

from vocative.clock import EPOCH, from_micros, to_micros
from vocative.errors import DataError, EngineError, Permanent, Retryable, Unsupported

MOST_KEY_CHARACTERS = 200
SOURCE_HEADER = "source"
RECEIVED_HEADER = "received_at"

Begin = Callable[[str], str | None]
"""Where reading a partition begins; None: at the oldest record there is."""


class StreamDown(EngineError, Retryable):
    """The stream cannot be used now; what was published just now may not be durable."""

    status = 503


class RecordTooLarge(DataError, Permanent):
    """The stream takes no record of this size; nothing of the batch was published."""


class StreamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `vocative.yaml` may say below `stream` of every stream."""

    source: str = "stream"
    """The source of records that name none, because other programs published them."""
    most_event_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 1_000_000
    """Larger events go neither in nor out. Not less than the tracking API may let in."""
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """How long the stream may take until a batch is durable."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One raw event on its way to the stream."""

    body: bytes
    key: str | None
    """Events with the same key keep their order; None: this one belongs to nobody."""
    source: str
    received_at: int
    """Microseconds UTC."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One record that came out of a stream."""

    partition: str
    position: str | None
    """Where reading goes on after it; None: the stream keeps its own place."""
    body: bytes
    source: str | None
    """None: whoever published it named none."""
    received_at: int
    """Microseconds UTC."""
    receipt: Any = None
    """What the stream needs to have it acknowledged."""


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far one partition is taken in."""

    partition: str
    position: str | None
    """Where reading goes on; None: nothing of it was taken in."""
    records: int | None = None
    """How many wait; None: the stream does not say."""
    seconds: float | None = None
    """How long the oldest of them has waited; None: the stream does not say."""


class Subscription(ABC):
    """Reads a stream, or the part of it that the stream hands to this reader."""

    @abstractmethod
    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:
        """Records in the order of their partitions.

        Args:
            most: About so many; the subscription keeps its memory bounded in bytes too.
            timeout_seconds: How long to wait for the first one.

        Raises:
            StreamDown: the stream cannot be read; subscribing again may help.
        """

    @abstractmethod
    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Tell the stream that all of these are durable elsewhere.

        Raises:
            StreamDown: it may give some of them again.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop reading; closing twice is fine."""


class Stream(ABC):
    """One stream, for publishing and reading. Publishing is safe from several threads."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """`shares`: several readers at once each get a part. `rewinds`: can be read again from an
    instant. `measures`: can tell what waits."""
    Settings: ClassVar[type[StreamSettings]]
    """What `vocative.yaml` may say under `stream`, besides `kind`."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings: StreamSettings = settings

    @property
    @abstractmethod
    def name(self) -> str:
        """What positions are kept under: another topic is another stream."""

    def publish(self, records: Sequence[Record]) -> None:
        """Make records durable; returns when all of them are.

        Raises:
            StreamDown: not all are durable; publishing them again is safe, since events are
                deduplicated by their id when they are applied.
            RecordTooLarge: one cannot be carried; none was published.
        """
        most = self.settings.most_event_bytes
        if any(len(record.body) > most for record in records):
            raise RecordTooLarge(
                f"an event is larger than {most:,} bytes",
                hint="raise stream.most_event_bytes, and what the stream itself allows",
            )
        if records:
            self.deliver(records)

    @abstractmethod
    def deliver(self, records: Sequence[Record]) -> None:
        """Make records durable; called by `publish` only.

        Raises:
            StreamDown: not all are durable.
        """

    @abstractmethod
    def subscribe(self, begin: Begin, *, reader: str) -> Subscription:
        """Begin to read.

        Args:
            begin: Asked for each partition when reading it begins, also one that another reader
                had before.
            reader: Who reads. Subscriptions of one reader share the partitions if the stream can;
                other readers get everything for themselves.

        Raises:
            StreamDown: the stream cannot be reached.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice is fine."""

    def rewind(self, to: int | None) -> dict[str, str]:
        """From where to read everything again that came in since an instant.

        Args:
            to: Microseconds UTC; None: from the oldest record there is.

        Returns:
            A position per partition; empty when the stream, which keeps its own place, has moved
            it.

        Raises:
            Unsupported: this stream does not claim `rewinds`.
            StreamDown: it cannot be reached.
        """
        raise Unsupported(f"{self.name} cannot be read again ({to})")

    def lags(self, positions: Mapping[str, str]) -> list[Lag]:
        """How far each partition is taken in.

        Args:
            positions: Where reading goes on, by partition, as it was kept.

        Raises:
            Unsupported: this stream does not claim `measures`.
            StreamDown: it cannot be reached.
        """
        raise Unsupported(f"{self.name} does not tell what waits ({len(positions)})")


class _Who(msgspec.Struct, gc=False):
    user_id: Any = msgspec.field(default=None, name="userId")
    anonymous_id: Any = msgspec.field(default=None, name="anonymousId")
    message_id: Any = msgspec.field(default=None, name="messageId")
    traits: Any = None
    context: Any = None


_who = msgspec.json.Decoder(_Who)


def key_of(event: bytes) -> str | None:
    """What keeps a person's events in order: user id, else anonymous id, e-mail, message id.

    >>> key_of(b'{"anonymousId": "a", "userId": 7}')
    '7'
    """
    try:
        who = _who.decode(event)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None  # Nobody's; what is wrong with it is found when it is taken in.
    for stated in (who.user_id, who.anonymous_id, _email(who), who.message_id):
        if isinstance(stated, str | int) and (key := str(stated).strip()):
            if len(key) > MOST_KEY_CHARACTERS:
                return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
            return key
    return None


def _email(who: _Who) -> str | None:
    traits = who.traits
    if traits is None and isinstance(who.context, dict):
        traits = who.context.get("traits")
    email = traits.get("email") if isinstance(traits, dict) else None
    return email.strip().lower() if isinstance(email, str) else None


def written_instant(micros: int) -> str:
    """Microseconds as the header says them, for other readers too.

    >>> written_instant(1_500_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    return from_micros(micros).isoformat(timespec="microseconds")


def read_instant(text: str | None, *, otherwise: int) -> int:
    """What the header says, in microseconds; the stream's own instant when it says nothing."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return to_micros(at) if at >= EPOCH else otherwise
