"""What of two people is compared, in which levels of likeness, and who is compared at all.

A comparison takes its levels from the top: the first one that applies is the one reached. Each
says in words what it means and how often one and the same person is expected to reach it before
any data were seen; what the data say soon counts for more (`model.py`).
"""

from dataclasses import dataclass
from typing import Literal

LevelName = Literal[
    "same",
    "nearly",
    "mailbox",
    "month",
    "year",
    "swapped",
    "digits",
    "similar",
    "decade",
    "alike",
    "different",
]


@dataclass(frozen=True, kw_only=True)
class Level:
    """One degree of likeness."""

    name: LevelName
    words: str
    """What stands behind the comparison's title."""


LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level(name="same", words="the same"),
        Level(name="nearly", words="the same but for a typing error"),
        Level(name="mailbox", words="the same before the @"),
        Level(name="month", words="within a month"),
        Level(name="year", words="within a year"),
        Level(name="swapped", words="in the place of the other name"),
        Level(name="digits", words="the same but for two characters"),
        Level(name="similar", words="similar"),
        Level(name="decade", words="within ten years"),
        Level(name="alike", words="a little alike"),
        Level(name="different", words="different"),
    )
}

_Steps = tuple[tuple[LevelName, str, float], ...]
"""(level, SQL over `{c}_l` and `{c}_r`, share of one person's pairs that are expected to reach it).
The last one needs no SQL."""

_SAME = "{c}_l = {c}_r"
_ONE_SLIP = "damerau_levenshtein({c}_l, {c}_r) <= 1"
_TWO_SLIPS = "damerau_levenshtein({c}_l, {c}_r) <= 2"
_APART = "abs({o}_l - {o}_r)"


_SAME_AS = "{one}_l = {other}_r"


def _close(least: float) -> str:
    return f"jaro_winkler_similarity({{c}}_l, {{c}}_r) >= {least}"


def _crossed(condition: str) -> str:
    """Both names stand in each other's place; one of them, where the rest is not known.

    One alone is a coincidence: Thomas is a first name and a last name.
    """
    there = condition.format(one="{c}", other="{o}")
    back = condition.format(one="{o}", other="{c}")
    return f"({there} AND coalesce({back}, TRUE)) OR ({back} AND coalesce({there}, TRUE))"


_NAME: _Steps = (
    ("same", _SAME, 0.62),
    ("nearly", _close(0.92), 0.15),
    ("swapped", f"({_crossed(_SAME_AS)})", 0.05),
    ("similar", _close(0.8), 0.06),
    # Swapped and mistyped.
    ("alike", f"({_crossed('jaro_winkler_similarity({one}_l, {other}_r) >= 0.88')})", 0.02),
    ("different", "", 0.1),
)
_EMAIL: _Steps = (
    ("same", _SAME, 0.5),
    ("mailbox", "mailbox_l = mailbox_r", 0.1),
    ("nearly", _TWO_SLIPS, 0.12),
    ("similar", _close(0.9), 0.05),
    ("alike", _close(0.8), 0.03),
    ("different", "", 0.2),
)
_DATE: _Steps = (
    ("same", _SAME, 0.76),
    ("nearly", _ONE_SLIP, 0.1),
    ("month", f"{_APART} <= 31", 0.03),
    ("year", f"{_APART} <= 366", 0.03),
    ("digits", _TWO_SLIPS, 0.02),
    ("decade", f"{_APART} <= 3653", 0.02),
    ("different", "", 0.04),
)
_TEXT: _Steps = (
    ("same", _SAME, 0.6),
    ("nearly", _close(0.92), 0.15),
    ("similar", _close(0.8), 0.08),
    ("different", "", 0.17),
)
_NUMBER: _Steps = (
    ("same", _SAME, 0.7),
    ("nearly", _ONE_SLIP, 0.08),
    ("digits", _TWO_SLIPS, 0.05),
    ("different", "", 0.17),
)
_HOUSE: _Steps = (("same", _SAME, 0.7), ("nearly", _ONE_SLIP, 0.1), ("different", "", 0.2))
_FACT: _Steps = (("same", _SAME, 0.9), ("different", "", 0.1))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One thing that is compared."""

    column: str
    title: str
    steps: _Steps
    by_rarity: bool = False
    """Whether to share a rare value says more than to share a frequent one."""
    other: str = ""
    """A second column that its SQL reads."""

    def sql(self, template: str) -> str:
        """A step's SQL for this column."""
        return template.format(c=self.column, o=self.other)

    @property
    def levels(self) -> tuple[LevelName, ...]:
        """The names of its levels, the most alike first."""
        return tuple(name for name, _, _ in self.steps)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it reads."""
        return (self.column, self.other) if self.other else (self.column,)


COMPARISONS: dict[str, Comparison] = {
    comparison.column: comparison
    for comparison in (
        Comparison(
            column="first_name", title="first name", steps=_NAME, by_rarity=True, other="last_name"
        ),
        Comparison(
            column="last_name", title="last name", steps=_NAME, by_rarity=True, other="first_name"
        ),
        Comparison(column="email", title="e-mail", steps=_EMAIL, by_rarity=True, other="mailbox"),
        Comparison(column="phone", title="phone", steps=_NUMBER, by_rarity=True),
        Comparison(
            column="birth_date",
            title="date of birth",
            steps=_DATE,
            by_rarity=True,
            other="birth_day",
        ),
        Comparison(column="street", title="street", steps=_TEXT, by_rarity=True),
        Comparison(column="house", title="house number", steps=_HOUSE),
        Comparison(column="street_2", title="second line", steps=_TEXT, by_rarity=True),
        Comparison(column="city", title="city", steps=_TEXT, by_rarity=True),
        Comparison(column="postcode", title="postcode", steps=_NUMBER, by_rarity=True),
        Comparison(column="region", title="region", steps=_FACT, by_rarity=True),
        Comparison(column="country", title="country", steps=_FACT, by_rarity=True),
    )
}

PERSONAL = frozenset(["first_name", "email", "birth_date"])
"""What a household does not share: the rest alone makes nobody one person (`scoring.py`)."""

KEYS: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "mailbox": ("mailbox",),
    "phone": ("phone",),
    "birth_date": ("birth_date",),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "street": ("street",),
    "street_2": ("street_2",),
    "postcode": ("postcode",),
    "city": ("city",),
    "names": ("first_name", "last_name"),
    "first_name_birth_date": ("first_name", "birth_date"),
    "last_name_birth_date": ("last_name", "birth_date"),
    "first_name_postcode": ("first_name", "postcode"),
    "last_name_postcode": ("last_name", "postcode"),
    "first_name_city": ("first_name", "city"),
    "last_name_city": ("last_name", "city"),
}
"""People who share one of these, and share it with not too many others, are compared."""

NAMING = frozenset(["first_name", "last_name", "email"])
"""What goes with the name: addresses of e-mail are made of it more often than not."""

TRAINING_KEYS = ("birth_date", "names", "email", "mailbox")
"""By which people are put together to learn how often one person's values differ. What is in the
key, or goes with it, teaches nothing then, so it takes several. No key that a household shares is
among them: the model would learn how much the members of families differ."""


def most_sharing(people: int) -> int:
    """How many people may share a key before it says too little to compare all of them.

    The pairs of one key are at most half of people times this: 2.5 million, or five each.
    """
    return min(50, max(10, 5_000_000 // max(people, 1)))
