"""Parts of a loop that depend on nothing but the loop's item, kept from mail to mail.

A campaign shows some hundred items of a catalog to very many people. What a template makes of an
item is found again by the values of the item's fields that it reads, so a changed price is another
fragment and nothing has to be thrown away in time.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import MultiExpressionBlockNode
from liquid.expression import Expression

from vocative.compose.compiler.chains import is_timeless
from vocative.compose.compiler.memo import Memo, is_key, weight_of
from vocative.compose.compiler.names import children_of
from vocative.compose.compiler.runtime import State
from vocative.compose.language.branches import Arm, NotedCase, NotedIf, NotedUnless

if TYPE_CHECKING:
    from liquid import Environment

ENTRIES = 4_096
CHARACTERS = 8_000_000
_MAX_FIELDS = 16
# Below that, looking a fragment up costs what making it does.
_MIN_VALUES = 2
_CONDITIONS = (NotedIf, NotedUnless, NotedCase)
_PARTS = (OutputNode, BlockNode, ConditionalBlockNode, MultiExpressionBlockNode, *_CONDITIONS)
Made = tuple[Any, dict[Arm, None]]


class Fragments:
    """The stretches of a loop's body that are made once per item."""

    __slots__ = ("_items", "_memo", "functions", "recent", "recent_items")

    def __init__(self) -> None:
        self._memo: Memo[tuple[Any, ...]] = Memo(entries=ENTRIES, weight=CHARACTERS)
        self._items: Memo[tuple[Any, ...]] = Memo(entries=ENTRIES, weight=CHARACTERS)
        self.recent = self._memo.recent
        self.recent_items = self._items.recent
        """By the identities of items that never change; each holds its item, so that it stays."""
        self.functions: list[Callable[..., Made]] = []
        """What makes each stretch."""

    def __call__(self, key: tuple[Any, ...] | None, state: State, item: object) -> tuple[Any, ...]:
        """What each stretch writes, with the arms of conditions that were taken in it.

        Args:
            key: The fields that are read, and their types; None when the item lacks one.
            state: The render.
            item: The loop's item.
        """
        found = self._memo.recall(key) if key is not None else None
        if found is None:
            found = tuple(function(state, item) for function in self.functions)
            if key is not None and is_key(key[0]):
                self._memo.keep(key, found, _weight(found) + weight_of(key))
        return found

    def of_frozen(self, key: tuple[Any, ...] | None, state: State, item: object) -> tuple[Any, ...]:
        """The same for an item that never changes, found by its identity from now on."""
        found = (self.recent.get(key) if key is not None else None) or self(key, state, item)
        found = (*found, item)
        if key is not None:
            self._items.keep(id(item), found, _weight(found[:-1]))
        return found


def _weight(made: tuple[Any, ...]) -> int:
    return sum(len(text) for text, _ in made) + 500


class Reads:
    """What nodes read of a loop's item.

    Args:
        environment: Where their filters are.
        identifier: The item's name.
        is_constant: Whether an expression's value is known already.
    """

    def __init__(
        self,
        environment: "Environment",
        identifier: str,
        is_constant: Callable[[Expression], bool],
    ) -> None:
        self._environment, self._identifier = environment, identifier
        self._is_constant = is_constant

    def fields(self, nodes: Sequence[Node]) -> list[tuple[str, ...]] | None:
        """The fields that nodes read, as keys; None when they cannot be a fragment."""
        fields: dict[tuple[str, ...], None] = {}
        for node in nodes:
            if not self._add(node, fields):
                return None
        return list(fields) if len(fields) <= _MAX_FIELDS else None

    def stretches(self, nodes: Sequence[Node]) -> list[tuple[bool, list[Node]]]:
        """Nodes in stretches, and of each whether it can be looked up instead.

        None can when that would cost as much as rendering them does.
        """
        found: list[tuple[bool, list[Node]]] = []
        values = 0
        for node in nodes:
            own = self.fields([node]) is not None
            values += own and not isinstance(node, ContentNode)
            if found and found[-1][0] == own:
                found[-1][1].append(node)
            else:
                found.append((own, [node]))
        if values < _MIN_VALUES:
            return [(False, list(nodes))]
        return [(own and _has_values(group), group) for own, group in found]

    def _add(self, node: Node, fields: dict[tuple[str, ...], None]) -> bool:
        if isinstance(node, ContentNode):
            return True
        if not isinstance(node, _PARTS):
            return False
        expressions = list(node.expressions())
        if isinstance(node, OutputNode) and isinstance(node.expression, FilteredExpression):
            names = [one.name for one in node.expression.filters or ()]
            if not is_timeless(self._environment, names):
                return False
        return all(self._read(one, fields) for one in expressions) and all(
            self._add(child, fields) for child in children_of(node)
        )

    def _read(self, expression: Expression, fields: dict[tuple[str, ...], None]) -> bool:
        if self._is_constant(expression):
            return True
        if isinstance(expression, Path):
            own = expression.path[0] == self._identifier
            if not own or not all(isinstance(key, str) for key in expression.path):
                return False
            fields[tuple(str(key) for key in expression.path[1:])] = None
            return True
        children = expression.children()
        return bool(children) and all(self._read(child, fields) for child in children)


def _has_values(nodes: Sequence[Node]) -> bool:
    return any(not isinstance(node, ContentNode) for node in nodes)


def has_conditions(nodes: Sequence[Node]) -> bool:
    """Whether there are conditions among nodes or inside them."""
    return any(isinstance(node, _CONDITIONS) or has_conditions(children_of(node)) for node in nodes)
