"""A made-up account at Stripe that answers its lists over HTTP."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripted_server import Asked, Told

KEY = "rk_test_of_the_tests"
SECRET = "whsec_of_the_tests"
DESCRIPTION = Path(__file__).resolve().parents[2] / ".setup/vendors/api/stripe.com.json"
START = 1_769_904_000  # 2026-02-01
_LISTS = {
    "customers": "customer",
    "charges": "charge",
    "refunds": "refund",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "checkout/sessions": "checkout.session",
    "events": "event",
}


@dataclass
class Account:
    """What an account knows, and how it behaves."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Told] = field(default_factory=list)
    most: int = 100
    """Of a page, so that lists are long with few objects."""

    def answer(self, asked: Asked) -> Told:
        """One request."""
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            error = {"type": "invalid_request_error", "message": "Invalid API Key provided: rk_***"}
            return Told(401, {"error": error})
        if self.troubles:
            return self.troubles.pop(0)
        assert asked.headers["stripe-version"]
        path = asked.path.removeprefix("/v1/")
        if path in _LISTS:
            found = [one for one in self.objects if one["object"] == _LISTS[path]]
            return self._page(found, asked)
        collection, number, *rest = path.split("/")
        (one,) = [one for one in self.objects if one["id"] == number]
        assert one["object"] == _LISTS[collection]
        if rest == ["lines"]:
            return self._page(one["all_lines"], asked)
        return Told(json=one)

    def _page(self, found: list[dict[str, Any]], asked: Asked) -> Told:
        query = asked.query
        since = int(query.get("created[gte]", 0))
        found = [one for one in found if one.get("created", since) >= since]
        if "status" in query and query["status"] != "all":
            found = [one for one in found if one["status"] == query["status"]]
        found.sort(key=lambda one: -one.get("created", 0))
        ids = [one["id"] for one in found]
        after = query.get("starting_after")
        start = ids.index(after) + 1 if after else 0
        end = start + min(self.most, int(query["limit"]))
        shown = [self._shown(one, query) for one in found[start:end]]
        return Told(
            json={"object": "list", "url": asked.path, "data": shown, "has_more": end < len(found)}
        )

    def _shown(self, one: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        if query.get("expand[]") == "data.charge" and one.get("charge"):
            (charge,) = [it for it in self.objects if it["id"] == one["charge"]]
            return {**one, "charge": charge}
        return one

    def add(self, kind: str, number: str, at: int, /, **told: Any) -> dict[str, Any]:
        """Another object, `at` seconds into February 2026."""
        one = {"id": number, "object": kind, "created": START + at, **told}
        self.objects.append(one)
        return one

    def customer(self, name: str, email: str | None, at: int = 0, **told: Any) -> dict[str, Any]:
        """Another customer."""
        common = {"email": email, "name": "Ana Lovelace", "phone": None, "metadata": {}}
        address = {"country": "GB", "line1": None}
        return self.add("customer", name, at, **{**common, "address": address, **told})

    def charge(self, name: str, customer: str | None, at: int, **told: Any) -> dict[str, Any]:
        """Another payment of 25.00."""
        common = {
            "amount": 2_500,
            "amount_captured": 2_500,
            "currency": "gbp",
            "status": "succeeded",
            "paid": True,
            "captured": True,
            "customer": customer,
            "payment_intent": f"pi_{name}",
            "billing_details": {"email": "typed@example.com", "name": "Guy", "address": {}},
            "metadata": {},
        }
        return self.add("charge", name, at, **{**common, **told})

    def refund(self, name: str, charge: str, at: int, amount: int = 1_000) -> dict[str, Any]:
        """Money of a payment goes back."""
        told = {"amount": amount, "currency": "gbp", "status": "succeeded", "charge": charge}
        return self.add("refund", name, at, **told)

    def invoice(self, name: str, customer: str, at: int, lines: int = 1) -> dict[str, Any]:
        """A paid invoice: 10.00 for two pieces a line."""
        all_lines = [
            {
                "id": f"il_{name}_{number}",
                "amount": 1_000,
                "currency": "gbp",
                "quantity": 2,
                "description": "Tea",
                "pricing": {"price_details": {"price": "price_1", "product": f"prod_{number}"}},
            }
            for number in range(lines)
        ]
        return self.add(
            "invoice",
            name,
            at,
            status="paid",
            currency="gbp",
            amount_paid=1_000 * lines,
            customer=customer,
            status_transitions={"paid_at": START + at + 60},
            lines={"data": all_lines[:10], "has_more": lines > 10},
            all_lines=all_lines,
        )

    def happened(self, name: str, kind: str, at: int, thing: dict[str, Any]) -> dict[str, Any]:
        """An event about an object, as it is now."""
        return self.add("event", name, at, type=kind, data={"object": dict(thing)})


def as_sent(event: dict[str, Any]) -> bytes:
    """The body of a webhook."""
    return json.dumps(event, indent=2).encode()
