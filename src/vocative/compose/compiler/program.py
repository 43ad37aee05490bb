"""A parsed template as one Python function, with the interpreter behind it.

The function goes the usual way only. Whatever is unusual, be it an error, a limit or a value of an
odd type, makes it give up, and the interpreter renders this person's text from the beginning.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from liquid.builtin.expressions.logical import (
    _contains as contains,
)
from liquid.builtin.expressions.logical import (
    _eq as eq,
)
from liquid.builtin.expressions.logical import (
    _le as le,
)
from liquid.builtin.expressions.logical import (
    _lt as lt,
)
from liquid.limits import to_int
from markupsafe import Markup

from vocative.compose.compiler import runtime
from vocative.compose.compiler.code import Code
from vocative.compose.compiler.expressions import Expressions, Names, Unsupported
from vocative.compose.compiler.runtime import State
from vocative.compose.compiler.sinks import HTML, LINE, PLAIN_TEXT, Sink
from vocative.compose.compiler.statements import Statements
from vocative.compose.language.limits import MAX_ITERATIONS, Run
from vocative.compose.language.nodes import PrintInTextTag

if TYPE_CHECKING:
    from vocative.compose.language.environments import ParsedText

__all__ = ["CompiledText", "Unsupported", "compile_text", "write_function"]

_LOG = logging.getLogger(__name__)
_GIVEN: dict[str, object] = {
    name: getattr(runtime, name)
    for name in (
        "ABSENT", "LOOKUP", "PLAIN", "UNSET", "Unusual", "assigned", "bounded", "is_true",
        "items_of", "span", "turn", "weigh",
    )
}  # fmt: skip
_GIVEN |= {"contains": contains, "eq": eq, "le": le, "lt": lt, "to_int": to_int}
_GIVEN |= {"Markup": Markup, "MAX_ITERATIONS": MAX_ITERATIONS}
Columns = tuple[tuple[str, ...], ...]


class CompiledText:
    """A template's text for one person after the other.

    Args:
        parsed: The template, for the interpreter.
        function: The same as a function.
        constants: What the campaign says of itself; it stands before what is in anybody's data.
    """

    def __init__(
        self,
        parsed: "ParsedText",
        function: Callable[[State, Mapping[str, object]], str],
        constants: Mapping[str, object],
    ) -> None:
        self._parsed, self._function, self._constants = parsed, function, constants
        self.interpreted = 0
        """How many renders were left to the interpreter."""

    def render_run(self, data: Mapping[str, object], run: Run) -> str:
        """The text for one person's data; see `ParsedText.render_run`, which it equals."""
        try:
            return self._function(State(self._parsed, run, data), data)
        except Exception as error:  # noqa: BLE001 - the interpreter tells what is wrong
            _LOG.debug("left to the interpreter: %s", type(error).__name__)
        run.check_time()
        self.interpreted += 1
        run.begin_again()
        return self._parsed.render_run({**data, **self._constants}, run)


def compile_text(
    parsed: "ParsedText",
    constants: Mapping[str, object] | None = None,
    *,
    frozen: Collection[str] = (),
) -> CompiledText:
    """Compile a template to a function that gives text.

    Args:
        parsed: The template.
        constants: Names whose values are the same for everybody; a value must not change.
        frozen: Names of lists whose items never change, such as those of a catalog that is read
            once per run: an item is known again by its identity.

    Raises:
        Unsupported: something in it is not compiled.
    """
    known = constants or {}
    function = write_function(parsed, sink_of(parsed), constants=known, frozen=frozen)
    return CompiledText(parsed, function, known)


def sink_of(parsed: "ParsedText") -> Sink:
    """How a template's values are printed."""
    if parsed.env.autoescape:
        return HTML
    return PLAIN_TEXT if isinstance(parsed.env.tags["output"], PrintInTextTag) else LINE


def write_function(
    parsed: "ParsedText",
    sink: Sink,
    *,
    constants: Mapping[str, object],
    frozen: Collection[str] = (),
    columns: Columns | None = None,
    texts: Mapping[int, str] | None = None,
    sinks: Mapping[int, Sink] | None = None,
) -> Callable[..., Any]:
    """A function of a render's state and a dict of data, or of the values of columns.

    Args:
        parsed: The template.
        sink: What becomes of what it prints.
        constants: Names whose values are known.
        frozen: Names of lists whose items never change.
        columns: Paths of the data whose values are given one by one; a dict when None.
        texts: Other texts for some nodes, by the nodes' ids.
        sinks: The same of sinks.

    Raises:
        Unsupported: something in the template is not compiled.
    """
    objects: dict[str, object] = {**_GIVEN, "find": runtime.finder(parsed), **sink.objects}
    captured = sink_of(parsed)
    objects |= captured.objects
    code, names = Code(objects), Names(columns)
    expressions = Expressions(parsed, code, names, constants, frozen)
    statements = Statements(
        parsed, expressions, sink=sink, captured=captured, texts=texts or {}, sinks=sinks or {}
    )
    try:
        statements.whole(parsed.nodes)
    except RecursionError as error:
        raise Unsupported("nested too deep") from error
    given = "data" if columns is None else ", ".join(f"column{n}" for n in range(len(columns)))
    lines = [
        *statements.functions,
        f"def render(state, {given}):",
        *(
            f"    {variable} = data[{root!r}] if {root!r} in data else ABSENT"
            for root, variable in names.roots.items()
        ),
        "    taken = state.run.taken",
        "    spent = captured = work = 0",
        "    parts = []",
        *code.lines,
        "    weigh(parts)",
        f"    return bounded({sink.empty!r}.join(parts), captured)",
    ]
    try:
        made = compile("\n".join(lines), "<template>", "exec")
    except (MemoryError, RecursionError, SyntaxError) as error:
        raise Unsupported("nested too deep") from error
    exec(made, objects)  # noqa: S102 - no line holds anything that a template says
    for fragments, name in statements.fragments:
        fragments.functions.append(objects[name])  # type: ignore[arg-type]
    function: Callable[..., Any] = objects["render"]  # type: ignore[assignment]
    return function
