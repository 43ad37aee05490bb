"""What a name of Handlebars or Mustache stands for in Liquid, looked up in its contexts."""

import re
from collections.abc import Callable, Iterator

from vocative.compose.dialects._handlebars.scope import Scope
from vocative.compose.dialects._handlebars.tree import Path, Span
from vocative.compose.dialects._handlebars.values import (
    NOTHING,
    UNKNOWN,
    Context,
    Extended,
    Item,
    Root,
    Section,
    Value,
    in_liquid,
    part_of,
)
from vocative.compose.dialects.base import Translation

_PLAIN = re.compile(r"[^\[\].]+\Z")


class Lookup:
    """Finds the values of names; writes what has to be set before they can be used."""

    def __init__(
        self,
        translation: Translation,
        quote: Callable[[str], str],
        simple: Callable[[Value, int], Value],
        *,
        outwards: str | None,
    ) -> None:
        self._translation = translation
        self._quote = quote
        self._simple = simple
        self._outwards = outwards
        """How names are looked for in outer contexts, or None when they are not."""

    def find(self, path: Path, scope: Scope, span: Span) -> Value:
        """The value of a path."""
        if path.is_data:
            return self._data(path, scope, span)
        if path.depth == 0 and not path.scoped and path.parts and path.parts[0] in scope.names:
            return part_of(scope.names[path.parts[0]], path.parts[1:], self._quote)
        return self._up(scope.context, path.depth, path, span)

    def context_at(self, path: Path, scope: Scope) -> Context | None:
        """The context that a path of nothing but `..` stands for, when that is certain."""
        context: Context | None = scope.context
        for _ in range(path.depth):
            if isinstance(context, Section) or context is None:
                return None
            context = context.outer
        return context

    def field(self, names: tuple[str, ...], span: Span) -> Value:
        """A field of the data, or the data themselves."""
        if not names:
            return self._whole(span)
        foreign = ".".join(name if _PLAIN.match(name) else f"[{name}]" for name in names)
        named = self._translation.field(foreign, span.start, span.end)
        return Value(in_liquid(named.path), fallback=named.fallback)

    def _whole(self, span: Span) -> Value:
        """The data as a whole, which are a value only when the mapping names one for `.`."""
        if self._translation.maps("."):
            return Value(self._translation.field(".", span.start, span.end).path)
        self._translation.refused(
            span.start, span.end, "there is no object of all data", "name one of its fields"
        )
        return NOTHING

    def _up(self, context: Context | None, depth: int, path: Path, span: Span) -> Value:
        if context is None:
            return NOTHING
        if depth == 0:
            outwards = self._outwards is not None and not path.scoped and bool(path.parts)
            return (
                self._nearest(context, path, span)
                if outwards
                else self._in(context, path.parts, span)
            )
        if isinstance(context, Section):
            same = self._up(context.outer, depth, path, span)
            other = self._up(context.outer, depth - 1, path, span)
            if str(same) == str(other):
                return same
            same, other = self._simple(same, span.start), self._simple(other, span.start)
            return context.value.filtered(f'handlebars: "around", {same}, {other}')
        return self._up(context.outer, depth - 1, path, span)

    def _in(self, context: Context, names: tuple[str, ...], span: Span) -> Value:
        """A name in one context alone."""
        if isinstance(context, Root):
            return self._root_field(context.names + names, span)
        if isinstance(context, Item):
            return part_of(context.value, names, self._quote)
        if isinstance(context, Extended):
            if names and names[0] in context.added:
                return self._added(context, names, span)
            return self._in(context.base, names, span)
        if not names:
            return context.value
        outer = self._simple(self._in(context.outer, names, span), span.start)
        steps = ", ".join(self._quote(name) for name in names)
        return context.value.filtered(f'handlebars: "in_section", {outer}, {steps}')

    def _added(self, context: Extended, names: tuple[str, ...], span: Span) -> Value:
        """A name that the parameters of a partial give."""
        given = context.added[names[0]]
        if isinstance(given, Root):
            return self._in(given, names[1:], span)
        return part_of(given, names[1:], self._quote)

    def _root_field(self, names: tuple[str, ...], span: Span) -> Value:
        for index, name in enumerate(names):
            if index and name.isdigit():
                return part_of(self.field(names[:index], span), names[index:], self._quote)
        if names[-1:] == ("length",) and len(names) > 1:
            return self.field(names[:-1], span).filtered('handlebars: "get", "length"')
        if not names or names == ("length",):
            whole = self.field((), span)
            return part_of(whole, names, self._quote)
        return self.field(names, span)

    def _nearest(self, context: Context, path: Path, span: Span) -> Value:
        """A name in the innermost context that has it."""
        values: list[str] = []
        last = NOTHING
        for one in _outwards(context):
            if isinstance(one, Root):
                last = self._simple(self._root_field(one.names + path.parts, span), span.start)
                if one.names:
                    # An object of the data: another one may be around it.
                    whole = self._simple(self.field(one.names, span), span.start)
                    values.append(str(whole))
                    continue
                break
            if isinstance(one, Extended):
                if path.parts[0] in one.added:
                    last = self._simple(self._added(one, path.parts, span), span.start)
                    break
            elif one.value.constant is UNKNOWN:
                values.append(str(self._simple(one.value, span.start)))
        if not values:
            return last
        name = self._quote(".".join(path.parts))
        around = ", ".join([*values[1:], str(last)])
        return Value(values[0], f'handlebars: "{self._outwards}", {name}, {around}')

    def _data(self, path: Path, scope: Scope, span: Span) -> Value:
        """`@index`, `@root.name` and their like."""
        name = path.parts[0] if path.parts else ""
        if name == "root":
            return self._root_field(path.parts[1:], span)
        rounds = scope.rounds[: len(scope.rounds) - path.depth]
        if not rounds or len(path.parts) != 1:
            return NOTHING
        one = rounds[-1]
        loop = "forloop" + ".parentloop" * (scope.loops - one.level)
        if name == "key" and one.key is not None:
            return one.key
        return {
            "index": Value(f"{loop}.index0"),
            "key": Value(f"{loop}.index0"),
            "first": Value(f"{loop}.first"),
            "last": Value(f"{loop}.last"),
        }.get(name, NOTHING)


def _outwards(context: Context | None) -> Iterator[Context]:
    while context is not None:
        yield context
        if isinstance(context, Extended) and context.base is not context.outer:
            yield context.base
        context = context.outer
