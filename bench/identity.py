"""How well doubled people are found where the truth is known: FEBRL 1 and 2, Splink's fake_1000.

In: the records as files give them, without the social-security column. Out, per set: precision,
recall and F1 over pairs of records that would become one person, the same over scored pairs before
they are grouped, what the model expected of them, and a baseline that joins the same e-mail address
or the same name and date of birth. The threshold is the shipped one (more likely one person than
two); labels are looked at only to count.
"""

import csv
import os
import time
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

from vocative.errors import DataError
from vocative.identify.matching import group, record_of, score_people
from vocative.identify.matching.records import Record
from vocative.identify.matching.scoring import AT_LEAST

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CAREFUL = 0.95
"""What a careful acceptance of many pairs at once would take."""

People = dict[str, Record]
Truth = dict[str, str]
"""Record → whose it is."""
Pair = tuple[str, str]


def run(size: int | None = None, *, folder: Path | None = None) -> dict[str, Any]:
    """Measure each set; some 20 seconds.

    Args:
        size: Only the people of so many records per set, in the order of their labels.
        folder: Where the sets are.

    Raises:
        DataError: the data are not there; says where to put them.
    """
    folder = folder or Path(os.environ.get("VOCATIVE_SHARED_DATA", SHARED))
    figures: dict[str, Any] = {"threshold": AT_LEAST}
    for name, read in SETS.items():
        people, truth = read(folder)
        if size is not None:
            kept = sorted(truth, key=lambda record: (truth[record], record))[:size]
            people, truth = {one: people[one] for one in kept}, {one: truth[one] for one in kept}
        figures |= {f"{name}_{figure}": value for figure, value in measure(people, truth).items()}
    return figures


def measure(people: People, truth: Truth) -> dict[str, Any]:
    """The figures of one set."""
    right = {
        pair for members in _by_owner(truth).values() for pair in combinations(sorted(members), 2)
    }
    started = time.perf_counter()
    matches = score_people(people)
    seconds = time.perf_counter() - started
    scored = [(pair.one, pair.other, pair.probability) for pair in matches.pairs]
    pairs = {(one, other) for one, other, _ in scored}
    joined = _pairs_of(group(scored, at_least=AT_LEAST))
    careful = _pairs_of(group(scored, at_least=CAREFUL))
    certain = [probability for _, _, probability in scored if probability >= CAREFUL]
    promised = sum(probability for _, _, probability in scored)
    return {
        **_agreement(joined, right),
        **{f"scored_pairs_{name}": value for name, value in _agreement(pairs, right).items()},
        **{f"from_0.95_{name}": value for name, value in _agreement(careful, right).items()},
        # How honest the model is: what it expected of its pairs, beside `scored_pairs_precision`.
        "expected_precision": round(promised / len(scored), 4) if scored else None,
        "expected_precision_from_0.95": round(sum(certain) / len(certain), 4) if certain else None,
        "precision_from_0.95": _precision(scored, right),
        "expected_pairs": matches.expected,
        "true_pairs": len(right),
        **{
            f"baseline_{name}": value for name, value in _agreement(baseline(people), right).items()
        },
        "records": len(people),
        "compared": matches.compared,
        "seconds": round(seconds, 2),
    }


def baseline(people: People) -> set[Pair]:
    """Pairs that share an e-mail address, or first name, last name and date of birth."""
    keys: dict[tuple[str, ...], list[str]] = {}
    for person_id, record in people.items():
        whole = tuple(record.get(name, "") for name in ("first_name", "last_name", "birth_date"))
        if all(whole):
            keys.setdefault(whole, []).append(person_id)
        if "email" in record:
            keys.setdefault((record["email"],), []).append(person_id)
    return {pair for members in keys.values() for pair in combinations(sorted(members), 2)}


def read_febrl(folder: Path, number: int) -> tuple[People, Truth]:
    """One of the FEBRL sets: `rec-12-dup-0` is the same person as `rec-12-org`."""
    people, truth = {}, {}
    for row in _rows(folder / "febrl" / "febrl" / f"dataset{number}.csv"):
        record = {name.strip(): value.strip() for name, value in row.items()}
        person_id = record["rec_id"]
        people[person_id] = record_of(
            {
                "first_name": record["given_name"],
                "last_name": record["surname"],
                "street": f"{record['street_number']} {record['address_1']}".strip(),
                "address2": record["address_2"],
                "city": record["suburb"],
                "postcode": record["postcode"],
                "state": record["state"],
                "date_of_birth": record["date_of_birth"],
            }
        )
        truth[person_id] = person_id.split("-")[1]
    return people, truth


def read_fake_1000(folder: Path) -> tuple[People, Truth]:
    """Splink's example of 1,000 records."""
    people, truth = {}, {}
    for row in _rows(folder / "splink" / "fake_1000.csv"):
        person_id = row["unique_id"]
        people[person_id] = record_of(
            {
                "first_name": row["first_name"],
                "last_name": row["surname"],
                "dob": row["dob"],
                "city": row["city"],
                "email": row["email"],
            }
        )
        truth[person_id] = row["cluster"]
    return people, truth


SETS = {
    "febrl1": lambda folder: read_febrl(folder, 1),
    "febrl2": lambda folder: read_febrl(folder, 2),
    "fake_1000": read_fake_1000,
}


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        raise DataError(
            "the records are not there",
            where=path,
            hint="put febrl/febrl/dataset1.csv, dataset2.csv and splink/fake_1000.csv into the"
            " folder named in VOCATIVE_SHARED_DATA",
        )
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _by_owner(truth: Truth) -> dict[str, list[str]]:
    owned: dict[str, list[str]] = {}
    for record, owner in truth.items():
        owned.setdefault(owner, []).append(record)
    return owned


def _pairs_of(groups: Iterable[tuple[str, ...]]) -> set[Pair]:
    return {pair for members in groups for pair in combinations(members, 2)}


def _agreement(found: set[Pair], right: set[Pair]) -> dict[str, float]:
    true = len(found & right)
    return {
        "f1": round(2 * true / (len(found) + len(right)), 4) if found or right else 1.0,
        "precision": round(true / len(found), 4) if found else 1.0,
        "recall": round(true / len(right), 4) if right else 1.0,
        "pairs": len(found),
    }


def _precision(scored: list[tuple[str, str, float]], right: set[Pair]) -> float | None:
    taken = Counter((one, other) in right for one, other, p in scored if p >= CAREFUL)
    return round(taken[True] / taken.total(), 4) if taken else None


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
