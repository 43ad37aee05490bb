"""Clients that send events themselves, by the tracking API; see `collect.tracking`."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from vocative.collect.sources.base import Fault, Source

_WRITE_KEY = re.compile(r"[A-Za-z0-9_-]{4,200}")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What clients show, and how much they may send."""

    write_key: str
    """What clients show. It stands in web pages and apps: it lets send, and nothing else."""
    events_per_second: int | None = None
    """How many it may send; without it as many as the server can take."""


class Tracking(Source):
    """A site, an app or a till that sends events with a write key."""

    Options = Options

    @classmethod
    def faults(cls, options: Any) -> Iterator[Fault]:
        """A key that no client could show, and a limit that lets nothing in."""
        if not _WRITE_KEY.fullmatch(options.write_key):
            hint = "4 to 200 letters, digits, - and _; `vocative source new NAME` makes one"
            yield ("write_key",), "this cannot be a write key", hint
        if options.events_per_second is not None and options.events_per_second < 1:
            yield ("events_per_second",), "at least 1", "leave it out to set no limit"
