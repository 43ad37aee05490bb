"""How postcodes are written, by country: made upper case, with their space or dash in its place."""

import re
from typing import NamedTuple


class Postcode(NamedTuple):
    """What the postcodes of a country look like."""

    pattern: "re.Pattern[str]"
    """Of a postcode in upper case without spaces and dashes."""
    example: str
    written: str = r"\g<0>"
    """How it is written, made of the pattern's groups."""


def _digits(count: int, example: str) -> Postcode:
    return Postcode(re.compile(rf"[0-9]{{{count}}}"), example)


POSTCODES: dict[str, Postcode] = {
    "AT": Postcode(re.compile(r"[1-9][0-9]{3}"), "1010"),
    "AU": _digits(4, "2000"),
    "BE": Postcode(re.compile(r"[1-9][0-9]{3}"), "1000"),
    "BG": _digits(4, "1000"),
    "BR": Postcode(re.compile(r"([0-9]{5})([0-9]{3})"), "01310-100", r"\1-\2"),
    "CA": Postcode(
        re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])([0-9][ABCEGHJ-NPRSTV-Z][0-9])"),
        "K1A 0B1",
        r"\1 \2",
    ),
    "CH": Postcode(re.compile(r"[1-9][0-9]{3}"), "8001"),
    "CY": _digits(4, "1010"),
    "CZ": Postcode(re.compile(r"([1-7][0-9]{2})([0-9]{2})"), "110 00", r"\1 \2"),
    "DE": Postcode(re.compile(r"(?!00)[0-9]{5}"), "10115"),
    "DK": _digits(4, "1050"),
    "EE": _digits(5, "10111"),
    "ES": Postcode(re.compile(r"(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}"), "28001"),
    "FI": _digits(5, "00100"),
    "FR": Postcode(re.compile(r"(?:0[1-9]|[1-8][0-9]|9[0-8])[0-9]{3}"), "75001"),
    "GB": Postcode(
        re.compile(r"(GIR|[A-Z]{1,2}[0-9](?:[0-9]|[A-Z])?)([0-9][ABD-HJLNP-UW-Z]{2})"),
        "SW1A 1AA",
        r"\1 \2",
    ),
    "GR": Postcode(re.compile(r"([1-8][0-9]{2})([0-9]{2})"), "104 31", r"\1 \2"),
    "HR": _digits(5, "10000"),
    "HU": _digits(4, "1011"),
    "IE": Postcode(
        re.compile(r"([AC-FHKNPRTV-Y][0-9]{2}|D6W)([0-9AC-FHKNPRTV-Y]{4})"), "D02 X285", r"\1 \2"
    ),
    "IN": Postcode(re.compile(r"([1-9][0-9]{2})([0-9]{3})"), "110 001", r"\1 \2"),
    "IS": _digits(3, "101"),
    "IT": _digits(5, "00118"),
    "JP": Postcode(re.compile(r"([0-9]{3})([0-9]{4})"), "100-0001", r"\1-\2"),
    "LI": Postcode(re.compile(r"94[89][0-9]"), "9490"),
    "LT": Postcode(re.compile(r"(?:LT)?([0-9]{5})"), "LT-01100", r"LT-\1"),
    "LU": Postcode(re.compile(r"(?:L)?([0-9]{4})"), "1009", r"\1"),
    "LV": Postcode(re.compile(r"(?:LV)?([0-9]{4})"), "LV-1010", r"LV-\1"),
    "MT": Postcode(re.compile(r"([A-Z]{3})([0-9]{4})"), "VLT 1010", r"\1 \2"),
    "MX": _digits(5, "06000"),
    "NL": Postcode(re.compile(r"([1-9][0-9]{3})([A-Z]{2})"), "1012 AB", r"\1 \2"),
    "NO": _digits(4, "0150"),
    "NZ": _digits(4, "6011"),
    "PL": Postcode(re.compile(r"([0-9]{2})([0-9]{3})"), "00-001", r"\1-\2"),
    "PT": Postcode(re.compile(r"([1-9][0-9]{3})([0-9]{3})"), "1000-001", r"\1-\2"),
    "RO": _digits(6, "010011"),
    "SE": Postcode(re.compile(r"([1-9][0-9]{2})([0-9]{2})"), "111 20", r"\1 \2"),
    "SI": Postcode(re.compile(r"(?:SI)?([1-9][0-9]{3})"), "1000", r"\1"),
    "SK": Postcode(re.compile(r"([089][0-9]{2})([0-9]{2})"), "811 01", r"\1 \2"),
    "US": Postcode(re.compile(r"([0-9]{5})([0-9]{4})?"), "10001 or 10001-1234", r"\1-\2"),
}
_SEPARATORS = re.compile(r"[\s.\-–]+")


def read_postcode(written: str, country: str) -> str | None:
    """A postcode as its country writes it; None when it is none.

    Args:
        written: However somebody wrote it.
        country: One of `POSTCODES`.

    >>> read_postcode("sw1a1aa", "GB"), read_postcode("1012ab", "NL"), read_postcode("00000", "DE")
    ('SW1A 1AA', '1012 AB', None)
    """
    plain = _SEPARATORS.sub("", written).upper()
    kind = POSTCODES[country]
    found = kind.pattern.fullmatch(plain)
    # The second half may be left out.
    return found.expand(kind.written).rstrip("-") if found else None
