"""What matching finds: pairs of people, how likely each is one person, and why."""

import msgspec


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one comparison of a pair came to."""

    comparison: str
    """A key of COMPARISONS."""
    level: str
    """A key of LEVELS."""
    weight: float
    """log₂ of how many times more often one person reaches the level than two do: above 0 it
    speaks for one person, below 0 against."""


class ScoredPair(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Two people who may be one."""

    one: str
    other: str
    """Their ids, `one` the smaller."""
    probability: float
    """That they are one person, in [0, 1]."""
    weight: float
    """log₂ of the odds: what was expected beforehand plus the weights of the steps, those of what a
    household shares up to even odds only."""
    steps: tuple[Step, ...]
    """In the order of COMPARISONS; what one of the two does not have is left out."""


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing everybody came to."""

    people: int
    compared: int
    """Pairs that came near enough to being likely to be looked at closely."""
    expected: float
    """How many pairs of one person there are by the model's own reckoning."""
    pairs: list[ScoredPair]
    """The most probable first."""
