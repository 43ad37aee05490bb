"""The algorithm shown in docs/models.md runs as it is written."""

import re
from pathlib import Path

import numpy as np

from predict.planted import planted_columns

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


def test_the_shown_algorithm_works() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, object] = {"__name__": "base_rate"}
    exec(code, found)
    kind = found["BaseRate"]
    columns, label, _ = planted_columns(500)
    model = kind()  # type: ignore[operator]
    model.fit(columns, label, seed=0)
    loaded = kind.load(model.dump())  # type: ignore[attr-defined]
    np.testing.assert_allclose(loaded.predict_many(columns), label.mean())
