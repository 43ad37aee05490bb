"""Calls that webhooks make of us, and where the mapping of a source stands."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from vocative.clock import to_micros
from vocative.collect.sources.base import Call, Place
from vocative.workspace.yaml_text import YamlText, read_yaml


def call(body: Any, at: datetime, **headers: str) -> Call:
    """A call; names of headers are written with `_` for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Call(headers=named, body=raw, received_at=to_micros(at))


def place(folder: Path, **mappings: str) -> Place:
    """A place whose mappings stand in files, so that a test can change them."""
    for name, text in mappings.items():
        (folder / f"{name}.yaml").write_text(text)
    return Place(mapping=_reading(folder), timezone="UTC", scratch=folder / "scratch")


def _reading(folder: Path) -> Callable[[str], YamlText]:
    return lambda name: read_yaml(folder / f"{name}.yaml")


def no_connection(*_: Any, **__: Any) -> Any:
    """For sources that are only called."""
    raise AssertionError("a webhook asks nobody")
