"""Which plug-ins there are."""

from typing import Any

import msgspec

from vocative.errors import VocativeError
from vocative.registry import Kind


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """One plug-in."""

    kind: str
    name: str
    usable: bool
    about: str
    """Its first sentence, or what it lacks."""


def kinds() -> list[Kind[Any]]:
    """Every kind of plug-in."""
    from vocative.collect.sources import SOURCES
    from vocative.compose.dialects import DIALECTS
    from vocative.deliver.channels import CHANNELS
    from vocative.deliver.destinations import DESTINATIONS
    from vocative.engines.base import Engine
    from vocative.predict.definitions import MODELS, RECOMMENDERS
    from vocative.streams.outside import STREAMS

    engines: Kind[Any] = Kind("engines", "vocative.engines", Engine)
    return [CHANNELS, DESTINATIONS, DIALECTS, engines, MODELS, RECOMMENDERS, SOURCES, STREAMS]


def plugins() -> list[Plugin]:
    """Every plug-in there is, by kind, and whether it can be used here."""
    return [_described(kind, name) for kind in kinds() for name in kind.names()]


def _described(kind: Kind[Any], name: str) -> Plugin:
    try:
        about = (kind.load(name).__doc__ or "").strip().partition("\n")[0]
    except VocativeError as error:
        return Plugin(kind=kind.name, name=name, usable=False, about=error.hint or error.message)
    return Plugin(kind=kind.name, name=name, usable=True, about=about)
