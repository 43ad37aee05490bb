"""How fast a provider is given messages: a rate, rates of recipients' domains, a warm-up plan.

What would be too fast for a domain gets a receipt at once, `deferred` and not counted as an
attempt, so nothing waits behind it. For the provider's own rate the sender waits: messages are
asked for only when they can leave. A warm-up plan caps what leaves in a day and is kept in a file,
so that several processes and a restart count together; each process keeps rates for itself.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from vocative.deliver.message import OutgoingMessage, Receipt

Rate = Annotated[float, Meta(ge=0.1, le=100_000)]
Carry = Callable[[Iterable[OutgoingMessage]], Iterator[tuple[OutgoingMessage, Receipt]]]

BIG_DOMAINS: dict[str, tuple[float, tuple[str, ...]]] = {
    "gmail.com": (20, ("googlemail.com",)),
    "outlook.com": (10, ("hotmail.com", "live.com", "msn.com")),
    "yahoo.com": (10, ("aol.com", "ymail.com", "rocketmail.com")),
    "icloud.com": (5, ("me.com", "mac.com")),
    "gmx.net": (5, ("gmx.de", "web.de")),
}
"""Messages a second that the big ones get unless settings say otherwise, and what else is theirs.

They publish no figures; these are careful ones for a sender that they know.
"""
_ALIASES = {alias: domain for domain, (_, also) in BIG_DOMAINS.items() for alias in also}
_ROUNDING = 1e-6
_FIRST_REST_SECONDS = 30.0
_LONGEST_REST_SECONDS = 1_800.0
# What a server says of itself or of us, and not of one mailbox.
_BACK_OFF = ("smtp_421", "smtp_4.3.", "smtp_4.4.", "smtp_4.5.", "smtp_4.7.")


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rates` of a channel in vocative.yaml."""

    per_second: Rate | None = None
    """Messages that the provider gets; None: as many as it takes."""
    domains: dict[str, Rate] = {}
    """Messages a second for recipients at a domain."""


class WarmUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`warm_up` of a channel in vocative.yaml."""

    start: date
    """The first day; before it nothing leaves."""
    daily: Annotated[list[Annotated[int, Meta(ge=1)]], Meta(min_length=1)]
    """How many messages may leave on each day; after the last one, any number."""


class Pacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every channel may have beside its own settings."""

    rates: Rates | None = None
    warm_up: WarmUp | None = None


@dataclass
class Bucket:
    """Tokens that come in at a rate; a second's worth of them, at least one, may be saved up."""

    per_second: float
    level: float = field(init=False)
    at: float = 0.0
    resting_until: float = 0.0
    refusals: int = 0

    def __post_init__(self) -> None:
        self.level = self.most

    @property
    def most(self) -> float:
        """How many tokens it holds."""
        return max(1.0, self.per_second)

    def take(self, now: float) -> float:
        """Take a token; 0 when there was one, else in how many seconds there will be."""
        if now < self.resting_until:
            return self.resting_until - now
        self.level = min(self.most, self.level + max(now - self.at, 0.0) * self.per_second)
        self.at = now
        # Who waited as long as told must find one, whatever fractions add up to.
        if self.level >= 1.0 - _ROUNDING:
            self.level = max(self.level - 1.0, 0.0)
            return 0.0
        return (1.0 - self.level) / self.per_second

    def rest(self, now: float) -> None:
        """Leave it alone for a while, twice as long each time in a row."""
        if now < self.resting_until:
            return
        seconds = min(_FIRST_REST_SECONDS * 2**self.refusals, _LONGEST_REST_SECONDS)
        self.refusals = min(self.refusals + 1, 16)
        self.resting_until = now + seconds
        self.level = 0.0
        self.at = self.resting_until


class Pace:
    """The pace of one channel, shared by the senders of a process."""

    def __init__(
        self,
        pacing: Pacing,
        *,
        counter: Path,
        today: Callable[[], date],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare.

        Args:
            pacing: What settings say.
            counter: The file that counts the messages of a warm-up plan.
            today: The date in the workspace's time zone.
            clock: Seconds that only grow.
            sleep: Waits for some of them.
        """
        self._warm_up = pacing.warm_up
        self._counter = counter
        self._today = today
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        rates = pacing.rates
        self._provider = Bucket(rates.per_second) if rates and rates.per_second else None
        self._domains: dict[str, Bucket] | None = None
        if rates is not None:
            stated = {name: rate for name, (rate, _) in BIG_DOMAINS.items()}
            stated |= {domain.lower(): rate for domain, rate in rates.domains.items()}
            self._domains = {domain: Bucket(rate) for domain, rate in stated.items()}
        self._queued_until: dict[str, float] = {}

    def room(self) -> int | None:
        """How many more messages may leave today; None: any number."""
        cap = self._cap()
        return None if cap is None else max(cap - self._counted(), 0)

    def carry(
        self, messages: Iterable[OutgoingMessage], carry: Carry
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Hand messages to `carry` as fast as may be; see the module for those that must wait."""
        held: list[tuple[OutgoingMessage, Receipt]] = []

        def leaving() -> Iterator[OutgoingMessage]:
            source = iter(messages)
            # Waiting and counting come before a message is asked for: what was asked for leaves.
            while self._may_ask():
                message = next(source, None)
                if message is None:
                    self._count(-1)
                    return
                receipt = self._too_fast(message)
                if receipt is None:
                    yield message
                else:
                    self._count(-1)
                    held.append((message, receipt))

        for message, receipt in carry(leaving()):
            self._learn(message, receipt)
            yield message, receipt
            while held:
                yield held.pop(0)
        yield from held

    def _may_ask(self) -> bool:
        if self._provider is not None:
            while True:
                with self._lock:
                    wait = self._provider.take(self._clock())
                if wait <= 0:
                    break
                self._sleep(wait)
        return self._count(1)

    def _too_fast(self, message: OutgoingMessage) -> Receipt | None:
        with self._lock:
            found = self._bucket(message)
            if found is None:
                return None
            domain, bucket = found
            now = self._clock()
            wait = bucket.take(now)
            if wait <= 0:
                return None
            # Those that wait come back one after the other, not all at once.
            due = max(now + wait, self._queued_until.get(domain, 0.0) + 1 / bucket.per_second)
            self._queued_until[domain] = due
        return Receipt(
            outcome="deferred",
            reason="domain_rate",
            retry_seconds=due - now,
            counts_as_attempt=False,
        )

    def _learn(self, message: OutgoingMessage, receipt: Receipt) -> None:
        """Leave a domain alone that says it is too much; go on when it takes something again."""
        with self._lock:
            if self._domains is None:
                return
            if receipt.outcome == "deferred" and (receipt.reason or "").startswith(_BACK_OFF):
                domain = _domain(message)
                self._domains.setdefault(domain, Bucket(_SPEED_OF_OTHERS)).rest(self._clock())
            elif receipt.outcome == "accepted" and (found := self._bucket(message)):
                found[1].refusals = 0

    def _bucket(self, message: OutgoingMessage) -> tuple[str, Bucket] | None:
        if self._domains is None:
            return None
        domain = _domain(message)
        bucket = self._domains.get(domain)
        return None if bucket is None else (domain, bucket)

    def _cap(self) -> int | None:
        if self._warm_up is None:
            return None
        day = (self._today() - self._warm_up.start).days
        if day < 0:
            return 0
        return self._warm_up.daily[day] if day < len(self._warm_up.daily) else None

    def _counted(self) -> int:
        try:
            stated = self._counter.read_text(encoding="ascii").split()
        except FileNotFoundError:
            return 0
        return _read(stated, self._today())

    def _count(self, more: int) -> bool:
        """Count before a message leaves; False when the day is used up."""
        cap = self._cap()
        if cap is None:
            return True
        self._counter.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._counter, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            today = self._today()
            counted = _read(os.read(handle, 100).decode("ascii", "replace").split(), today)
            if more > 0 and counted >= cap:
                return False
            os.lseek(handle, 0, os.SEEK_SET)
            # As wide every time, so that nothing of an earlier number is left behind it.
            os.write(handle, f"{today.isoformat()} {max(counted + more, 0):012}\n".encode())
        finally:
            os.close(handle)
        return True


_SPEED_OF_OTHERS = 100_000.0
"""Of a domain without a rate, once it has rested: as fast as it goes."""


def _domain(message: OutgoingMessage) -> str:
    domain = message.to.rpartition("@")[2].lower()
    return _ALIASES.get(domain, domain)


def _read(stated: list[str], today: date) -> int:
    """What a counter says of today; a damaged one says nothing."""
    if len(stated) == 2 and stated[0] == today.isoformat() and stated[1].isdigit():
        return int(stated[1])
    return 0
