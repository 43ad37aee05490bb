"""What a pre-flight tells: one page, however large the audience is; ids, no personal data."""

import msgspec


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A problem and how many people have it."""

    problem: str
    words: str
    people: int
    share: float
    """Of the people rendered."""
    example: str | None
    """The id of somebody who has it."""


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """An arm of a condition and who gets into it."""

    branch: str
    people: int


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A field the templates name, and how many people are without it."""

    field: str
    people: int
    share: float


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """What people read and what they are written in."""

    reads: str | None
    written_in: str | None
    people: int


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A long subject."""

    characters: int
    person_id: str
    variant: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An address that cannot be followed."""

    url: str
    fault: str
    people: int
    example: str
    """The id of somebody who would get it."""


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """One message worth looking at."""

    person_id: str
    variant: str
    problems: list[str]
    subject_characters: int
    kilobytes: float


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the campaign that does not hold."""

    rule: str
    allowed: float
    found: float
    """Both as shares of the people rendered."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.found:.2%} of people, at most {self.allowed:.2%} are allowed"


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a campaign would send now, looked at and not sent."""

    campaign: str
    occurrence: str
    audience: int
    held_out: int
    rendered: int
    sampled: bool
    """Only some of the audience were rendered."""
    variants: dict[str, int]
    problems: list[Found]
    """The worst first; what nobody has is left out."""
    broken_rules: list[Broken]
    branches: list[Branch]
    """In the order of the templates; 0 people: nobody gets into it."""
    gaps: list[Gap]
    languages: list[Language]
    longest_subjects: list[Subject]
    links: int
    """Different addresses, each checked once."""
    links_followed: int
    """Of them, asked for over the network."""
    broken_links: list[Link]
    worst: list[Worst]
    error: str | None = None
    """The first error that a message failed with."""
    seconds: float

    @property
    def may_be_sent(self) -> bool:
        """Whether no rule of the campaign speaks against it."""
        return not self.broken_rules
