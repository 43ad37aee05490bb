"""Streams that lie in front of the log, one file each; see `base.py`."""

from vocative.registry import Kind
from vocative.streams.outside.base import (
    Arrival,
    Lag,
    Record,
    Stream,
    StreamDown,
    StreamSettings,
    Subscription,
)

# mypy takes an abstract class for no type[T]; Kind only ever hands out concrete ones.
STREAMS: Kind[Stream] = Kind("streams", "vocative.streams.outside", Stream)  # type: ignore[type-abstract]

__all__ = [
    "STREAMS",
    "Arrival",
    "Lag",
    "Record",
    "Stream",
    "StreamDown",
    "StreamSettings",
    "Subscription",
]
