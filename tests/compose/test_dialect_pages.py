"""The pages on dialects: what each shows is what its importer writes."""

import re
from pathlib import Path

import pytest

from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import FieldMap, ForeignTemplate, dialect_named

PAGES = Path(__file__).resolve().parents[2] / "docs" / "dialects"
TRAITS = {
    "city": "text",
    "country": "text",
    "email": "text",
    "first_name": "text",
    "last_name": "text",
    "phone": "text",
    "points": "number",
    "signed_up_at": "instant",
}
_EXAMPLE = re.compile(r"```[\w-]+\n(.*?)```\n\n```liquid\n(.*?)```", re.DOTALL)


def converted(dialect: str, text: str) -> str:
    foreign = ForeignTemplate(name="page", html=Passage.of_file("page", text))
    return dialect_named(dialect).convert(foreign, FieldMap(traits=TRAITS)).html


@pytest.mark.parametrize(
    "dialect",
    [
        "ampscript",
        "braze",
        "customerio",
        "handlebars",
        "klaviyo",
        "liquid",
        "mailchimp",
        "shopify",
    ],
)
def test_a_page_shows_what_is_written(dialect: str) -> None:
    example = _EXAMPLE.search((PAGES / f"{dialect}.md").read_text(encoding="utf-8"))
    assert example is not None
    assert converted(dialect, example[1]) == example[2]
