"""Whether values are used as what they are, and only where they are safe.

In come places of a template where a value is printed, compared or looped over, out go findings.
"""

from collections.abc import Callable, Mapping

from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.output import OutputNode
from liquid.expression import Expression

from vocative.compose.checking.contexts import Context
from vocative.compose.checking.kinds import incomparable, misused, named, unprintable
from vocative.compose.checking.scope import Scope
from vocative.compose.language.raw_html import FILTER

Note = Callable[[str, str, int, str | None], None]
"""Takes a finding: its code, what is wrong, where in the parsed text, and what to do."""
_COMPARISONS = (
    EqExpression,
    NeExpression,
    LtExpression,
    LeExpression,
    GtExpression,
    GeExpression,
    ContainsExpression,
)
_UNSAFE_PLACES = {
    "style": ("a value in a style can add rules of its own", "choose between two css-class names"),
    "event": ("mail programs run no scripts", "remove the attribute"),
    "comment": ("nobody sees a value in a comment", "take it out of the comment"),
}


class UseCheck:
    """What is wrong with how values are used, at the places it is shown."""

    def __init__(self, scope: Scope, contexts: Mapping[int, Context], note: Note) -> None:
        self._scope = scope
        self._contexts = contexts
        self._note = note

    def check_kind(self, path: Path, filters: list[str]) -> None:
        """Look at a value that is printed through filters."""
        kind = self._scope.kind_of(path)
        if FILTER in filters and (self._scope.resolve(path) or ("",))[0] == "person":
            self._note(
                "html_of_a_person",
                f"people who can write {path} decide what links and pictures stand here",
                path.token.start_index,
                "print it without the filter html, unless only you write it",
            )
        wrong = misused(kind, filters)
        if wrong is not None:
            message = f"{wrong[0]} cannot use {named(wrong[1])}, and {path} brings it one"
            self._note(
                "wrong_type", message, path.token.start_index, "use a filter or a field that fits"
            )
        elif unprintable(kind, filters) is not None:
            message = f"{path} is {named(unprintable(kind, filters) or '')}, not a single value"
            self._note(
                "wrong_type", message, path.token.start_index, "print a part of it, or loop over it"
            )

    def check_context(self, node: OutputNode) -> None:
        """Hold a value against the place in the HTML where it is printed."""
        context = self._contexts.get(node.token.start_index)
        if context is None or not isinstance(node.expression, FilteredExpression):
            return
        value = node.expression.left
        if context.place == "address" and (not context.first or self._is_address(node.expression)):
            return
        if context.place == "style" and self._scope.is_harmless(value):
            return
        start = (value if isinstance(value, Path) else node).token.start_index
        if context.place == "address":
            message = f"{value} alone decides where this leads"
            fix = f"write what it begins with: https://shop.example/{{{{ {value} }}}}"
            self._note("unsafe_url", message, start, fix)
        else:
            message, fix = _UNSAFE_PLACES[context.place]
            self._note(
                "unsafe_context", f"{value} stands where it is not safe: {message}", start, fix
            )

    def _is_address(self, expression: FilteredExpression) -> bool:
        """Whether a value begins as the workspace, the catalog or the author wrote it."""
        values = [expression.left]
        for one in expression.filters or ():
            if one.name == "default":
                values += [argument.value for argument in one.args]
        return all(self._scope.begins_safely(value) for value in values)

    def check_compared(self, condition: Expression) -> None:
        """Look at the comparisons in a condition."""
        pending = [condition]
        while pending:
            one = pending.pop()
            pending += one.children()
            if isinstance(one, _COMPARISONS):
                kinds = (self._scope.kind_of(one.left), self._scope.kind_of(one.right))
                wrong = incomparable(one, *kinds)
                if wrong is not None:
                    self._note(
                        "wrong_type", f"`{one}`: {wrong}", place_of(one), "compare it with its like"
                    )

    def check_looped(self, iterable: Expression) -> None:
        """Look at what a loop goes through."""
        kind = self._scope.kind_of(iterable)
        if isinstance(iterable, Path) and kind not in (None, "list", "object"):
            message = (
                f"{iterable} is {named(kind or '')}, not a list: there is nothing to loop over"
            )
            self._note(
                "wrong_type",
                message,
                iterable.token.start_index,
                "loop over a list, such as products",
            )


def place_of(condition: Expression) -> int:
    """Where a condition stands: at its first name, if it has one."""
    pending = [condition]
    while pending:
        one = pending.pop(0)
        if isinstance(one, Path):
            return one.token.start_index
        pending += one.children()
    return max(condition.token.start_index, 0)
