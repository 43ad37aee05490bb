"""What an AMPscript text says of its variables, read before anything is written."""

from collections.abc import Iterable, Iterator

from vocative.compose.dialects._ampscript.functions import FUNCTIONS, LOOKUPS, NOW, Kind
from vocative.compose.dialects._ampscript.tree import (
    Assign,
    Both,
    Call,
    Choose,
    Constant,
    Declare,
    Do,
    Expression,
    Loop,
    Not,
    Show,
    Statement,
    Variable,
)


class Variables:
    """The variables of a text: what kinds of values they get, and which text is known."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[Kind]] = {}
        self._texts: dict[str, list[str | None]] = {}

    def note(self, statements: Iterable[Statement]) -> None:
        for one in every(statements):
            if isinstance(one, Assign):
                kinds = self._kinds.setdefault(one.name, set())
                kinds.add(self.kind(one.value))
                value = one.value
                constant = value.value if isinstance(value, Constant) else None
                texts = self._texts.setdefault(one.name, [])
                texts.append(constant if isinstance(constant, str) else None)
            elif isinstance(one, Loop):
                self._kinds.setdefault(one.name, set()).add("number")

    def unset(self, statements: tuple[Statement, ...]) -> list[str]:
        """Variables that may be asked for before anything is set."""
        certain: set[str] = set()
        unset: set[str] = set()
        for one in statements:
            if isinstance(one, Declare):
                certain.update(one.names)
            elif isinstance(one, Assign):
                unset |= _names_in(one.value) - certain
                certain.add(one.name)
            else:
                own = {one.name} if isinstance(one, Loop) else set()
                unset |= _variables_of(one) - certain - own
                certain |= own
        return sorted(unset)

    def kind(self, expression: Expression) -> Kind:
        if isinstance(expression, Constant):
            if isinstance(expression.value, bool):
                return "truth"
            return "text" if isinstance(expression.value, str) else "number"
        if isinstance(expression, Both | Not):
            return "truth"
        if isinstance(expression, Variable):
            return "anything"
        if isinstance(expression, Call):
            name = expression.name.lower()
            if name in FUNCTIONS:
                return FUNCTIONS[name].gives
            if name in NOW:
                return "date"
            if name in ("v", "iif") or name in LOOKUPS:
                return "anything"
            return "truth" if name.startswith("is") else "text"
        return "text"

    def known(self, expression: Expression) -> str | None:
        """The text of an expression, when no data have a part in it."""
        if isinstance(expression, Constant) and not isinstance(expression.value, bool):
            return str(expression.value)
        if isinstance(expression, Variable):
            texts = self._texts.get(expression.name, [])
            return texts[0] if len(texts) == 1 else None
        if isinstance(expression, Call) and expression.name.lower() == "concat":
            parts = [self.known(one) for one in expression.arguments]
            return None if None in parts else "".join(part for part in parts if part is not None)
        return None

    def kind_of(self, name: str) -> Kind:
        """What kind of value a variable gives."""
        kinds = self._kinds.get(name, {"text"})
        return next(iter(kinds)) if len(kinds) == 1 else "anything"


def named(variable: str) -> str:
    return "var_" + variable.lstrip("@")


def every(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Statements and all that stand in them, from left to right."""
    for one in statements:
        yield one
        if isinstance(one, Choose):
            for arm in one.arms:
                yield from every(arm.body)
            yield from every(one.otherwise)
        elif isinstance(one, Loop):
            yield from every(one.body)


def _variables_of(statement: Statement) -> set[str]:
    names: set[str] = set()
    for one in every((statement,)):
        if isinstance(one, Declare):
            names.update(one.names)
        elif isinstance(one, Assign):
            names |= {one.name, *_names_in(one.value)}
        elif isinstance(one, Loop):
            names |= {one.name, *_names_in(one.first), *_names_in(one.last)}
        elif isinstance(one, Choose):
            for arm in one.arms:
                names |= _names_in(arm.condition)
        elif isinstance(one, Show | Do):
            names |= _names_in(one.value)
    return names


def _names_in(expression: Expression) -> set[str]:
    if isinstance(expression, Variable):
        return {expression.name}
    if isinstance(expression, Call):
        return {name for one in expression.arguments for name in _names_in(one)}
    if isinstance(expression, Both):
        return _names_in(expression.left) | _names_in(expression.right)
    return _names_in(expression.value) if isinstance(expression, Not) else set()
