"""What is in reach at one place of a Handlebars template."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vocative.compose.dialects._handlebars.tree import Node
from vocative.compose.dialects._handlebars.values import Context, Value


@dataclass(frozen=True, slots=True)
class Round:
    """A loop that is open: how deep it is, and what its key is called."""

    level: int
    key: Value | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes to be put in elsewhere, with what they saw where they were written."""

    nodes: tuple[Node, ...]
    names: Mapping[str, Value] = field(default_factory=dict)
    partial_block: "Body | None" = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What is in reach; a block makes a new one."""

    context: Context
    names: Mapping[str, Value] = field(default_factory=dict)
    """Block parameters."""
    rounds: tuple[Round, ...] = ()
    """Loops that are open, the innermost last."""
    loops: int = 0
    """How many `for` are open in the Liquid."""
    blocks: int = 0
    """How many Liquid blocks are open."""
    partials: Mapping[str, Body] = field(default_factory=dict)
    partial_block: Body | None = None
    inside: tuple[str, ...] = ()
    """The partials that are being put in."""

    def within(self, context: Context) -> "Scope":
        """The same with another context."""
        return replace(self, context=context)

    def deeper(self) -> "Scope":
        """The same within one more Liquid block."""
        return replace(self, blocks=self.blocks + 1)

    def named(self, names: Mapping[str, Value]) -> "Scope":
        """The same with block parameters added."""
        return replace(self, names={**self.names, **names}) if names else self
