"""Putting definitions in an order in which each one comes after what it is made from."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from vocative.errors import AuthorError, Where

T = TypeVar("T")
MAX_DEPTH = 100


def in_order(
    definitions: Mapping[str, T],
    needs: Callable[[T], Iterable[str]],
    *,
    kind: str,
    where: Callable[[T], Where],
) -> dict[str, T]:
    """The definitions so that each follows those it needs; otherwise as they were written.

    Needs that are no definitions are left to whoever checks names.

    Raises:
        AuthorError: some of them go round in a circle; the message names it.
    """
    ordered: dict[str, T] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in path:
            circle = [*path[path.index(name) :], name]
            raise AuthorError(
                f"these {kind}s are defined by each other: {' → '.join(circle)}",
                where=where(definitions[name]),
                hint="write one of them without the others",
            )
        if len(path) >= MAX_DEPTH:
            raise AuthorError(
                f"{kind}s build on each other more than {MAX_DEPTH} deep",
                where=where(definitions[name]),
            )
        path.append(name)
        for other in sorted(needs(definitions[name])):
            if other in definitions:
                visit(other)
        path.pop()
        ordered[name] = definitions[name]

    for name in definitions:
        visit(name)
    return ordered


def layers(ordered: Mapping[str, T], needs: Callable[[T], Iterable[str]]) -> list[dict[str, T]]:
    """Ordered definitions in layers; each needs only layers before its own."""
    level: dict[str, int] = {}
    found: list[dict[str, T]] = []
    for name, definition in ordered.items():
        below = [level[other] for other in needs(definition) if other in level]
        level[name] = 1 + max(below, default=-1)
        while len(found) <= level[name]:
            found.append({})
        found[level[name]][name] = definition
    return found
