"""What adds up over an audience, in memory that does not grow with it."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vocative.campaign.preflight.report import Branch, Found, Gap, Language, Subject, Worst
from vocative.campaign.problems import PROBLEMS, Problem
from vocative.ids import stable_fraction

WORST = 20
_SUBJECTS = 5


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was seen of one person's message."""

    person_id: str
    variant: str
    problems: tuple[Problem, ...]
    gaps: tuple[str, ...] = ()
    """The fields the templates name that this person lacks."""
    branches: tuple[str, ...] = ()
    reads: str | None = None
    written_in: str | None = None
    subject_characters: int = 0
    html_bytes: int = 0


@dataclass
class Tally:
    """Everything counted so far."""

    rendered: int = 0
    variants: Counter[str] = field(default_factory=Counter)
    problems: Counter[Problem] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    branches: Counter[str] = field(default_factory=Counter)
    languages: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    _examples: dict[Problem, str] = field(default_factory=dict)
    _subjects: list[tuple[int, str, str]] = field(default_factory=list)
    _worst: list[tuple[float, float, str, Looked]] = field(default_factory=list)

    def add(self, one: Looked) -> None:
        """Count one message."""
        self.rendered += 1
        self.variants[one.variant] += 1
        self.problems.update(one.problems)
        self.gaps.update(one.gaps)
        self.branches.update(one.branches)
        self.languages[one.reads, one.written_in] += 1
        for problem in one.problems:
            self._examples.setdefault(problem, one.person_id)
        subject = (one.subject_characters, one.person_id, one.variant)
        _keep_largest(self._subjects, subject, _SUBJECTS)
        # Of messages that are equally bad, some of all kinds and not the first.
        chance = stable_fraction("worst", one.person_id)
        _keep_largest(self._worst, (_badness(one), chance, one.person_id, one), WORST)

    def found(self) -> list[Found]:
        """The problems, the worst first."""
        return [
            Found(
                problem=problem,
                words=words,
                people=self.problems[problem],
                share=self.problems[problem] / self.rendered,
                example=self._examples.get(problem),
            )
            for problem, (words, _) in PROBLEMS.items()
            if self.problems[problem]
        ]

    def branches_of(self, labels: list[str]) -> list[Branch]:
        """People per branch, of all branches there are."""
        return [Branch(branch=label, people=self.branches[label]) for label in labels]

    def gaps_of(self, fields: set[str]) -> list[Gap]:
        """People without each field, the field most of them lack first."""
        found = [
            Gap(field=name, people=self.gaps[name], share=self.gaps[name] / max(self.rendered, 1))
            for name in fields
        ]
        return sorted(found, key=lambda gap: (-gap.people, gap.field))

    def by_language(self) -> list[Language]:
        """What people read and get, most people first."""
        return [
            Language(reads=reads, written_in=written_in, people=people)
            for (reads, written_in), people in self.languages.most_common(40)
        ]

    def longest_subjects(self) -> list[Subject]:
        """The longest first."""
        return [
            Subject(characters=characters, person_id=person_id, variant=variant)
            for characters, person_id, variant in sorted(self._subjects, reverse=True)
        ]

    def worst(self) -> Iterator[Worst]:
        """The messages most worth looking at."""
        for badness, _, _, one in sorted(self._worst, reverse=True):
            if not badness:
                return
            yield Worst(
                person_id=one.person_id,
                variant=one.variant,
                problems=[
                    words for problem, (words, _) in PROBLEMS.items() if problem in one.problems
                ]
                + [f"without {name}" for name in one.gaps],
                subject_characters=one.subject_characters,
                kilobytes=round(one.html_bytes / 1_000, 1),
            )


def _badness(one: Looked) -> float:
    return sum(PROBLEMS[problem][1] for problem in one.problems) + len(one.gaps)


def _keep_largest(kept: list[Any], one: tuple[Any, ...], most: int) -> None:
    if len(kept) < most:
        heapq.heappush(kept, one)
    elif one > kept[0]:
        heapq.heapreplace(kept, one)


def lacking(person: Mapping[str, Any], fields: set[str]) -> tuple[str, ...]:
    """The fields that are not known of a person, or are empty."""
    return tuple(sorted(name for name in fields if person.get(name) in (None, "")))
