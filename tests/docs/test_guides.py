"""Every guide with `console` blocks does what it says, from an empty folder."""

from pathlib import Path

import pytest
from guide_runner import Command, FileBlock, Reader, matches, steps

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [page for page in PAGES if page.exists() and "\n```console\n" in page.read_text()]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_guide_does_what_it_says(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for step in steps(page.read_text(encoding="utf-8")):
        if isinstance(step, FileBlock):
            reader.write(step)
            continue
        done = reader.type(step)
        told = f"{page.name}:{step.line}: $ {step.text}\n{done.stdout}"
        assert (done.returncode != 0) == step.fails, told
        if step.expected:
            assert matches(step.expected, done.stdout), told


def test_there_is_a_tutorial_among_them() -> None:
    assert ROOT / "docs" / "tutorial.md" in GUIDES


def test_files_are_found_by_title_and_by_the_line_above() -> None:
    text = (
        '```yaml title="a.yaml"\nx: 1\n```\n\n`b/c.csv`\n\n```csv\n1,2\n```\n\n```yaml\ny: 2\n```\n'
    )
    assert list(steps(text)) == [FileBlock("a.yaml", "x: 1\n"), FileBlock("b/c.csv", "1,2\n")]


def test_commands_have_their_output() -> None:
    text = "Type:\n\n```console\n$ one\n$ two 'x'\nerror: no\n\n  more\n```\n"
    assert list(steps(text)) == [
        Command("one", [], 4),
        Command("two 'x'", ["error: no", "", "  more"], 5),
    ]
    assert [step.fails for step in steps(text) if isinstance(step, Command)] == [False, True]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (["4 rows"], "4  rows \n", True),
        (["4 rows"], "5 rows\n", False),
        (["4 rows in … s"], "4 rows in\n0.3 s\n", True),
        (["a", "…", "z"], "a\nb\nc\nz\n", True),
        (["a", "z"], "a\nb\nz\n", False),
        (["a."], "ab\n", False),
        (["a", "…"], "b\na\n", False),
    ],
)
def test_an_ellipsis_stands_for_anything(expected: list[str], printed: str, same: bool) -> None:
    assert matches(expected, printed) is same
