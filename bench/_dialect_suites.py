"""The shared suites of template languages, run through the importers.

Every case is converted to Liquid and rendered by the interpreter; what comes out is compared with
what the case expects. The suites are not part of the project: they are read from a folder of data.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vocative.clock import SystemClock
from vocative.compose.authoring.source import Passage, TemplateSource
from vocative.compose.dialects import Dialect, FieldMap, ForeignTemplate
from vocative.compose.dialects._fields import Named
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects._handlebars.values import RESERVED
from vocative.compose.dialects.ampscript import Ampscript
from vocative.compose.dialects.handlebars import Handlebars
from vocative.compose.dialects.mustache import MUSTACHE, Mustache
from vocative.compose.language.environments import Environment
from vocative.compose.template import compile_template, parse
from vocative.errors import AuthorError

_SEGMENT = re.compile(r"\[(.*?)\](?=\.|\Z)|([^.]+)")
_PLAIN = re.compile(r"[A-Za-z_][\w-]*\Z")

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Where the suites are, unless a folder is named: beside the checkout."""
_MESSAGE: dict[str, object] = {
    "products": [],
    "offer": None,
    "campaign": {"name": "A campaign"},
    "variant": None,
    "unsubscribe_url": "https://example.com/unsubscribe",
    "preferences_url": "https://example.com/preferences",
    "view_url": "https://example.com/view",
    "postal_address": "1 High Street, London",
    "sender_name": "A shop",
}
MUSTACHE_CORE = ("interpolation", "sections", "inverted", "comments", "delimiters", "partials")
# What Handlebars' own specification registers in JavaScript for several of its cases.
REGISTERED_PARTIALS = {"globalTest": "{{anotherDude}}", "shared/dude": "{{name}}"}
FAILS = "!"
"""What AMPscript's cases expect of a text that ends in an error."""


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    name: str
    passed: bool
    got: str | None
    expected: str


class AsGiven(FieldMap):
    """Names as the data have them, under `data`."""

    def maps(self, foreign: str) -> bool:
        """Whether a name is given beforehand, as the data as a whole are."""
        return foreign == "." or super().maps(foreign)

    def find(self, foreign: str, usual: str | None = None) -> Named:
        """The path of a name in the data."""
        if foreign == ".":
            return Named("data")
        if self.maps(foreign):
            return super().find(foreign, usual)
        steps = [
            found[2] if found[2] is not None else found[1] for found in _SEGMENT.finditer(foreign)
        ]
        return Named("data" + "".join(_step(step) for step in steps))


def _step(name: str) -> str:
    if _PLAIN.match(name) and name not in RESERVED:
        return f".{name}"
    quote = "'" if '"' in name else '"'
    return f"[{quote}{name}{quote}]"


def render(
    dialect: Dialect, text: str, data: object, parts: Mapping[str, str], *, fold: bool = False
) -> tuple[str | None, list[str]]:
    """A foreign text rendered with data (None: it fails), and what was refused of it."""
    foreign = ForeignTemplate(
        name="case",
        html=Passage.of_file("empty", ""),
        subject=Passage.of_file("case", text),
        parts={name: Passage.of_file(name, part) for name, part in parts.items()},
    )
    names = data if isinstance(data, dict) else {}
    # AMPscript's names do not mind upper and lower case.
    folded = {name: Named("data" + _step(name)) for name in names if fold}
    converted = dialect.convert(foreign, AsGiven(folded))
    refused = [note.message for note in converted.notes if note.outcome == "refused"]
    liquid = Passage.of_file("case", converted.subject or "")
    try:
        rendered, _ = parse(liquid, Environment).render({"data": data}, SystemClock())
    except AuthorError as error:
        return None, [*refused, error.message]
    return rendered, refused


def usable(cases: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The cases of Handlebars that need no JavaScript and that Handlebars 4.7.8 agrees to."""
    return (case for case in cases if case["data_only"] and case["hb478_agrees"])


def options_of(compiled: Mapping[str, Any], *, exact: bool) -> Options:
    """The options that a case compiles with."""
    return Options(
        exact=exact,
        outwards="nearest_value" if compiled.get("compat") else None,
        partials_see_nothing=bool(compiled.get("explicitPartialContext")),
        indents=not compiled.get("preventIndent"),
        escapes=not compiled.get("noEscape"),
    )


def handlebars_cases(folder: Path) -> Iterator[Outcome]:
    """The shared cases of Handlebars that need no JavaScript, one after the other."""
    cases = json.loads((folder / "handlebars_spec" / "shared.json").read_text())
    for case in usable(cases):
        dialect = Handlebars(options_of(case["compile_options"], exact=True))
        parts = {**REGISTERED_PARTIALS, **case["partials"]}
        got, refused = render(dialect, case["template"], case["input"], parts)
        name = f"{case['group']}: {case['test']} {case['template']}"
        if "expected" in case:
            yield Outcome(name, got == case["expected"] and not refused, got, case["expected"])
        else:
            yield Outcome(name, bool(refused), got, f"error: {case['expected_error']}")


def mustache_cases(folder: Path) -> Iterator[Outcome]:
    """The cases of Mustache's core, one after the other."""
    for module in MUSTACHE_CORE:
        tests = json.loads((folder / "mustache_spec" / f"{module}.json").read_text())["tests"]
        for case in tests:
            dialect = Mustache(replace(MUSTACHE, exact=True))
            got, _ = render(dialect, case["template"], case["data"], case.get("partials", {}))
            name = f"{module}: {case['name']}"
            yield Outcome(name, got == case["expected"], got, case["expected"])


def ampscript_cases(folder: Path) -> Iterator[Outcome]:
    """The shared cases of AMPscript that expect a text, one after the other."""
    cases = json.loads((folder / "ampscript_core" / "ampscript_cases.json").read_text())
    for case in cases:
        if case["kind"] != "output":
            continue
        dialect = Ampscript(Options(sendgrid=False, exact=True))
        got, refused = render(
            dialect, case["code"], case["subscriber_context"] or {}, {}, fold=True
        )
        name = f"{case['file']}: {case['name']}"
        expected = case["expected"]
        if expected == FAILS:
            yield Outcome(name, got is None or bool(refused), got, "an error")
        else:
            # As the cases were recorded: without the blanks around the whole text.
            same = got is not None and not refused and got.strip() == expected.strip()
            yield Outcome(name, same, got, expected)


@dataclass(frozen=True)
class Imported:
    """What became of one whole template."""

    name: str
    renders: int
    refused: tuple[str, ...]
    crashed: str | None
    html: str = ""
    """The mail of the last render."""


def sendgrid_cases(folder: Path) -> Iterator[Imported]:
    """SendGrid's templates, each rendered with its own data, or with none where it has none."""
    root = folder / "templates" / "sendgrid"
    for file in sorted(root.rglob("*.html")):
        name = str(file.relative_to(root))
        found = sorted(file.parent.glob("*.json"))
        data = [json.loads(one.read_text()) for one in found] or [{}]
        try:
            yield _imported(name, file.read_text(), data)
        except Exception as error:  # noqa: BLE001 - a crash of any kind is what is counted
            yield Imported(name, 0, (), f"{type(error).__name__}: {error}")


def _imported(name: str, text: str, data: Sequence[Mapping[str, object]]) -> Imported:
    foreign = ForeignTemplate(name="mail", html=Passage.of_file(name, text))
    paths = {path for one in data for path in _paths(one)}
    mapping = FieldMap({path: Named(f"person.{path}") for path in paths})
    converted = Handlebars().convert(foreign, mapping)
    source = TemplateSource.of("mail", subject="A mail", html=converted.html)
    template = compile_template(source)
    html = ""
    for one in data:
        html = template.render({**_MESSAGE, "person": one}).html
    refused = [note.message for note in converted.notes if note.outcome == "refused"]
    return Imported(name, len(data), tuple(refused), None, html)


def _paths(data: Mapping[str, object], before: str = "") -> Iterator[str]:
    for key, value in data.items():
        yield before + key
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}{key}.")


def handlebars(folder: Path = DATA) -> tuple[int, int]:
    """How many of Handlebars' cases pass, and how many there are."""
    return _counted(handlebars_cases(folder))


def mustache(folder: Path = DATA) -> tuple[int, int]:
    """How many of Mustache's core cases pass, and how many there are."""
    return _counted(mustache_cases(folder))


def ampscript(folder: Path = DATA) -> tuple[int, int]:
    """How many of AMPscript's cases pass, and how many there are."""
    return _counted(ampscript_cases(folder))


def sendgrid_templates(folder: Path = DATA) -> tuple[int, int]:
    """How many of SendGrid's templates there are, and how many crash."""
    found = list(sendgrid_cases(folder))
    return len(found), sum(one.crashed is not None for one in found)


def _counted(outcomes: Iterator[Outcome]) -> tuple[int, int]:
    found = list(outcomes)
    return sum(one.passed for one in found), len(found)
