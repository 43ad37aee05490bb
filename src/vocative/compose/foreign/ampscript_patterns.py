"""Regular expressions of a template: only those that take bounded time, whatever the text.

A pattern may have characters, classes and groups; a character or class may be repeated, a group may
not, nothing is an alternative, and few parts may be as long as they like. So the time grows at
worst with the third power of a text that is short.
"""

import re

MAX_TEXT = 300
MAX_PATTERN = 120
_MAX_OPEN = 2
_UNIT = re.compile(
    r"""
    (?P<anchor>\^|\$|\\b)
  | (?P<group>\((?:\?:)?|\))
  | (?P<unit>\\[dDwWsS.\-+*?()\[\]{}^$|\\/@]|\[\^?\]?(?:\\.|[^\]\\])*\]|\.|[^\\\[\](){}*+?|^$.])
    (?P<times>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})?(?P<lazy>\?)?
    """,
    re.VERBOSE,
)


def find(pattern: str, text: str, group: object, *, ignore_case: bool) -> str:
    """What a pattern finds in a text: a group by number (0: all) or name; empty when nothing.

    Raises:
        ValueError: the pattern could take too long, or the text is too long for patterns.
    """
    if len(text) > MAX_TEXT or not is_bounded(pattern):
        raise ValueError("this pattern is not run")
    found = re.compile(pattern, re.IGNORECASE if ignore_case else 0).search(text)
    if found is None:
        return ""
    number = int(str(group)) if str(group).isdigit() else str(group)
    return found.group(number) or ""


def is_bounded(pattern: str) -> bool:
    r"""Whether a pattern takes bounded time.

    >>> is_bounded(r"^\d+$"), is_bounded("(a+)+$"), is_bounded("a|b")
    (True, False, False)
    """
    at = repeated = depth = 0
    while at < len(pattern):
        found = _UNIT.match(pattern, at)
        if found is None:
            return False
        times = found["times"] or ""
        repeated += times in ("*", "+") or times.endswith(",}")
        depth += (found["group"] or "").startswith("(") - (found["group"] == ")")
        at = found.end()
        if depth < 0 or (found["group"] == ")" and pattern[at : at + 1] in ("*", "+", "?", "{")):
            return False
    limit = _MAX_OPEN + pattern.startswith("^")
    if depth or repeated > limit or len(pattern) > MAX_PATTERN:
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
