"""Who is in which segment, kept as intervals: since when, until when.

`recompute` computes everyone's features and segments as of one instant, replaces the current
features, and writes the differences to `memberships` in one transaction. Doing it again changes
nothing.
"""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vocative.clock import to_micros
from vocative.engines.base import Engine
from vocative.errors import AuthorError, unknown_name
from vocative.segment.batch import compute_features, segment_column, segments_sql
from vocative.segment.current import Progress, quiet, register_scores, write_current
from vocative.segment.plan import Plan, base_name, build_plan
from vocative.segment.results import RecomputeReport
from vocative.sql import quote_name, quote_text
from vocative.stores import Transaction
from vocative.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

MAX_FAMILY = 1_000
_CHUNK = 50_000


def recompute(
    workspace: Workspace, *, as_of: datetime | None = None, progress: Progress | None = None
) -> RecomputeReport:
    """Compute features and segments of everyone and record who entered and left.

    Args:
        workspace: Where.
        as_of: The instant to compute for (aware); the workspace's now unless told.
        progress: Told how far it is.

    Raises:
        AuthorError: a definition is wrong, or a family has more than 1,000 values.
    """
    told = progress or quiet
    started = time.perf_counter()
    plan = build_plan(workspace)
    with workspace.worker_lock("segment"), workspace.engine() as engine:
        at = as_of or workspace.clock.now()
        told("features", 0.05)
        features = compute_features(engine, plan, at)
        engine.register("current_features", features)
        register_scores(workspace, engine)
        told("segments", 0.5)
        members = _members(engine, plan)
        write_current(workspace, plan, features, at)
        told("memberships", 0.7)
        entered, left = _record(workspace, engine, plan, members, at)
    told("done", 1.0)
    return RecomputeReport(
        as_of=at,
        people=features.num_rows,
        features=len(plan.features),
        segments=len(plan.segments),
        entered=entered,
        left=left,
        seconds=round(time.perf_counter() - started, 3),
    )


def _members(engine: Engine, plan: Plan) -> "pa.Table":
    """A row per person and segment: person_id, segment."""
    import pyarrow as pa

    if not plan.segments:
        return pa.table(
            {"person_id": pa.array([], pa.string()), "segment": pa.array([], pa.string())}
        )
    engine.register("segment_flags", engine.query(segments_sql(plan, select=_flags_sql(plan))))
    _refuse_wide_families(engine, plan)
    parts = []
    for name, found in plan.segments.items():
        flag = quote_name(segment_column(name))
        if found.is_family:
            chosen = f"{quote_text(name + ':')} || {flag} AS segment"
            parts.append(f"SELECT person_id, {chosen} FROM segment_flags WHERE {flag} IS NOT NULL")
        else:
            chosen = f"{quote_text(name)} AS segment"
            parts.append(f"SELECT person_id, {chosen} FROM segment_flags WHERE {flag}")
    return engine.query("\nUNION ALL ".join(parts))


def _flags_sql(plan: Plan) -> Any:
    columns = ", ".join(quote_name(segment_column(name)) for name in plan.segments)
    return lambda last: f"SELECT person_id, {columns} FROM {last}"


def _refuse_wide_families(engine: Engine, plan: Plan) -> None:
    for name, found in plan.segments.items():
        if not found.is_family:
            continue
        flag = quote_name(segment_column(name))
        values = engine.value(f"SELECT count(DISTINCT {flag}) FROM segment_flags")
        if values > MAX_FAMILY:
            raise AuthorError(
                f"the family {name!r} would have {values:,} segments; at most {MAX_FAMILY:,} fit",
                where=found.written.definition.where("by"),
                hint="go by a field with fewer values",
            )


def _record(
    workspace: Workspace, engine: Engine, plan: Plan, members: "pa.Table", at: datetime
) -> tuple[int, int]:
    """Write the differences and the sizes; how many memberships began and ended."""
    engine.register("members_now", members)
    micros = to_micros(at)
    with workspace.store.transaction() as tx:
        engine.register("members_before", _open_memberships(tx))
        left = _only_in(engine, "members_before", "members_now")
        entered = _only_in(engine, "members_now", "members_before")
        for chunk in _chunks(left):
            # By the whole key: SQLite would take the index on segment and read all its members.
            # An earlier instant than the beginning leaves an empty interval, not a negative one.
            tx.run(
                "UPDATE memberships SET until_at = :until_at WHERE person_id = :person_id"
                " AND segment = :segment AND since_at = :since_at",
                [{**row, "until_at": max(row["since_at"], micros)} for row in chunk],
            )
        for chunk in _chunks(entered):
            tx.run(
                "INSERT INTO memberships (person_id, segment, since_at, until_at)"
                " VALUES (:person_id, :segment, :since_at, NULL)"
                " ON CONFLICT (person_id, segment, since_at) DO UPDATE SET until_at = NULL",
                [{**row, "since_at": micros} for row in chunk],
            )
        _record_sizes(tx, engine, plan, micros)
    return len(entered), len(left)


def _open_memberships(tx: Transaction) -> "pa.Table":
    import pyarrow as pa

    rows = tx.tuples("SELECT person_id, segment, since_at FROM memberships WHERE until_at IS NULL")
    people, segments, since = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "person_id": pa.array(people, pa.string()),
            "segment": pa.array(segments, pa.string()),
            "since_at": pa.array(since, pa.int64()),
        }
    )


def _only_in(engine: Engine, these: str, others: str) -> list[dict[str, Any]]:
    return engine.rows(
        f"SELECT * FROM {these} ANTI JOIN {others} USING (person_id, segment)"
        " ORDER BY person_id, segment"
    )


def _chunks(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _record_sizes(tx: Transaction, engine: Engine, plan: Plan, micros: int) -> None:
    sizes = {name: 0 for name, found in plan.segments.items() if not found.is_family}
    # A family's value that nobody has any more is recorded as empty, once.
    before = tx.tuples("SELECT DISTINCT segment FROM segment_sizes WHERE members > 0")
    sizes |= {name: 0 for (name,) in before if base_name(name) in plan.segments}
    for row in engine.rows("SELECT segment, count(*) AS members FROM members_now GROUP BY segment"):
        sizes[row["segment"]] = row["members"]
    tx.run(
        "INSERT INTO segment_sizes (segment, computed_at, members) VALUES (:segment, :at, :members)"
        " ON CONFLICT (segment, computed_at) DO UPDATE SET members = excluded.members",
        [{"segment": name, "at": micros, "members": count} for name, count in sizes.items()],
    )


def segment_members(workspace: Workspace, segment: str) -> list[str]:
    """Ids of the people who are in a segment since the last recomputation, sorted.

    Raises:
        UnknownName: there is no such segment.
    """
    known = workspace.definitions("segment")
    if base_name(segment) not in known:
        raise unknown_name("segment", segment, known)
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT person_id FROM memberships WHERE segment = :segment AND until_at IS NULL"
            " ORDER BY person_id",
            {"segment": segment},
        )
    return [row[0] for row in rows]
