"""Ready journeys: sound, taken over as plain files, and mails that are whole in a real browser."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

import vocative.workspace
from chromium import chromium
from vocative.campaign.journeys.definition import read_journey
from vocative.campaign.ready import READY, add_ready, list_ready
from vocative.clock import FixedClock
from vocative.compose import check_template, load_template, read_source
from vocative.compose.checking.sample import sample_data
from vocative.compose.language.lookups import LOOKUPS
from vocative.errors import StateError, UnknownName
from vocative.segment import field_catalog
from vocative.workspace import Workspace, prepare_state

STARTER = Path(vocative.workspace.__file__).parent / "starter"
NAMES = sorted(path.parent.name for path in READY.glob("*/journey.yaml"))
TEMPLATES = sorted(path.stem for path in READY.glob("*/templates/*.mjml"))
CLOCK = FixedClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
MUG = {
    "id": "mug",
    "title": "Copper Watering Can",
    "url": "https://shop.example/p/mug",
    "price": 24.5,
    "currency": "GBP",
    "image_url": "https://shop.example/i/mug.jpg",
    "category": "Garden",
    "reason": None,
}


class Shelf:
    """One product, and nothing recommended."""

    noted: ClassVar[dict[str, Any]] = {}

    def product(self, item_id: str) -> dict[str, Any] | None:
        return {**MUG, "id": item_id}

    def recommend(self, recommender: str, count: int) -> list[dict[str, Any]]:
        return []


def starter_with_birthdays(folder: Path) -> Path:
    """A workspace as `vocative init` makes it, with birthdays."""
    root = folder / "shop"
    shutil.copytree(STARTER, root)
    with (root / "traits.yaml").open("a") as traits:
        traits.write("\ncelebrates_on: {type: date}\n")
    prepare_state(root)
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that has none of them yet."""
    with Workspace(starter_with_birthdays(tmp_path), clock=CLOCK) as opened:
        yield opened


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The same with every ready journey, for tests that only look."""
    with Workspace(starter_with_birthdays(tmp_path_factory.mktemp("ready")), clock=CLOCK) as opened:
        for name in NAMES:
            add_ready(opened, name)
        yield opened


def test_there_are_nine(shop: Workspace):
    assert [one.name for one in list_ready(shop)] == NAMES
    assert len(NAMES) == 9
    assert all(one.describe and one.templates and not one.added for one in list_ready(shop))


def test_they_fit_the_starter_and_each_other(stocked: Workspace):
    assert all(one.added for one in list_ready(stocked))
    for name in NAMES:
        assert read_journey(stocked, name).steps
    fields = field_catalog(stocked)
    for name in TEMPLATES:
        assert check_template(read_source(stocked, name), fields) == []


def test_a_second_time_changes_nothing(shop: Workspace):
    first = add_ready(shop, "abandoned_cart")
    assert "journeys/abandoned_cart.yaml" in first.files
    # The starter has this feature already, with the same meaning.
    assert not (shop.root / "features" / "abandoned_cart_journey.yaml").exists()
    journey = shop.root / "journeys" / "abandoned_cart.yaml"
    journey.write_text(journey.read_text().replace("4h", "6h"))
    again = add_ready(shop, "abandoned_cart")
    assert again.files == []
    assert "journeys/abandoned_cart.yaml" in again.kept
    assert "6h" in journey.read_text()


def test_another_meaning_of_a_name_is_refused(shop: Workspace):
    (shop.root / "features" / "mine.yaml").write_text(
        "back_in_stock_product: {count: Product Back In Stock}\n"
    )
    with pytest.raises(StateError, match="another meaning"):
        add_ready(shop, "back_in_stock")
    assert not (shop.root / "journeys").exists()


def test_what_does_not_fit_the_workspace_writes_nothing(shop: Workspace):
    (shop.root / "models" / "models.yaml").write_text("")
    with pytest.raises(UnknownName, match="for_you"):
        add_ready(shop, "welcome")
    assert not list(shop.root.glob("templates/welcome_*"))
    with pytest.raises(UnknownName, match="ready journey"):
        add_ready(shop, "welcom")


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("amount", ["usual", "bare"])
def test_their_mails_are_whole_whatever_is_missing(stocked: Workspace, name: str, amount: Any):
    data = {**sample_data(field_catalog(stocked), amount), LOOKUPS: Shelf()}
    if amount == "bare" and name in ("back_in_stock", "price_drop"):
        return  # without a product there is no such message
    rendered = load_template(stocked, name).render(data)
    for body in (rendered.html, rendered.text):
        assert "https://shop.example/unsubscribe/sample" in body
        assert "1 Sample Street" in body
        assert "None" not in body
    assert "{{" not in rendered.html + rendered.text + rendered.subject
    assert rendered.subject.strip()
    assert "@media (prefers-color-scheme: dark)" in rendered.html
    assert len(rendered.html) < 60_000


@pytest.mark.browser
def test_no_mail_is_wider_than_the_window(stocked: Workspace):
    data = {**sample_data(field_catalog(stocked), "usual"), LOOKUPS: Shelf()}
    mails = {name: load_template(stocked, name).render(data).html for name in TEMPLATES}
    with chromium() as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.abort())
        for width in (390, 700):
            page.set_viewport_size({"width": width, "height": 900})
            for name, html in mails.items():
                page.set_content(html)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, name
                title = page.get_by_role("heading").or_(page.locator(".hero-title div")).first
                assert title.is_visible(), name
