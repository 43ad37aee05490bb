"""What an author typed is rendered in a process apart, which may be killed and comes again."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from liquid.exceptions import FilterArgumentError
from mails import data, layout, text_block

from vocative.clock import FixedClock
from vocative.compose import TemplateSource, compile_template
from vocative.compose.apart.process import Apart
from vocative.compose.language.lookups import LOOKUPS
from vocative.errors import AuthorError

CLOCK = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    kept = Apart()
    yield kept
    kept.close()


def source(body: str, **more: Any) -> TemplateSource:
    return TemplateSource.of("t", mjml=layout(text_block(body)), subject="Hello", **more)


def test_it_renders_what_this_process_would(apart):
    written = source(
        "{{ 'now' | date: '%Y-%m-%d' }} {{ person.first_name }} "
        "{% for p in products %}{{ p.title }}{% endfor %}{% render 'b' %}",
        blocks={"b": "{% if offer %}x{% else %}y{% endif %}"},
    )
    there = apart.render(written, data(), clock=CLOCK)
    assert there == compile_template(written, clock=CLOCK).render(data())
    assert "2026-03-01 Ann" in there.text


def test_errors_point_at_the_authors_line(apart):
    with pytest.raises(AuthorError) as refused:
        apart.render(source("\n  {% if %}"), data(), clock=CLOCK)
    with pytest.raises(AuthorError) as expected:
        compile_template(source("\n  {% if %}"))
    assert refused.value.as_json() == expected.value.as_json()
    with pytest.raises(AuthorError, match="does not exist") as refused:
        apart.render(source("\n\n {{ person.nothing }}"), data(), clock=CLOCK)
    assert refused.value.where is not None
    assert (refused.value.where.line, refused.value.where.column) == (3, 5)


class Lookups:
    """Answers as a campaign does."""

    def product(self, item_id: str) -> dict[str, str]:
        return {"title": f"Item {item_id}"}

    def recommend(self, recommender: str, count: int) -> list[dict[str, str]]:
        return [{"title": f"{recommender} {number}"} for number in range(count)]


def test_what_a_template_asks_for_is_answered_from_here(apart):
    body = (
        "{% assign p = 'a1' | product %}{{ p.title }}; "
        "{% assign more = 'similar' | recommend: 2 %}{{ more | map: 'title' | join: ', ' }}"
    )
    rendered = apart.render(source(body), {**data(), LOOKUPS: Lookups()}, clock=CLOCK)
    assert "Item a1; similar 0, similar 1" in rendered.text


def test_a_question_without_an_answer_is_an_error_at_its_line(apart):
    class Empty(Lookups):
        def recommend(self, recommender: str, count: int) -> list[dict[str, str]]:
            raise FilterArgumentError("there is no such recommender", token=None)

    body = "\n{% assign more = 'similar' | recommend: 2 %}"
    with pytest.raises(AuthorError) as refused:
        apart.render(source(body), {**data(), LOOKUPS: Empty()}, clock=CLOCK)
    assert refused.value.where is not None
    assert refused.value.where.line == 2
    kept = apart._child
    apart.render(source("x"), data(), clock=CLOCK)
    assert apart._child is kept


def test_a_killed_child_is_an_ordinary_error_and_the_next_works():
    apart = Apart()
    try:
        apart.render(source("x"), data(), clock=CLOCK)
        first = apart._child
        assert first is not None
        os.kill(first.pid, signal.SIGSTOP)
        apart._wall_seconds = 0.3
        with pytest.raises(AuthorError, match="was stopped"):
            apart.render(source("x"), data(), clock=CLOCK)
        apart._wall_seconds = 20.0
        assert "again" in apart.render(source("again"), data(), clock=CLOCK).text
        assert apart._child is not first
    finally:
        apart.close()


def test_the_child_may_use_little(apart):
    apart.render(source("x"), data(), clock=CLOCK)
    child = apart._child
    assert child is not None
    limits = Path(f"/proc/{child.pid}/limits")
    if not limits.exists():
        pytest.skip("this system does not tell a process's limits")
    told = {line[:26].strip(): line[26:].split()[0] for line in limits.read_text().splitlines()}
    assert int(told["Max cpu time"]) < 30
    assert int(told["Max address space"]) < 2_000_000_000
    assert told["Max file size"] == "0"
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"VOCATIVE" not in environment
    assert b"HOME" not in environment


def test_a_job_that_is_too_large_is_an_ordinary_error(apart):
    written = source("{{ big | size }}")
    with pytest.raises(AuthorError):
        apart.render(written, {**data(), "big": "x" * 70_000_000}, clock=CLOCK)
    assert "fine" in apart.render(source("fine"), data(), clock=CLOCK).text
