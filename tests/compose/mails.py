"""Made-up data and layouts for the tests of the compose stage."""

from typing import Any


def product(number: int, **changes: Any) -> dict[str, Any]:
    """One recommended product."""
    return {
        "id": f"sku-{number}",
        "title": f"Copper Watering Can No. {number}",
        "price": 24.5 * number,
        "currency": "GBP",
        "url": f"https://shop.example/p/sku-{number}?ref=mail&n={number}",
        "image_url": f"https://shop.example/i/sku-{number}.jpg",
        "category": "Garden",
        "reason": "Often bought with your Herb Planter",
        **changes,
    }


def data(**changes: Any) -> dict[str, Any]:
    """What a message is rendered with."""
    return {
        "person": {
            "first_name": "Ann",
            "country": "GB",
            "favourite_category": "Garden",
            "last_order_at": None,
            "spend_180d": 90.0,
        },
        "products": [product(number) for number in range(1, 5)],
        "offer": None,
        "campaign": {"name": "Weekly picks"},
        "variant": "a",
        "unsubscribe_url": "https://shop.example/u/token",
        "view_url": "https://shop.example/v/token",
        "postal_address": "1 High Street, London",
        "sender_name": "The Shop",
        **changes,
    }


def layout(body: str, head: str = "") -> str:
    """A document around sections."""
    return f'<mjml lang="en"><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>'


def text_block(content: str) -> str:
    """A section with one text."""
    return f"<mj-section><mj-column><mj-text>{content}</mj-text></mj-column></mj-section>"
