"""Which shared cases of other systems' template languages are read rightly.

Every suite runs through the importers and the interpreter. Real templates are imported, compiled
and rendered for made-up people; any exception is a crash.
"""

import json
import os
from pathlib import Path
from typing import Any

from liquid import DictLoader, Undefined

import _dialect_suites as suites
from _dialect_templates import import_all
from vocative.clock import SystemClock
from vocative.compose import MessageSkipped
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import ForeignTemplate, dialect_named
from vocative.compose.language.environments import Environment
from vocative.compose.language.limits import Run
from vocative.errors import DataError

PEOPLE = 100


def run(size: int | None = None) -> dict[str, Any]:
    """Run every suite.

    Args:
        size: For how many people each real template is rendered.

    Raises:
        DataError: the shared cases are not here.
    """
    folder = Path(os.environ.get("VOCATIVE_SHARED_DATA", suites.DATA))
    if not (folder / "templates").is_dir():
        raise DataError(
            "the shared cases of template languages are not here",
            hint="put them into the folder named in VOCATIVE_SHARED_DATA",
        )
    golden = _cases(folder / "golden_liquid" / "golden_liquid.json")["tests"]
    braze = _cases(folder / "braze_cases" / "braze_cases.json")
    handlebars, handlebars_total = suites.handlebars(folder)
    mustache, mustache_total = suites.mustache(folder)
    ampscript, ampscript_total = suites.ampscript(folder)
    return {
        "golden_liquid_passed": sum(map(_golden_passes, golden)),
        "golden_liquid_total": len(golden),
        "handlebars_passed": handlebars,
        "handlebars_total": handlebars_total,
        "mustache_passed": mustache,
        "mustache_total": mustache_total,
        "ampscript_passed": ampscript,
        "ampscript_total": ampscript_total,
        "ampscript_rate": round(ampscript / ampscript_total, 4),
        "braze_passed": sum(map(braze_passes, braze)),
        "braze_total": len(braze),
        **_templates(folder, size or PEOPLE),
    }


def _templates(folder: Path, people: int) -> dict[str, Any]:
    sendgrid, sendgrid_crashed = suites.sendgrid_templates(folder)
    imported = list(import_all(folder / "templates", people))
    notes = [note for one in imported if one.converted for note in one.converted.notes]
    return {
        "templates": len(imported) + sendgrid,
        "crashed": sum(one.error is not None for one in imported) + sendgrid_crashed,
        "rendered": sum(len(one.rendered) for one in imported),
        "carried": sum(note.outcome == "carried" for note in notes),
        "approximated": sum(note.outcome == "approximated" for note in notes),
        "refused": sum(note.outcome == "refused" for note in notes),
        "findings": sum(len(one.findings) for one in imported),
        "crashes": [f"{one.file.name}: {one.error}" for one in imported if one.error],
    }


def _cases(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _golden_passes(case: dict[str, Any]) -> bool:
    """Whether Liquid's own case holds; without escaping, as the cases expect."""
    loader = DictLoader(case.get("templates") or {})
    try:
        parsed: Any = Environment(undefined=Undefined, loader=loader).from_string(case["template"])
        found: str | None = parsed.render_run(case.get("data") or {}, Run(SystemClock()))
    except Exception:  # noqa: BLE001 - any refusal counts
        found = None
    if case.get("invalid"):
        return found is None
    return found in (case.get("results") or [case["result"]])


def braze_passes(case: dict[str, Any]) -> bool:
    """Whether a case of Braze's Liquid prints, aborts or is refused as it should."""
    foreign = ForeignTemplate(name="case", html=Passage.of_file("case", case["template"]))
    converted = dialect_named("braze").convert(foreign)
    if "parse_error" in case:
        return converted.count("refused") > 0
    person = {name: case.get("input", {}).get(name) for name in converted.new_traits}
    parsed: Any = Environment().from_string(converted.html)
    try:
        found, aborted = parsed.render_run({"person": person}, Run(SystemClock())), False
    except MessageSkipped as skipped:
        found, aborted = skipped.message, True
    return bool(found == case["expected"] and aborted == case.get("abort", False))
