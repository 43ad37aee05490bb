"""Items that a template asks for while it is rendered: by id, or from a recommender.

What was recommended is noted with the message, so that it can be explained and shown again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from liquid.exceptions import FilterArgumentError

from vocative.decide import ProductChooser, sellable_items
from vocative.predict import read_models
from vocative.workspace import Settings, Workspace


def product_data(item: Mapping[str, Any], reason: str, settings: Settings) -> dict[str, Any]:
    """An item as templates see it."""
    return {
        "id": item["item_id"],
        "title": str(item["title"]).strip(),
        "price": item["price"],
        "currency": item["currency"] or settings.currency,
        "url": item["url"] or settings.base_url,
        "image_url": item["image_url"],
        "category": item["category"],
        "reason": reason or None,
    }


class Shelf:
    """The items of a workspace as they are now, and choosers for its recommenders."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.items = sellable_items(workspace)
        self._choosers: dict[tuple[str, int], ProductChooser] = {}

    def product(self, item_id: str, reason: str = "") -> dict[str, Any] | None:
        """An item that can be sold, as templates see it."""
        item = self.items.get(item_id)
        return None if item is None else product_data(item, reason, self._workspace.settings)

    def choose(self, recommender: str, count: int, person_id: str) -> list[tuple[str, str]]:
        """(item id, reason) of items for a person.

        Raises:
            FilterArgumentError: there is no such recommender.
        """
        key = (recommender, count)
        if key not in self._choosers:
            kind = {name: model.kind for name, model in read_models(self._workspace).items()}
            if kind.get(recommender) != "recommender":
                raise FilterArgumentError("there is no such recommender", token=None)
            self._choosers[key] = ProductChooser(self._workspace, recommender, count=count)
        chosen = self._choosers[key].choose([person_id])[person_id]
        return [(shown.item_id, shown.reason) for shown in chosen]


class Asked:
    """The answers for one message; `noted` is what was recommended in it."""

    def __init__(
        self, shelf: Shelf, person_id: str, noted: Mapping[str, Sequence[Sequence[str]]]
    ) -> None:
        self._shelf = shelf
        self._person_id = person_id
        self.noted: dict[str, list[list[str]]] = {
            name: [list(pair) for pair in pairs] for name, pairs in noted.items()
        }

    def product(self, item_id: str) -> dict[str, Any] | None:
        """An item that can be sold, as templates see it."""
        return self._shelf.product(item_id)

    def recommend(self, recommender: str, count: int) -> list[dict[str, Any]]:
        """Items for the message's person: those noted with it, if it was rendered before."""
        key = f"{recommender} {count}"
        if key not in self.noted:
            chosen = self._shelf.choose(recommender, count, self._person_id)
            self.noted[key] = [list(pair) for pair in chosen]
        shown = (self._shelf.product(item_id, reason) for item_id, reason in self.noted[key])
        return [product for product in shown if product is not None]
