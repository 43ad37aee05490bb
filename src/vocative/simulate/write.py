"""Writes a world to a folder: what the shop would hand over, and the sealed truth beside it.

In: a `History`. Out: customers.csv, items.csv, events.jsonl.gz, manifest.json and truth/. The
manifest counts every line of every kind, so that a reader can account for all of them:
lines = unique + duplicates + malformed.
"""

import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vocative.simulate.accounts import DUPLICATE_KINDS, REPEATED_ROW, Account
from vocative.simulate.baskets import Lines
from vocative.simulate.history import History
from vocative.simulate.lines import CURRENCY, LinePrinter, iso_instants, product_url
from vocative.simulate.people import NEVER_MS
from vocative.simulate.telling import (
    ADDED,
    BOTH,
    DEVICE,
    EVENT_NAMES,
    KNOWN,
    MACHINE_OPENED,
    OPENED,
    ORDER,
    REFUND,
    SCANNED,
    Events,
)
from vocative.simulate.visits import CARTED, CHECKED_OUT
from vocative.simulate.world import DAY_MS, HOUR_MS, Floats, Ints, World, random_stream

MALFORMED_KINDS = ("broken_json", "missing_event", "impossible_timestamp", "no_identity")
IMAGE_BASE = "http://localhost:8750/demo/items"

CUSTOMERS, ITEMS, EVENTS, MANIFEST = (
    "customers.csv",
    "items.csv",
    "events.jsonl.gz",
    "manifest.json",
)
TRUTH = "truth"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The event file, row by row: which event stands on each line, and when each was sent."""

    events: Events
    sent_ms: Ints
    rows: Ints
    duplicates: int
    late: int


def write_customers(path: Path, accounts: list[Account]) -> None:
    """The shop's customer table, by sign-up; rows exported twice come again at the end."""
    rows = sorted(
        accounts,
        key=lambda account: (account.kind == REPEATED_ROW, account.signup_ms, account.customer_id),
    )
    signup = iso_instants(np.array([row.signup_ms for row in rows]))
    consent = iso_instants(np.array([row.consent_ms for row in rows]))
    columns = (
        *("customer_id", "email", "first_name", "last_name", "phone", "country", "city"),
        *("timezone", "language", "signup_at", "email_consent", "consent_at", "consent_source"),
    )
    _write_csv(
        path,
        columns,
        (
            (
                *(
                    row.customer_id,
                    row.email,
                    row.first_name,
                    row.last_name,
                    row.phone,
                    row.country,
                ),
                *(row.city, row.timezone, row.language, signed_up, row.consent),
                *(consented if row.consent else "", row.consent_source),
            )
            for row, signed_up, consented in zip(rows, signup, consent, strict=True)
        ),
    )


def write_items(path: Path, history: History) -> None:
    """The catalogue as the shop knows it; `margin` is a share of the price."""
    items = history.items
    columns = (
        *("item_id", "title", "category", "price", "currency", "stock", "margin", "url"),
        *("image_url", "active"),
    )
    _write_csv(
        path,
        columns,
        (
            (
                *(items.item_id[n], items.title[n], items.category_name[n]),
                *(f"{items.price[n]:.2f}", CURRENCY, int(items.stock[n]), f"{items.margin[n]:.2f}"),
                product_url(items.item_id[n]),
                f"{IMAGE_BASE}/{items.item_id[n]}.svg" if items.has_image[n] else "",
                "true" if items.active[n] else "false",
            )
            for n in range(len(items))
        ),
    )


def arrange_feed(history: History, seed: int) -> Feed:
    """Put the past's events in order of arrival: some late, some twice."""
    rng = random_stream(seed, "feed")
    events = history.events.take(history.events.at_ms <= history.end_ms)
    count = len(events)
    delay = rng.integers(150, 4_000, count)
    late = rng.random(count) < history.world.late_line_rate
    delay[late] = rng.integers(2 * HOUR_MS, 3 * DAY_MS, int(late.sum()))
    sent_ms = np.maximum(events.at_ms, np.minimum(events.at_ms + delay, history.end_ms))
    again = rng.permutation(count)[: max(2, round(count * history.world.duplicate_line_rate))]
    arrival = np.concatenate([sent_ms, sent_ms[again] + rng.integers(0, DAY_MS, len(again))])
    rows = np.concatenate([np.arange(count), again])
    return Feed(
        events=events,
        sent_ms=sent_ms,
        rows=rows[np.argsort(arrival, kind="stable")],
        duplicates=len(again),
        late=int((sent_ms - events.at_ms > HOUR_MS).sum()),
    )


def write_events(
    path: Path, feed: Feed, printer: LinePrinter, world: World, seed: int
) -> Counter[str]:
    """The event file; returns how many malformed lines of each kind went in between."""
    rng = random_stream(seed, "malformed")
    kept = feed.events.take(feed.rows)
    wanted = max(2 * len(MALFORMED_KINDS), round(len(feed.rows) * world.malformed_line_rate))
    spots = np.sort(rng.integers(0, len(feed.rows), wanted)).tolist()
    at_ms = kept.at_ms[spots]
    bad = list(zip(spots, _malformed_lines(iso_instants(at_ms), seed), strict=True))
    lines = printer.print_lines(kept, feed.rows, feed.sent_ms[feed.rows])
    _write_gzip_lines(path, _interleave(lines, bad))
    return Counter(MALFORMED_KINDS[n % len(MALFORMED_KINDS)] for n in range(wanted))


def _malformed_lines(instants: list[str], seed: int) -> Iterator[str]:
    for n, at in enumerate(instants):
        body: dict[str, Any] = {
            "messageId": f"bad-{seed}-{n:06d}",
            "type": "track",
            "event": "Product Viewed",
            "userId": "C100001",
            "timestamp": at,
            "properties": {"product_id": "sku-1001", "category": "Kitchen", "price": 12.5},
        }
        kind = MALFORMED_KINDS[n % len(MALFORMED_KINDS)]
        if kind == "missing_event":
            del body["event"]
        elif kind == "impossible_timestamp":
            body["timestamp"] = f"{at[:4]}-02-30T25:61:00Z"
        elif kind == "no_identity":
            del body["userId"]
        text = json.dumps(body, separators=(",", ":"))
        yield text[: len(text) * 3 // 5] if kind == "broken_json" else text


def _interleave(lines: Iterator[str], bad: list[tuple[int, str]]) -> Iterator[str]:
    waiting = iter(bad)
    spot, text = next(waiting, (-1, ""))
    for n, line in enumerate(lines):
        while spot == n:
            yield text
            spot, text = next(waiting, (-1, ""))
        yield line


def write_future(path: Path, history: History, printer: LinePrinter) -> int:
    """What people go on to do after `end` of their own accord, clean; returns the lines written."""
    past = int((history.events.at_ms <= history.end_ms).sum())
    events = history.events.take(history.events.at_ms > history.end_ms)
    rows = np.arange(past, past + len(events))
    _write_gzip_lines(path, printer.print_lines(events, rows, events.at_ms))
    return len(events)


def count_events(history: History, feed: Feed, malformed: Counter[str]) -> dict[str, Any]:
    """The manifest's account of the event file."""
    kinds = np.bincount(feed.events.kind, minlength=len(EVENT_NAMES)).tolist()
    by_name: Counter[str] = Counter()
    for name, count in zip(EVENT_NAMES, kinds, strict=True):
        by_name[name] += count
    orders = feed.events.ref[feed.events.kind == ORDER]
    refunds = feed.events.ref[feed.events.kind == REFUND]
    worth = _order_values(history)
    last_days = feed.events.at_ms > history.end_ms - 3 * DAY_MS
    return {
        "lines": len(feed.rows) + sum(malformed.values()),
        "unique": len(feed.events),
        "duplicates": feed.duplicates,
        "malformed": dict(sorted(malformed.items())),
        "late": feed.late,
        "by_name": dict(sorted(by_name.items())),
        "anonymous_only": int(
            ((feed.events.identity != KNOWN) & (feed.events.identity != BOTH)).sum()
        ),
        "by_known_device": int((feed.events.identity == DEVICE).sum()),
        "human_opens": kinds[OPENED],
        "machine_opens": kinds[MACHINE_OPENED],
        "scanner_clicks": kinds[SCANNED],
        "orders": len(orders),
        "revenue": round(float(worth[orders].sum()), 2),
        "refunds": len(refunds),
        "refunds_whole": int(history.refunds.whole[refunds].sum()),
        "carts_abandoned_in_last_3_days": _abandoned(history, feed.events.take(last_days)),
    }


def _order_values(history: History) -> Floats:
    lines: Lines = history.lines
    worth = np.round(history.items.price[lines.item] * lines.quantity, 2) * lines.bought
    values = np.bincount(lines.visit, weights=worth, minlength=len(history.visits))
    return np.asarray(values, dtype=np.float64)


def _abandoned(history: History, events: Events) -> int:
    added = events.ref[events.kind == ADDED]
    visit = np.unique(history.lines.visit[added])
    outcome = history.visits.outcome[visit]
    return int(((outcome == CARTED) | (outcome == CHECKED_OUT)).sum())


def count_customers(accounts: list[Account]) -> dict[str, Any]:
    """The manifest's account of the customer file."""
    kinds = Counter(account.kind for account in accounts)
    return {
        "rows": len(accounts),
        "people": kinds["original"],
        "distinct_customer_ids": len({account.customer_id for account in accounts}),
        "duplicates": {kind: kinds[kind] for kind in DUPLICATE_KINDS},
        "repeated_rows": kinds[REPEATED_ROW],
        "malformed_email_rows": sum(account.malformed_email for account in accounts),
        "blank_first_names": sum(not account.first_name for account in accounts),
        "blank_countries": sum(not account.country for account in accounts),
        "consent": dict(sorted(Counter(a.consent or "blank" for a in accounts).items())),
    }


def write_truth(folder: Path, history: History, header: dict[str, Any]) -> None:
    """What only the judge may read: parameters, latent people and items, who is who."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {**header, "parameters": asdict(history.world)}
    write_json(folder / "world.json", parameters)
    _write_columns(folder / "people.csv", history.people)
    _write_columns(folder / "items.csv", history.items)
    _write_csv(
        folder / "accounts.csv",
        ("customer_id", "person", "kind", "email", "first_name", "signup_ms"),
        (
            (a.customer_id, a.person, a.kind, a.email, a.first_name, a.signup_ms)
            for a in history.accounts
        ),
    )


def _write_columns(path: Path, table: Any) -> None:
    names = tuple(field.name for field in fields(table))
    columns = [_cells(getattr(table, name)) for name in names]
    _write_csv(path, names, zip(*columns, strict=True))


def _cells(column: Any) -> list[str]:
    if not isinstance(column, np.ndarray):
        return [str(value) for value in column]
    if column.ndim > 1:
        return [" ".join(f"{value:.6g}" for value in row) for row in column.tolist()]
    if column.dtype.kind == "f":
        return [f"{value:.6g}" for value in column.tolist()]
    if column.dtype.kind == "b":
        return ["1" if value else "0" for value in column.tolist()]
    return ["" if value == NEVER_MS else str(value) for value in column.tolist()]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Indented, in the order given, with a last newline."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_gzip_lines(path: Path, lines: Iterator[str]) -> None:
    # No name and no time in the gzip header: the same world gives the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
        block: list[str] = []
        for line in lines:
            block.append(line)
            if len(block) == 4_000:
                file.write(("\n".join(block) + "\n").encode())
                block.clear()
        if block:
            file.write(("\n".join(block) + "\n").encode())
