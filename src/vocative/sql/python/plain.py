"""What writes the pieces of an expression for one instant."""

from typing import ClassVar

from vocative.sql.python.conditions import CONDITIONS, TRUTHS, plain_truth
from vocative.sql.python.pieces import Pieces
from vocative.sql.python.values import VALUES


class Plain(Pieces):
    """Writes the pieces of one expression, for one instant."""

    pieces: ClassVar = {**VALUES, **CONDITIONS}
    truths: ClassVar = TRUTHS
    otherwise: ClassVar = staticmethod(plain_truth)
