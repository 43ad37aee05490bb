"""Patterns that whoever sends an event cannot make slow: RE2 looks at each character once.

Python's own would take minutes for some texts that fit a pattern such as `(a+)+` nearly.
"""

from functools import lru_cache

_LONGEST = 2_000


def wrong_pattern(pattern: str) -> str | None:
    """Why a pattern is none; None when it is one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.scalar(""), pattern=_whole(pattern))
    except pa.ArrowException as error:
        return str(error).partition(": ")[2].partition(": ^(?:")[0] or "it cannot be read"
    return None


@lru_cache(maxsize=20_000)
def fits(text: str, pattern: str) -> bool:
    """Whether the whole of a text of at most 2,000 characters fits a pattern."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(text) > _LONGEST:
        return False
    matched: bool = pc.match_substring_regex(pa.scalar(text), pattern=_whole(pattern)).as_py()
    return matched


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"
