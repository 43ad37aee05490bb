"""Hostile templates are stopped when they are compiled, too."""

import json
import subprocess
import sys
from pathlib import Path

import hostile_compiled
import pytest
from test_limits import HARMLESS, MOST_MB

import hostile


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    """What became of each template, in a process of its own that may use little."""
    done = subprocess.run(
        [sys.executable, str(Path(hostile_compiled.__file__))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", hostile.TEMPLATES)
def test_hostile_templates_are_stopped_as_functions(outcomes, name):
    outcome = outcomes[name]
    assert "broken" not in outcome, outcome
    assert outcome["mb"] < MOST_MB
    if "refused_before" not in outcome:
        assert outcome["seconds"] < 2
        assert (outcome["error"] is None) == (name in HARMLESS), outcome["error"]
