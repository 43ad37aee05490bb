"""Vocative's own script for pages: small, without anything of anybody else's."""

from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).with_name("snippet.js")
KEPT_SECONDS = 3_600


@cache
def script() -> bytes:
    """What `/v.js` answers: the source without indents and without lines that only comment."""
    lines = (line.strip() for line in SCRIPT.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")).encode()
