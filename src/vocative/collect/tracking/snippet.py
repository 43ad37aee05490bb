"""Vocative's own script for pages: small, and without anything of anybody else's."""

import gzip
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).with_name("snippet.js")
KEPT_SECONDS = 3_600


@cache
def script() -> tuple[bytes, bytes]:
    """What `/v.js` answers, as it is and packed: without indents and lines that only comment."""
    lines = (line.strip() for line in SCRIPT.read_text(encoding="utf-8").splitlines())
    plain = "\n".join(line for line in lines if line and not line.startswith("//")).encode()
    return plain, gzip.compress(plain)
