"""Texts from columns, as a query gives them, without a dict for each person."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vocative.clock import Clock
from vocative.compose.compiler.program import Columns, sink_of, write_function
from vocative.compose.compiler.runtime import State
from vocative.compose.language.context import Context
from vocative.compose.language.limits import Run

if TYPE_CHECKING:
    from vocative.compose.language.environments import ParsedText

_LOG = logging.getLogger(__name__)


class _RowState(State):
    """A render whose data is a row."""

    __slots__ = ("_columns", "_row")

    def __init__(
        self,
        template: "ParsedText",
        run: Run,
        constants: Mapping[str, object],
        columns: Columns,
        row: tuple[object, ...],
    ) -> None:
        super().__init__(template, run, constants)
        self._columns, self._row = columns, row

    @property
    def context(self) -> Context:
        """A context for filters that want one: it sees the row as data."""
        if self._context is None:
            self.data = nested(self._columns, self._row, self.data)
        return super().context


class ColumnTexts:
    """A template's texts for the rows of a table.

    Args:
        parsed: The template.
        columns: What each column holds, as a path: `("person", "first_name")`. A name beside
            them does not exist.
        constants: Names whose values are the same for everybody; a value must not change.

    Raises:
        Unsupported: something in the template is not compiled, or names several columns at once.
    """

    def __init__(
        self,
        parsed: "ParsedText",
        columns: Columns,
        constants: Mapping[str, object] | None = None,
    ) -> None:
        self._parsed, self._columns, self._constants = parsed, columns, constants or {}
        self._function = write_function(
            parsed, sink_of(parsed), constants=self._constants, columns=columns
        )

    def render(self, columns: Iterable[Iterable[object]], clock: Clock) -> Iterator[str]:
        """The text of each row, one at a time.

        Args:
            columns: The values of each column, in the order of the paths.
            clock: Tells `now`.

        Raises:
            LiquidError: as the interpreter does, at the row for which it does.
        """
        for row in zip(*columns, strict=True):
            yield self._render(row, Run(clock))

    def _render(self, row: tuple[object, ...], run: Run) -> str:
        state = _RowState(self._parsed, run, self._constants, self._columns, row)
        try:
            text: str = self._function(state, *row)
        except Exception as error:  # noqa: BLE001 - the interpreter tells what is wrong
            _LOG.debug("left to the interpreter: %s", type(error).__name__)
        else:
            return text
        run.check_time()
        run.begin_again()
        return self._parsed.render_run(nested(self._columns, row, self._constants), run)


def nested(
    columns: Columns, row: tuple[object, ...], constants: Mapping[str, object]
) -> dict[str, object]:
    """A row as the data of a template.

    >>> nested((("person", "name"), ("order",)), ("Ann", None), {"shop": "x"})
    {'person': {'name': 'Ann'}, 'order': None, 'shop': 'x'}
    """
    data: dict[str, Any] = {}
    for path, value in zip(columns, row, strict=True):
        inside = data
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        inside[path[-1]] = value
    return {**data, **constants}
