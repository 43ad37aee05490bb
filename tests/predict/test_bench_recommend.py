"""The measurement on real purchases, on a sample; and what it says when the data are not there."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from vocative.errors import DataError


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """bench/recommend.py."""
    path = Path(__file__).resolve().parents[2] / "bench" / "recommend.py"
    spec = importlib.util.spec_from_file_location("bench_recommend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_data_says_where_to_put_them(bench: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="put the UCI Online Retail rows there"):
        bench.run(folder=tmp_path)


def test_a_sample_of_real_customers(bench: ModuleType, shared_data: Path) -> None:
    found = bench.run(250, folder=shared_data / "online_retail")
    assert 30 < found["users"] < 250
    assert found["ratio_to_own_frequency"] > 1.0
    assert found["ratio_to_popularity"] > 1.5
    assert found["ndcg10"] == pytest.approx(
        found["ratio_to_own_frequency"] * found["ndcg10_own_frequency"]
    )
