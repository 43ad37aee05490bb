"""The review queue: pairs that were found, and what somebody decided about each.

In come everybody's vault fields, decrypted in memory for as long as they are compared. What is
kept of a pair is who, how likely, and which level each comparison reached; never a value. An
accepted pair becomes an event on the log and two people become one when it is applied; a rejected
pair is never proposed again, also not when one of the two has meanwhile been joined with others.
Refused: decisions about pairs that are gone or decided, and joining what was told apart.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.errors import StateError, UnknownName
from vocative.identify.matching.comparisons import PERSONAL
from vocative.identify.matching.groups import Pair, group
from vocative.identify.matching.pairs import Matches, ScoredPair, Step
from vocative.identify.matching.records import Record, record_of
from vocative.identify.matching.scoring import ComparingEngine, score_people
from vocative.identify.merging import merge_event, undo_event
from vocative.identify.separating import Share, shares
from vocative.privacy import audit
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace

State = Literal["open", "accepted", "rejected"]

_READ_AT_ONCE = 5_000
_OPEN_SQL = (
    "FROM match_candidates c JOIN profiles a ON a.person_id = c.one"
    " JOIN profiles b ON b.person_id = c.other WHERE c.state = 'open'"
    " AND a.merged_into IS NULL AND b.merged_into IS NULL"
)
"""Pairs that can be decided: both people are there still, as two."""
_DECIDED_SQL = "FROM match_candidates c WHERE c.state = :state"
_decode_steps = msgspec.json.Decoder(list[tuple[str, str, float]]).decode


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A pair in the queue."""

    pair: ScoredPair
    state: State
    found_at: datetime
    decided_at: datetime | None
    decided_by: str | None


def find_candidates(
    workspace: Workspace, *, by: str, engine: ComparingEngine = "duckdb"
) -> Matches:
    """Compare everybody anew, and put into the queue who may be one.

    Open pairs are replaced; what was decided stays.

    Args:
        workspace: Whose people.
        by: Who asked; personal data are read, which is noted in the audit.
        engine: Where people are compared.

    Returns:
        What was found, without pairs that were decided already.

    Raises:
        Unsupported: Splink is not installed, or pyspark is too old.
        AuthorError: pyspark is not installed.
        EngineError: there is not enough memory, or Spark failed.
        PrivacyError: the workspace key does not fit the vault, or Spark would leave personal data
            readable.
    """
    now = workspace.clock.now()
    # On Spark they may leave this machine.
    action = "match people" if engine == "duckdb" else f"match people on {engine}"
    with workspace.store.transaction() as tx:
        audit.append(tx, at=now, actor=by, action=action, subject="everybody")
    matches = score_people(_records(workspace), engine=engine)
    with workspace.store.transaction() as tx:
        settled = apart(tx) | _pairs_in(tx, "accepted")
        found = [pair for pair in matches.pairs if (pair.one, pair.other) not in settled]
        tx.run("DELETE FROM match_candidates WHERE state = 'open'")
        tx.run(
            "INSERT INTO match_candidates (one, other, probability, weight, steps, state, found_at)"
            " VALUES (:one, :other, :probability, :weight, :steps, 'open', :found_at)",
            [
                {
                    "one": pair.one,
                    "other": pair.other,
                    "probability": pair.probability,
                    "weight": pair.weight,
                    "steps": _encode_steps(pair.steps),
                    "found_at": to_micros(now),
                }
                for pair in found
            ],
        )
    return msgspec.structs.replace(matches, pairs=found)


def records_of(
    workspace: Workspace, tx: Transaction, person_ids: Sequence[str]
) -> dict[str, Record]:
    """What people are compared by, decrypted; erased and unknown people are absent."""
    personal = workspace.vault.get_many(tx, person_ids)
    found = {}
    for marks, bound in in_lists(person_ids):
        for person_id, traits in tx.tuples(
            f"SELECT person_id, traits FROM profiles WHERE person_id IN ({marks})", bound
        ):
            stated: dict[str, Any] = msgspec.json.decode(traits)
            found[person_id] = record_of({**stated, **personal.get(person_id, {})})
    return found


def read_candidate(tx: Transaction, one: str, other: str) -> Candidate:
    """One pair of the queue.

    Raises:
        UnknownName: nobody proposed it.
    """
    row = tx.row(
        "SELECT c.* FROM match_candidates c WHERE one = :one AND other = :other",
        {"one": min(one, other), "other": max(one, other)},
    )
    if row is None:
        raise UnknownName(
            f"{one} and {other} were not proposed as one person",
            hint="see `vocative match list`, or look again with `vocative match find`",
        )
    return _candidate(row)


def read_candidates(
    tx: Transaction, state: State, *, at_least: float = 0.0, limit: int | None = None, skip: int = 0
) -> list[Candidate]:
    """Pairs in a state, the most probable first; open ones only while both people are there."""
    rows = tx.rows(
        f"SELECT c.* {_which(state)} AND c.probability >= :at_least"
        " ORDER BY c.probability DESC, c.one, c.other LIMIT :limit OFFSET :skip",
        {"state": state, "at_least": at_least, "limit": limit or 2**40, "skip": skip},
    )
    return [_candidate(row) for row in rows]


def probabilities(tx: Transaction) -> list[float]:
    """Of every open pair, the highest first."""
    return [
        row[0] for row in tx.tuples(f"SELECT c.probability {_which('open')} ORDER BY 1 DESC", {})
    ]


def count_candidates(tx: Transaction, state: State, *, at_least: float = 0.0) -> int:
    """How many pairs are in a state."""
    bound = {"state": state, "at_least": at_least}
    return int(
        tx.value(f"SELECT count(*) {_which(state)} AND c.probability >= :at_least", bound) or 0
    )


def accept_pairs(workspace: Workspace, pairs: Sequence[Pair], *, by: str) -> int:
    """Say that each pair is one person; they become one when the log is applied.

    The events are durable before the decision is: of a crash in between, the pair is one person
    and leaves the queue by itself.

    Raises:
        UnknownName: a pair was not proposed.
        StateError: a pair was decided already, one of the two is gone, or it would join people
            who were told apart. Nothing is accepted then.
    """
    now = workspace.clock.now()
    with workspace.store.transaction() as tx:
        told_apart = apart(tx)
        events = []
        for one, other in pairs:
            candidate = read_candidate(tx, one, other)
            pair = candidate.pair
            if (pair.one, pair.other) in told_apart:
                raise StateError(
                    f"{one} and {other} were judged to be two people, or to be one with people who"
                    " were",
                    hint="take the rejection back first: `vocative match reopen`",
                )
            _decide(tx, candidate, "accepted", at=now, by=by)
            events.append(merge_event(pair.one, pair.other, at=now, probability=pair.probability))
        if events:
            accept(workspace, events, source=OWN_SOURCE)
    return len(events)


def reject_pair(workspace: Workspace, one: str, other: str, *, by: str) -> None:
    """Say that a pair is two people: it is not proposed again.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it was decided already, or one of the two is gone.
    """
    with workspace.store.transaction() as tx:
        candidate = read_candidate(tx, one, other)
        _decide(tx, candidate, "rejected", at=workspace.clock.now(), by=by)


def reopen_pair(workspace: Workspace, one: str, other: str) -> None:
    """Take a rejection back: the pair waits for a decision again.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it is not rejected.
    """
    with workspace.store.transaction() as tx:
        candidate = read_candidate(tx, one, other)
        if candidate.state != "rejected":
            raise StateError(
                f"{one} and {other} were not rejected: the pair is {candidate.state}",
                hint="take it back with `vocative match undo`"
                if candidate.state == "accepted"
                else None,
            )
        _reopen(tx, candidate)


def preview_undo(workspace: Workspace, one: str, other: str) -> list[Share]:
    """Who the two would be if their acceptance were taken back; nothing is changed.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it is not accepted, or other merges join the two as well.
    """
    with workspace.store.read() as tx:
        pair = _accepted(tx, one, other).pair
        return shares(
            workspace,
            tx,
            lambda graph: graph.undo(pair.one, pair.other, at=0),
            [pair.one, pair.other],
        )


def undo_pair(workspace: Workspace, one: str, other: str) -> None:
    """Take an acceptance back: the two become two when the log is applied, and the pair waits.

    The event is durable before the queue is changed: after a crash in between it can be taken
    back once more, which changes nothing.

    Raises:
        UnknownName: the pair was not proposed.
        StateError: it is not accepted.
    """
    with workspace.store.transaction() as tx:
        candidate = _accepted(tx, one, other)
        pair = candidate.pair
        event = undo_event(pair.one, pair.other, at=workspace.clock.now())
        accept(workspace, [event], source=OWN_SOURCE)
        _reopen(tx, candidate)


def tell_apart(tx: Transaction, people: Sequence[Share], *, at: datetime, by: str) -> None:
    """Note of accepted pairs that come apart that they are two people.

    Args:
        tx: The transaction in which they are separated.
        people: Who they will be.
        at: Now.
        by: Who decided it.
    """
    whose = {profile: share.person_id for share in people for profile in share.profiles}
    for marks, bound in in_lists(sorted(whose)):
        for one, other in tx.tuples(
            "SELECT one, other FROM match_candidates"
            f" WHERE state = 'accepted' AND one IN ({marks})",
            bound,
        ):
            if other in whose and whose[one] != whose[other]:
                tx.run(
                    "UPDATE match_candidates SET state = 'rejected', decided_at = :at,"
                    " decided_by = :by WHERE one = :one AND other = :other",
                    {"one": one, "other": other, "at": to_micros(at), "by": by},
                )


def _accepted(tx: Transaction, one: str, other: str) -> Candidate:
    candidate = read_candidate(tx, one, other)
    if candidate.state != "accepted":
        raise StateError(f"{one} and {other} were not accepted: the pair is {candidate.state}")
    return candidate


def _reopen(tx: Transaction, candidate: Candidate) -> None:
    tx.run(
        "UPDATE match_candidates SET state = 'open', decided_at = NULL, decided_by = NULL"
        " WHERE one = :one AND other = :other",
        {"one": candidate.pair.one, "other": candidate.pair.other},
    )


def acceptable(tx: Transaction, at_least: float) -> list[list[ScoredPair]]:
    """The open pairs from a probability on that can be accepted, those of one person together.

    Left out are pairs that would chain: what they would join does not look like one person as a
    whole (`groups.py`), or was told apart.
    """
    pairs = [candidate.pair for candidate in read_candidates(tx, "open")]
    scored = [(pair.one, pair.other, pair.probability) for pair in pairs]
    member = {
        person: members[0]
        for members in group(scored, at_least=at_least, apart=apart(tx))
        for person in members
    }
    found: dict[str, list[ScoredPair]] = {}
    for pair in pairs:
        first = member.get(pair.one)
        if pair.probability >= at_least and first is not None and first == member.get(pair.other):
            found.setdefault(first, []).append(pair)
    return list(found.values())


def apart(tx: Transaction) -> set[Pair]:
    """Pairs of people who were judged to be two, under the ids by which they go now."""
    rows = tx.tuples(
        "SELECT coalesce(a.merged_into, c.one), coalesce(b.merged_into, c.other)"
        " FROM match_candidates c LEFT JOIN profiles a ON a.person_id = c.one"
        " LEFT JOIN profiles b ON b.person_id = c.other WHERE c.state = 'rejected'",
        {},
    )
    return {(min(pair), max(pair)) for pair in rows if pair[0] != pair[1]}


def _records(workspace: Workspace) -> dict[str, Record]:
    """What everybody is compared by."""
    with workspace.store.read() as tx:
        ids = [
            row[0]
            for row in tx.tuples(
                "SELECT person_id FROM profiles WHERE merged_into IS NULL ORDER BY person_id", {}
            )
        ]
        found: dict[str, Record] = {}
        for start in range(0, len(ids), _READ_AT_ONCE):
            found |= records_of(workspace, tx, ids[start : start + _READ_AT_ONCE])
    # Of visitors only a city and the like is known: they would all be alike.
    return {one: record for one, record in found.items() if not PERSONAL.isdisjoint(record)}


def _pairs_in(tx: Transaction, state: State) -> set[Pair]:
    rows = tx.tuples("SELECT one, other FROM match_candidates WHERE state = :s", {"s": state})
    return {(one, other) for one, other in rows}


def _which(state: State) -> str:
    return _OPEN_SQL if state == "open" else _DECIDED_SQL


def _decide(tx: Transaction, candidate: Candidate, state: State, *, at: datetime, by: str) -> None:
    pair = candidate.pair
    bound = {"one": pair.one, "other": pair.other}
    if candidate.state != "open":
        raise StateError(f"{pair.one} and {pair.other} were {candidate.state} already")
    there = tx.value(
        "SELECT count(*) FROM profiles WHERE person_id IN (:one, :other) AND merged_into IS NULL",
        bound,
    )
    if there != 2:
        raise StateError(
            f"{pair.one} or {pair.other} is not there any more",
            hint="look again with `vocative match find`",
        )
    tx.run(
        "UPDATE match_candidates SET state = :state, decided_at = :at, decided_by = :by"
        " WHERE one = :one AND other = :other",
        {**bound, "state": state, "at": to_micros(at), "by": by},
    )


def _encode_steps(steps: Iterable[Step]) -> str:
    rows = [(step.comparison, step.level, step.weight) for step in steps]
    return msgspec.json.encode(rows).decode()


def _candidate(row: dict[str, Any]) -> Candidate:
    decided = row["decided_at"]
    return Candidate(
        pair=ScoredPair(
            one=row["one"],
            other=row["other"],
            probability=row["probability"],
            weight=row["weight"],
            steps=tuple(Step(*step) for step in _decode_steps(row["steps"])),
        ),
        state=row["state"],
        found_at=from_micros(row["found_at"]),
        decided_at=None if decided is None else from_micros(decided),
        decided_by=row["decided_by"],
    )
