"""What a source must do: bring what somebody else's system knows, as ready events.

A source is *pulled* (it is asked for what is new since a cursor), *pushed* (it calls a webhook), or
both. It never writes: whoever runs it puts its events on the log, and keeps its cursor only after
they are durable there. So every event has an id made of what it stands for, and what is pulled or
pushed twice counts once.
"""

from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._http import Connect
from vocative.errors import Unsupported
from vocative.workspace.yaml_text import YamlText

Event = Mapping[str, Any]
"""A ready event in the shape of the Segment spec, with `messageId` and `timestamp`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What one request brought."""

    events: Sequence[Event] = ()
    """In the order in which they happened, as far as the system tells it."""
    items: Sequence[Mapping[str, Any]] = ()
    """Items of the catalog, by `collect.mapping.ITEM_FIELDS`."""
    cursor: str | None = None
    """Where to go on once this page is durable; None: where this pull began."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """How many records could not be used, by reason; reasons hold nothing personal."""
    counts_as: str | None = None
    """Of a webhook: the source whose events these are, when it is another one that hands them on.
    An id counts once within a source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that a webhook made of us."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """As it came: signatures are of these bytes."""
    query: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    """As the caller addressed it; some signatures include it."""
    received_at: int = 0
    """Microseconds UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a source may use of the workspace it serves."""

    mapping: Callable[[str], YamlText]
    """The mapping of a name, as `mappings/NAME.yaml` says it now; AuthorError without one."""
    timezone: str
    """Of times that name no zone."""
    scratch: Path
    """A folder for this source alone; what a killed pull left there may be removed."""
    source: str = ""
    """The name that its events are kept under."""
    since: datetime | None = None
    """Events that happened before are left out in any case; who can ask for less should."""


Fault = tuple[tuple[str | int, ...], str, str | None]
"""(where in the definition, what is wrong, what next)."""


class NotGenuine(Exception):
    """A webhook's signature is missing, wrong or too old: it is answered with 401."""


class NotReadable(Exception):
    """A genuine webhook that cannot be understood: answered with 400, with this reason."""


class Source(ABC):
    """Somebody else's system. One instance serves one definition and one thread at a time."""

    Options: ClassVar[type[msgspec.Struct]]
    """What its definition may say beside what all sources have (see `collect.sourcing`). Fields
    that hold secrets have the type `Secret`."""
    streams: ClassVar[tuple[str, ...]] = ()
    """What can be pulled, each with a cursor of its own; in the order in which it should be pulled
    the first time (people before what they did)."""
    pushes: ClassVar[bool] = False
    """Whether it takes webhooks."""

    def __init__(
        self, options: Any, *, connect: Connect, clock: Clock, place: Place | None = None
    ) -> None:
        self.options = options
        self.connect = connect
        """Opens a paced and patient HTTP client to one host: every request goes through it."""
        self.clock = clock
        self.place = place
        """None only where no source that reads tables is used, such as in tests of others."""

    @classmethod
    def faults(cls, options: Any) -> Iterable[Fault]:  # noqa: ARG003
        """What is wrong with options that fit their types, such as two that exclude each other.

        Args:
            options: As the definition has them: secrets are still references.
        """
        return ()

    @classmethod
    def mappings(cls, options: Any) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """The mappings that a definition names: (where, name) of each."""
        named = getattr(options, "mapping", None)
        return [(("mapping",), named)] if isinstance(named, str) else []

    def offered(self) -> Sequence[str]:
        """The streams that this definition has; `streams` unless its options say otherwise."""
        return self.streams

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002
        """What is new in a stream, page by page; ends when there is nothing newer.

        Args:
            stream: One of `offered`.
            cursor: The latest page's; None the first time: from the very beginning.

        Raises:
            SourceDown: it does not answer now; what was given is kept.
            SourceRefused: it does not let us, or does not understand us.
            DataError: it answers something that cannot be understood.
        """
        raise Unsupported(f"{type(self).__module__.rpartition('.')[2]} cannot pull {stream}")

    def receive(self, call: Call) -> Page:  # noqa: ARG002
        """What a webhook tells; its cursor is not looked at.

        Raises:
            NotGenuine: it does not come from whom it says.
            NotReadable: it cannot be understood.
        """
        raise Unsupported(f"{type(self).__module__.rpartition('.')[2]} takes no webhooks")

    def greet(self, call: Call) -> str | None:  # noqa: ARG002
        """What to answer when the webhook's address is read by GET, as some systems do to test it.

        Raises:
            NotGenuine: it does not come from whom it says.
        """
        return None

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Let go of everything; closing twice is fine."""
