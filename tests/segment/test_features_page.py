"""The page on features and segments names every key, and its examples are valid."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from vocative.segment import build_plan
from vocative.segment.definitions import WAYS, FeatureBody, SegmentBody

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features-and-segments.md"


@pytest.mark.parametrize("body", [FeatureBody, SegmentBody])
def test_every_key_is_documented(body):
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert {field.name for field in msgspec.structs.fields(body)} <= keys


def test_the_examples_are_a_valid_workspace(define):
    first, *further = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    features, segments = first.split("# segments/customers.yaml\n")
    plan = build_plan(
        define(
            features=features + "".join(further),
            segments=segments,
            traits="country: {type: text}\n",
        )
    )
    assert len(plan.features) == 31
    assert len(plan.segments) == 3


def test_every_way_to_compute_a_feature_has_an_example(define):
    text = "".join(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL))
    keys = {key for key in WAYS if not re.search(rf"\b{key}: ", text)}
    assert not keys


def test_heavy_libraries_are_imported_when_they_are_needed():
    code = (
        "import sys, vocative.segment, vocative.engines.duckdb;"
        "print([m for m in ('sqlglot', 'duckdb', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
