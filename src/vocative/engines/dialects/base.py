"""What a dialect of SQL is: a table of how it differs from what the plan prints.

The plan prints DuckDB's SQL. `read.py` finds the operations in it whose meaning differs from engine
to engine; a dialect says how each is written there. What a dialect does not list is left to
sqlglot.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vocative.errors import EngineError


class CannotBeWritten(EngineError):
    """A query holds something that has no equal in another engine's SQL."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dialect:
    """One engine's SQL.

    Args:
        name: As `engine:` in vocative.yaml calls it, and as sqlglot does.
        forms: Operation to SQL text of this dialect; `{0}`, `{1}` are its operands, `{all}` all of
            them, `{sign}` a plus or a minus.
        json_text: SQL of a JSON text and a path of keys to SQL of the text found there.
        pattern: A regular expression of DuckDB to the same of this dialect.
        prelude: Statements that a session runs once before its first query.
        escapes_like: Whether LIKE takes a backslash as an escape that cannot be turned off.
        filters: Whether aggregates take FILTER (WHERE …).
        picks_by_tuple: How a tuple that orders candidates begins (`struct(`), None when the latest
            of several values has to be found with a window function.
        names_columns: Whether a column `e.name` must be told that it is called `name`.
        frames_with_nulls: Whether a window with a frame can say where NULL is sorted.
        longest_name: How many bytes an identifier may have.
        refused_in_names: Characters an identifier cannot hold.
        without: Keys of features and functions of expressions this engine cannot answer, each with
            the reason.
    """

    name: str
    forms: Mapping[str, str]
    json_text: Callable[[str, tuple[str, ...]], str]
    pattern: Callable[[str], str] = lambda pattern: pattern
    prelude: tuple[str, ...] = ()
    escapes_like: bool = True
    filters: bool = True
    picks_by_tuple: str | None = None
    names_columns: bool = False
    frames_with_nulls: bool = True
    longest_name: int | None = None
    refused_in_names: str = ""
    without: Mapping[str, str] = field(default_factory=dict)
