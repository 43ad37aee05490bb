"""Liquid's own conformance cases, run through our limits, filters and nodes.

The cases are written for values printed as they are, so they run without escaping and with
undefined names that print nothing; everything else is what templates get.
"""

import json
from pathlib import Path

import pytest
from liquid import DictLoader, Undefined

from vocative.clock import SystemClock
from vocative.compose.language import Environment
from vocative.compose.limits import Run

KNOWN = {
    "blank and empty, false is equal to blank": "a literal false on the left, as in python-liquid",
    "blank and empty, undefined is equal to blank": "templates refuse undefined names anyway",
    "tags, case, unexpected when token, strict2": "python-liquid is more forgiving",
    "tags, comment, incomplete tags are not parsed": "we refuse tags that are never closed",
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
    assert 1 - len(failed) / len(cases) >= 0.99
