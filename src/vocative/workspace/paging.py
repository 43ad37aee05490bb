"""Pages of lists in which a place is a number: how many rows come before it.

A cursor comes from outside and can be anything: what is none begins at the beginning.
"""

from dataclasses import dataclass

_LAST = 2**40
"""No page begins after so many rows: a larger number would be one that no database takes."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which rows are on a page."""

    limit: int
    skip: int

    @property
    def wanted(self) -> int:
        """How many rows to ask for: one more shows whether there is another page."""
        return self.limit + 1

    def next(self, found: int) -> str | None:
        """The cursor of the next page; None when there is none.

        Args:
            found: How many rows there were of those wanted.
        """
        return str(self.skip + self.limit) if found > self.limit else None


def part_of(cursor: str | None, limit: int, *, most: int) -> Part:
    """The part of a list that a page shows.

    Args:
        cursor: The `next` of the page before.
        limit: How many rows on a page.
        most: No more than these.

    >>> part_of("50", 1_000, most=200)
    Part(limit=200, skip=50)
    """
    # Python itself refuses to read numbers of thousands of digits.
    skip = min(int(cursor[:20]), _LAST) if cursor and cursor.isdecimal() else 0
    return Part(limit=max(1, min(limit, most)), skip=skip)
