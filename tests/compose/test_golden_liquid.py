"""Liquid's own conformance cases, run through our limits, filters and nodes, and compiled.

The cases are written for values printed as they are, so they run without escaping and with
undefined names that print nothing; everything else is what templates get.
"""

import json
from collections import Counter
from pathlib import Path

import pytest
from liquid import DictLoader, Undefined

from vocative.clock import SystemClock
from vocative.compose.compiler import Unsupported, compile_text
from vocative.compose.language.environments import Environment
from vocative.compose.language.limits import Run

KNOWN = {
    "blank and empty, false is equal to blank": "a literal false on the left, as in python-liquid",
    "blank and empty, undefined is equal to blank": "templates refuse undefined names anyway",
    "tags, case, unexpected when token, strict2": "python-liquid is more forgiving",
    "tags, comment, incomplete tags are not parsed": "we refuse tags that are never closed",
}


# Tags of the cases that are left to the interpreter, with the whole template.
INTERPRETED = {
    "IncludeNode": 16,  # templates may not include, and blocks are put in before
    "RenderNode": 15,
    "TablerowNode": 15,
    "a loop that continues another": 15,
    "IncrementNode": 8,
    "DecrementNode": 4,
    "IfChangedNode": 5,
    "forloop as a value": 3,
    "a path that begins with brackets": 2,
}


def _environment(templates: dict[str, str]) -> Environment:
    return Environment(undefined=Undefined, loader=DictLoader(templates))


PLAIN = _environment({})


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[dict[str, object]]:
    file = shared_data / "golden_liquid" / "golden_liquid.json"
    return json.loads(file.read_text(encoding="utf-8"))["tests"]


def outcome(case: dict) -> str | None:
    """What a case renders to; None when it is refused."""
    templates = case.get("templates")
    liquid = _environment(templates) if templates else PLAIN
    try:
        parsed = liquid.from_string(case["template"])
        return parsed.render_run(case.get("data") or {}, Run(SystemClock()))
    except Exception:  # noqa: BLE001 - any refusal counts
        return None


def passes(case: dict) -> bool:
    found = outcome(case)
    if case.get("invalid"):
        return found is None
    return found in (case.get("results") or [case["result"]])


def test_liquid_means_what_it_means_elsewhere(cases):
    failed = {case["name"] for case in cases if not passes(case)}
    assert failed == set(KNOWN)
    assert len(cases) - len(failed) >= 1_048


def test_compiled_it_means_the_same(cases):
    left: Counter[str] = Counter()
    for case in cases:
        liquid = _environment(case.get("templates") or {})
        try:
            parsed = liquid.from_string(case["template"])
        except Exception:  # noqa: BLE001 - any refusal counts
            continue
        try:
            compiled = compile_text(parsed)
        except Unsupported as reason:
            left[str(reason)] += 1
            continue
        for _ in range(2):  # the second time from what is kept
            assert differs(compiled, parsed, case) is None, case["name"]
    assert left == INTERPRETED


def differs(compiled, parsed, case: dict) -> tuple[object, object] | None:
    """What the two ways give when they do not agree."""
    data = case.get("data") or {}
    found = [_told(way, data) for way in (compiled, parsed)]
    return None if found[0] == found[1] else (found[0], found[1])


def _told(way, data: dict) -> object:
    try:
        return way.render_run(data, Run(SystemClock()))
    except Exception as refusal:  # noqa: BLE001 - any refusal counts
        return type(refusal), str(refusal)
