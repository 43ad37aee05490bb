"""A workspace with a small shop in it, built once and copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from predict.planted import END, shop_events
from vocative.clock import FixedClock
from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace, prepare_state

SETTINGS = """\
workspace: test
timezone: Europe/London
currency: GBP
sender: {email: hello@shop.example, name: The Shop}
postal_address: "1 High Street, London"
"""
FEATURES = """\
orders_30d: {count: Order Completed, window: 30d, describe: Orders in the last 30 days}
orders_180d: {count: Order Completed, window: 180d}
views_30d: {count: Product Viewed, window: 30d}
last_order_at: {last: at, of: Order Completed}
last_view_at: {last: at, of: Product Viewed}
spend_180d: {sum: revenue, of: Order Completed, window: 180d}
lately: {expr: "coalesce(bought_lately, 'no')"}
view_fifth: {ntile: 5, of: views_30d}
view_fifth_twice: {expr: "2 * view_fifth"}
"""
MODELS = """\
buys: {predict: Order Completed, within: 30d, population: "views_30d > 0 or orders_180d > 0"}
linear: {predict: Order Completed, within: 30d, algorithm: logistic_regression}
never: {predict: Subscription Started, within: 30d}
leaky: {predict: Order Completed, within: 30d, features: [orders_30d, lately]}
insisted: {predict: Order Completed, within: 30d, features: [orders_30d, lately], trust: [lately]}
with_trait: {predict: Order Completed, within: 30d, features: [orders_30d, country]}
far: {predict: Order Completed, within: 150d}
picks: {recommend: items, learn_from: [Order Completed, Product Viewed]}
"""


@pytest.fixture(scope="session")
def built_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with applied events; never written to again."""
    root = tmp_path_factory.mktemp("shop") / "workspace"
    for folder, text in (("features", FEATURES), ("models", MODELS)):
        (root / folder).mkdir(parents=True)
        (root / folder / "shop.yaml").write_text(text)
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "traits.yaml").write_text("country: {type: text}\nbought_lately: {type: text}\n")
    prepare_state(root)
    with Workspace(root, clock=FixedClock(END)) as workspace:
        upsert_items(
            workspace,
            [
                {"item_id": f"sku-{n:02d}", "title": f"Thing {n}", "price": 5 + n, "category": "a"}
                for n in range(24)
            ],
        )
        accept(workspace, list(shop_events(END)), source="shop")
        apply_log(workspace)
    return root


@pytest.fixture
def shop(built_shop: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of one's own with the small shop in it; its clock stands at the end."""
    root = tmp_path / "shop"
    shutil.copytree(built_shop, root)
    with Workspace(root, clock=FixedClock(END)) as workspace:
        yield workspace


@pytest.fixture
def reopened(shop: Workspace) -> Iterator[Callable[[datetime], Workspace]]:
    """The shop's workspace again, at another instant."""
    opened = []

    def reopen(at: datetime) -> Workspace:
        opened.append(Workspace(shop.root, clock=FixedClock(at)))
        return opened[-1]

    yield reopen
    for workspace in opened:
        workspace.close()
