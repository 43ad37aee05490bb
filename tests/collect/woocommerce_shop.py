"""A made-up WooCommerce that answers its REST API, version 3, as its documentation says."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from scripted_server import Asked, Told

KEY, SECRET = "ck_of_the_tests", "cs_of_the_tests"
WEBHOOK_SECRET = "wh & of the tests"
_PARAMS = {
    "customers": {"page", "per_page", "role", "orderby", "order"},
    "products": {"page", "per_page", "orderby", "order", "modified_after", "dates_are_gmt"},
    "orders": {"page", "per_page", "orderby", "order", "modified_after", "dates_are_gmt"},
    "refunds": {"page", "per_page"},
}
"""What each list takes, as far as it is used."""


@dataclass
class Shop:
    """What a shop knows, and how it behaves."""

    customers: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    refunds: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    troubles: list[Told] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Which list was asked for what, such as `customers id asc 1`."""

    def answer(self, asked: Asked) -> Told:
        """One request."""
        pair = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            code = "woocommerce_rest_cannot_view"
            return Told(401, {"code": code, "message": "Sorry, you cannot list resources."})
        if self.troubles:
            return self.troubles.pop(0)
        assert asked.path.startswith("/wp-json/wc/v3/")
        *_, owner, name = asked.path.split("/")
        query = asked.query
        assert set(query) <= _PARAMS[name], query
        self.asked.append(f"{name} {query.get('orderby')} {query.get('order')} {query.get('page')}")
        if name == "refunds":
            return self._paged(self.refunds.get(int(owner), []), query)
        records = {"customers": self.customers, "products": self.products, "orders": self.orders}[
            name
        ]
        if after := query.get("modified_after"):
            assert query["dates_are_gmt"] == "true"
            assert "Z" not in after
            records = [one for one in records if one["date_modified_gmt"] > after]
        by = {"id": "id", "modified": "date_modified_gmt"}[query["orderby"]]
        ordered = sorted(records, key=lambda one: (one[by], one["id"]))
        return self._paged(ordered if query["order"] == "asc" else ordered[::-1], query)

    @staticmethod
    def _paged(records: list[dict[str, Any]], query: dict[str, str]) -> Told:
        size, page = int(query["per_page"]), int(query["page"])
        assert size <= 100
        return Told(json=records[(page - 1) * size : page * size])

    def customer(self, number: int, email: str, **more: Any) -> dict[str, Any]:
        """Another account."""
        told = {
            "id": number,
            "date_created_gmt": "2025-01-05T10:00:00",
            "date_modified_gmt": "2026-01-05T10:00:00",
            "email": email,
            "first_name": "Ana",
            "last_name": "Lovelace",
            "role": "customer",
            "billing": {
                "first_name": "",
                "phone": "+447700900123",
                "country": "GB",
                "email": email,
            },
            **more,
        }
        self.customers.append(told)
        return told

    def order(self, number: int, *, at: str, **more: Any) -> dict[str, Any]:
        """Another order: two pieces of 10, and shipping is 5."""
        told = {
            "id": number,
            "status": "processing",
            "currency": "GBP",
            "date_created_gmt": at,
            "date_modified_gmt": at,
            "date_paid_gmt": at,
            "total": "25.00",
            "customer_id": 0,
            "billing": {
                "first_name": "Guy",
                "last_name": "Guest",
                "email": "typed@example.com",
                "phone": "",
                "country": "FR",
            },
            "line_items": [
                {
                    "product_id": 900,
                    "variation_id": 0,
                    "quantity": 2,
                    "sku": "T1",
                    "name": "Tea",
                    "subtotal": "24.00",
                    "total": "20.00",
                    "price": 10,
                }
            ],
            "refunds": [],
            **more,
        }
        self.orders.append(told)
        return told

    def refund(self, order: dict[str, Any], number: int, amount: str, *, at: str) -> None:
        """Money goes back."""
        order["refunds"].append({"id": number, "reason": "", "total": f"-{amount}"})
        order["date_modified_gmt"] = at
        given = sum(-float(one["total"]) for one in order["refunds"])
        if given >= float(order["total"]):
            order["status"] = "refunded"
        self.refunds.setdefault(order["id"], []).append(
            {
                "id": number,
                "date_created_gmt": at,
                "amount": amount,
                "line_items": [
                    {"product_id": 900, "quantity": -1, "total": "-10.00", "name": "Tea"}
                ],
            }
        )

    def product(self, number: int, *, at: str = "2026-01-05T10:00:00", **more: Any) -> None:
        """Another product."""
        self.products.append(
            {
                "id": number,
                "name": "Tea",
                "date_modified_gmt": at,
                "status": "publish",
                "permalink": "https://shop.example/product/tea",
                "price": "12.5",
                "stock_quantity": 7,
                "categories": [{"id": 1, "name": "Drinks"}],
                "images": [{"src": "https://shop.example/tea.jpg"}],
                **more,
            }
        )


def signed(topic: str, told: Any, *, secret: str = WEBHOOK_SECRET) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a webhook."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-signature": base64.b64encode(digest).decode(),
        "x-wc-webhook-source": "https://shop.example/",
    }, body
