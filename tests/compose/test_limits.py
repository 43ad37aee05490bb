"""Hostile templates end in an error within two seconds, in little memory."""

import pytest

import hostile

# These do nothing that must be stopped: they only must not hurt.
HARMLESS = {
    "tags that never end, stripped",
    "comments that never end, stripped",
    "a wide date",
    "a long date",
    "many attributes",
    "a tag of many filters",
    "many styles",
    "a number of many digits, rounded",
    "a number of many digits, divided",
    "a tiny number",
    "a large round",
    "a long slice",
    "a far slice",
    "a long truncation",
    "many truncated words",
    "escaped again and again",
    "encoded again and again",
}
MOST_MB = 300


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    """What became of each template, in a process of its own that may use little."""
    return hostile.outcomes_of(hostile.__file__)


@pytest.mark.parametrize("name", hostile.TEMPLATES)
def test_hostile_templates_are_stopped(outcomes, name):
    outcome = outcomes[name]
    assert "broken" not in outcome, outcome
    assert outcome["seconds"] < 2
    assert outcome["mb"] < MOST_MB
    assert (outcome["error"] is None) == (name in HARMLESS), outcome["error"]


def test_ordinary_loops_are_not_stopped(render):
    body = (
        "<mj-section><mj-column><mj-text>{% for a in (1..20) %}{% for b in (1..20) %}"
        "{{ a | times: b }} {% endfor %}{% endfor %}</mj-text></mj-column></mj-section>"
    )
    assert "399" not in render(body).text
    assert render(body).text.split()[-1] == "400"
