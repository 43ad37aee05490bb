"""A mail as it looks in light and in dark, whatever the screen it is looked at on prefers."""

import re
from typing import Literal

Scheme = Literal["light", "dark"]
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
# Conditions that always and never hold.
_ALWAYS, _NEVER = "(min-width:0)", "(max-width:0)"


def in_scheme(html: str, scheme: Scheme) -> str:
    """The HTML with its questions for the colour scheme answered.

    >>> in_scheme("@media (prefers-color-scheme: dark) { a { color: #fff } }", "dark")
    '@media (min-width:0) { a { color: #fff } }'
    """
    return _PREFERS.sub(lambda asked: _ALWAYS if asked[1].lower() == scheme else _NEVER, html)
