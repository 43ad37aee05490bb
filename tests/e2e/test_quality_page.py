"""The page about quality in the web app: alerts, sources, what is off the plan."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from closely import look_closely
from running_site import Site, Troubles

from vocative.clock import to_micros
from vocative.collect.door import accept
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

PLAN = """\
unknown_events: keep
events:
  Order Completed: {properties: {order_id: {required: true}}}
  Order Refunded: {violations: reject, properties: {order_id: {required: true}}}
"""


@pytest.fixture
def quality(page: Any, empty_site: Site, troubles: Troubles) -> Iterator[Any]:
    """What came in from a shop of which one order in four has no id."""
    with Workspace(empty_site.log.parent / "workspace") as workspace:
        (workspace.root / "plans").mkdir(exist_ok=True)
        (workspace.root / "plans" / "shop.yaml").write_text(PLAN)
        orders = [{"order_id": "A1"}, {"order_id": "A2"}, {"order_id": "A3"}, {}]
        events = [
            *({"event": "Order Completed", "userId": "u", "properties": one} for one in orders),
            {"event": "Order Refunded", "userId": "u", "properties": {}},
        ]
        accept(workspace, events, source="web_shop")
        apply_log(workspace)
        alarm(workspace)
    page.goto(f"{empty_site.url}/quality")
    yield page
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(empty_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def alarm(workspace: Workspace) -> None:
    """An hour ago the shop fell silent."""
    now = workspace.clock.now()
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO quality_alerts"
            " (source, name, kind, began_at, noticed_at, events, expected)"
            " VALUES ('web_shop', '', 'silent', :began, :now, 0, 120)",
            {"began": to_micros(now - timedelta(hours=1)), "now": to_micros(now)},
        )


def test_quality_in_the_web_app(quality: Any) -> None:
    expect(quality.get_by_role("heading", level=1)).to_have_text("Data quality")
    expect(quality.get_by_text("web_shop: events stopped since")).to_be_visible()
    sources = quality.get_by_role("table", name="Sources")
    expect(sources.get_by_role("row").filter(has_text="web_shop")).to_contain_text("shop")
    wrong = quality.get_by_role("table", name="Not as it should be")
    expect(wrong.get_by_role("row").filter(has_text="flagged")).to_contain_text(
        "order_id is missing"
    )
    expect(wrong.get_by_role("row").filter(has_text="rejected")).to_contain_text("Order Refunded")
    required = quality.get_by_role("table", name="Required properties")
    expect(required.get_by_role("row").filter(has_text="order_id")).to_contain_text("75.0%")
    look_closely(quality)
