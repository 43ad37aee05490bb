"""Whether compiled templates give what the interpreter gives, on random templates and spoilt data.

In: nothing; every round draws a template from all of Liquid and people whose data is missing in
places, of other types, huge or hostile (`vocative.testing.templates`); every tenth round takes the
mail of `render` instead. Each person is rendered by the interpreter and by the compiled form, as
HTML, plain text and line, and as the bytes of a body. Out: renders compared, renders that differ in
text, in the branches taken or in the words of a refusal; how many renders the interpreter refused,
and how many the compiled form left to it.
"""

import itertools
import multiprocessing
import os
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from typing import Any

from _mail import CONSTANTS, Shop, template
from vocative.compose import Template
from vocative.testing import templates

DEFAULT_RENDERS = 1_000_000
FIRST_SEED = 1
MAIL_EVERY = 10
MAIL_PEOPLE = 100


def run(size: int | None = None) -> dict[str, Any]:
    """Compare.

    Args:
        size: How many renders at least; 1,000,000 unless told.
    """
    wanted, began = size or DEFAULT_RENDERS, time.perf_counter()
    total: Counter[str] = Counter()
    wrong: list[int] = []
    for seed, found in _rounds(os.cpu_count() or 1):
        total += found
        if found["differences"]:
            wrong.append(seed)
            print(f"seed {seed}: {found['differences']} differ", file=sys.stderr)
        if total["renders"] >= wanted:
            break
    return {
        "renders": total["renders"],
        "differences": total["differences"],
        "refused": total["refused"],
        "left_to_the_interpreter": total["interpreted"],
        "templates": total["templates"],
        "not_compiled": total["unsupported"],
        "renders_of_the_mail": total["mails"],
        "seeds_with_differences": wrong[:20],
        "seconds": round(time.perf_counter() - began, 1),
    }


def count(seed: int) -> Counter[str]:
    """One round; see `vocative.testing.templates.count`."""
    if seed % MAIL_EVERY:
        return templates.count(seed)
    shop, drawn = Shop(seed), random.Random(seed)
    people = [templates.spoilt(drawn, shop.person(number)) for number in range(MAIL_PEOPLE)]
    total: Counter[str] = Counter()
    for part in (_mail().html, _mail().text, _mail().subject):
        total += templates.compare(part.parsed, people, CONSTANTS)
    return total + Counter(mails=total["renders"])


@cache
def _mail() -> Template:
    return template()


def _rounds(workers: int) -> Iterator[tuple[int, Counter[str]]]:
    """(seed, counts) of one round after the other, in the order of seeds, for ever."""
    started: deque[tuple[int, Future[Counter[str]]]] = deque()
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for seed in itertools.count(FIRST_SEED):
                started.append((seed, pool.submit(count, seed)))
                if len(started) > 2 * workers:
                    done, future = started.popleft()
                    yield done, future.result()
        finally:
            for _, future in started:
                future.cancel()
