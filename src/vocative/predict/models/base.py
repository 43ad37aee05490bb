"""What a model is: it learns a probability from feature columns and says what moved it.

In: `Columns` and labels of 0 and 1. Out: probabilities, and contributions per feature on the
log-odds scale. What was learned is one typed struct, stored as JSON; nothing is ever pickled, and
a stored struct is checked before it is used, so that a file from a stranger can be opened.
"""

import abc
from typing import Any, ClassVar, Self

import msgspec

from vocative.errors import DataError
from vocative.predict.columns import Columns
from vocative.predict.interactions import Floats, Ints


class ModelNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What must be there before a model is worth training; checked before it starts."""

    rows: int = 200
    positives: int = 30
    negatives: int = 30
    packages: tuple[str, ...] = ()


class Model(abc.ABC):
    """One way to learn a probability.

    A subclass names its `State`: a msgspec struct that holds everything it has learned.
    """

    summary: ClassVar[str]
    needs: ClassVar[ModelNeeds] = ModelNeeds()
    State: ClassVar[type[msgspec.Struct]]
    state: Any = None

    @abc.abstractmethod
    def fit(self, columns: Columns, label: Ints, *, seed: int) -> None:
        """Learn; the same data and seed give the same state."""

    @abc.abstractmethod
    def predict_many(self, columns: Columns) -> Floats:
        """A probability per row."""

    @abc.abstractmethod
    def explain(self, columns: Columns) -> tuple[tuple[str, ...], Floats]:
        """Features, and what each added to or took from every row's log-odds."""

    @abc.abstractmethod
    def check_state(self) -> None:
        """Refuse a state from a file that does not hold together.

        Raises:
            DataError: says what is wrong.
        """

    def dump(self) -> bytes:
        """The state as JSON."""
        return msgspec.json.encode(self.state)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """A model from what `dump` wrote.

        Raises:
            DataError: the bytes are not such a state, or it does not hold together.
        """
        model = cls()
        try:
            model.state = msgspec.json.decode(raw, type=cls.State)
        except msgspec.MsgspecError as error:
            raise DataError(
                f"this is not a stored {cls.__module__.rpartition('.')[2]} model: {error}",
                hint="train it again",
            ) from error
        model.check_state()
        return model
