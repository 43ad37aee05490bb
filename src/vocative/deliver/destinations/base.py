"""What a destination must do: take what changed about people into somebody else's system.

In come changes (and, where it takes them, facts), already judged: people without consent to the
definition's purpose are not among them, or are to be taken out. Out goes which of them the system
refused. A destination keeps nothing: whoever runs it knows what was told of whom. What it does must
do no harm when it is done twice, for after a crash nobody knows whether it was done.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._http import Http, Secret
from vocative.errors import ProviderError, Retryable, Unsupported

__all__ = [
    "Change",
    "Connect",
    "Destination",
    "DestinationDown",
    "DestinationRefused",
    "Fact",
    "Fault",
    "Place",
    "Refused",
    "RowRefused",
    "Secret",
    "Value",
]

Connect = Callable[..., Http]
"""`connect(base_url, *, headers={}, auth=(user, password) | None, per_second=None) -> Http`."""
Value = str | int | float | bool | None
"""What a field can hold there; None: it is to be empty."""
ColumnType = Literal["text", "number", "integer", "boolean"]
Action = Literal["put", "leave", "erase"]
"""`put`: it is as the change says. `leave`: take back what was put there, the person stays known.
`erase`: forget the person, who was erased here."""
Fault = tuple[tuple[str | int, ...], str, str | None]
"""(where in the definition, what is wrong, what next)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a destination should know of one person from now on."""

    person_id: str
    action: Action
    email: str | None = None
    """As it is compared, see `privacy.addresses`."""
    phone: str | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    """By the name there; empty ones are None. All of them are None unless it is a put."""
    segments: Mapping[str, bool] = field(default_factory=dict)
    """Whether the person is in it, by its name there. All of them are False unless it is a put."""
    since: int = 0
    """Of somebody who leaves: when they were told of last, in microseconds UTC."""
    merged_into: str | None = None
    """Of somebody who leaves because they turned out to be somebody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """Something that happened to one person."""

    fact_id: str
    """The same whenever it is told."""
    type: str
    """`event`, `segment.entered` or `segment.exited`."""
    person_id: str
    at: int
    """Microseconds UTC."""
    data: Mapping[str, Any]
    """Nothing that identifies anybody directly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a destination may know of the definition it serves."""

    destination: str = ""
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    """What its fields hold, by the name there."""
    segments: Sequence[str] = ()
    """The names there of its segments."""


Refused = Mapping[int, str]
"""Why a row was refused, by its index in the batch; reasons hold nothing personal."""


class DestinationDown(ProviderError, Retryable):
    """The destination cannot be reached now, or asks to wait."""

    def __init__(self, message: str, *, wait_seconds: float | None = None, **told: Any) -> None:
        super().__init__(message, **told)
        self.wait_seconds = wait_seconds
        """How long it asked us to wait."""


class DestinationRefused(ProviderError):
    """The destination does not let us in, or does not know what the definition names."""


class RowRefused(ProviderError):
    """The destination does not take what was sent; of several rows one may be to blame."""


class Destination(ABC):
    """Somebody else's system. One instance serves one definition and one thread at a time."""

    Options: ClassVar[type[msgspec.Struct]]
    """What its definition may say beside what all destinations have (see `deliver.syncing`).
    Fields that hold secrets have the type `Secret`."""
    known_by: ClassVar[Literal["email", "person_id"]] = "email"
    """What it finds a person by. Who has none is left out."""
    takes_facts: ClassVar[bool] = False
    """Whether it is told what happens; otherwise what is so."""
    takes: ClassVar[frozenset[str]] = frozenset({"fields", "segments"})
    """Which of these a definition may name; otherwise it says only whom it is about."""
    batch_size: ClassVar[int] = 100
    """How many changes it takes at once, at most."""

    def __init__(
        self, options: Any, *, connect: Connect, clock: Clock, place: Place | None = None
    ) -> None:
        self.options = options
        self.connect = connect
        """Opens a paced and patient HTTP client to one host: every request goes through it."""
        self.clock = clock
        self.place = place or Place()

    @classmethod
    def faults(cls, options: Any) -> Iterable[Fault]:  # noqa: ARG003
        """What is wrong with options that fit their types.

        Args:
            options: As the definition has them: secrets are still references.
        """
        return ()

    @abstractmethod
    def check(self) -> None:
        """Whether it lets us in and has what the definition names; changes nothing there.

        Raises:
            DestinationDown: it does not answer now.
            DestinationRefused: it does not let us, or lacks something.
        """

    @abstractmethod
    def send(self, changes: Sequence[Change]) -> Refused:
        """Take changes of at most `batch_size` different people; doing it twice changes nothing.

        Returns:
            Which of them it refused, and why. The others are done.

        Raises:
            DestinationDown: it does not answer now; some may be done.
            DestinationRefused: it takes nothing from us.
            RowRefused: it refused all because of some: each half is tried alone.
        """

    def tell(self, facts: Sequence[Fact]) -> Refused:  # noqa: ARG002
        """Tell what happened, in this order; see `send`.

        Raises:
            DestinationDown, DestinationRefused: see `send`; all of them are told again.
        """
        raise Unsupported(f"{type(self).__module__.rpartition('.')[2]} is not told facts")

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Let go of everything; closing twice is fine."""
