"""Recommenders at work: learn, measure on a later window, write lists.

In: a workspace's events and catalog. Out: a stored version with its card, and rows of the table
`recommendations`. Items that are switched off or out of stock are left out; an unknown stock
counts as in stock. People without a history get what is popular.
"""

import importlib.util
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import numpy as np
import numpy.typing as npt

from vocative.clock import EPOCH, naive_utc, to_micros
from vocative.errors import DataError
from vocative.predict.artifacts import (
    champion,
    read_artifact,
    save_version,
    sha256,
    version_of,
)
from vocative.predict.card import ModelCard, RankingRow
from vocative.predict.definitions import RECOMMENDERS, Recommending
from vocative.predict.interactions import Interactions, Ints
from vocative.predict.metrics import ndcg
from vocative.predict.quality import library_versions
from vocative.predict.recommenders.base import Learned, Recommender
from vocative.predict.recommenders.popularity import Popularity
from vocative.predict.shop import Shop, read_shop
from vocative.workspace import Workspace

Progress = Callable[[str, float], None]
BASELINES = ("own_frequency", "popularity")
LEAST_TEST_PEOPLE = 20
MOST_TEST_PEOPLE = 5_000


class StoredRecommender(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recommender as `model.json` holds it; what it knows of items is in the history."""

    algorithm: str
    learned: Learned


def train_recommender(
    workspace: Workspace, model: Recommending, *, as_of: datetime, progress: Progress
) -> ModelCard:
    """Learn a recommender up to the last window, measure it there, keep the version."""
    began = time.perf_counter()
    progress("reading history", 0.0)
    with workspace.engine() as engine:
        shop = read_shop(engine, model.events, until=as_of)
    missing = missing_for(model, shop)
    ranking: tuple[RankingRow, ...] = ()
    learned, cautions = Learned(), []
    if not missing:
        progress("learning from earlier windows", 0.2)
        cut = last_window_start(shop, model.within)
        past, future = shop.history.before(cut), shop.history.where(shop.history.day >= cut)
        recommender = RECOMMENDERS.load(model.algorithm)()
        learned = recommender.learn(past, as_of=cut, seed=model.seed)
        recommender.restore(learned)
        progress("measuring on the last window", 0.7)
        ranking = measure(model, recommender, past, future, cut=cut)
        cautions = _cautions(model, learned, ranking)
        if not ranking:
            few, days = LEAST_TEST_PEOPLE, model.within.days
            missing = [
                f"fewer than {few} people with a past took something in the last {days} days"
            ]
    raw = msgspec.json.encode(StoredRecommender(algorithm=model.algorithm, learned=learned))
    card = _card(workspace, model, shop, as_of=as_of)
    card = msgspec.structs.replace(
        card,
        status="not_enough_data" if missing else "champion",
        version=version_of(as_of, raw),
        artifact_sha256=sha256(raw),
        ranking=() if missing else ranking,
        missing=tuple(missing),
        cautions=tuple(cautions),
        train_seconds=round(time.perf_counter() - began, 3),
    )
    save_version(workspace, card, raw, at=workspace.clock.now())
    progress("done", 1.0)
    return card


def recommend_items(
    workspace: Workspace, model: Recommending, *, n: int, as_of: datetime, progress: Progress
) -> int:
    """Write the `n` best items of everyone; replaces the recommender's earlier lists.

    Returns:
        How many people have a list.

    Raises:
        StateError: the recommender is not trained.
        DataError: the stored version was changed or does not hold together.
    """
    card = champion(workspace, model.name)
    stored = load_recommender(read_artifact(workspace, card))
    progress("reading history", 0.1)
    with workspace.engine() as engine:
        shop = read_shop(engine, model.events, until=as_of)
        everyone = engine.query("SELECT person_id FROM people ORDER BY person_id")
    history, now = shop.history, _latest_day(shop, as_of)
    recommender = RECOMMENDERS.load(stored.algorithm)()
    recommender.restore(stored.learned)
    progress("learning what goes with what", 0.3)
    recommender.fit(history, as_of=now)
    popular = Popularity()
    popular.fit(history, as_of=now)
    progress("choosing items", 0.6)
    people = everyone.column("person_id").to_pylist()
    place = _places(history.people, people)
    lists = [(recommender, np.nonzero(place >= 0)[0]), (popular, np.nonzero(place < 0)[0])]
    texts: dict[int, str] = {}
    for source, rows in lists:
        texts.update(_lists_as_json(source, popular, rows, place, n=n, shop=shop))
    progress("writing lists", 0.9)
    made_at = to_micros(as_of)
    with workspace.store.transaction() as tx:
        tx.run(
            "DELETE FROM recommendations WHERE recommender = :recommender",
            {"recommender": model.name},
        )
        tx.run(
            "INSERT INTO recommendations (person_id, recommender, items, version, made_at)"
            " VALUES (:person_id, :recommender, :items, :version, :made_at)",
            [
                {
                    "person_id": people[row],
                    "recommender": model.name,
                    "items": text,
                    "version": card.version,
                    "made_at": made_at,
                }
                for row, text in sorted(texts.items())
            ],
        )
    progress("done", 1.0)
    return len(texts)


def load_recommender(raw: bytes) -> StoredRecommender:
    """A recommender from its bytes.

    Raises:
        DataError: the bytes are not such a recommender.
    """
    try:
        stored = msgspec.json.decode(raw, type=StoredRecommender)
    except msgspec.MsgspecError as error:
        raise DataError(
            f"this is not a stored recommender: {error}", hint="train it again"
        ) from error
    if stored.algorithm not in RECOMMENDERS.names():
        raise DataError(f"the stored recommender is of an unknown kind {stored.algorithm!r}")
    return stored


def measure(
    model: Recommending,
    recommender: Recommender,
    past: Interactions,
    future: Interactions,
    *,
    cut: float,
) -> tuple[RankingRow, ...]:
    """The recommender and the simple rules on the window after `cut`; empty when too few people."""
    future = future.taken_only
    people = np.intersect1d(np.unique(past.person), np.unique(future.person))
    if len(people) < LEAST_TEST_PEOPLE:
        return ()
    if len(people) > MOST_TEST_PEOPLE:
        people = np.random.default_rng(model.seed).permutation(people)[:MOST_TEST_PEOPLE]
        people.sort()
    wanted = np.unique(future.person * future.n_items + future.item)
    wanted = wanted[np.isin(wanted // future.n_items, people)]
    found = []
    for name in (model.algorithm, *(name for name in BASELINES if name != model.algorithm)):
        ranker = recommender if name == model.algorithm else RECOMMENDERS.load(name)()
        ranker.fit(past, as_of=cut)
        found.append(_ranking_row(name, ranker, people, wanted))
    return tuple(found)


def _ranking_row(name: str, ranker: Recommender, people: Ints, wanted: Ints) -> RankingRow:
    lists = ranker.recommend(people, 20).items
    keys = people[:, None] * ranker.n_items + lists
    hit = np.isin(keys, wanted) & (lists >= 0)
    relevant = np.bincount(wanted // ranker.n_items, minlength=int(people.max()) + 1)[people]
    shown = lists[:, :10]
    return RankingRow(
        name=name,
        ndcg10=float(ndcg(shown, wanted, people, n_items=ranker.n_items).mean()),
        recall20=float((hit.sum(axis=1) / relevant).mean()),
        hit10=float(hit[:, :10].any(axis=1).mean()),
        coverage10=len(np.unique(shown[shown >= 0])) / max(1, ranker.n_items),
    )


def missing_for(model: Recommending, shop: Shop) -> list[str]:
    """What history lacks, in words."""
    needs = RECOMMENDERS.load(model.algorithm).needs
    history = shop.history.taken_only
    if shop.span is None or not len(history.item):
        return [f"no {model.events[0]!r} event names a product of the catalog yet"]
    found = []
    for what, have, need in (
        (f"products in {model.events[0]!r} events", len(history.item), needs.takes),
        ("people with such events", len(np.unique(history.person)), needs.people),
        ("different products", len(np.unique(history.item)), needs.items),
    ):
        if have < need:
            found.append(f"{have:,} {what}; {need:,} are needed")
    days = (shop.span[1] - shop.span[0]).days
    if not found and days < 2 * model.within.days:
        found.append(
            f"history covers {days} days; {2 * model.within.days} are needed to measure on a"
            " later window"
        )
    return found


def last_window_start(shop: Shop, within: timedelta) -> float:
    """The day at which the last window begins."""
    return float(shop.history.day.max()) - within.days


def _latest_day(shop: Shop, as_of: datetime) -> float:
    """The day to look back from: an old import is judged by its own end, not by today."""
    now = (as_of - EPOCH) / timedelta(days=1)
    return min(now, float(shop.history.day.max(initial=now)) if shop.span else now)


def _places(names: npt.NDArray[np.str_], wanted: list[str]) -> Ints:
    if not len(names) or not wanted:
        return np.full(len(wanted), -1, dtype=np.int64)
    asked = np.asarray(wanted, dtype=np.str_)
    at = np.minimum(np.searchsorted(names, asked), len(names) - 1)
    return np.where(names[at] == asked, at, -1)


def _lists_as_json(
    source: Recommender, popular: Popularity, rows: Ints, place: Ints, *, n: int, shop: Shop
) -> dict[int, str]:
    """Lists of some people as JSON, by row; short ones are filled up with what is popular."""
    if not len(rows) or not len(shop.history.items):
        return {}
    ids = shop.history.items.tolist()
    people = place[rows]
    chosen = source.recommend(np.maximum(people, 0), n, allowed=shop.allowed)
    extra = popular.recommend(np.zeros(1, dtype=np.int64), 2 * n, allowed=shop.allowed).items[0]
    reserve = [
        (item, {"item_id": ids[item], "score": 0.0, "reason": reason})
        for item, reason in zip(extra.tolist(), popular.explain(0, extra), strict=True)
        if item >= 0
    ]
    found: dict[int, str] = {}
    scores = np.round(chosen.scores.astype(float), 5)
    for number, (row, person) in enumerate(zip(rows.tolist(), people.tolist(), strict=True)):
        items = chosen.items[number]
        items = items[items >= 0]
        listed = [
            {"item_id": ids[item], "score": score, "reason": reason}
            for item, score, reason in zip(
                items.tolist(), scores[number].tolist(), source.explain(person, items), strict=False
            )
        ]
        if len(listed) < n:
            have = set(items.tolist())
            listed += [entry for item, entry in reserve if item not in have][: n - len(listed)]
        if listed:
            found[row] = msgspec.json.encode(listed).decode()
    return found


def _cautions(model: Recommending, learned: Learned, ranking: tuple[RankingRow, ...]) -> list[str]:
    found = []
    if model.algorithm == "hybrid" and not learned.trees:
        why = (
            "the package lightgbm is not installed (pip install 'vocative[predict]')"
            if importlib.util.find_spec("lightgbm") is None
            else "there are too few earlier windows to learn from"
        )
        found.append(f"the sources are mixed by fixed weights: {why}")
    if ranking:
        best = max(ranking, key=lambda row: row.ndcg10)
        if best.name != ranking[0].name:
            found.append(
                f"the simple rule {best.name!r} does better here (NDCG@10 {best.ndcg10:.3f}):"
                f" consider algorithm: {best.name}"
            )
    return found


def _card(workspace: Workspace, model: Recommending, shop: Shop, *, as_of: datetime) -> ModelCard:
    def text(at: datetime) -> str:
        return naive_utc(at).isoformat(timespec="seconds")

    return ModelCard(
        model=model.name,
        kind="recommender",
        status="champion",
        version="",
        algorithm=model.algorithm,
        predicts=model.what,
        describe=model.describe,
        population=f"people with {' or '.join(model.events)}; others get what is popular",
        trained_at=text(workspace.clock.now()),
        as_of=text(as_of),
        data_from=text(shop.span[0]) if shop.span else None,
        data_until=text(shop.span[1]) if shop.span else None,
        people=len(shop.history.people),
        seed=model.seed,
        versions=library_versions("numpy", "lightgbm"),
    )
