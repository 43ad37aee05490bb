"""What every page of the web app owes to everybody: nobody is shut out, on a phone either."""

from typing import Any

from test_whole_app import PHONE, RULES, settle

from chromium import AXE


def look_closely(page: Any) -> None:
    """Ask axe in light and in dark, and measure how wide the page is on a phone."""
    settle(page)
    if AXE.exists():
        page.evaluate(AXE.read_text())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    wide = page.viewport_size
    page.set_viewport_size(PHONE["viewport"])
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(wide)
    assert width <= PHONE["viewport"]["width"]
