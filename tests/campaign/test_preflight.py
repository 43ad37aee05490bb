"""Pre-flight: what would be sent, counted; nothing sent; rules that stop a send."""

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo_site import Demo
from vocative.campaign import send
from vocative.campaign.preflight import preflight
from vocative.campaign.preflight.addresses import follow
from vocative.campaign.preflight.tally import WORST, Looked, Tally
from vocative.errors import AuthorError, StateError, UnknownName
from vocative.privacy import audit
from vocative.workspace import Workspace

CAMPAIGN = "weekly_picks"


@pytest.fixture
def site(demo: Demo, tmp_path: Path) -> Path:
    """A copy of the finished demo's workspace that a test may change."""
    shutil.copytree(demo.workspace, tmp_path / "site")
    return tmp_path / "site"


def change(site: Path, file: str, old: str, new: str) -> None:
    path = site / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def counts(workspace: Workspace) -> dict[str, int]:
    with workspace.store.read() as tx:
        return {
            table: tx.value(f"SELECT count(*) FROM {table}")
            for table in ("messages", "campaign_runs", "audit", "visits")
        }


def test_it_tells_what_the_send_then_does(site: Path) -> None:
    with Workspace(site) as workspace:
        # Everybody may be written to, so that everything that was looked at is sent.
        with workspace.store.transaction() as tx:
            tx.run("DELETE FROM messages")
            tx.run("DELETE FROM suppressions")
        before = counts(workspace)
        told = preflight(workspace, CAMPAIGN, occurrence="7")
        assert counts(workspace) == before
        sent = send(workspace, CAMPAIGN, occurrence="7")
        with workspace.store.read() as tx:
            rows = tx.rows("SELECT arm, state, decision FROM messages WHERE occurrence = '7'")
    assert (told.audience, told.held_out) == (sent.planned, sent.counts["skipped: holdout"])
    planned = Counter(row["arm"] for row in rows if row["arm"] != "holdout")
    assert told.variants == planned
    accepted = [msgspec.json.decode(row["decision"]) for row in rows if row["state"] == "accepted"]
    assert accepted
    taken = Counter(branch for one in accepted for branch in one["branches"])
    looked = {one.branch: one.people for one in told.branches}
    assert set(taken) <= set(looked)
    if len(accepted) == told.rendered:
        assert taken == Counter({label: n for label, n in looked.items() if n})
    assert all(taken[label] <= looked[label] for label in taken)
    assert told.may_be_sent
    assert told.error is None


@pytest.fixture
def spoilt(site: Path) -> Path:
    """The demo with faults of known sizes in its data and its template."""
    change(
        site,
        "templates/weekly_picks.mjml",
        "{% render 'footer'",
        '<mj-section><mj-column><mj-text><a href="https://shop.example/of {{ person.country }}">'
        "{{ person.country | default: 'x' }}</a>{% if person.country == 'Nowhere' %}n{% endif %}"
        "</mj-text></mj-column></mj-section>{% render 'footer'",
    )
    with Workspace(site) as workspace, workspace.store.transaction() as tx:
        tx.run("UPDATE items SET price = NULL")
    return site


def test_what_is_wrong_is_counted(spoilt: Path) -> None:
    with Workspace(spoilt) as workspace:
        told = preflight(workspace, CAMPAIGN)
        with workspace.store.read() as tx:
            people = [row[0] for row in tx.tuples("SELECT person_id FROM profiles")]
            named = workspace.vault.get_many(tx, people)
        first = preflight(workspace, CAMPAIGN, sample=11)
        again = preflight(workspace, CAMPAIGN, sample=11)
    problems = {one.problem: one for one in told.problems}
    assert problems["without_price"].people == told.rendered
    assert problems["broken_link"].people == told.rendered
    assert problems["without_price"].share == 1.0
    gap = next(gap for gap in told.gaps if gap.field == "first_name")
    assert problems["empty_name"].people == gap.people > 0
    assert not named.get(problems["empty_name"].example or "", {}).get("first_name")
    broken = {link.url for link in told.broken_links}
    assert broken
    assert all(url.startswith("https://shop.example/of ") for url in broken)
    assert sum(link.people for link in told.broken_links) <= told.rendered
    nobody = [one.branch for one in told.branches if not one.people]
    assert any("Nowhere" in branch for branch in nobody)
    assert 0 < len(told.worst) <= WORST
    assert "a link that cannot be followed" in told.worst[0].problems
    assert (first.rendered + first.held_out, first.sampled) == (11, True)
    assert msgspec.structs.replace(first, seconds=0) == msgspec.structs.replace(again, seconds=0)
    # Ids, and nothing of the people themselves.
    written = msgspec.json.encode(told).decode()
    names = {one for fields in named.values() for one in (fields.get("email"),) if one}
    assert not any(name in written for name in names)


def test_a_message_that_fails_does_not_hide_the_others(site: Path) -> None:
    change(
        site,
        "templates/weekly_picks.mjml",
        "{% render 'footer'",
        "<mj-section><mj-column><mj-text>{% if person.country == 'United Kingdom' %}"
        "{{ 1 | divided_by: 0 }}{% endif %}</mj-text></mj-column></mj-section>{% render 'footer'",
    )
    with Workspace(site) as workspace:
        told = preflight(workspace, CAMPAIGN)
    failed = next((one.people for one in told.problems if one.problem == "failed"), 0)
    assert 0 < failed < told.rendered
    assert told.error is not None
    assert "weekly_picks.mjml" in told.error
    assert told.worst[0].problems[0] == "the message cannot be rendered"


RULES = "  preflight:\n    at_most: {empty_name: 1%, without country: 50%}\n"


def test_a_rule_stops_a_send_until_somebody_says_why(
    site: Path, vocative: Callable[..., Any]
) -> None:
    change(
        site,
        "campaigns/weekly_picks.yaml",
        "  purpose: marketing\n",
        f"  purpose: marketing\n{RULES}",
    )
    with Workspace(site) as workspace:
        before = counts(workspace)
        with pytest.raises(StateError, match=r"empty_name: .* at most 1\.00% are") as stopped:
            send(workspace, CAMPAIGN, occurrence="8")
        assert stopped.value.where is not None
        assert stopped.value.where.file == "campaigns/weekly_picks.yaml"
        assert counts(workspace) == before
        with pytest.raises(AuthorError, match="needs a reason"):
            send(workspace, CAMPAIGN, occurrence="8", override=" ")
        told = preflight(workspace, CAMPAIGN)
        assert [rule.rule for rule in told.broken_rules] == ["empty_name"]
        report = send(workspace, CAMPAIGN, occurrence="8", override="names come tomorrow")
        assert report.planned
        # Going on with a run that is planned asks nothing again.
        send(workspace, CAMPAIGN, occurrence="8")
        with workspace.store.read() as tx:
            noted = audit.entries(tx, subject=f"campaign {CAMPAIGN}/8")
            assert audit.first_broken(tx) is None
    assert len(noted) == 1
    assert "names come tomorrow" in noted[0].action
    assert "empty_name" in noted[0].action
    shown = vocative("campaign", "preflight", CAMPAIGN, cwd=site)
    assert shown.returncode == 0, shown.stderr
    assert "stops the send" in shown.stdout
    assert len(shown.stdout.splitlines()) < 90
    told_json = vocative("campaign", "preflight", CAMPAIGN, "--sample", "5", "--json", cwd=site)
    assert json.loads(told_json.stdout)["sampled"] is True


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("{at_most: {empty_nam: 1%}}", "unknown rule"),
        ("{at_most: {empty_name: much}}", "no share"),
        ("{at_most: {without nothing: 1%}}", "unknown rule"),
        ("{sample: 0}", "at least one"),
        ("{at_least: {}}", "at_least"),
    ],
)
def test_rules_that_mean_nothing(site: Path, rules: str, words: str) -> None:
    change(
        site,
        "campaigns/weekly_picks.yaml",
        "  purpose: marketing\n",
        f"  purpose: marketing\n  preflight: {rules}\n",
    )
    with Workspace(site) as workspace, pytest.raises(AuthorError, match=words):
        preflight(workspace, CAMPAIGN)


def test_campaigns_that_are_not_there(site: Path) -> None:
    with Workspace(site) as workspace, pytest.raises(UnknownName):
        preflight(workspace, "weekly_pick")


class Pages(BaseHTTPRequestHandler):
    """A site with pages that are there, gone, moved, and moved in a circle."""

    asked: list[str]

    def do_HEAD(self) -> None:
        """Answer without a body."""
        type(self).asked.append(self.path)
        status, location = {
            "/": (200, None),
            "/gone": (404, None),
            "/broken": (500, None),
            "/moved": (302, "/"),
            "/round": (302, "/round"),
            "/inside": (302, "http://10.0.0.1/secret"),
            "/shy": (405, None),
        }[self.path]
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> Iterator[str]:
    Pages.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_are_asked_for_without_their_body(pages: str) -> None:
    found = {
        path: follow(f"{pages}{path}", "127.0.0.1")
        for path in ("/", "/gone", "/broken", "/moved", "/round", "/inside", "/shy")
    }
    assert found == {
        "/": None,
        "/gone": "the page answers with 404",
        "/broken": "the page answers with 500",
        "/moved": None,
        "/round": "the page leads from one to the next without end",
        "/inside": "the page does not answer",
        "/shy": None,
    }
    asked = len(Pages.asked)
    assert follow(f"{pages}/", "shop.example") == "the page does not answer"
    assert len(Pages.asked) == asked
    assert follow("ftp://127.0.0.1/", "127.0.0.1") == "the page does not answer"


def test_links_are_followed_once_each(site: Path, pages: str) -> None:
    change(site, "vocative.yaml", "base_url: ", f"base_url: {pages} #")
    change(
        site,
        "templates/weekly_picks.mjml",
        "{% render 'footer'",
        f'<mj-section><mj-column><mj-text><a href="{pages}/gone">x</a> <a href="{pages}/">y</a>'
        "</mj-text></mj-column></mj-section>{% render 'footer'",
    )
    with Workspace(site) as workspace:
        with workspace.store.transaction() as tx:
            tx.run("UPDATE items SET url = :url", {"url": f"{pages}/moved"})
        told = preflight(workspace, CAMPAIGN, follow_links=True)
    assert Counter(Pages.asked) == {"/gone": 1, "/": 2, "/moved": 1}
    assert told.links == told.links_followed == 3
    assert [(link.url, link.fault) for link in told.broken_links] == [
        (f"{pages}/gone", "the page answers with 404")
    ]
    assert told.broken_links[0].people == told.rendered


def test_a_tally_does_not_grow_with_the_audience() -> None:
    tally = Tally()
    for number in range(3_000):
        tally.add(
            Looked(
                person_id=f"p{number}",
                variant="a",
                problems=("failed",) if number % 1_000 == 7 else (),
                subject_characters=number,
            )
        )
    worst = list(tally.worst())
    # Those that nothing is wrong with are not worth a look.
    assert {one.person_id for one in worst} == {"p7", "p1007", "p2007"}
    assert [one.characters for one in tally.longest_subjects()] == [2999, 2998, 2997, 2996, 2995]
    assert len(tally._worst) == WORST
