"""Letters whose capitals are several letters to most engines; DuckDB has one or leaves them.

They are put aside before upper() and brought back as what DuckDB makes of them. In between they are
characters of private use.
"""

_SPECIAL = [chr(code) for code in range(0x20000) if len(chr(code).upper()) > 1]

SPECIAL = "".join(_SPECIAL)
ASIDE = "".join(chr(0x10F000 + number) for number in range(len(_SPECIAL)))
CAPITALS = "".join(
    "ẞ" if letter == "ß" else letter.title() if len(letter.title()) == 1 else letter
    for letter in _SPECIAL
)
