"""Links that tell that somebody followed them."""

import base64
import json
from typing import Any

import pytest
from asked import ask
from hypothesis import given
from hypothesis import strategies as st

from vocative.collect.tracking import links, make_link
from vocative.errors import AuthorError, UnknownName
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.workspace import Workspace

SALE = "https://shop.example/sale?of=lamps&size=ä#top"


@pytest.fixture
def source(workspace: Workspace) -> str:
    folder = workspace.root / "sources"
    folder.mkdir()
    (folder / "web.yaml").write_text("kind: tracking\nwrite_key: k-123\n")
    return "web"


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def told(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    return [(one.source, json.loads(raw)) for one in workspace.log.read(0) for raw in one.events]


def test_a_link_leads_on_and_tells(workspace: Workspace, source: str) -> None:
    made = make_link(workspace, source, SALE, event="Flyer Scanned", user_id="ana")
    assert made.url.startswith(f"{workspace.settings.base_url}/l/")
    answer = ask(create_app(workspace), path_of(made.url), method="GET")
    assert (answer.status, answer.headers["location"], answer.headers["cache-control"]) == (
        302,
        "https://shop.example/sale?of=lamps&size=%C3%A4#top",
        "no-store",
    )
    ((name, event),) = told(workspace)
    assert (name, event["event"], event["userId"]) == ("web", "Flyer Scanned", "ana")
    assert event["properties"] == {"url": SALE}


def test_everybody_who_follows_it_counts(workspace: Workspace, source: str) -> None:
    path = path_of(make_link(workspace, source, SALE).url)
    for _ in range(3):
        assert ask(create_app(workspace), path, method="GET").status == 302
    # Whoever only asks whether it is there does not follow it.
    assert ask(create_app(workspace), path, method="HEAD").status == 302
    assert apply_log(workspace).applied == 3
    with workspace.engine() as engine:
        rows = engine.rows("SELECT name, person_id FROM events")
    assert rows == [{"name": "Link Followed", "person_id": None}] * 3
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM profiles") == 0


def test_nobody_reads_in_it_whom_it_was_given_to(workspace: Workspace, source: str) -> None:
    token = make_link(workspace, source, SALE, user_id="ana").url.rpartition("/")[2]
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"ana" not in raw
    assert b"shop" not in raw


@given(st.data())
def test_a_changed_link_leads_nowhere(data: st.DataObject) -> None:
    # Sealed under another key than the one that opens it, or with a letter changed.
    key, other = bytes(32), bytes([1]) * 32
    token = links.sealed(key, links.SealedLink("web", SALE, "E"))
    assert links.opened(key, token) == links.SealedLink("web", SALE, "E")
    assert links.opened(other, token) is None
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("Aa0-_=. \n"))
    changed = token[:place] + letter + token[place + 1 :]
    same = base64.urlsafe_b64decode(token + "===") == _decoded(changed)
    assert same or links.opened(key, changed) is None


def _decoded(token: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(token + "===")
    except ValueError:
        return None


@pytest.mark.parametrize("token", ["x", "A" * 40, "A" * 5_000])
def test_links_that_were_not_made_here(workspace: Workspace, source: str, token: str) -> None:
    answer = ask(create_app(workspace), f"/l/{token}", method="GET")
    assert (answer.status, answer.json["code"]) == (404, "no_such_link")
    assert told(workspace) == []


@pytest.mark.parametrize(
    "to", ["shop.example", "javascript:alert(1)", "https://a\r\nb", "https://a b", "//a"]
)
def test_links_lead_to_web_addresses(workspace: Workspace, source: str, to: str) -> None:
    with pytest.raises(AuthorError, match="is no web address"):
        make_link(workspace, source, to)


def test_what_cannot_be_made(workspace: Workspace, source: str) -> None:
    with pytest.raises(UnknownName, match="did you mean 'web'"):
        make_link(workspace, "weg", SALE)
    with pytest.raises(AuthorError, match="needs a name"):
        make_link(workspace, source, SALE, event=" ")
    with pytest.raises(AuthorError, match="too long"):
        make_link(workspace, source, "https://a/" + "b" * 4_000)


def test_a_visitor_is_led_on_when_the_log_cannot_be_written(
    workspace: Workspace, source: str
) -> None:
    path = path_of(make_link(workspace, source, SALE).url)
    (workspace.state_dir / "log.db").mkdir()
    assert ask(create_app(workspace), path, method="GET").status == 302
