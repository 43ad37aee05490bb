"""Events that another collector hands on: they come as they are, and keep their ids."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vocative.collect.sources._json import read_json
from vocative.collect.sources.base import Fault, NotReadable
from vocative.collect.sourcing.definitions import wrong_name

MOST_EVENTS = 5_000


def counting_faults(counts_as: str | None) -> Iterator[Fault]:
    """What is wrong with the name of the source that events are counted as."""
    if counts_as is not None and (wrong := wrong_name(counts_as)):
        yield ("counts_as",), *wrong


def handed_on(body: bytes) -> Sequence[Mapping[str, Any]]:
    """The events of a call: one, a list, or a list under `batch`.

    Whether each can be used is found when the log is applied, as for every other event.

    Raises:
        NotReadable: it is no JSON, or something in it is no object.
    """
    found = read_json(body)
    if isinstance(found, dict) and isinstance(found.get("batch"), list):
        found = found["batch"]
    events = found if isinstance(found, list) else [found]
    if len(events) > MOST_EVENTS:
        raise NotReadable(f"more than {MOST_EVENTS:,} events")
    if not all(isinstance(event, dict) for event in events):
        raise NotReadable("an event is no JSON object")
    return events
