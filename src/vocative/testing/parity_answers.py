"""The same questions answered in each way there is: by the oracle, by batch SQL, live.

A *world* is a workspace's definitions, lives and instants, all from one seed. It can be looked at
settled (everything has arrived, all instants are asked at once, nothing is written) or as it
arrives (a real workspace takes events in while its clock moves on, and is asked at each stop).
"""

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.engines.base import HISTORY_COLUMNS, Engine
from vocative.identify.apply import apply_log
from vocative.segment.batch import (
    compute_features,
    empty_scores,
    features_sql,
    segment_column,
    segments_sql,
)
from vocative.segment.plan import Plan, build_plan
from vocative.sql import quote_name
from vocative.testing.random_histories import SOURCE, Life, draw_instants, draw_life, people_at
from vocative.testing.random_plans import ITEMS, MODEL, TRAITS, Definitions, draw_definitions
from vocative.testing.segment_oracle import Asked, Person, answers
from vocative.workspace import Workspace, prepare_state

if TYPE_CHECKING:
    import pyarrow as pa

Values = dict[str, Any]
"""Features and segments of one person at one instant, by the definition's name."""
Answers = dict[Asked, Values]


@dataclass(frozen=True, kw_only=True)
class World:
    """Definitions, lives and the instants to ask about, all from one seed."""

    seed: int
    definitions: Definitions
    lives: tuple[Life, ...]
    instants: tuple[datetime, ...]


def draw_world(
    seed: int,
    *,
    people: int = 40,
    features: int = 30,
    segments: int = 20,
    instants: int = 5,
    without: frozenset[str] = frozenset(),
) -> World:
    """The world of a seed.

    Args:
        seed: The same one gives the same world.
        people: How many lives; some turn out to be two people.
        features: How many features.
        segments: How many segments.
        instants: How many instants are asked about.
        without: Kinds of features and words that are not drawn.
    """
    rng = Random(seed)  # noqa: S311 - drawn for tests
    asked = draw_instants(rng, count=instants)
    drawn = draw_definitions(rng, features=features, segments=segments, without=without)
    return World(
        seed=seed,
        definitions=drawn,
        lives=tuple(draw_life(rng, n, asked, drawn.sequences) for n in range(people)),
        instants=tuple(asked),
    )


@contextmanager
def opened(world: World, clock: FixedClock | None = None) -> Iterator[tuple[Workspace, Plan]]:
    """A workspace folder with a world's definitions, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="vocative-parity-") as folder:
        root = Path(folder) / "workspace"
        world.definitions.write(root)
        prepare_state(root)
        with Workspace(root, clock=clock) as workspace:
            yield workspace, build_plan(workspace)


def scored(people: Mapping[str, Person]) -> dict[str, Person]:
    """The same people with what a model says of most of them."""
    found = {}
    for name, person in people.items():
        rng = Random(name)  # noqa: S311 - drawn for tests
        scores = {} if rng.random() < 0.2 else {MODEL: rng.choice([0.1, 0.5, 0.9])}
        found[name] = replace(person, scores=scores)
    return found


def oracle_answers(
    plan: Plan, people: Mapping[str, Person], instants: Sequence[datetime]
) -> Answers:
    """What plain Python says."""
    found = answers(plan, people, instants, ITEMS)
    return {asked: {**answer.features, **answer.segments} for asked, answer in found.items()}


# Settled: the relations that SQL reads are registered as they would be


def batch_answers(
    engine: Engine, plan: Plan, people: Mapping[str, Person], instants: Sequence[datetime]
) -> Answers:
    """What batch SQL says about facts that are handed to it."""
    for name, table in relations(people).items():
        engine.register(name, table)
    engine.register("population_drawn", _population(people, instants))
    population = "SELECT person_id, as_of FROM population_drawn"
    features = engine.query(features_sql(plan, population))
    return _with_segments(engine, plan, features)


def _with_segments(engine: Engine, plan: Plan, features: "pa.Table") -> Answers:
    names = {**{name: name for name in plan.features}, **_segment_columns(plan)}
    if not plan.segments:
        return _by_asked(features, names)
    engine.register("current_features", features)
    shown = ", ".join(quote_name(column) for column in ("person_id", "as_of", *names.values()))
    sql = segments_sql(plan, select=lambda last: f"SELECT {shown} FROM {last}")
    return _by_asked(engine.query(sql), names)


def _segment_columns(plan: Plan) -> dict[str, str]:
    return {name: segment_column(name) for name in plan.segments}


def _by_asked(table: "pa.Table", names: Mapping[str, str]) -> Answers:
    """Rows by person and instant; `names` gives each definition's column."""
    keys = zip(table["person_id"].to_pylist(), table["as_of"].to_pylist(), strict=True)
    columns = [table[column].to_pylist() for column in names.values()]
    rows = zip(*columns, strict=True) if columns else iter([()] * table.num_rows)
    return {key: dict(zip(names, row, strict=True)) for key, row in zip(keys, rows, strict=True)}


def relations(people: Mapping[str, Person]) -> dict[str, "pa.Table"]:
    """People and their facts as the relations that SQL reads."""
    events = [(name, fact) for name, person in people.items() for fact in person.facts]
    lines = [(name, fact) for name, person in people.items() for fact in person.lines]
    return {
        "events": _history("events", events),
        "order_lines": _history("order_lines", lines),
        "people": _people(people),
        "items": _items(),
        "scores": _scores(people),
    }


def _history(relation: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> "pa.Table":
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}
    kinds["TIMESTAMP"] = pa.timestamp("us")
    filled = [{**fact, "person_id": name} for name, fact in rows]
    for row in filled:
        if "properties" in row:
            row["properties"] = json.dumps(row["properties"])
    return pa.table(
        {
            column: pa.array([row.get(column) for row in filled], kinds[kind])
            for column, kind in HISTORY_COLUMNS[relation].items()
        }
    )


def _people(people: Mapping[str, Person]) -> "pa.Table":
    import pyarrow as pa

    kinds = {
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "instant": pa.timestamp("us"),
    }
    stated = {name: kinds[body["type"]] for name, body in TRAITS.items()}
    stated |= {"first_seen_at": pa.timestamp("us"), "email_domain": pa.string()}
    stated |= {"email_kind": pa.string()}
    columns = {
        name: pa.array([person.traits.get(name) for person in people.values()], kind)
        for name, kind in stated.items()
    }
    zones = pa.array([person.zone for person in people.values()], pa.string())
    return pa.table({"person_id": pa.array(people, pa.string()), **columns, "local_zone": zones})


def _items() -> "pa.Table":
    import pyarrow as pa

    columns = {
        name: pa.array([item[name] for item in ITEMS.values()], kind)
        for name, kind in (
            ("category", pa.string()),
            ("price", pa.float64()),
            ("margin", pa.float64()),
            ("title", pa.string()),
            ("currency", pa.string()),
        )
    }
    return pa.table({"item_id": pa.array(ITEMS, pa.string()), **columns})


def _scores(people: Mapping[str, Person]) -> "pa.Table":
    rows = [
        {"person_id": name, "model": model, "value": value}
        for name, person in people.items()
        for model, value in person.scores.items()
    ]
    empty = empty_scores()
    return type(empty).from_pylist(rows, schema=empty.schema)


def _population(people: Mapping[str, Person], instants: Sequence[datetime]) -> "pa.Table":
    import pyarrow as pa

    asked = [(name, at) for name in people for at in instants]
    return pa.table(
        {
            "person_id": pa.array([name for name, _ in asked], pa.string()),
            "as_of": pa.array([at for _, at in asked], pa.timestamp("us")),
        }
    )


# Arriving: a real workspace takes events in


Runner = Callable[[Workspace, Plan], dict[str, Values]]
"""Asks a workspace about everybody as of its clock's now: answers by person id."""
Bring = Callable[[Workspace], Callable[[], object]]
"""Given a workspace, gives what brings it up to date with its log and its clock."""


def arriving_answers(
    world: World, bring: Bring, runners: Mapping[str, Runner]
) -> Iterator[tuple[datetime, Plan, dict[str, Person], dict[str, dict[str, Values]]]]:
    """What runners say at each stop of the clock.

    Args:
        world: What arrives.
        bring: What applies the log.
        runners: Who is asked then, by name.

    Yields:
        The instant, the plan, who is known by then and, by the runner's name, its answers by the
        same names of people.
    """
    clock = FixedClock(world.instants[0].replace(tzinfo=UTC))
    with opened(world, clock) as (workspace, plan):
        _put_items(workspace)
        catch_up = bring(workspace)
        taken: set[int] = set()
        for now in world.instants:
            clock.at = now.replace(tzinfo=UTC)
            _take_in(workspace, world, now, taken)
            catch_up()
            people = people_at(world.lives, now)
            ids = {name: _person_id(workspace, name) for name in people}
            said = {}
            for name, runner in runners.items():
                by_id = runner(workspace, plan)
                said[name] = {person: by_id.get(ids[person], {}) for person in people}
            yield now, plan, people, said


def _put_items(workspace: Workspace) -> None:
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO items (item_id, title, category, price, currency, margin, active,"
            " updated_at)"
            " VALUES (:item_id, :title, :category, :price, :currency, :margin, 1, 0)",
            [{"item_id": item_id, **item} for item_id, item in ITEMS.items()],
        )


def _take_in(workspace: Workspace, world: World, now: datetime, taken: set[int]) -> None:
    """Put on the log what arrived since the last stop, in batches of a few events."""
    arrived = [event for life in world.lives for event in life if event.arrives_at <= now]
    fresh = [event for event in arrived if id(event) not in taken]
    taken.update(id(event) for event in fresh)
    rng = Random(f"{world.seed} {now}")  # noqa: S311 - drawn for tests
    while fresh:
        size = rng.choice([1, 7, 50, 400])
        accept(workspace, [event.wire() for event in fresh[:size]], source=SOURCE)
        fresh = fresh[size:]


def _person_id(workspace: Workspace, name: str) -> str:
    """The id of somebody in the store, by one of their names."""
    namespace, _, value = name.partition(" ")
    with workspace.store.read() as tx:
        found = tx.value(
            "SELECT person_id FROM identities WHERE namespace = :namespace AND value_hash = :hash",
            {"namespace": namespace, "hash": workspace.vault.lookup_hash(namespace, value)},
        )
    return str(found)


def apply(workspace: Workspace) -> Callable[[], object]:
    """Applies the log and nothing else."""
    return lambda: apply_log(workspace)


def batch_now(workspace: Workspace, plan: Plan) -> dict[str, Values]:
    """What batch SQL says about everybody whom the log made known."""
    with workspace.engine() as engine:
        features = compute_features(engine, plan, workspace.clock.now())
        engine.register("scores", empty_scores())
        found = _with_segments(engine, plan, features)
    return {name: values for (name, _), values in found.items()}


def live(workspace: Workspace) -> Callable[[], object]:
    """Brings everything up to date live: the log, new definitions, the passing of time.

    One runner folds what waits on the log step by step, the other person by person; in turns.
    """
    from vocative.segment.live.runner import LiveRunner

    turns = itertools.cycle((LiveRunner(workspace), LiveRunner(workspace, least_bulk=1)))
    return lambda: next(turns).advance()


def ranked(workspace: Workspace) -> Callable[[], object]:
    """The same, and ranks everybody anew before they are judged."""
    from vocative.segment.cuts import refresh_cuts
    from vocative.segment.live.runner import LiveRunner

    runner = LiveRunner(workspace)

    def bring() -> None:
        runner.catch_up()
        refresh_cuts(workspace, build_plan(workspace))
        runner.refresh()
        runner.settle()

    return bring


def live_now(workspace: Workspace, plan: Plan) -> dict[str, Values]:
    """What the live runner keeps: memberships as they are stored, features as it reads them."""
    from vocative.segment.live.reading import features_now

    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT person_id, segment FROM memberships WHERE until_at IS NULL")
        ids = tx.tuples("SELECT person_id FROM profiles WHERE merged_into IS NULL")
    outside = {name: None if found.is_family else False for name, found in plan.segments.items()}
    answers = {}
    for (person_id,) in ids:
        features = features_now(workspace, plan, person_id) or {}
        answers[person_id] = {**features, **outside}
    for person_id, segment in rows:
        name, mark, value = segment.partition(":")
        # A membership of somebody who is gone shows as a person nobody knows.
        answers.setdefault(person_id, {})[name] = value if mark else True
    return answers
