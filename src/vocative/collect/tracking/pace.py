"""How fast a source may send."""

import math
import time

MOST_SECONDS = 300
"""No library waits longer."""


class Pace:
    """Lets each source send so many events a second, and a second's worth at once.

    A request is let in as a whole while there is anything left; what it takes too much is owed.
    """

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        """By source: how many events it may still send, and when that was."""

    def wait_seconds(self, source: str, events: int, per_second: int | None) -> int:
        """Let events in, or say after how many seconds to come again; 0 lets them in."""
        if per_second is None:
            return 0
        now = time.monotonic()
        left, at = self._left.get(source, (float(per_second), now))
        left = min(float(per_second), left + (now - at) * per_second)
        if left <= 0:
            self._left[source] = left, now
            return min(MOST_SECONDS, math.ceil(-left / per_second) or 1)
        self._left[source] = left - events, now
        return 0
