"""Expressions compiled to Python, for what is asked once per event and per person.

In goes a checked tree, out come the lines of a function that give its value: the same, for every
value, as DuckDB gives for the SQL of the tree. On request they also give how long that value
stays if nothing but time passes, so that nobody has to be looked at again before.
"""

from vocative.sql.python.event import event_function
from vocative.sql.python.write import write
from vocative.sql.python.writer import NEVER, Operand, PythonNames, Writer

__all__ = ["NEVER", "Operand", "PythonNames", "Writer", "event_function", "write"]
