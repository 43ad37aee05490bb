"""Lengths of time as people write them in files: `30min`, `72h`, `30d`, `4w`."""

import re

_LENGTH = re.compile(r"(\d{1,7})\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LONGEST_SECONDS = 3_660 * 86_400
"""Ten years."""


def seconds_of(written: str) -> int | None:
    """The seconds of a length of time above zero and at most ten years, or None.

    >>> seconds_of("7d")
    604800
    """
    match = _LENGTH.fullmatch(written.strip())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    return seconds if 0 < seconds <= LONGEST_SECONDS else None
