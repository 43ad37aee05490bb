"""Template languages of other systems, read into Liquid: one file each, found by its name.

In comes a template as another system has it, out go Liquid in Vocative's own form and a report of
what was carried, approximated or refused, with the author's line. See `docs/dialects.md`.
"""

from vocative.compose.dialects._fields import FieldMap, read_field_map
from vocative.compose.dialects._notes import Note, Outcome
from vocative.compose.dialects.base import Converted, Dialect, ForeignTemplate
from vocative.registry import Kind

DIALECTS: Kind[Dialect] = Kind("dialects", "vocative.compose.dialects", Dialect)  # type: ignore[type-abstract]


def dialect_named(name: str) -> Dialect:
    """The dialect of a name.

    Raises:
        UnknownName: there is none.
    """
    return DIALECTS.load(name)()


__all__ = [
    "DIALECTS",
    "Converted",
    "Dialect",
    "FieldMap",
    "ForeignTemplate",
    "Note",
    "Outcome",
    "dialect_named",
    "read_field_map",
]
