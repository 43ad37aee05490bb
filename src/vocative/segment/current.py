"""The features everyone has now: kept in one Parquet file, replaced as a whole.

The file carries the instant it was computed for and the fingerprint of the plan. When a feature's
definition has changed since, readers compute the features anew for themselves.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vocative.clock import from_micros, to_micros
from vocative.engines.base import Engine
from vocative.errors import EngineError
from vocative.segment.batch import compute_features, empty_scores
from vocative.segment.plan import Plan
from vocative.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

_PLAN = b"vocative.plan"
_AS_OF = b"vocative.as_of"


def current_path(workspace: Workspace) -> Path:
    """The file of current features."""
    return workspace.state_dir / "features" / "current.parquet"


def write_current(workspace: Workspace, plan: Plan, table: "pa.Table", as_of: datetime) -> None:
    """Replace the current features; a reader sees the old file or the new one.

    Raises:
        EngineError: the file cannot be written.
    """
    import pyarrow.parquet as pq

    path = current_path(workspace)
    marked = table.replace_schema_metadata(
        {_PLAN: plan.fingerprint.encode(), _AS_OF: str(to_micros(as_of)).encode()}
    )
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(marked, partial, compression="zstd", compression_level=1)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise EngineError(
            f"the current features cannot be written: {error.strerror or error}",
            where="features/current.parquet",
            hint="free some space on the disk, then run the command again",
        ) from error


def read_current(workspace: Workspace, plan: Plan) -> "tuple[pa.Table, datetime] | None":
    """The current features and their instant, or None when the plan has changed since."""
    import pyarrow.parquet as pq

    path = current_path(workspace)
    if not path.exists():
        return None
    table = pq.read_table(path)
    marks = table.schema.metadata or {}
    if marks.get(_PLAN) != plan.fingerprint.encode():
        return None
    return table.replace_schema_metadata(None), from_micros(int(marks[_AS_OF]))


def open_current(workspace: Workspace, engine: Engine, plan: Plan) -> datetime:
    """Register `current_features` and `scores` in an engine, computing what is not there.

    Returns:
        The instant the features are of.
    """
    found = read_current(workspace, plan)
    if found is None:
        as_of = workspace.clock.now()
        found = compute_features(engine, plan, as_of), as_of
    engine.register("current_features", found[0])
    register_scores(workspace, engine)
    return found[1]


def register_scores(workspace: Workspace, engine: Engine) -> None:
    """Register `scores` (person_id, model, value) as the store has them."""
    import pyarrow as pa

    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT person_id, model, value FROM scores")
    if not rows:
        engine.register("scores", empty_scores())
        return
    people, models, values = zip(*rows, strict=True)
    engine.register(
        "scores",
        pa.table({"person_id": people, "model": models, "value": pa.array(values, pa.float64())}),
    )


Progress = Callable[[str, float], None]
"""Told what is being done and which part of the work is behind, in [0, 1]."""


def quiet(_: str, __: float) -> Any:
    """Progress for nobody."""
