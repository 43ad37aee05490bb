"""Everybody's features as they are now, for questions about many people at once.

They are computed when asked for, from history as it is committed, and only those that the question
names: an audience is exact at its instant.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from vocative.engines.base import Engine
from vocative.segment.batch import compute_features, empty_scores
from vocative.segment.batch.names import segments_in
from vocative.segment.cuts import with_cuts
from vocative.segment.plan import Plan, base_name
from vocative.sql import Node
from vocative.sql.nodes import FieldRef
from vocative.workspace import Workspace


def open_current(
    workspace: Workspace,
    engine: Engine,
    plan: Plan,
    nodes: Iterable[Node] | None = None,
    *,
    as_of: datetime | None = None,
    people: Iterable[str] | None = None,
) -> datetime:
    """Register `current_features` and `scores` in an engine.

    Args:
        workspace: Where.
        engine: Its engine.
        plan: Its plan.
        nodes: What will be asked; every feature is there unless told.
        as_of: The instant; now unless told.
        people: Of whom; of everybody unless told.

    Returns:
        The instant the features are of.
    """
    at = as_of or workspace.clock.now()
    with workspace.store.read() as tx:
        plan = with_cuts(plan, tx)
    names = None if nodes is None else fields_in(plan, nodes) & set(plan.features)
    ordered = None if names is None else [name for name in plan.features if name in names]
    if any(f.about_others and f.name not in plan.cuts for f in plan.features.values()):
        people = None  # without kept buckets people can only be ranked among everybody
    engine.register("current_features", compute_features(engine, plan, at, people, ordered))
    register_scores(workspace, engine)
    return at


def fields_in(plan: Plan, nodes: Iterable[Node]) -> set[str]:
    """The features and traits that conditions ask about, also through segments."""
    found: set[str] = set()
    waiting, seen = list(nodes), set[str]()
    while waiting:
        node = waiting.pop()
        found |= {part.name for part in node.walk() if isinstance(part, FieldRef)}
        for name in map(base_name, segments_in(node)):
            if name not in seen:
                seen.add(name)
                waiting.append(plan.segments[name].node)
    return found


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
