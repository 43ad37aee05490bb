"""Where facts come from: one file each, found by its name; see `base.py`."""

from vocative.collect.sources.base import Source
from vocative.registry import Kind

SOURCES: Kind[Source] = Kind("sources", "vocative.collect.sources", Source)

__all__ = ["SOURCES", "Source"]
