"""The real libraries of Segment and RudderStack against a real server, with trouble and without."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tracked import (
    CLIENTS,
    Server,
    Stored,
    between,
    make_workspace,
    run_client,
    serving,
    stored,
    with_source,
)

CALLS = Counter(
    {
        "Identified": 1,
        "Order Completed": 1,
        "Past": 1,
        "Numeric": 1,
        "Odd": 1,
        "Page Viewed": 1,
        "Screen Viewed": 1,
        "Grouped": 1,
        "Aliased": 1,
    }
)
TROUBLES = {
    "a 429 with Retry-After": [429],
    "two 503": [503, 503],
    "a line cut before anything came": ["cut"],
    "an answer that is lost after the commit": ["lost"],
    "one after the other": [429, "lost", 503],
}


@pytest.fixture(
    params=["segment_client.py", "rudder_client.py", "segment_client.mjs", "rudder_client.mjs"]
)
def client(request: pytest.FixtureRequest) -> str:
    """A library, as the script that uses it."""
    if request.param.endswith(".mjs") and not (CLIENTS / "node_modules").is_dir():
        pytest.skip("the libraries for Node are not installed: bash scripts/setup.sh")
    return str(request.param)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server; each test sends to it from a source of its own."""
    with serving(make_workspace(tmp_path_factory.mktemp("clients") / "workspace")) as running:
        yield running
        assert "Traceback" not in running.printed()


def event(found: Stored, name: str) -> dict[str, Any]:
    """The one event of a name."""
    (one,) = [row for row in found.events if row["name"] == name]
    return one


def test_every_call_of_a_library_is_kept_once(server: Server, client: str) -> None:
    source, write_key = with_source(server.root)
    run_client(client, server.url, write_key)
    found = stored(server.root, source)
    assert found.names == CALLS
    assert found.refused == {}
    assert len(found.on_log) == CALLS.total()
    assert len({one["messageId"] for one in found.on_log}) == CALLS.total()
    assert event(found, "Past")["at"].replace(tzinfo=UTC) == datetime(
        2024, 5, 6, 7, 8, 9, tzinfo=UTC
    )


@pytest.mark.parametrize("troubles", TROUBLES.values(), ids=TROUBLES)
def test_trouble_loses_nothing_and_doubles_nothing(
    server: Server, client: str, troubles: list[int | str]
) -> None:
    source, write_key = with_source(server.root)
    with between(server, troubles) as trouble:
        run_client(client, trouble.url, write_key)
    assert [became for *_, became in trouble.seen[: len(troubles)]] == troubles
    found = stored(server.root, source)
    assert found.names == CALLS
    if "lost" in troubles:
        assert len(found.on_log) > CALLS.total(), "it was sent again, and both have come"


def test_a_server_that_is_killed_after_the_commit(server: Server, client: str) -> None:
    def die_and_rise() -> None:
        server.kill()
        server.start()

    source, write_key = with_source(server.root)
    with between(server, ["lost"], on_lost=die_and_rise) as trouble:
        run_client(client, trouble.url, write_key)
    assert trouble.seen[0][2] == "lost"
    assert stored(server.root, source).names == CALLS
