"""What is printed for each engine stays what it is, until somebody means to change it."""

import pytest

from engines.write_golden import FOLDER, texts

TEXTS = texts()


@pytest.mark.parametrize("path", TEXTS)
def test_the_text_is_the_one_that_was_kept(path):
    kept = (FOLDER / path).read_text(encoding="utf-8")
    assert TEXTS[path] == kept, "if it is meant: python tests/engines/write_golden.py"


def test_nothing_else_is_kept():
    assert {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.sql")} == set(TEXTS)
