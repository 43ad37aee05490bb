"""The page on expressions lists every function, and every example on it is one."""

import re
from pathlib import Path

import pytest

from vocative.engines.base import HISTORY_COLUMNS
from vocative.sql import parse
from vocative.sql.functions import FUNCTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_documented(name):
    function = FUNCTIONS[name]
    row = next(
        line
        for line in (DOCS / "expressions.md").read_text().splitlines()
        if line.startswith(f"| `{function.usage}` |")
    )
    assert function.about in row
    assert all(unit in row for unit in function.units)


def test_the_example_is_an_expression():
    text = (DOCS / "expressions.md").read_text()
    for example in re.findall(r"```sql\n(.*?)```", text, re.DOTALL):
        assert parse(example).segments == {"complained"}


def test_the_examples_of_local_time_are_expressions():
    text = (DOCS / "expressions.md").read_text()
    section = text.split("## Calendars and local time")[1].split("## ")[0]
    examples = re.findall(r"^\| `(.*?)` \|", section, re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        assert parse(example).fields or parse(example).uses_now


def test_every_column_of_history_is_documented():
    text = (DOCS / "plugins" / "engines.md").read_text()
    for columns in HISTORY_COLUMNS.values():
        assert ", ".join(f"`{name}`" for name in columns) in text
