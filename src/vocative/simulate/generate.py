"""Generates a synthetic shop: files as a real one would hand them over, and the truth apart.

In: a folder and a few numbers. Out: the files, and a `WorldSummary`. The same arguments (and the
same numpy) give the same bytes. Refuses: a naive `end`, fewer than 10 people, no months, an
unknown world.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vocative.clock import to_micros
from vocative.errors import AuthorError
from vocative.simulate.accounts import make_accounts
from vocative.simulate.history import History, Progress, make_history
from vocative.simulate.lines import LinePrinter
from vocative.simulate.world import DAY_MS, FUTURE_DAYS, World, find_world
from vocative.simulate.write import (
    CUSTOMERS,
    EVENTS,
    ITEMS,
    MANIFEST,
    TRUTH,
    arrange_feed,
    count_customers,
    count_events,
    sha256_of,
    write_customers,
    write_events,
    write_future,
    write_items,
    write_json,
    write_truth,
)

_DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, kw_only=True)
class WorldSummary:
    """What `generate` wrote; `manifest` is the content of manifest.json."""

    folder: Path
    customers: Path
    items: Path
    events: Path
    truth: Path
    start: datetime
    end: datetime
    manifest: dict[str, Any]


def generate(
    folder: Path,
    *,
    end: datetime,
    people: int = 20_000,
    months: int = 12,
    seed: int = 7,
    world: str = "medium",
    progress: Progress | None = None,
) -> WorldSummary:
    """Write a synthetic shop to `folder`.

    Args:
        folder: Made if missing; files of an earlier world in it are overwritten.
        end: Aware instant at which the shop's records end.
        people: True customers, at least 10.
        months: Length of the records before `end`, at least 1.
        seed: Any integer; another seed is another world of the same kind.
        world: null, weak, medium or strong: how much people differ and what mail does.
        progress: Called with each step as it begins and the share of work done before it.

    Returns:
        Where everything is, and the manifest.

    Raises:
        AuthorError: `end` has no time zone, or `people` or `months` is too small.
        UnknownName: no world is called that.
    """
    chosen = find_world(world)
    start_ms, end_ms = _span(end, months)
    if people < 10:
        raise AuthorError(f"a world needs at least 10 people, not {people}")
    report = progress or _say_nothing
    history = make_history(
        world=chosen,
        people=people,
        seed=seed,
        start_ms=start_ms,
        end_ms=end_ms,
        make_accounts=lambda persons, rng: make_accounts(
            persons, world=chosen, end_ms=end_ms, rng=rng
        ),
        progress=report,
    )
    header = _header(chosen, people=people, months=months, seed=seed, history=history)
    return _write(folder, history, header, seed, report)


def _span(end: datetime, months: int) -> tuple[int, int]:
    if end.tzinfo is None:
        raise AuthorError(
            "the end of a world must carry a time zone", hint="pass an aware datetime"
        )
    if months < 1:
        raise AuthorError(f"a world needs at least 1 month, not {months}")
    end_ms = to_micros(end) // 1_000
    return end_ms - round(months * _DAYS_PER_MONTH) * DAY_MS, end_ms


def _header(
    world: World, *, people: int, months: int, seed: int, history: History
) -> dict[str, Any]:
    start_ms, end_ms = history.start_ms, history.end_ms
    return {
        "format": 1,
        "world": world.name,
        "digest": world.digest(),
        "seed": seed,
        "people": people,
        "months": months,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "future_ms": end_ms + FUTURE_DAYS * DAY_MS,
    }


def _write(
    folder: Path, history: History, header: dict[str, Any], seed: int, progress: Progress
) -> WorldSummary:
    progress("tables", 0.3)
    truth = folder / TRUTH
    truth.mkdir(parents=True, exist_ok=True)
    write_customers(folder / CUSTOMERS, history.accounts)
    write_items(folder / ITEMS, history)
    feed = arrange_feed(history, seed)
    printer = LinePrinter(history, seed)
    progress("event file", 0.4)
    malformed = write_events(folder / EVENTS, feed, printer, history.world, seed)
    progress("truth", 0.85)
    future = write_future(truth / "future.jsonl.gz", history, printer)
    write_truth(truth, history, header)
    items = history.items
    manifest = {
        **header,
        "customers": count_customers(history.accounts),
        "items": {
            "rows": len(items),
            "out_of_stock": int((items.stock == 0).sum()),
            "without_picture": int((~items.has_image).sum()),
            "inactive": int((~items.active).sum()),
        },
        "events": count_events(history, feed, malformed),
        "newsletters": {"issues": len(history.issues), "mails": len(history.mails)},
        "future_lines": future,
        "sha256": {name: sha256_of(folder / name) for name in (CUSTOMERS, ITEMS, EVENTS)},
    }
    write_json(folder / MANIFEST, manifest)
    return WorldSummary(
        folder=folder,
        customers=folder / CUSTOMERS,
        items=folder / ITEMS,
        events=folder / EVENTS,
        truth=truth,
        start=datetime.fromtimestamp(history.start_ms / 1000, UTC),
        end=datetime.fromtimestamp(history.end_ms / 1000, UTC),
        manifest=manifest,
    )


def _say_nothing(_step: str, _share: float) -> None:
    pass
