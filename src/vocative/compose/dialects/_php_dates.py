"""Formats of dates as PHP and Django write them, as strftime has them."""

_SAME = {
    "d": "%d",
    "D": "%a",
    "j": "%-d",
    "l": "%A",
    "z": "%j",
    "W": "%V",
    "F": "%B",
    "m": "%m",
    "M": "%b",
    "n": "%-m",
    "Y": "%Y",
    "o": "%G",
    "y": "%y",
    "a": "%P",
    "A": "%p",
    "g": "%-I",
    "G": "%-H",
    "h": "%I",
    "H": "%H",
    "i": "%M",
    "s": "%S",
    "e": "%Z",
    "T": "%Z",
    "O": "%z",
    "U": "%s",
    "w": "%w",
    "N": "%u",
}
"""Letters that mean one thing in both, by PHP's letter."""
_DJANGO = {"a": "%P", "A": "%p", "b": "%b", "N": "%b", "P": "%-I:%M %P", "f": "%-I:%M", "E": "%B"}
_DJANGO |= {"c": "%Y-%m-%dT%H:%M:%S", "r": "%a, %d %b %Y %H:%M:%S %z"}
_PHP = {"c": "%Y-%m-%dT%H:%M:%S", "r": "%a, %d %b %Y %H:%M:%S %z"}
SUFFIX = "S"
"""The letter of `st`, `nd`, `rd`, `th` behind a day, which strftime does not have."""


def strftime_of(pattern: str, *, django: bool = False) -> tuple[str, str]:
    r"""A pattern for the filter `date`, and the letters it could not carry.

    >>> strftime_of("l, F j, Y"), strftime_of("jS \\o\\f M"), strftime_of("100% Y")
    (('%A, %B %-d, %Y', ''), ('%-d of %b', 'S'), ('100%% %Y', ''))
    """
    letters = {**_SAME, **(_DJANGO if django else _PHP)}
    written, lost, escaped = "", "", False
    for letter in pattern:
        if escaped:
            written, escaped = written + letter.replace("%", "%%"), False
        elif letter == "\\":
            escaped = True
        elif letter in letters:
            written += letters[letter]
        elif letter == "%":
            written += "%%"
        elif letter.isascii() and letter.isalpha():
            lost += letter
        else:
            written += letter
    return written, lost
