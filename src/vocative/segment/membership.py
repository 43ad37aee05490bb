"""Who is in which segment, kept as intervals: since when, until when.

The live runner writes them, event by event and as time passes (`live/`). `advance` lets it bring
everything up to now. `recompute` ranks the population anew and then computes everybody's segments
a second time with SQL over history: both ways must agree, and it says if they do not.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from vocative.clock import from_micros
from vocative.engines.base import Engine
from vocative.errors import AuthorError, unknown_name
from vocative.segment.batch import segment_column, segments_sql
from vocative.segment.current import Progress, open_current, quiet
from vocative.segment.cuts import refresh_cuts
from vocative.segment.live.runner import LiveReport, LiveRunner
from vocative.segment.plan import Plan, base_name, build_plan
from vocative.segment.results import RecomputeReport
from vocative.sql import quote_name, quote_text
from vocative.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

MAX_FAMILY = 1_000


def advance(
    workspace: Workspace,
    *,
    progress: Callable[[str, int], None] | None = None,
    beside: bool = False,
) -> LiveReport:
    """Bring segments up to now: events that wait, definitions that changed, time that passed.

    Args:
        workspace: Where.
        progress: Told what was done (`events`, `people`) and how many more.
        beside: Whether a second process may help with a long backlog, where there is a core for
            it; it imports this process's main module.

    Raises:
        AuthorError: a definition is wrong.
    """
    runner = LiveRunner(workspace, beside=beside and (os.cpu_count() or 1) > 1)
    with closing(runner):
        runner.catch_up(progress)
        if refresh_cuts(workspace, build_plan(workspace), always=False):
            runner.refresh()
        return runner.settle(progress)


def recompute(workspace: Workspace, *, progress: Progress | None = None) -> RecomputeReport:
    """Rank the population anew, bring every segment up to now, and check it against history.

    Args:
        workspace: Where.
        progress: Told how far it is.

    Raises:
        AuthorError: a definition is wrong, or a family has more than 1,000 values.
    """
    told = progress or quiet
    started = time.perf_counter()
    plan = build_plan(workspace)
    runner = LiveRunner(workspace)
    told("events", 0.0)
    runner.catch_up()
    told("features", 0.1)
    refresh_cuts(workspace, plan)
    runner.refresh()
    told("segments", 0.3)
    report = runner.settle()
    told("checking", 0.7)
    people, differences = _check(workspace, plan, runner)
    if differences:
        runner.rebuild()
        told("segments", 0.8)
        runner.settle()
    runner.record_sizes()
    told("done", 1.0)
    return RecomputeReport(
        as_of=from_micros(runner.as_of),
        people=people,
        features=len(plan.features),
        segments=len(plan.segments),
        entered=report.entered,
        left=report.exited,
        differences=differences,
        seconds=round(time.perf_counter() - started, 3),
    )


def _check(workspace: Workspace, plan: Plan, runner: LiveRunner) -> tuple[int, int]:
    """How many people there are, and how many memberships history sees in another way."""
    with runner.still(), workspace.engine() as engine:
        open_current(workspace, engine, plan, as_of=from_micros(runner.as_of))
        engine.register("members_now", members(engine, plan))
        engine.register("members_kept", _open_memberships(workspace))
        differences = engine.value(
            "SELECT count(*) FROM (SELECT person_id, segment FROM members_now) AS n"
            " FULL JOIN (SELECT person_id, segment FROM members_kept) AS k"
            " ON k.person_id = n.person_id AND k.segment = n.segment"
            " WHERE k.person_id IS NULL OR n.person_id IS NULL"
        )
        people = engine.value("SELECT count(*) FROM people")
    return int(people), int(differences)


def members(engine: Engine, plan: Plan) -> "pa.Table":
    """A row per person and segment (person_id, segment), from an engine with current features.

    Raises:
        AuthorError: a family has more than 1,000 values.
    """
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


def _open_memberships(workspace: Workspace) -> "pa.Table":
    import pyarrow as pa

    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT person_id, segment FROM memberships WHERE until_at IS NULL")
    people, segments = zip(*rows, strict=True) if rows else ((), ())
    return pa.table(
        {"person_id": pa.array(people, pa.string()), "segment": pa.array(segments, pa.string())}
    )


def segment_members(workspace: Workspace, segment: str) -> list[str]:
    """Ids of the people who are in a segment, sorted.

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
