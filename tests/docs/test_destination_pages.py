"""The pages of destinations: what they show can be used, and every option is explained."""

import re
from pathlib import Path

import msgspec
import pytest

from vocative.deliver.destinations import DESTINATIONS
from vocative.deliver.syncing.definitions import DestinationBody, read_destination
from vocative.workspace import Definition
from vocative.workspace.yaml_text import parse_yaml

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "destinations").glob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, DOCS / "destinations.md"], ids=lambda page: page.stem)
def test_what_a_page_shows_can_be_used(page: Path) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert shown, "there is no definition"
    for one in shown:
        text = parse_yaml(one, page.name)
        found = read_destination("shown", Definition("destination", "shown", text.value, text))
        assert found.body.kind == page.stem or page.stem == "destinations"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_option_is_explained(page: Path) -> None:
    told = page.read_text()
    fields = msgspec.structs.fields(DESTINATIONS.load(page.stem).Options)
    assert [one.encode_name for one in fields if f"`{one.encode_name}`" not in told] == []


def test_every_kind_has_a_page_and_says_what_it_was_checked_against() -> None:
    assert {page.stem for page in PAGES} == {*DESTINATIONS.names()}
    assert all("## What it was checked against" in page.read_text() for page in PAGES)


def test_every_key_that_all_have_is_explained() -> None:
    told = (DOCS / "destinations.md").read_text()
    assert [one for one in DestinationBody.__struct_fields__ if f"`{one}`" not in told] == []
