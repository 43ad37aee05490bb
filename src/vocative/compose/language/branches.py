"""Conditions that remember which way they went, for `explain`.

The nodes below do what Liquid's own do and note each arm that was taken.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from liquid.ast import BlockNode
from liquid.builtin.tags.case_tag import CaseNode, CaseTag, MultiExpressionBlockNode
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.unless_tag import UnlessNode, UnlessTag

if TYPE_CHECKING:
    from liquid.context import RenderContext


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One arm of a condition: its words and where its tag stands in the compiled text."""

    text: str
    offset: int


def _take(context: "RenderContext", arm: Arm) -> None:
    context.run.taken[arm] = None  # type: ignore[attr-defined]


class _Conditional:
    """What `if` and `unless` have in common."""

    word: str
    arms: list[Arm]

    def _name_arms(self, node: IfNode | UnlessNode) -> None:
        first = f"{self.word} {node.condition}"
        self.arms = [Arm(first, node.token.start_index)]
        self.arms += [
            Arm(f"elsif {one.expression}", one.expression.token.start_index)
            for one in node.alternatives
        ]
        if node.default:
            self.arms.append(Arm(f"else of {first}", node.token.start_index))

    def _render_rest(
        self, node: IfNode | UnlessNode, context: "RenderContext", buffer: TextIO
    ) -> int:
        for arm, alternative in zip(self.arms[1:], node.alternatives, strict=False):
            if alternative.expression.evaluate(context):
                _take(context, arm)
                return alternative.block.render(context, buffer)
        if node.default:
            _take(context, self.arms[-1])
            return node.default.render(context, buffer)
        return 0


class NotedIf(_Conditional, IfNode):
    """`if` that notes its arm."""

    word = "if"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name_arms(self)

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Render the arm whose condition holds."""
        if self.condition.evaluate(context):
            _take(context, self.arms[0])
            return self.consequence.render(context, buffer)
        return self._render_rest(self, context, buffer)


class NotedUnless(_Conditional, UnlessNode):
    """`unless` that notes its arm."""

    word = "unless"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name_arms(self)

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Render the arm whose condition holds."""
        if not self.condition.evaluate(context):
            _take(context, self.arms[0])
            return self.consequence.render(context, buffer)
        return self._render_rest(self, context, buffer)


class NotedCase(CaseNode):
    """`case` that notes its arms; as in Liquid, several `when` may hold."""

    arms: dict[int, Arm]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arms = {}
        for block in self.blocks:
            when = isinstance(block, MultiExpressionBlockNode)
            text = f"when {block.expression}" if when else "else"  # type: ignore[union-attr]
            offset = block.token.start_index if when else self.token.start_index
            self.arms[id(block)] = Arm(f"{text} of case {self.expression}", offset)

    def render_to_output(self, context: "RenderContext", buffer: TextIO) -> int:
        """Render every arm that holds, or the last else."""
        count, default = 0, True
        for block in self.blocks:
            if isinstance(block, BlockNode):
                if default:
                    _take(context, self.arms[id(block)])
                    count += block.render(context, buffer)
                continue
            written = block.render(context, buffer)
            if written >= 0:
                _take(context, self.arms[id(block)])
                default = False
                count += written
        return count


class NotingIfTag(IfTag):
    """The `if` tag."""

    node_class = NotedIf


class NotingUnlessTag(UnlessTag):
    """The `unless` tag."""

    node_class = NotedUnless


class NotingCaseTag(CaseTag):
    """The `case` tag."""

    node_class = NotedCase
