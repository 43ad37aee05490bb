"""Pages of lists: whatever a cursor says."""

import pytest

from vocative.workspace.paging import part_of


def test_a_page_follows_another() -> None:
    first = part_of(None, 50, most=200)
    assert (first.skip, first.wanted) == (0, 51)
    assert first.next(50) is None
    second = part_of(first.next(51), 50, most=200)
    assert (second.skip, second.limit) == (50, 50)


@pytest.mark.parametrize(("asked", "limit"), [(-1, 1), (0, 1), (7, 7), (10**9, 200)])
def test_a_page_has_some_rows_and_not_too_many(asked: int, limit: int) -> None:
    assert part_of(None, asked, most=200).limit == limit


@pytest.mark.parametrize("cursor", ["", "²", "-1", "1.5", "after", "1e9", "\0"])
def test_what_is_no_cursor_begins_at_the_beginning(cursor: str) -> None:
    assert part_of(cursor, 50, most=200).skip == 0


@pytest.mark.parametrize("digits", [13, 30, 5_000])
def test_a_cursor_is_never_more_than_a_database_takes(digits: int) -> None:
    assert 0 < part_of("9" * digits, 50, most=200).skip < 2**63
