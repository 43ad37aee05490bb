"""Handing a batch to a destination, so that one bad row does not keep the others away."""

from collections.abc import Sequence

from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationRefused,
    RowRefused,
)

MOST_IN_A_ROW = 20
"""Rows refused one after the other, and none taken: then it is not the rows."""


def send_apart(destination: Destination, changes: Sequence[Change]) -> dict[int, str]:
    """Send a batch; one that is refused because of some of its rows is sent in halves.

    Args:
        destination: Where.
        changes: At most `batch_size`.

    Returns:
        Why a row was refused, by its index; the others are done.

    Raises:
        DestinationDown: it does not answer now; some may be done.
        DestinationRefused: it takes nothing from us.
    """
    refused: dict[int, str] = {}
    taken = False
    waiting = [(0, len(changes))] if changes else []
    while waiting:
        start, end = waiting.pop()
        try:
            found = destination.send(changes[start:end])
        except RowRefused as error:
            if end - start > 1:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
                continue
            found = {0: error.message}
        refused |= {start + index: why for index, why in found.items()}
        taken = taken or len(found) < end - start
        if not taken and len(refused) >= MOST_IN_A_ROW:
            raise DestinationRefused(f"it takes nobody: {refused[min(refused)]}")
    return refused
