"""Several providers of mail: the first one carries, and the next ones while it is in trouble.

A provider that cannot be reached, locks us out, is slow or leaves messages without an answer is
left alone for a while, and then tried again. What it certainly has not got goes to the next one. A
message that it may have got stays ambiguous and goes to nobody else.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.errors import AuthorError, ProviderError

Trouble = Literal["away", "unsure", "slow"]
"""Cannot be reached, or locks us out; leaves messages in doubt, or puts them off; takes long."""
_MOST_TROUBLES = 3
_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 600.0


class FailoverSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.failover` in vocative.yaml."""

    first: str
    """The channel that carries as long as it can."""
    then: Annotated[list[str], Meta(min_length=1)]
    """Those that carry while it cannot, in this order."""
    slow_seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """A provider that takes longer for a message, three times in a row, is in trouble."""
    connections: Annotated[int, Meta(ge=1, le=50)] = 4
    """How many messages are under way at the same time."""


class _Health:
    """How one provider does; shared by the senders of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles = 0
        self._pauses = 0
        self._until = 0.0
        self._why: Trouble = "slow"

    @property
    def paused_for(self) -> Trouble | None:
        """Why it is left alone; None: it is not."""
        return self._why if time.monotonic() < self._until else None

    def fine(self) -> None:
        """It carried something in time, or can be reached again."""
        with self._lock:
            self._troubles = self._pauses = 0
            self._until = 0.0

    def trouble(self, why: Trouble) -> None:
        """Something went wrong; being away pauses it, of other troubles some in a row."""
        with self._lock:
            self._troubles += 1
            if why == "away" or self._troubles >= _MOST_TROUBLES:
                pause = min(_FIRST_PAUSE_SECONDS * 2**self._pauses, _LONGEST_PAUSE_SECONDS)
                self._until = time.monotonic() + pause
                self._why = why
                self._pauses = min(self._pauses + 1, 16)
                self._troubles = 0


class _Part:
    """One provider as one sender sees it."""

    def __init__(self, name: str, channel: Channel, health: _Health) -> None:
        self.name = name
        self.channel = channel
        self.health = health
        self.is_open = False

    def open(self) -> None:
        if not self.is_open:
            self.channel.open()
            self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self.channel.close()


class _Asking:
    """Messages on their way to whoever can carry them."""

    def __init__(self, source: Iterator[OutgoingMessage]) -> None:
        self._source = source
        self._ended = False
        self.left: dict[str, OutgoingMessage] = {}
        """Asked for, and certainly with nobody yet."""

    @property
    def goes_on(self) -> bool:
        """Whether there may be more to carry."""
        return not self._ended or bool(self.left)

    def through(self, is_best: Callable[[], bool]) -> Iterator[OutgoingMessage]:
        """What another provider has not got, then the rest, as long as this one is the best."""
        yield from list(self.left.values())
        while is_best():
            message = next(self._source, None)
            if message is None:
                self._ended = True
                return
            self.left[message.message_id] = message
            yield message


class Failover(Channel):
    """Several providers of mail, one in place of another."""

    capabilities = frozenset({"parallel"})
    Settings: ClassVar[type[msgspec.Struct]] = FailoverSettings
    settings: FailoverSettings

    def __init__(self, settings: FailoverSettings, *, state_dir: Path) -> None:
        super().__init__(settings, state_dir=state_dir)
        self._parts: list[_Part] = []

    @classmethod
    def made_of(cls, settings: Any) -> Sequence[str]:
        """The providers' names, in order."""
        return (settings.first, *settings.then)

    def join(self, parts: Sequence[tuple[str, Channel]]) -> None:
        """Take the providers.

        Raises:
            AuthorError: one is there twice, or carries no mail.
        """
        names = [name for name, _ in parts]
        for name, channel in parts:
            if names.count(name) > 1 or isinstance(channel, Failover):
                raise AuthorError(
                    f"channels.failover names {name} twice, or itself",
                    where="vocative.yaml",
                )
            if channel.medium != self.medium:
                raise AuthorError(
                    f"channels.failover: {name} carries {channel.medium}, not {self.medium}",
                    where="vocative.yaml",
                )
        self._parts = [_Part(name, channel, _Health()) for name, channel in parts]

    def open(self) -> None:
        """Get the first provider ready that can be reached now.

        One that could not be reached a moment ago is tried again at once.
        """
        self.close()
        said = []
        for part in self._parts:
            if part.channel.room() == 0 or part.health.paused_for == "unsure":
                continue
            try:
                part.open()
            except ProviderError as error:
                part.health.trouble("away")
                said.append(f"{part.name}: {error.message}")
            else:
                if part.health.paused_for == "away":
                    part.health.fine()
                return
        if said:
            raise _nobody("; ".join(said))

    def _best(self) -> _Part | None:
        """The first provider that does well, else the first that is merely slow."""
        with_room = [part for part in self._parts if part.channel.room() != 0]
        for tolerated in (None, "slow"):
            for part in with_room:
                if part.health.paused_for in (None, tolerated):
                    return part
        return None

    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """One message."""
        for _, receipt in self.hand_over_many([message]):
            if receipt.reason == "unmailable":
                raise Unmailable(receipt.reply or "")
            return receipt
        raise _nobody("the day's messages are used up")

    def hand_over_many(
        self, messages: Iterable[OutgoingMessage]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Messages, through whoever can carry them."""
        asking = _Asking(iter(messages))
        while asking.goes_on:
            part = self._best()
            if part is None and self.room() == 0 and not asking.left:
                return
            if part is None:
                raise _nobody("all of them are in trouble")
            try:
                part.open()
                yield from self._through(part, asking)
            except ProviderError as error:
                part.health.trouble("away")
                part.close()
                if self._best() is None:
                    raise _nobody(f"{part.name}: {error.message}") from error

    def _through(self, part: _Part, asking: _Asking) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        began = time.monotonic()
        for message, receipt in part.channel.carry_many(
            asking.through(lambda: self._best() is part)
        ):
            asking.left.pop(message.message_id, None)
            self._judge(part, receipt, time.monotonic() - began)
            yield message, _named(receipt, part)
            began = time.monotonic()

    def _judge(self, part: _Part, receipt: Receipt, seconds: float) -> None:
        if receipt.outcome == "ambiguous" or _is_of_provider(receipt):
            part.health.trouble("unsure")
        elif seconds > self.settings.slow_seconds:
            part.health.trouble("slow")
        elif receipt.outcome == "accepted":
            part.health.fine()

    def flush(self) -> None:
        """Each provider that was used."""
        for part in self._parts:
            if part.is_open:
                part.channel.flush()

    def close(self) -> None:
        """Each provider that was used."""
        for part in self._parts:
            part.close()

    def room(self) -> int | None:
        """What all of them have together."""
        rooms = [part.channel.room() for part in self._parts]
        return None if None in rooms else sum(room for room in rooms if room is not None)

    def twin(self) -> Self:
        """Another one that knows the same of the providers' health."""
        made = super().twin()
        made._parts = [_Part(part.name, part.channel.twin(), part.health) for part in self._parts]
        return made


def _nobody(why: str) -> ChannelDown:
    return ChannelDown(
        f"none of the providers can carry anything now ({why})",
        where="channels.failover",
        hint="see what they say; nothing is lost, run it again",
    )


def _is_of_provider(receipt: Receipt) -> bool:
    """Whether a deferral is about the provider rather than about one recipient."""
    if receipt.outcome != "deferred" or not receipt.counts_as_attempt:
        return False
    reason = receipt.reason or ""
    return reason in ("connection_lost", "no_answer") or not reason.startswith("smtp_")


def _named(receipt: Receipt, part: _Part) -> Receipt:
    """The receipt with the provider's name, for whoever asks later who carried a message."""
    return msgspec.structs.replace(receipt, reply=f"{part.name}: {receipt.reply or ''}".strip(": "))
