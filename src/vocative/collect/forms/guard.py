"""Who is hardly a person: signs in a submission itself, without asking anybody outside.

What is suspected is answered like everything else, so that nobody can try out what passes, and is
kept aside with its reason. What the guard remembers (who sent how often) it forgets when the
process ends.
"""

import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from vocative.collect.forms.definition import Guard

REASONS = {
    "honeypot": "a field was filled in that people cannot see",
    "too_fast": "the form was sent faster than a person can",
    "no_proof": "the browser did not do the work that the form asks for",
    "sent_again": "one opened form was sent several times with different answers",
    "many_from_network": "too many submissions came from one network",
    "many_for_address": "too many submissions came with one e-mail address",
}
"""Why a submission is kept aside, in words."""
NETWORK_SECONDS = 600.0
ADDRESS_SECONDS = 3_600.0
MOST_REQUESTS = 600
"""Of one network in `NETWORK_SECONDS`: beyond that it is told to come back later."""
PROOF_BITS = 14
"""Of the hash that proves work: 16,000 hashes on average, half a second of a browser."""
_MOST_DIGITS = 12
_MOST_KEPT = 50_000


def is_proof(visit: str, number: str) -> bool:
    """Whether a number, behind a visit, gives a hash that begins with `PROOF_BITS` zeros."""
    if not 0 < len(number) <= _MOST_DIGITS or not number.isascii() or not number.isdigit():
        return False
    digest = hashlib.sha256(f"{visit}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - PROOF_BITS) == 0


class Counter:
    """How often something happened lately, by name."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._at: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, name: str) -> int:
        """Note one more; how many there were lately, this one included."""
        now = self._clock()
        seen = self._at.setdefault(name, deque(maxlen=1_000))
        self._at.move_to_end(name)
        while seen and now - seen[0] > self._seconds:
            seen.popleft()
        seen.append(now)
        if len(self._at) > _MOST_KEPT:
            self._at.popitem(last=False)
        return len(seen)


class FormGuard:
    """Judges the submissions of one server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = Counter(NETWORK_SECONDS, clock)
        self._networks = Counter(NETWORK_SECONDS, clock)
        self._addresses = Counter(ADDRESS_SECONDS, clock)
        self._sent: OrderedDict[str, tuple[bytes, str | None]] = OrderedDict()
        """What was sent first in a visit, as a hash, and what was thought of it."""
        self._lock = threading.Lock()

    def is_flood(self, network: str) -> bool:
        """Whether a network asks so much that it is to come back later; notes the request."""
        with self._lock:
            return self._requests.count(network) > MOST_REQUESTS

    def suspicion(
        self,
        rules: Guard,
        *,
        honeypot: str,
        seconds: float | None,
        proof: str,
        visit: str,
        digest: bytes,
        network: str,
        address: str | None,
    ) -> str | None:
        """Why a submission is suspected; None when it is not.

        Args:
            rules: Of its form.
            honeypot: What stands in the field that nobody sees.
            seconds: How long it took; None when that is not known.
            proof: The number that the browser found, if the form asks for one.
            visit: Whose; the same visit may send the same again.
            digest: A hash of the answers.
            network: Where it comes from, as a hash.
            address: The e-mail address in it, as a hash.

        Returns:
            One of `REASONS`.
        """
        with self._lock:
            before = self._sent.get(visit)
            if before is not None and before[0] == digest:
                return before[1]  # A page that was sent twice says nothing new.
            by_network = self._networks.count(network)
            by_address = 0 if address is None else self._addresses.count(address)
            signs = {
                "honeypot": bool(honeypot.strip()),
                "too_fast": seconds is not None and seconds < rules.min_seconds,
                "no_proof": rules.proof_of_work and not is_proof(visit, proof),
                "sent_again": before is not None,
                "many_from_network": by_network > rules.per_network,
                "many_for_address": by_address > rules.per_address,
            }
            reason = next((sign for sign, shown in signs.items() if shown), None)
            if before is None:
                self._sent[visit] = digest, reason
                if len(self._sent) > _MOST_KEPT:
                    self._sent.popitem(last=False)
            return reason
