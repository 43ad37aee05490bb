"""Whether plain Python, batch SQL and the live runner agree on random definitions and histories.

In: nothing; every round draws a workspace (features of every kind, segments over them), people
with events at the edges of windows, and instants to ask about. Out: how many cases were compared
(a case is one person's history, one definition, one instant) and how many differed, in all and by
the kind of round. What differs is made small and printed on standard error with its seed.

In `settled` rounds batch SQL is asked about whole histories. In `arriving` rounds a real workspace
takes the events in as they arrive, late, twice and out of order, while its clock moves on; the live
runner is asked at each stop. `ranked` rounds also have features that rank people and ask all three.
"""

import itertools
import multiprocessing
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

from vocative.testing.parity import KINDS, count, explain, kind_of

DEFAULT_CASES = 20_000
FIRST_SEED = 1
MOST_EXPLAINED = 3
"""Rounds whose mismatches are made small and printed; all are counted."""


def run(size: int | None = None) -> dict[str, Any]:
    """Compare.

    Args:
        size: How many cases at least; 20,000 unless told.
    """
    wanted = size or DEFAULT_CASES
    began = time.perf_counter()
    totals = {kind: {"rounds": 0, "cases": 0, "mismatches": 0} for kind in KINDS}
    wrong: list[int] = []
    for seed, cases, mismatches in _rounds(os.cpu_count() or 1):
        total = totals[kind_of(seed)]
        total["rounds"] += 1
        total["cases"] += cases
        total["mismatches"] += mismatches
        if mismatches:
            wrong.append(seed)
        if sum(total["cases"] for total in totals.values()) >= wanted:
            break
    for seed in wrong[:MOST_EXPLAINED]:
        for text in explain(seed):
            print(text, file=sys.stderr)
    return {
        "cases": sum(total["cases"] for total in totals.values()),
        "mismatches": sum(total["mismatches"] for total in totals.values()),
        **totals,
        "seeds_with_mismatches": wrong[:20],
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(_cpu_seconds(), 1),
    }


def _rounds(workers: int) -> Iterator[tuple[int, int, int]]:
    """(seed, cases, mismatches) of one round after the other, in the order of seeds, for ever."""
    started: deque[tuple[int, Future[tuple[int, int]]]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for seed in itertools.count(FIRST_SEED):
                started.append((seed, pool.submit(count, seed)))
                if len(started) > 2 * workers:
                    done, found = started.popleft()
                    yield (done, *found.result())
        finally:
            for _, future in started:
                future.cancel()


def _cpu_seconds() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)
