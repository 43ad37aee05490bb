"""Where what is known of people goes: one file each, found by its name; see `base.py`."""

from vocative.deliver.destinations.base import Destination
from vocative.registry import Kind

DESTINATIONS: Kind[Destination] = Kind(
    "destinations",
    "vocative.deliver.destinations",
    Destination,  # type: ignore[type-abstract]
)

__all__ = ["DESTINATIONS", "Destination"]
