# ruff: noqa: PLR0124 - what is not a number is not equal to itself
"""Numbers in compiled expressions. What is not a number is larger than all others."""

import math
from typing import Any

floor = math.floor
ceil = math.ceil


def round_number(value: float, scale: float) -> float:
    """Rounded to 1 / scale, halves away from zero."""
    scaled = value * scale
    if scaled - scaled != 0:
        return float(value)
    whole = math.trunc(scaled)
    rest = scaled - whole
    if rest >= 0.5:
        whole += 1
    elif rest <= -0.5:
        whole -= 1
    return whole / scale


def greatest(*values: Any) -> Any:
    """The largest known value."""
    found = None
    for value in values:
        if value is not None and (found is None or value > found):
            found = value
    return found


def least(*values: Any) -> Any:
    """The smallest known value."""
    found = None
    for value in values:
        if value is not None and (found is None or value < found):
            found = value
    return found


def greatest_number(*values: float | None) -> float | None:
    """The largest known number; what is not a number is larger than all."""
    found = None
    for value in values:
        if value is not None and (found is None or not value <= found):
            found = value
            if value != value:
                break
    return found


def least_number(*values: float | None) -> float | None:
    """The smallest known number; what is not a number is larger than all."""
    found = None
    for value in values:
        if value is not None and (found is None or value < found or found != found):
            found = value
    return found
