"""Every function an expression can call: what it takes, what it gives, how engines write it.

This table is the whole list; the parser, the checker, the printer and the documentation read it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from vocative.sql.types import MOMENTS, NUMERIC, Type


class Special(Enum):
    """Arguments that are not simply a value of some type."""

    SAME = "values of one type"
    UNIT = "a unit in quotes"
    DIGITS = "a whole number"
    MARK = "a text in quotes"


Parameter = frozenset[Type] | Special

TEXT = frozenset({Type.TEXT})
LISTS = frozenset({Type.TEXT_LIST})
DATES = frozenset({Type.DATE})
TRUNC_UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
PART_UNITS = ("second", "minute", "hour", "day", "isodow", "week", "month", "quarter", "year")


@dataclass(frozen=True, kw_only=True)
class Function:
    """One row of the table.

    `sql` names each argument at most once: nested calls must not multiply the text.
    `gives` None means the type of the SAME arguments. `unknown_when` says which unknown arguments
    make the result unknown: any, all (others are skipped), or it can be unknown in any case.
    `local` functions have one more argument, which is not written: the person's time zone, or
    today() there.
    """

    name: str
    takes: tuple[Parameter, ...]
    gives: Type | None
    sql: str
    about: str
    optional: int = 0
    repeats: bool = False
    unknown_when: Literal["any", "all", "always", "never"] = "any"
    units: tuple[str, ...] = ()
    local: bool = False

    @property
    def usage(self) -> str:
        """How it is called, in words."""
        shown = [_words(parameter) for parameter in self.takes]
        required = len(shown) - self.optional
        text = ", ".join(shown[:required]) + "".join(f"[, {word}]" for word in shown[required:])
        return f"{self.name}({text}{', …' if self.repeats else ''})"


def _words(parameter: Parameter) -> str:
    if isinstance(parameter, Special):
        return {"SAME": "value", "UNIT": "'unit'", "DIGITS": "digits", "MARK": "'mark'"}[
            parameter.name
        ]
    if parameter == NUMERIC:
        return "number"
    return " or ".join(sorted(parameter))


_SAME = Special.SAME
# Engines differ in what else they read as a number: 1_000, nan, infinity.
_NUMBER = "^[+-]?([0-9]{{1,30}}([.][0-9]{{0,30}})?|[.][0-9]{{1,30}})([eE][+-]?[0-9]{{1,2}})?$"

FUNCTIONS = {
    function.name: function
    for function in (
        Function(
            name="coalesce",
            takes=(_SAME,),
            repeats=True,
            gives=None,
            unknown_when="all",
            sql="coalesce({all})",
            about="the first value that is known",
        ),
        Function(
            name="nullif",
            takes=(_SAME, _SAME),
            gives=None,
            unknown_when="always",
            sql="nullif({0}, {1})",
            about="the first value, or unknown when the two are equal",
        ),
        Function(
            name="greatest",
            takes=(_SAME,),
            repeats=True,
            gives=None,
            unknown_when="all",
            sql="greatest({all})",
            about="the largest of the known values",
        ),
        Function(
            name="least",
            takes=(_SAME,),
            repeats=True,
            gives=None,
            unknown_when="all",
            sql="least({all})",
            about="the smallest of the known values",
        ),
        Function(
            name="lower",
            takes=(TEXT,),
            gives=Type.TEXT,
            sql="lower({0})",
            about="text in lower case",
        ),
        Function(
            name="upper",
            takes=(TEXT,),
            gives=Type.TEXT,
            sql="upper({0})",
            about="text in upper case",
        ),
        Function(
            name="length",
            takes=(TEXT,),
            gives=Type.INTEGER,
            sql="length({0})",
            about="how many characters a text has",
        ),
        Function(
            name="starts_with",
            takes=(TEXT, TEXT),
            gives=Type.BOOLEAN,
            sql="starts_with({0}, {1})",
            about="whether a text starts with another",
        ),
        Function(
            name="trim",
            takes=(TEXT,),
            gives=Type.TEXT,
            sql="trim({0}, ' ')",
            about="text without blanks (plain spaces) at its ends",
        ),
        Function(
            name="concat",
            takes=(TEXT, TEXT),
            gives=Type.TEXT,
            sql="({0} || {1})",
            about="two texts joined",
        ),
        Function(
            name="before",
            takes=(TEXT, Special.MARK),
            gives=Type.TEXT,
            sql="split_part({0}, {1}, 1)",
            about="the part of a text before a mark in quotes, or all of it",
        ),
        Function(
            name="contains",
            takes=(LISTS, TEXT),
            gives=Type.BOOLEAN,
            sql="list_contains({0}, {1})",
            about="whether a list holds a text",
        ),
        Function(
            name="to_number",
            takes=(TEXT,),
            gives=Type.NUMBER,
            unknown_when="always",
            sql="TRY_CAST(regexp_extract(trim({0}, ' '), '" + _NUMBER + "') AS DOUBLE)",
            about="the number a text spells, such as 12 or -0.5e3, or unknown",
        ),
        Function(
            name="abs",
            takes=(NUMERIC,),
            gives=Type.NUMBER,
            sql="abs(CAST({0} AS DOUBLE))",
            about="a number without its sign",
        ),
        Function(
            name="round",
            takes=(NUMERIC, Special.DIGITS),
            optional=1,
            gives=Type.NUMBER,
            sql="round(CAST({0} AS DOUBLE), {1})",
            about="rounded to so many decimals (0 unless told), halves away from zero",
        ),
        Function(
            name="floor",
            takes=(NUMERIC,),
            gives=Type.INTEGER,
            unknown_when="always",
            sql="TRY_CAST(floor(CAST({0} AS DOUBLE)) AS BIGINT)",
            about="the largest whole number not above",
        ),
        Function(
            name="ceil",
            takes=(NUMERIC,),
            gives=Type.INTEGER,
            unknown_when="always",
            sql="TRY_CAST(ceil(CAST({0} AS DOUBLE)) AS BIGINT)",
            about="the smallest whole number not below",
        ),
        Function(
            name="date_trunc",
            takes=(Special.UNIT, MOMENTS),
            units=TRUNC_UNITS,
            gives=Type.INSTANT,
            sql="date_trunc({0}, CAST({1} AS TIMESTAMP))",
            about="the start (UTC) of the minute … year it falls in; weeks start on Monday",
        ),
        Function(
            name="date_part",
            takes=(Special.UNIT, MOMENTS),
            units=PART_UNITS,
            gives=Type.INTEGER,
            unknown_when="always",
            sql="date_part({0}, CAST({1} AS TIMESTAMP))",
            about="one part of an instant in UTC; isodow is 1 for Monday to 7, weeks are ISO weeks",
        ),
        Function(
            name="days_between",
            takes=(MOMENTS, MOMENTS),
            gives=Type.INTEGER,
            unknown_when="always",
            sql="CAST(floor((epoch_us(CAST({1} AS TIMESTAMP)) - epoch_us(CAST({0} AS TIMESTAMP)))"
            " / 86400000000e0) AS BIGINT)",
            about="whole days of 24 hours from the first instant to the second",
        ),
        Function(
            name="days_since",
            takes=(MOMENTS,),
            gives=Type.INTEGER,
            unknown_when="always",
            sql="",
            about="whole days of 24 hours from an instant until now",
        ),
        Function(
            name="local_time",
            takes=(MOMENTS,),
            gives=Type.INSTANT,
            local=True,
            sql="timezone({1}, timezone('UTC', CAST({0} AS TIMESTAMP)))",
            about="what a clock on the person's wall shows at an instant",
        ),
        Function(
            name="local_date",
            takes=(MOMENTS,),
            gives=Type.DATE,
            local=True,
            sql="CAST(timezone({1}, timezone('UTC', CAST({0} AS TIMESTAMP))) AS DATE)",
            about="the date in the person's time zone at an instant",
        ),
        Function(
            name="today",
            takes=(),
            gives=Type.DATE,
            unknown_when="never",
            sql="",
            about="the date now in the person's time zone",
        ),
        Function(
            name="days_to_anniversary",
            takes=(DATES,),
            gives=Type.INTEGER,
            unknown_when="always",
            local=True,
            sql="",
            about="days from today() to the next return of a date's month and day, 0 on the day;"
            " 29 February returns on the 28th in common years",
        ),
        Function(
            name="now",
            takes=(),
            gives=Type.INSTANT,
            unknown_when="never",
            sql="",
            about="the instant the question is asked about",
        ),
        Function(
            name="in_segment",
            takes=(TEXT,),
            gives=Type.BOOLEAN,
            unknown_when="never",
            sql="",
            about="whether the person is in another segment",
        ),
        Function(
            name="score",
            takes=(TEXT,),
            gives=Type.NUMBER,
            unknown_when="always",
            sql="",
            about="the person's latest score by a model, unknown before the first scoring",
        ),
    )
}
"""Without SQL here: `days_since`, `today`, `now`, `in_segment` and `score` become other nodes,
`days_to_anniversary` is written by `render.py`."""
