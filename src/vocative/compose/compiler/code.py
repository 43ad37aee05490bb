"""Python being written: lines, fresh names, and the objects that the lines name.

Nothing a template says becomes part of the lines: text, keys and values are objects under fresh
names, so no template can write code.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class Code:
    """The lines of one function; several share their names and objects."""

    def __init__(self, objects: dict[str, object]) -> None:
        self.lines: list[str] = []
        self.objects = objects
        self._depth = 1

    def line(self, text: str) -> None:
        """Write a line at the present depth."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a line that opens a block, and what follows inside it."""
        self.line(head)
        self._depth += 1
        before = len(self.lines)
        try:
            yield
        finally:
            if len(self.lines) == before:
                self.line("pass")
            self._depth -= 1

    def name(self, kind: str) -> str:
        """A name that nothing has yet."""
        name = f"{kind}{len(self.objects)}"
        self.objects[name] = None
        return name

    def object(self, value: object, kind: str = "k") -> str:
        """A name for an object."""
        name = self.name(kind)
        self.objects[name] = value
        return name
