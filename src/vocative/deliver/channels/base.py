"""What a channel must do: carry one message to one address and say truly what became of it.

A channel never guesses. When it cannot know whether a message arrived, it says `ambiguous`; when
it is certain that nothing left, it says `deferred` or raises `ChannelDown`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec

from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable
from vocative.deliver.pace import Pace
from vocative.errors import ProviderError, Retryable, Unsupported
from vocative.privacy.permit import Permit


class ChannelDown(ProviderError, Retryable):
    """The provider cannot be reached now; nothing of the message has left."""


class Channel(ABC):
    """One way to carry messages. An instance serves one sender at a time."""

    medium: ClassVar[str] = "email"
    """What consent and suppression are kept for."""
    address_field: ClassVar[str] = "email"
    """The vault field that holds the address."""
    capabilities: ClassVar[frozenset[str]] = frozenset()
    """`lookup`: can tell later whether it has a message. `parallel`: several at once are faster."""
    group_size: ClassVar[int] = 1
    """How many messages are put into `handed` together: more than one only with `lookup`."""
    Settings: ClassVar[type[msgspec.Struct]]
    """What `vocative.yaml` may say under `channels.<name>`."""

    def __init__(self, settings: Any, *, state_dir: Path) -> None:
        self.settings = settings
        self.state_dir = state_dir
        self.pace: Pace | None = None
        """How fast it may be given messages; None: as fast as it takes them."""

    @classmethod
    def made_of(cls, settings: Any) -> Sequence[str]:  # noqa: ARG003
        """Names of other channels that it needs, which `join` gives it."""
        return ()

    def join(self, parts: "Sequence[tuple[str, Channel]]") -> None:  # noqa: B027  # most need none
        """Take the channels that `made_of` names."""

    @abstractmethod
    def open(self) -> None:
        """Get ready to send; opening again starts afresh.

        Raises:
            ProviderError: the provider cannot be used; ChannelDown when trying later may help.
        """

    @abstractmethod
    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """Carry one message; called by `send` only.

        Raises:
            ChannelDown: the provider cannot be reached, and nothing of the message has left.
            ProviderError: the provider refuses everything; nothing of the message has left.
            Unmailable: the message itself cannot be carried.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice is fine."""

    def lookup(self, message_id: str) -> bool:
        """Whether the channel has a message that was handed over earlier.

        Raises:
            Unsupported: this channel does not claim `lookup`.
        """
        raise Unsupported(
            f"the channel {type(self).__module__.rpartition('.')[2]} cannot look messages up"
            f" ({message_id})"
        )

    def flush(self) -> None:  # noqa: B027  # most providers keep what they accepted
        """Make everything handed over so far durable; called before it is marked accepted."""

    def send(self, message: OutgoingMessage, permit: Permit) -> Receipt:
        """Carry one message to somebody who may be contacted.

        Args:
            message: Complete, its address included.
            permit: Issued for this person and address; it is used up.

        Raises:
            PrivacyError: the permit does not cover this message.
            ProviderError: see `hand_over`.
        """
        permit.spend(
            person_id=message.person_id,
            address_hash=message.address_hash,
            channel=self.medium,
        )
        return self.hand_over(message)

    def send_many(
        self, permitted: Iterable[tuple[OutgoingMessage, Permit]]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Carry messages to people who may be contacted, several under way where that helps.

        Args:
            permitted: Each is asked for only when it can leave at once; whatever was not asked for
                has not left.

        Yields:
            Each message with what became of it, not necessarily in their order.

        Raises:
            PrivacyError: a permit does not cover its message.
            ProviderError: see `hand_over`; of the messages without a receipt nothing has left.
        """
        yield from self.carry_many(self._spent(permitted))

    def carry_many(
        self, messages: Iterable[OutgoingMessage]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Hand messages over at the channel's pace; see `hand_over_many`."""
        if self.pace is None:
            return self.hand_over_many(messages)
        return self.pace.carry(messages, self.hand_over_many)

    def room(self) -> int | None:
        """How many more messages may leave today; None: any number."""
        return None if self.pace is None else self.pace.room()

    def _spent(
        self, permitted: Iterable[tuple[OutgoingMessage, Permit]]
    ) -> Iterator[OutgoingMessage]:
        for message, permit in permitted:
            permit.spend(
                person_id=message.person_id,
                address_hash=message.address_hash,
                channel=self.medium,
            )
            yield message

    def hand_over_many(
        self, messages: Iterable[OutgoingMessage]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Carry messages, one after the other unless a channel does better.

        Raises:
            ProviderError: see `hand_over`; of the messages without a receipt nothing has left.
        """
        for message in messages:
            try:
                yield message, self.hand_over(message)
            except Unmailable as error:
                yield message, unmailable(error)

    def twin(self) -> Self:
        """Another, unopened channel with the same settings, for a sender beside this one."""
        made = type(self)(self.settings, state_dir=self.state_dir)
        made.pace = self.pace
        return made

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unmailable(error: Unmailable) -> Receipt:
    """The receipt of a message that cannot be carried at all."""
    return Receipt(outcome="failed", reason="unmailable", reply=error.message)
