"""Holding the oracle, batch SQL and the live runner equal on random worlds.

A case is one person's history, one definition and one instant. A round draws a world, asks
everybody and compares; what differs is made small and told with its seed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import yaml

from vocative.engines.duckdb import DuckDbEngine
from vocative.errors import AuthorError
from vocative.testing.parity_answers import (
    Bring,
    Runner,
    Values,
    World,
    arriving_answers,
    batch_answers,
    batch_now,
    draw_world,
    live,
    live_now,
    opened,
    oracle_answers,
    ranked,
    scored,
)
from vocative.testing.random_histories import people_at, told
from vocative.testing.random_plans import Definitions

MOST_TOLD = 2
"""Mismatches of a round that are made small and told; all are counted."""


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """One case in which not all say the same."""

    definition: str
    person: str
    at: datetime
    said: Mapping[str, Any]
    """What each says, by its name."""


@dataclass(kw_only=True)
class Outcome:
    """What a round, or several of them, found."""

    cases: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


Round = Callable[[World], Outcome]


def compare(
    outcome: Outcome, at: datetime, said: Mapping[str, Mapping[str, Values]], names: Iterable[str]
) -> None:
    """Count and compare everybody's answers as of one instant.

    Args:
        outcome: Where they are counted.
        at: The instant.
        said: By who says it, then by person.
        names: The definitions to compare.
    """
    names = list(names)
    people = {person for answers in said.values() for person in answers}
    for person in sorted(people):
        outcome.cases += len(names)
        for name in names:
            values = {
                who: answers.get(person, {}).get(name, MISSING) for who, answers in said.items()
            }
            first, *others = values.values()
            if not all(same(first, other) for other in others):
                outcome.mismatches.append(
                    Mismatch(definition=name, person=person, at=at, said=values)
                )


MISSING = "no answer"
"""Stands where nothing was said of a person or a definition."""


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal; floats up to what adding up in another order changes."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(1.0, abs(one))
    return type(one) is type(other) and bool(one == other)


def settled_round(world: World, *, truth: World | None = None) -> Outcome:
    """Compare batch SQL and the oracle at all instants, everything having arrived.

    Args:
        world: What batch SQL is asked about.
        truth: What the oracle is asked about, if that is something else.
    """
    people = scored(people_at(world.lives))
    true_people = people if truth is None else scored(people_at(truth.lives))
    outcome = Outcome()
    with opened(world) as (_, plan), DuckDbEngine(history_files={}, threads=1) as engine:
        expected = oracle_answers(plan, true_people, world.instants)
        found = batch_answers(engine, plan, people, world.instants)
    for at in world.instants:
        compare(
            outcome,
            at,
            {
                "oracle": {name: row for (name, asked), row in expected.items() if asked == at},
                "batch": {name: row for (name, asked), row in found.items() if asked == at},
            },
            [*plan.features, *plan.segments],
        )
    return outcome


def arriving_round(world: World, bring: Bring, runners: Mapping[str, Runner]) -> Outcome:
    """Compare the oracle and some runners at each stop while events arrive."""
    outcome = Outcome()
    for now, plan, people, said in arriving_answers(world, bring, runners):
        found = oracle_answers(plan, people, [now])
        expected = {name: row for (name, _), row in found.items()}
        compare(outcome, now, {"oracle": expected, **said}, [*plan.features, *plan.segments])
    return outcome


def guarded(run: Round) -> Round:
    """A round whose failure is a mismatch like others: counted, made small and told."""

    def outcome_of(world: World) -> Outcome:
        try:
            return run(world)
        except AuthorError:
            raise  # a world that is no workspace says nothing
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed is worth knowing
            said = {"error": f"{type(error).__name__}: {error}"}
            failed = Mismatch(definition=FAILURE, person="", at=world.instants[0], said=said)
            return Outcome(cases=1, mismatches=[failed])

    return outcome_of


FAILURE = "the round"


# The kinds of rounds


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of round: how its worlds are drawn, and how they are asked."""

    people: int
    without: frozenset[str]
    run: Round

    def world(self, seed: int) -> World:
        """The world of a seed."""
        return draw_world(seed, people=self.people, without=self.without)


KINDS = {
    "settled": Kind(people=20, without=frozenset(), run=guarded(settled_round)),
    "arriving": Kind(
        people=10,
        # Ranking everybody anew would judge everybody anew, too.
        without=frozenset({"score", "ntile"}),
        run=guarded(lambda world: arriving_round(world, live, {"live": live_now})),
    ),
    "ranked": Kind(
        people=10,
        without=frozenset({"score"}),
        run=guarded(
            lambda world: arriving_round(world, ranked, {"live": live_now, "batch": batch_now})
        ),
    ),
}
ORDER = ("settled", "arriving", "arriving", "ranked")
"""The kinds of four rounds that follow each other."""


def kind_of(seed: int) -> str:
    """The kind of round that belongs to a seed."""
    return ORDER[seed % len(ORDER)]


def count(seed: int) -> tuple[int, int]:
    """Run the round of a seed; how many cases it had and how many differed."""
    kind = KINDS[kind_of(seed)]
    found = kind.run(kind.world(seed))
    return found.cases, len(found.mismatches)


def explain(seed: int) -> Iterator[str]:
    """What differs in the round of a seed, in words."""
    kind = KINDS[kind_of(seed)]
    world = kind.world(seed)
    yield from tell(world, kind.run(world), kind.run)


# Telling what differs


def tell(world: World, outcome: Outcome, run: Round) -> Iterator[str]:
    """What differs, in words: a case for each definition, made small."""
    shown: dict[str, Mismatch] = {}
    for mismatch in outcome.mismatches:
        shown.setdefault(mismatch.definition, mismatch)
    for mismatch in list(shown.values())[:MOST_TOLD]:
        smaller, left = shrink(world, mismatch, run)
        yield _told(smaller, left)


def shrink(
    world: World, mismatch: Mismatch, run: Round, *, budget: int = 50
) -> tuple[World, Mismatch]:
    """A smaller world in which the same definition still differs.

    Args:
        world: Where it was found.
        mismatch: The case.
        run: The round that found it.
        budget: How many times to try.
    """
    gone: set[Part] = set()
    for kind in _parts(world):
        kept = [(of, one) for of, one in kind if of != "event" or ("life", one[0]) not in gone]
        size = max(1, len(kept) // 2)
        while size and budget > 0:
            start = 0
            while start < len(kept) and budget > 0:
                budget -= 1
                chunk = kept[start : start + size]
                found = _still(_without(world, gone.union(chunk)), mismatch, run)
                if found is None:
                    start += size
                else:
                    mismatch, kept = found, kept[:start] + kept[start + size :]
                    gone.update(chunk)
            size //= 2
    return _without(world, gone), mismatch


def _still(world: World, mismatch: Mismatch, run: Round) -> Mismatch | None:
    """A case of the same definition in a smaller world."""
    if not world.instants:
        return None
    try:
        found = run(world).mismatches
    except AuthorError:
        return None  # a definition that was left out is needed
    return next((one for one in found if one.definition == mismatch.definition), None)


Part = tuple[str, Any]
"""Something that can be left out of a world: its kind and which one."""


def _parts(world: World) -> list[list[Part]]:
    given = world.definitions
    return [
        [("life", number) for number in range(len(world.lives))],
        [("name", name) for name in [*given.segments, *given.features][::-1]],
        [("instant", at) for at in world.instants],
        [("event", (n, e)) for n, life in enumerate(world.lives) for e in range(len(life))],
    ]


def _without(world: World, gone: set[Part]) -> World:
    given = world.definitions
    lives = (
        tuple(event for e, event in enumerate(life) if ("event", (n, e)) not in gone)
        for n, life in enumerate(world.lives)
        if ("life", n) not in gone
    )
    return replace(
        world,
        definitions=Definitions(
            features={n: body for n, body in given.features.items() if ("name", n) not in gone},
            segments={n: body for n, body in given.segments.items() if ("name", n) not in gone},
        ),
        lives=tuple(life for life in lives if life),
        instants=tuple(at for at in world.instants if ("instant", at) not in gone),
    )


def _told(world: World, mismatch: Mismatch) -> str:
    definitions = {**world.definitions.features, **world.definitions.segments}
    said = "\n".join(f"  {who}: {value!r}" for who, value in mismatch.said.items())
    histories = "\n".join(told(life) for life in world.lives)
    return (
        f"{mismatch.definition} of {mismatch.person} at {mismatch.at.isoformat()}"
        f" (seed {world.seed})\n{said}\n"
        f"{yaml.safe_dump(definitions, sort_keys=False, allow_unicode=True)}"
        f"instants: {', '.join(at.isoformat() for at in world.instants)}\n{histories}\n"
    )
