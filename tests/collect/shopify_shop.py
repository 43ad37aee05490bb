"""A made-up shop at Shopify that answers GraphQL over HTTP, and calls webhooks.

Queries are executed by graphql-core over a schema with the fields that the source asks for; where
the schema that Shopify publishes is installed (`make vendors`), tests execute them over that one.
"""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_client_schema, build_schema, execute_sync, parse

from scripted_server import Asked, Told

SHOP = "fern-hollow.myshopify.com"
SECRET = "shpss_of_the_tests"
TOKEN = "shpat_of_the_tests"
_PUBLISHED = Path(__file__).resolve().parents[2] / ".setup/vendors/dist/data/admin_2026-07.json.gz"
_SCHEMA = """
scalar DateTime
scalar Decimal
scalar UnsignedInt64
scalar URL
enum CustomerSortKeys { UPDATED_AT }
enum ProductSortKeys { UPDATED_AT }
enum OrderSortKeys { UPDATED_AT }
enum AbandonedCheckoutSortKeys { CREATED_AT }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type MoneyV2 { amount: Decimal! currencyCode: String! }
type MoneyBag { shopMoney: MoneyV2! }
type Email { emailAddress: String! marketingState: String! marketingUpdatedAt: DateTime }
type Phone { phoneNumber: String! marketingState: String! marketingUpdatedAt: DateTime }
type Address { countryCodeV2: String }
type Customer {
  legacyResourceId: UnsignedInt64! createdAt: DateTime! updatedAt: DateTime! firstName: String
  lastName: String locale: String! defaultEmailAddress: Email defaultPhoneNumber: Phone
  defaultAddress: Address
}
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type Image { url: URL! }
type Preview { image: Image }
type Media { preview: Preview }
type Prices { minVariantPrice: MoneyV2! }
type Product {
  legacyResourceId: UnsignedInt64! updatedAt: DateTime! title: String! productType: String!
  status: String! onlineStoreUrl: URL tracksInventory: Boolean! totalInventory: Int!
  priceRangeV2: Prices! featuredMedia: Media
}
type ProductConnection { nodes: [Product!]! pageInfo: PageInfo! }
type LineItem {
  quantity: Int! sku: String title: String! product: Product
  discountedUnitPriceAfterAllDiscountsSet: MoneyBag! discountedUnitPriceSet: MoneyBag!
}
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type RefundLineItem { quantity: Int! subtotalSet: MoneyBag! lineItem: LineItem! }
type RefundLineItemConnection { nodes: [RefundLineItem!]! pageInfo: PageInfo! }
type Refund {
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime processedAt: DateTime!
  order: Order! totalRefundedSet: MoneyBag!
  refundLineItems(first: Int, after: String): RefundLineItemConnection!
}
type Order {
  id: ID! legacyResourceId: UnsignedInt64! processedAt: DateTime! updatedAt: DateTime!
  cancelledAt: DateTime test: Boolean! email: String displayFinancialStatus: String
  totalPriceSet: MoneyBag! totalOutstandingSet: MoneyBag! customer: Customer refunds: [Refund!]!
  lineItems(first: Int, after: String): LineItemConnection!
}
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type Checkout {
  abandonedCheckoutUrl: URL! createdAt: DateTime! customer: Customer totalPriceSet: MoneyBag!
  lineItems(first: Int, after: String): LineItemConnection!
}
type CheckoutConnection { nodes: [Checkout!]! pageInfo: PageInfo! }
type Query {
  customers(first: Int, after: String, query: String, sortKey: CustomerSortKeys):
    CustomerConnection!
  products(first: Int, after: String, query: String, sortKey: ProductSortKeys): ProductConnection!
  orders(first: Int, after: String, query: String, sortKey: OrderSortKeys): OrderConnection!
  abandonedCheckouts(
    first: Int, after: String, query: String, sortKey: AbandonedCheckoutSortKeys
  ): CheckoutConnection!
  order(id: ID!): Order
  refund(id: ID!): Refund
}
"""


def own_schema() -> GraphQLSchema:
    """What the source uses of Shopify's schema."""
    return build_schema(_SCHEMA)


def published_schema() -> GraphQLSchema | None:
    """Shopify's schema of 2026-07, as it publishes it; None where it is not installed."""
    if not _PUBLISHED.exists():
        return None
    told = json.loads(gzip.decompress(_PUBLISHED.read_bytes()))
    return build_client_schema(told.get("data", told), assume_valid=True)


def money(amount: float, currency: str = "GBP") -> dict[str, Any]:
    """A sum as Shopify writes it."""
    return {"shopMoney": {"amount": f"{amount:.2f}", "currencyCode": currency}}


def connection(nodes: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A list that gives pages."""

    def page(_: Any, first: int = 10, after: str | None = None, **__: Any) -> dict[str, Any]:
        start = int(after) + 1 if after else 0
        shown = nodes[start : start + first]
        more = start + first < len(nodes)
        end = str(start + len(shown) - 1) if shown else None
        return {"nodes": shown, "pageInfo": {"hasNextPage": more, "endCursor": end}}

    return page


def by_id(nodes: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Finds one node."""
    return lambda _, **asked: next(one for one in nodes if one["id"] == asked["id"])


@dataclass
class Shop:
    """What a shop knows, and how it behaves."""

    schema: GraphQLSchema = field(default_factory=own_schema)
    customers: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    checkouts: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Told] = field(default_factory=list)
    """What the next questions are answered with instead."""
    most_first: int = 1_000
    """Longer pages cost too much."""
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    granted: int = 0

    def answer(self, asked: Asked) -> Told:
        """One request."""
        if asked.path == "/admin/oauth/access_token":
            return self._grant(asked)
        assert asked.path == "/admin/api/2026-07/graphql.json"
        if asked.headers.get("x-shopify-access-token") not in self.tokens:
            return Told(401, {"errors": "[API] Invalid API key or access token"})
        if self.troubles:
            return self.troubles.pop(0)
        question = asked.json()
        if question["variables"].get("first", 0) > self.most_first:
            error = {"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}
            return Told(json={"errors": [error]})
        done = execute_sync(
            self.schema,
            parse(question["query"]),
            root_value=self._root(),
            variable_values=question["variables"],
        )
        assert not done.errors, done.errors
        cost = {
            "requestedQueryCost": 10,
            "throttleStatus": {
                "maximumAvailable": 1000.0,
                "currentlyAvailable": 990,
                "restoreRate": 50.0,
            },
        }
        return Told(json={"data": done.data, "extensions": {"cost": cost}})

    def _grant(self, asked: Asked) -> Told:
        assert b"grant_type=client_credentials" in asked.body
        self.granted += 1
        self.tokens = {f"shpca_{self.granted}"}
        return Told(json={"access_token": f"shpca_{self.granted}", "expires_in": 86399})

    def _root(self) -> dict[str, Any]:
        refunds = [refund for order in self.orders for refund in order["refunds"]]
        return {
            "customers": self._changed(self.customers, "updatedAt"),
            "products": self._changed(self.products, "updatedAt"),
            "orders": self._changed(self.orders, "updatedAt"),
            "abandonedCheckouts": self._changed(self.checkouts, "createdAt"),
            "order": by_id(self.orders),
            "refund": by_id(refunds),
        }

    @staticmethod
    def _changed(nodes: list[dict[str, Any]], at: str) -> Callable[..., dict[str, Any]]:
        def page(info: Any, query: str | None = None, **more: Any) -> dict[str, Any]:
            since = query.partition(">='")[2].rstrip("'")[:19] if query else ""
            found = sorted((one for one in nodes if one[at] >= since), key=lambda one: one[at])
            return connection(found)(info, **more)

        return page

    def customer(
        self, number: int, email: str, *, state: str = "SUBSCRIBED", at: str, **more: Any
    ) -> dict[str, Any]:
        """Another customer."""
        told = {
            "legacyResourceId": str(number),
            "createdAt": "2025-01-05T10:00:00Z",
            "updatedAt": at,
            "firstName": "Ana",
            "lastName": "Lovelace",
            "locale": "en",
            "defaultEmailAddress": {
                "emailAddress": email,
                "marketingState": state,
                "marketingUpdatedAt": "2025-06-01T09:00:00Z",
            },
            "defaultPhoneNumber": None,
            "defaultAddress": {"countryCodeV2": "GB"},
            **more,
        }
        self.customers.append(told)
        return told

    def order(
        self, number: int, *, at: str, lines: int = 1, customer: int | None = None, **more: Any
    ) -> dict[str, Any]:
        """Another order: each line is one piece of 10, and shipping is 5."""
        items = [
            {
                "quantity": 1,
                "sku": f"T{line}",
                "title": "Tea",
                "product": {"legacyResourceId": str(900 + line)},
                "discountedUnitPriceAfterAllDiscountsSet": money(10),
            }
            for line in range(lines)
        ]
        told = {
            "id": f"gid://shopify/Order/{number}",
            "legacyResourceId": str(number),
            "processedAt": at,
            "updatedAt": at,
            "cancelledAt": None,
            "test": False,
            "email": "typed.at.the.till@example.com",
            "displayFinancialStatus": "PAID",
            "totalPriceSet": money(10 * lines + 5),
            "totalOutstandingSet": money(0),
            "customer": {"legacyResourceId": str(customer)} if customer else None,
            "refunds": [],
            "items": items,
            "lineItems": connection(items),
            **more,
        }
        self.orders.append(told)
        return told

    def refund(self, order: dict[str, Any], number: int, *, at: str, pieces: int = 1) -> None:
        """Money for some lines of an order goes back."""
        back = [
            {"quantity": 1, "subtotalSet": money(10), "lineItem": line}
            for line in order["items"][:pieces]
        ]
        order["updatedAt"] = at
        order["displayFinancialStatus"] = "PARTIALLY_REFUNDED"
        order["refunds"].append(
            {
                "id": f"gid://shopify/Refund/{number}",
                "legacyResourceId": str(number),
                "createdAt": at,
                "processedAt": at,
                "order": order,
                "totalRefundedSet": money(10 * pieces),
                "refundLineItems": connection(back),
                "lines": back,
            }
        )


def order_webhook(order: dict[str, Any]) -> dict[str, Any]:
    """The same order, as a webhook tells it."""
    local = order["processedAt"].replace("Z", "-00:00").replace("-00:00", "+00:00")
    refunds = [
        {
            "id": int(refund["legacyResourceId"]),
            "order_id": int(order["legacyResourceId"]),
            "created_at": refund["createdAt"],
            "refund_line_items": [
                {"quantity": 1, "subtotal": 10.0, "line_item": _line_webhook(one["lineItem"])}
                for one in refund["lines"]
            ],
            "transactions": [
                {
                    "amount": refund["totalRefundedSet"]["shopMoney"]["amount"],
                    "kind": "refund",
                    "status": "success",
                    "currency": "GBP",
                }
            ],
        }
        for refund in order["refunds"]
    ]
    return {
        "id": int(order["legacyResourceId"]),
        "processed_at": local,
        "updated_at": order["updatedAt"],
        "cancelled_at": order["cancelledAt"],
        "test": order["test"],
        "email": order["email"],
        "financial_status": order["displayFinancialStatus"].lower(),
        "total_price": order["totalPriceSet"]["shopMoney"]["amount"],
        "total_outstanding": order["totalOutstandingSet"]["shopMoney"]["amount"],
        "currency": "GBP",
        "customer": {"id": int(order["customer"]["legacyResourceId"])}
        if order["customer"]
        else None,
        "line_items": [_line_webhook(line) for line in order["items"]],
        "refunds": refunds,
    }


def _line_webhook(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "product_id": int(line["product"]["legacyResourceId"]),
        "quantity": line["quantity"],
        "sku": line["sku"],
        "title": line["title"],
        "price": "12.00",
        "discount_allocations": [{"amount": "2.00"}],
    }


def signed(topic: str, told: Any, *, secret: str = SECRET) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a webhook."""
    body = json.dumps(told).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        "x-shopify-shop-domain": SHOP,
    }
    return headers, body
