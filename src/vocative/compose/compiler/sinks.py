"""What becomes of printed values: text for HTML, plain text or a line, or the bytes of a body."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vocative.compose.compiler.runtime import escape_text, escaped, in_text, unescaped


@dataclass(frozen=True, kw_only=True)
class Sink:
    """How a compiled template writes."""

    printed: Callable[[object], Any]
    """Makes of a value what is written."""
    of_text: str
    """Python for a value `{0}` that is exactly a `str`; it may use what `objects` names."""
    objects: dict[str, object]
    cycled: Callable[[object], Any]
    """The same for the values of `cycle`, which are the template's own."""
    of_int: str = "str({0})"
    """Python for a value `{0}` that is a small whole number."""
    static: Callable[[str], Any] = str
    """Makes of the template's own text what is written."""
    escapes: bool = False
    """Whether a `str` is escaped."""
    empty: Any = ""
    """What joins the parts."""


HTML = Sink(
    printed=escaped,
    of_text="escape_text({0})",
    objects={"escape_text": escape_text},
    escapes=True,
    cycled=escaped,
)
PLAIN_TEXT = Sink(
    printed=in_text,
    of_text="({0} if '<' not in {0} else in_text({0}))",
    objects={"in_text": in_text},
    cycled=unescaped,
)
LINE = Sink(printed=unescaped, of_text="{0}", objects={}, cycled=unescaped)
