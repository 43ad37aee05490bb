"""The mapping of a webhook, written in a real browser beside what really came."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from running_site import Site, Troubles
from test_whole_app import RULES, settle

from chromium import AXE
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

MAPPING = """\
people: {user_id: customer.id, traits: {email: customer.email}}
events:
  name: "'Order Completed'"
  at: paid_at
  message_id: concat('order:', id)
"""
ORDER = {
    "id": 7,
    "paid_at": "2026-02-01T10:00:00Z",
    "customer": {"id": "ana", "email": "a@x.example"},
}


@dataclass(frozen=True)
class Till:
    """A webhook of its own for each test."""

    name: str
    site: Site

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.site.log.parent / "workspace"

    @property
    def mapping(self) -> Path:
        """The mapping's file."""
        return self.root / "mappings" / f"{self.name}.yaml"

    def call(self, *orders: dict[str, Any]) -> None:
        """What the till tells."""
        request = Request(
            f"{self.site.url}/v1/hooks/{self.name}",
            json.dumps(orders).encode(),
            {"Authorization": "Bearer s3cr3t", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 200


@pytest.fixture
def till(empty_site: Site, request: pytest.FixtureRequest) -> Till:
    found = Till(f"till_{request.node.name[5:30]}", empty_site)
    (found.root / "hook.txt").write_text("s3cr3t")
    definition = f"kind: webhook\nmapping: {found.name}\nverify: token\nsecret: file:hook.txt\n"
    for path, text in (
        (found.root / "sources" / f"{found.name}.yaml", definition),
        (found.mapping, MAPPING),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return found


@pytest.fixture
def editor(page: Any, till: Till, troubles: Troubles) -> Iterator[Any]:
    """The page of the webhook, opened from the list of sources."""
    till.call(ORDER, {**ORDER, "id": 8, "paid_at": "2.2.2026 10:00"})
    page.goto(f"{till.site.url}/sources")
    page.get_by_role("table", name="Sources").get_by_role("link", name=till.name).click()
    expect(page.get_by_role("textbox", name="Mapping")).to_have_value(MAPPING)
    yield page
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(till.site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def test_a_mapping_is_checked_and_previewed_while_it_is_typed(editor: Any, till: Till) -> None:
    text = editor.get_by_role("textbox", name="Mapping")
    becomes = editor.get_by_role("list", name="What it becomes")
    expect(editor.get_by_label("What came")).to_contain_text("a@x.example")
    expect(becomes).to_contain_text("Record 1: 2 events, 0 items")
    expect(becomes).to_contain_text("Record 2: kept, not used: no readable time")

    text.fill(MAPPING.replace("concat", "concatt"))
    alert = editor.get_by_role("alert")
    expect(alert).to_contain_text("concatt")
    expect(alert).to_contain_text("^")
    expect(text).to_have_accessible_description(re.compile("^Line 5"))
    expect(editor.get_by_role("button", name="Save")).to_be_disabled()

    text.fill(MAPPING.replace("customer.email", "customer.mail"))
    expect(editor.get_by_text("did you mean customer.email")).to_be_visible()
    expect(becomes).to_contain_text('"email": null')

    text.fill("people: {user_id: }")
    text.press("End")
    text.press("ArrowLeft")
    editor.get_by_role("button", name="customer.id", exact=True).click()
    expect(text).to_have_value("people: {user_id: customer.id}")
    expect(becomes).to_contain_text('"userId": "ana"')
    assert till.site.api(f"/sources/{till.name}/mapping")["text"] == MAPPING


def test_what_was_refused_comes_in_once_the_mapping_is_mended(editor: Any, till: Till) -> None:
    with Workspace(till.root) as workspace:
        apply_log(workspace)
    again = editor.get_by_role("button", name="Map 1 refused record again")
    expect(again).to_be_visible()
    mended = f'time_format: "%d.%m.%Y %H:%M"\n{MAPPING}'
    editor.get_by_role("textbox", name="Mapping").fill(mended)
    expect(editor.get_by_role("list", name="What it becomes")).to_contain_text("Record 2: 2 events")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text(f"Saved to mappings/{till.name}.yaml")).to_be_visible()
    assert till.mapping.read_text() == mended
    again.click()
    expect(editor.get_by_text("1 mapped, 0 still refused")).to_be_visible()
    with Workspace(till.root) as workspace:
        assert apply_log(workspace).applied == 2


def test_a_file_that_somebody_else_changed_is_not_written_over(
    editor: Any, till: Till, troubles: Troubles
) -> None:
    theirs = f"{MAPPING}# theirs\n"
    till.mapping.write_text(theirs)
    text = editor.get_by_role("textbox", name="Mapping")
    text.fill(f"{MAPPING}# mine\n")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_contain_text("changed by somebody else")
    editor.get_by_role("button", name="Load it again").click()
    expect(text).to_have_value(theirs)
    assert all("status of 409" in said for said in troubles.console)
    troubles.console.clear()


def test_everybody_can_use_the_editor_in_light_and_dark_and_on_a_phone(editor: Any) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    settle(editor)
    editor.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        editor.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(editor.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        found = editor.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    editor.set_viewport_size({"width": 390, "height": 844})
    assert editor.evaluate("document.documentElement.scrollWidth") <= 390
