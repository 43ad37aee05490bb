"""What a name means at a place of a template, decided when it is compiled.

In the interpreter a name is looked up in the loops around it, in what the template assigned, in
what a block was given, and in the data, in this order. All but whether something was assigned yet
is known beforehand.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from liquid.ast import Node
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.include_tag import IncludeNode
from liquid.builtin.tags.render_tag import RenderNode

from vocative.compose.language.nodes import BlockScopeNode


@dataclass(frozen=True)
class Loop:
    """A loop being compiled: the Python variables of its item, its position and its length."""

    identifier: str
    item: str
    position: str
    length: str
    title: str
    is_frozen: bool
    """Whether its items never change."""


@dataclass
class Unit:
    """A stretch of template with names of its own: the whole, or a block that was put in."""

    assigned: dict[str, str]
    """The Python variable of each name that is assigned or captured."""
    given: dict[str, str] = field(default_factory=dict)
    """The Python variable of each argument of a block."""
    is_whole: bool = False
    loops: list[Loop] = field(default_factory=list)
    cycles: str = ""

    @contextmanager
    def loop(self, loop: Loop) -> Iterator[None]:
        """Be inside a loop."""
        self.loops.append(loop)
        try:
            yield
        finally:
            self.loops.pop()

    def loop_of(self, name: str) -> Loop | None:
        """The innermost loop whose item has a name."""
        return next((loop for loop in reversed(self.loops) if loop.identifier == name), None)


def assigned_names(nodes: Iterable[Node]) -> list[str]:
    """The names that nodes assign or capture, those of blocks that were put in left out."""
    names: dict[str, None] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, AssignNode | CaptureNode):
            names[str(node.name)] = None
        if not isinstance(node, BlockScopeNode | IncludeNode | RenderNode):
            pending += children_of(node)
    return list(names)


def children_of(node: Node) -> list[Node]:
    """The nodes inside a node; partial templates are not loaded."""
    return list(node.children(None, include_partials=False))  # type: ignore[arg-type]
