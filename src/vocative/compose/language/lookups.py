"""What a message may ask for while it is rendered, beyond the data it was handed.

Who renders puts an object with these methods into the data under a name that no template can
write. Without one, the filters `product` and `recommend` give nothing.
"""

from typing import Any, Protocol

LOOKUPS = " lookups"
MOST_RECOMMENDED = 50


class Lookups(Protocol):
    """The answers for one message."""

    def product(self, item_id: str) -> dict[str, Any] | None:
        """An item that can be sold, as templates see it."""

    def recommend(self, recommender: str, count: int) -> list[dict[str, Any]]:
        """Items for the message's person, the best first."""
