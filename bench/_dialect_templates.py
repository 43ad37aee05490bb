"""Real templates of other systems, imported, compiled and rendered for made-up people.

The templates are not part of the project: they are read from a folder of data. People are drawn
to fit what a template does with a trait, and lack any of them now and then.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vocative.compose import (
    Finding,
    Rendered,
    Template,
    TemplateSource,
    check_template,
    compile_template,
)
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import Converted, FieldMap, ForeignTemplate, dialect_named
from vocative.errors import VocativeError
from vocative.sql import Field, Type

FOLDERS = {
    "mailchimp_blueprints": "mailchimp",
    "shopify_notifications": "shopify",
    "mjml": "liquid",
    "email_template_pack_3dialects/*/html": "liquid",
    "email_template_pack_3dialects/*/mailchimp": "mailchimp",
    "email_template_pack_3dialects/*/klaviyo": "klaviyo",
}
"""Folders of templates, and the dialect of each."""
TRAITS = {
    "city": "text",
    "country": "text",
    "email": "text",
    "first_name": "text",
    "language": "text",
    "last_name": "text",
    "phone": "text",
    "signed_up_at": "instant",
    "timezone": "text",
}
"""What the made-up workspace declares."""
MESSAGE: dict[str, Any] = {
    "products": [],
    "offer": None,
    "campaign": {"name": "Autumn"},
    "variant": None,
    "unsubscribe_url": "https://shop.example/unsubscribe/1",
    "view_url": "https://shop.example/view/1",
    "preferences_url": "https://shop.example/preferences/1",
    "postal_address": "1 Sample Street, Sampleton",
    "sender_name": "Sample Shop",
}
SUBJECT = "A mail from somewhere else"
PREHEADER = "What is in it"
_MISSING = 0.25
_LOOPED = re.compile(r"\bin person\.(\w+)")
_NUMERIC = re.compile(
    r"person\.(\w+)(?:\s*(?:[<>]=?)|(?: \| [^|}]*)*? \| (?:divided_by|times|plus|minus|money|abs))"
)
_NESTED = re.compile(r"person\.(\w+)(?:\.(?!size|first|last)\w|\[)")
_DATED = re.compile(r"person\.(\w+)(?: \| [^|}]*)*? \| date")
_WORDS = ("Anna", "O'Neill", "<b>Zoë</b>", "{{ 7 | times: 6 }}", "3 & 4", "plain words", "שלום")


@dataclass
class Imported:
    """One template and what became of it."""

    file: Path
    dialect: str
    converted: Converted | None = None
    findings: list[Finding] = field(default_factory=list)
    rendered: list[Rendered] = field(default_factory=list)
    error: Exception | None = None
    """What it crashed with, at any step."""


def import_all(folder: Path, people: int) -> Iterator[Imported]:
    """Every template of a folder, each imported and rendered.

    Args:
        folder: The folder of real templates.
        people: For how many people each is rendered.
    """
    for pattern, dialect in FOLDERS.items():
        for place in sorted(folder.glob(pattern)):
            for file in sorted(place.rglob("*")):
                if file.suffix in (".html", ".liquid", ".mjml"):
                    yield import_one(file, dialect, people)


def import_one(file: Path, dialect: str, people: int) -> Imported:
    """One template, imported, compiled and rendered; whatever goes wrong is noted, not raised."""
    found = Imported(file, dialect)
    try:
        found.converted = convert(file, dialect)
        source = source_of(found.converted, file.suffix)
        found.findings = check_template(source, catalog_of(found.converted))
        template = compile_template(source)
        found.rendered = list(render_for(template, found.converted, people, seed=file.name))
    except Exception as error:  # noqa: BLE001 - a crash is a result here
        found.error = error
    return found


def convert(file: Path, dialect: str) -> Converted:
    """A template's Liquid, and what became of its parts."""
    text = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    foreign = ForeignTemplate(
        name=file.stem,
        html=Passage.of_file(file.name, text),
        subject=Passage.of_file("subject", SUBJECT),
        preheader=Passage.of_file("preheader", PREHEADER),
    )
    return dialect_named(dialect).convert(foreign, FieldMap(traits=TRAITS))


def source_of(converted: Converted, suffix: str) -> TemplateSource:
    """The source of what was converted."""
    markup = "mjml" if suffix == ".mjml" else "html"
    body: dict[str, Any] = {markup: converted.html}
    return TemplateSource.of(
        "imported", subject=converted.subject or SUBJECT, preheader=converted.preheader, **body
    )


def catalog_of(converted: Converted) -> dict[str, Field]:
    """The fields that a workspace would declare for a template."""
    types = {**dict.fromkeys(converted.new_traits, "text"), **TRAITS}
    numbers = {name for name, kind in _kinds(converted.html).items() if kind == "number"}
    return {
        name: Field(
            name=name,
            kind="trait",
            type=Type.NUMBER if name in numbers else Type(found),
            nullable=True,
            describe="",
        )
        for name, found in types.items()
    }


def render_for(
    template: Template, converted: Converted, people: int, seed: str
) -> Iterator[Rendered]:
    """The template for made-up people, the same ones each time.

    Raises:
        VocativeError: it cannot be rendered for one of them.
    """
    drawn = random.Random(seed)
    catalog = catalog_of(converted)
    for number in range(people):
        try:
            yield template.render({**MESSAGE, "person": person(drawn, converted, catalog)})
        except VocativeError as error:
            raise VocativeError(f"person {number}: {error}") from error


def person(
    drawn: random.Random, converted: Converted, catalog: Mapping[str, Field]
) -> dict[str, Any]:
    """Somebody who has, or lacks, what a template names."""
    kinds = _kinds(converted.html)
    return {
        name: None if drawn.random() < _MISSING else _value(drawn, kinds.get(name, "text"))
        for name in catalog
    }


def _kinds(liquid: str) -> dict[str, str]:
    """What each trait must be for what the template does with it."""
    return {
        **dict.fromkeys(_NUMERIC.findall(liquid), "number"),
        **dict.fromkeys(_NESTED.findall(liquid), "mapping"),
        **dict.fromkeys(_DATED.findall(liquid), "instant"),
        **dict.fromkeys(_LOOPED.findall(liquid), "list"),
        "signed_up_at": "instant",
    }


def _value(drawn: random.Random, kind: str) -> Any:
    if kind == "number":
        return drawn.choice((0, 1, 7, 1999, 12.5))
    if kind == "instant":
        return datetime(2026, drawn.randint(1, 12), drawn.randint(1, 28), tzinfo=UTC)
    if kind == "mapping":
        return _thing(drawn)
    if kind == "list":
        return [_thing(drawn) for _ in range(drawn.randint(0, 3))]
    return drawn.choice(_WORDS)


def _thing(drawn: random.Random) -> dict[str, Any]:
    """An item of an order, of which some parts may be missing."""
    whole = {
        "title": drawn.choice(_WORDS),
        "name": drawn.choice(_WORDS),
        "quantity": drawn.randint(0, 3),
        "price": 1999,
        "final_price": 1999,
        "amount": 500,
        "sku": "A-1",
        "url": "https://shop.example/a",
    }
    return {key: value for key, value in whole.items() if drawn.random() > _MISSING}
