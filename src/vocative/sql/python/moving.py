"""What writes the pieces of an expression together with their course in time."""

from typing import ClassVar

from vocative.sql.python.course import Course
from vocative.sql.python.moving_conditions import MOVING_CONDITIONS, MOVING_TRUTHS
from vocative.sql.python.moving_values import MOVING_VALUES


class Moving(Course):
    """Writes the pieces of one expression, and until when each holds."""

    moving_pieces: ClassVar = {**MOVING_VALUES, **MOVING_CONDITIONS}
    moving_truths: ClassVar = MOVING_TRUTHS
