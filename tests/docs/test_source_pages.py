"""The pages of sources: what they show can be used as it stands, and every option is explained."""

import re
from pathlib import Path

import msgspec
import pytest

from vocative.collect.mapping import read_mapping
from vocative.collect.sources import SOURCES
from vocative.collect.sourcing.definitions import read_source
from vocative.workspace import Definition
from vocative.workspace.yaml_text import YamlText, parse_yaml

PAGES = sorted((Path(__file__).parents[2] / "docs" / "sources").glob("*.md"))
ELSEWHERE = {"tracking"}
"""Kinds with a page of their own."""


def blocks(page: Path) -> list[YamlText]:
    """The pieces of YAML on a page."""
    found = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    return [parse_yaml(text, page.name) for text in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_can_be_used(page: Path) -> None:
    definitions = [text for text in blocks(page) if "kind" in text.value]
    assert definitions, "there is no definition"
    for text in definitions:
        source = read_source("shown", Definition("source", "shown", text.value, text))
        assert source.kind == page.stem
    for text in blocks(page):
        if {"people", "events", "items"} & {*text.value}:
            read_mapping(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_option_is_explained(page: Path) -> None:
    told = page.read_text()
    fields = msgspec.structs.fields(SOURCES.load(page.stem).Options)
    assert [field.encode_name for field in fields if f"`{field.encode_name}`" not in told] == []


def test_every_kind_has_a_page() -> None:
    assert {page.stem for page in PAGES} == {*SOURCES.names()} - ELSEWHERE
