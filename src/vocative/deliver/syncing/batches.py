"""Handing a batch to a destination, so that one bad row does not keep the others away."""

from collections.abc import Sequence

from vocative.deliver.destinations.base import Change, Destination, RowRefused


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
    if not changes:
        return {}
    try:
        return dict(destination.send(changes))
    except RowRefused as refused:
        if len(changes) == 1:
            return {0: refused.message}
    middle = len(changes) // 2
    first = send_apart(destination, changes[:middle])
    second = send_apart(destination, changes[middle:])
    return {**first, **{middle + index: why for index, why in second.items()}}
