"""Reads the sealed truth of a world back, for those who play its customers or judge by it.

In: a world's folder. Out: `Truth`. Refuses: a folder without a truth, and one whose parameters do
not match their digest.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vocative.errors import DataError
from vocative.simulate.items import Items
from vocative.simulate.people import NEVER_MS, People
from vocative.simulate.world import Bools, Ints, World
from vocative.simulate.write import TRUTH

T = TypeVar("T", People, Items)


@dataclass(frozen=True, kw_only=True)
class TrueAccount:
    """Who is behind an account."""

    customer_id: str
    person: int
    kind: str
    email: str
    first_name: str


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A world as it really is. `by_address` is keyed by case-folded address."""

    folder: Path
    world: World
    seed: int
    end_ms: int
    future_ms: int
    people: People
    items: Items
    accounts: list[TrueAccount]
    by_address: dict[str, TrueAccount]

    def future_events(self, since_ms: int, until_ms: int) -> Iterator[dict[str, Any]]:
        """What people do of their own accord after `since_ms`, up to and with `until_ms`."""
        first = np.datetime_as_string(np.datetime64(since_ms, "ms")) + "Z"
        last = np.datetime_as_string(np.datetime64(until_ms, "ms")) + "Z"
        with gzip.open(self.folder / TRUTH / "future.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                event: dict[str, Any] = json.loads(line)
                if event["timestamp"] > last:
                    return
                if event["timestamp"] > first:
                    yield event


def read_truth(folder: Path) -> Truth:
    """The truth of the world in `folder`.

    Raises:
        DataError: there is no world, or its parameters were changed after it was made.
    """
    path = folder / TRUTH / "world.json"
    if not path.is_file():
        raise DataError("there is no synthetic world here", where=folder, hint="generate one first")
    header = json.loads(path.read_text(encoding="utf-8"))
    world = World(**header["parameters"])
    if world.digest() != header["digest"]:
        raise DataError("the world's parameters do not match its digest", where=path)
    accounts = list(_read_accounts(folder / TRUTH / "accounts.csv"))
    by_address: dict[str, TrueAccount] = {}
    for account in accounts:
        by_address.setdefault(account.email.casefold(), account)
    return Truth(
        folder=folder,
        world=world,
        seed=header["seed"],
        end_ms=header["end_ms"],
        future_ms=header["future_ms"],
        people=_read_columns(folder / TRUTH / "people.csv", People),
        items=_read_columns(folder / TRUTH / "items.csv", Items),
        accounts=accounts,
        by_address=by_address,
    )


def _read_accounts(path: Path) -> Iterator[TrueAccount]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield TrueAccount(
                customer_id=row["customer_id"],
                person=int(row["person"]),
                kind=row["kind"],
                email=row["email"],
                first_name=row["first_name"],
            )


def _read_columns(path: Path, table: type[T]) -> T:
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return table(**{f.name: _column(columns[f.name], f.type) for f in fields(table)})


def _column(cells: tuple[str, ...], kind: Any) -> Any:
    if kind == list[str]:
        return list(cells)
    if kind == Bools:
        return np.array(cells) == "1"
    dtype = np.int64 if kind == Ints else np.float64
    if " " in cells[0]:
        return np.array(" ".join(cells).split(), dtype=dtype).reshape(len(cells), -1)
    return np.array([cell or NEVER_MS for cell in cells], dtype=dtype)
