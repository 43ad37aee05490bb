"""Boosted trees: the challenger, which must win on a later period to be used."""

from functools import cached_property
from typing import ClassVar

import msgspec

from vocative.errors import DataError
from vocative.predict.columns import Columns
from vocative.predict.encoding import Encoding, learn_encoding
from vocative.predict.interactions import Floats, Ints
from vocative.predict.models.base import Model, ModelNeeds
from vocative.predict.trees import Booster, check_text, train_classifier

TREES = 150


class TreesState(msgspec.Struct, frozen=True, kw_only=True):
    """The encoding, and the model in LightGBM's text form."""

    encoding: Encoding
    trees: str


class LightGbm(Model):
    """Small gradient-boosted trees: reproducible, and quick to explain."""

    summary: ClassVar[str] = "gradient-boosted trees (LightGBM), for effects that are no line"
    needs: ClassVar[ModelNeeds] = ModelNeeds(
        rows=1_000, positives=100, negatives=100, packages=("lightgbm",)
    )
    State: ClassVar[type[msgspec.Struct]] = TreesState
    state: TreesState

    def fit(self, columns: Columns, label: Ints, *, seed: int) -> None:
        """Grow the trees."""
        encoding = learn_encoding(columns, scaled=False)
        self.__dict__.pop("_booster", None)
        self.state = TreesState(
            encoding=encoding,
            trees=train_classifier(
                encoding.matrix(columns), label, columns=encoding.columns, trees=TREES, seed=seed
            ),
        )

    def predict_many(self, columns: Columns) -> Floats:
        """The trees' probability."""
        return self._booster.predict(self.state.encoding.matrix(columns))

    def explain(self, columns: Columns) -> tuple[tuple[str, ...], Floats]:
        """TreeSHAP values."""
        encoding = self.state.encoding
        return encoding.features, encoding.gathered(
            self._booster.contributions(encoding.matrix(columns))
        )

    def check_state(self) -> None:
        """Every tree is well formed and splits on columns that exist."""
        self.state.encoding.check()
        if self.state.encoding.scaled:
            raise DataError("a tree model needs an unscaled encoding")
        check_text(self.state.trees, n_columns=len(self.state.encoding.columns))

    @cached_property
    def _booster(self) -> Booster:
        return Booster.from_text(self.state.trees, columns=self.state.encoding.columns)
