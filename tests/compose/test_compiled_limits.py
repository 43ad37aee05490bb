"""Hostile templates are stopped when they are compiled, too."""

import hostile_compiled
import pytest
from test_limits import HARMLESS, MOST_MB

import hostile


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    """What became of each template, in a process of its own that may use little."""
    return hostile.outcomes_of(hostile_compiled.__file__)


@pytest.mark.parametrize("name", hostile.TEMPLATES)
def test_hostile_templates_are_stopped_as_functions(outcomes, name):
    outcome = outcomes[name]
    assert "broken" not in outcome, outcome
    assert outcome["mb"] < MOST_MB
    if "refused_before" not in outcome:
        assert outcome["seconds"] < 2
        assert (outcome["error"] is None) == (name in HARMLESS), outcome["error"]
