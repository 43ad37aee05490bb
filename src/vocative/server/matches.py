"""The review queue for the web app and the command line: who may be one, why, and what is decided.

Lists say ids, levels and probabilities. What two people have in common in plain values is shown
for one pair at a time, and every such look is audited.
"""

import getpass
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from vocative.errors import AuthorError, StateError, UnknownName
from vocative.identify.matching import (
    COMPARISONS,
    LEVELS,
    ComparingEngine,
    ScoredPair,
    Threshold,
    expected,
    explain_pair,
    review,
    say_step,
)
from vocative.privacy import audit
from vocative.segment import advance
from vocative.server.people import MAX_PAGE, PAGE
from vocative.workspace import Workspace
from vocative.workspace.paging import part_of

MOST_ACCEPTED = 10_000
"""About so many pairs one transaction takes when many are accepted."""


class MatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """A pair in a list."""

    match_id: str
    """Both ids, `one_other`."""
    one: str
    other: str
    probability: float
    why: str
    state: str
    found_at: datetime
    decided_at: datetime | None
    decided_by: str | None


class MatchPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of pairs; `next` is the `after` of the next page."""

    total: int
    matches: list[MatchRow]
    next: str | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was compared, with what both people have."""

    what: str
    one: str | None
    other: str | None
    level: str | None
    """None: it was not compared, for one of the two does not have it, or did not when they were."""
    weight: float | None
    """log₂; above 0 it speaks for one person."""
    said: str


class MatchDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A pair with everything that was compared, in plain values."""

    match: MatchRow
    compared: list[Compared]


class MatchesFound(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing everybody came to."""

    people: int
    compared: int
    candidates: int
    expected_pairs: float
    """How many pairs of one person there are by the model's own reckoning."""
    thresholds: list[Threshold]
    seconds: float


class MatchesAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """What one acceptance of many pairs did, or would do."""

    above: float
    accepted: int
    left_out: int
    """Pairs above the probability that would chain people who do not look like one."""
    expected_wrong: float
    """How many of the accepted ones are two people, by the model's own reckoning."""
    expected_precision: float | None
    """Share of the accepted ones that is one person, in [0, 1]; None without any."""
    dry_run: bool


def find_matches(
    workspace: Workspace, *, engine: ComparingEngine = "duckdb", by: str | None = None
) -> MatchesFound:
    """Compare everybody with everybody, and put who may be one into the review queue.

    Args:
        workspace: Whose people.
        engine: Where they are compared: in the memory of this process, or on Spark.
        by: Who asks, for the audit; the user who runs it unless told.

    Raises:
        Unsupported: Splink is not installed, or pyspark is too old.
        AuthorError: pyspark is not installed.
        EngineError: there is not enough memory, or Spark failed.
        PrivacyError: Spark would leave personal data readable.
    """
    started = time.perf_counter()
    advance(workspace)
    found = review.find_candidates(workspace, by=_who(by), engine=engine)
    return MatchesFound(
        people=found.people,
        compared=found.compared,
        candidates=len(found.pairs),
        expected_pairs=found.expected,
        thresholds=expected([pair.probability for pair in found.pairs]),
        seconds=round(time.perf_counter() - started, 1),
    )


def list_matches(
    workspace: Workspace,
    *,
    state: Literal["open", "accepted", "rejected"] = "open",
    above: float = 0.0,
    limit: int = PAGE,
    after: str | None = None,
) -> MatchPage:
    """Pairs of people who may be one, the most probable first.

    Args:
        workspace: Where.
        state: Which: those that wait, or those that were decided.
        above: Only from this probability on, 0 to 1.
        limit: How many on a page, at most 200.
        after: The `next` of the page before.
    """
    part = part_of(after, limit, most=MAX_PAGE)
    with workspace.store.read() as tx:
        total = review.count_candidates(tx, state, at_least=above)
        page = review.read_candidates(tx, state, at_least=above, limit=part.wanted, skip=part.skip)
    return MatchPage(
        total=total,
        matches=[_row(candidate) for candidate in page[: part.limit]],
        next=part.next(len(page)),
    )


def match_thresholds(workspace: Workspace) -> list[Threshold]:
    """What to expect of accepting every pair that waits, from a probability on.

    Args:
        workspace: Where.
    """
    with workspace.store.read() as tx:
        return expected(review.probabilities(tx))


def show_match(workspace: Workspace, match_id: str, *, by: str | None = None) -> MatchDetail:
    """One pair: what was compared, what both have, and what each likeness says.

    Args:
        workspace: Where.
        match_id: Both person ids, `one_other`.
        by: Who looks, for the audit; the user who runs it unless told.

    Raises:
        UnknownName: the pair was not proposed.
    """
    one, other = pair_of(match_id)
    with workspace.store.transaction() as tx:
        candidate = review.read_candidate(tx, one, other)
        pair = candidate.pair
        records = review.records_of(workspace, tx, [pair.one, pair.other])
        audit.append(
            tx, at=workspace.clock.now(), actor=_who(by), action="show match", subject=match_id
        )
    return MatchDetail(
        match=_row(candidate),
        compared=_compared(pair, records.get(pair.one, {}), records.get(pair.other, {})),
    )


def accept_match(workspace: Workspace, match_id: str, *, by: str | None = None) -> MatchRow:
    """Say that a pair is one person: the two become one, with all that follows from it.

    Args:
        workspace: Where.
        match_id: Both person ids, `one_other`.
        by: Who decides; the user who runs it unless told.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it was decided already, or would join people who were told apart.
    """
    pair = pair_of(match_id)
    review.accept_pairs(workspace, [pair], by=_who(by))
    advance(workspace)
    return _read(workspace, pair)


def reject_match(workspace: Workspace, match_id: str, *, by: str | None = None) -> MatchRow:
    """Say that a pair is two people: it is not proposed again.

    Args:
        workspace: Where.
        match_id: Both person ids, `one_other`.
        by: Who decides; the user who runs it unless told.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it was decided already.
    """
    pair = pair_of(match_id)
    review.reject_pair(workspace, *pair, by=_who(by))
    return _read(workspace, pair)


def reopen_match(workspace: Workspace, match_id: str) -> MatchRow:
    """Take a rejection back: the pair waits for a decision again.

    Args:
        workspace: Where.
        match_id: Both person ids, `one_other`.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it was not rejected.
    """
    pair = pair_of(match_id)
    review.reopen_pair(workspace, *pair)
    return _read(workspace, pair)


def accept_matches(
    workspace: Workspace,
    *,
    above: float,
    exactly: int | None = None,
    by: str | None = None,
    dry_run: bool = False,
) -> MatchesAccepted:
    """Accept every pair that waits from a probability on, where it chains no strangers.

    Args:
        workspace: Where.
        above: The probability, from 0.5 to 1.
        exactly: Only if it is so many pairs, as a dry run said: the queue may be another one now.
        by: Who decides; the user who runs it unless told.
        dry_run: Say what it would do, and do nothing.

    Raises:
        AuthorError: `above` is no such probability.
        StateError: it is not `exactly` so many pairs; nothing is accepted.
    """
    if not 0.5 <= above <= 1:
        raise AuthorError(
            f"{above} is no probability from 0.5 to 1",
            hint="see `vocative match thresholds` for what to expect of each",
        )
    with workspace.store.read() as tx:
        waiting = review.count_candidates(tx, "open", at_least=above)
        people = review.acceptable(tx, above)
    pairs = [pair for of_one in people for pair in of_one]
    if exactly is not None and len(pairs) != exactly:
        raise StateError(
            f"there are {len(pairs):,} pairs to accept, not {exactly:,}: the queue has changed",
            hint="look again, with `--dry-run` or in the web app",
        )
    if not dry_run:
        for part in _parts(people):
            review.accept_pairs(workspace, part, by=_who(by))
            advance(workspace)
    [told] = expected([pair.probability for pair in pairs], [0.0])
    return MatchesAccepted(
        above=above,
        accepted=len(pairs),
        left_out=waiting - len(pairs),
        expected_wrong=round(told.expected_wrong, 2),
        expected_precision=told.expected_precision,
        dry_run=dry_run,
    )


def _parts(people: Sequence[Sequence[ScoredPair]]) -> Iterator[list[tuple[str, str]]]:
    """Pairs for one transaction each.

    Those of one person stay together: once some of them are accepted, the others name people who
    are gone.
    """
    part: list[tuple[str, str]] = []
    for pairs in people:
        part += [(pair.one, pair.other) for pair in pairs]
        if len(part) >= MOST_ACCEPTED:
            yield part
            part = []
    if part:
        yield part


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def pair_of(match_id: str) -> tuple[str, str]:
    """The two person ids that name a pair, the smaller first.

    Raises:
        UnknownName: it names no pair.
    """
    one, separator, other = match_id.partition("_")
    if not (one and separator and other) or one == other:
        raise UnknownName(
            f"{match_id!r} names no pair",
            hint="a pair is named by both person ids, as in `vocative match list`: p…_p…",
        )
    return (one, other) if one < other else (other, one)


def _read(workspace: Workspace, pair: tuple[str, str]) -> MatchRow:
    with workspace.store.read() as tx:
        return _row(review.read_candidate(tx, *pair))


def _row(candidate: review.Candidate) -> MatchRow:
    pair = candidate.pair
    return MatchRow(
        match_id=f"{pair.one}_{pair.other}",
        one=pair.one,
        other=pair.other,
        probability=pair.probability,
        why=explain_pair(pair),
        state=candidate.state,
        found_at=candidate.found_at,
        decided_at=candidate.decided_at,
        decided_by=candidate.decided_by,
    )


def _compared(pair: ScoredPair, one: dict[str, str], other: dict[str, str]) -> list[Compared]:
    """Every comparison of which one of the two has something, the weightiest first."""
    steps = {step.comparison: step for step in pair.steps}
    rows = []
    for column, comparison in COMPARISONS.items():
        step = steps.get(column)
        held = (column in one) + (column in other)
        if step is None and not held:
            continue
        missing = "only one has it" if held == 1 else "not known of both when they were compared"
        rows.append(
            Compared(
                what=comparison.title,
                one=one.get(column),
                other=other.get(column),
                level=None if step is None else LEVELS[step.level].words,
                weight=None if step is None else step.weight,
                said=missing if step is None else say_step(step),
            )
        )
    return sorted(rows, key=lambda row: -abs(row.weight or 0.0))
