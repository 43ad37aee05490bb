"""What a row of GA4's BigQuery export says happened.

A row comes in, as BigQuery writes it as JSON or as Parquet has it; an event in the shape of the
Segment spec goes out. People are known by GA4's pseudonymous id, and by the account id where the
site tells GA4 one.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.collect.sources._events import number, text
from vocative.collect.sources.base import Event

Row = Mapping[str, Any]

_NAMES = {
    "add_payment_info": "Payment Info Entered",
    "add_to_cart": "Product Added",
    "add_to_wishlist": "Product Added to Wishlist",
    "begin_checkout": "Checkout Started",
    "generate_lead": "Lead Generated",
    "login": "Signed In",
    "remove_from_cart": "Product Removed",
    "search": "Products Searched",
    "select_item": "Product Clicked",
    "sign_up": "Signed Up",
    "view_cart": "Cart Viewed",
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "view_search_results": "Products Searched",
}
_ORDERS = {"purchase": "Order Completed", "refund": "Order Refunded"}
_SEEN_ORDERS = {"purchase": "Purchase Seen", "refund": "Refund Seen"}
"""Their names where the shop itself tells its orders: nothing is counted twice."""
_PARAMETERS = {
    "page_location": "url",
    "page_title": "title",
    "page_referrer": "referrer",
    "ga_session_id": "session_id",
    "ga_session_number": "session_number",
    "engagement_time_msec": "engagement_time_msec",
    "search_term": "query",
}
_CAMPAIGN = {
    "manual_source": "utm_source",
    "manual_medium": "utm_medium",
    "manual_campaign_name": "utm_campaign",
    "manual_term": "utm_term",
    "manual_content": "utm_content",
}
_LASTING = (
    "event_timestamp",
    "event_name",
    "user_pseudo_id",
    "stream_id",
    "event_bundle_sequence_id",
    "batch_page_id",
    "batch_ordering_id",
    "batch_event_index",
)
"""What tells an event from every other, and stays when Google writes a day's table again."""


def event_of(row: Row, *, orders: bool, accounts: bool) -> Event | None:
    """The event of a row; None when it has no name or no time.

    Args:
        row: A row of a table `events_YYYYMMDD`.
        orders: Whether GA4 is where orders are counted.
        accounts: Whether GA4's user ids are the ids of the shop's accounts.
    """
    name, at = text(row.get("event_name")), number(row.get("event_timestamp"))
    if name is None or at is None or not 0 < at < 1e17:
        return None
    parameters = _parameters(row.get("event_params"))
    return {
        **_named(name, orders=orders),
        "messageId": _message_id(row),
        "timestamp": from_micros(int(at)).isoformat(),
        **_who(row, accounts=accounts),
        "properties": {
            **_properties(row, parameters),
            **_bought(name, row, parameters, orders=orders),
        },
    }


def _named(name: str, *, orders: bool) -> dict[str, str]:
    if name in ("page_view", "screen_view"):
        return {"type": name.removesuffix("_view")}
    shown = {**_NAMES, **(_ORDERS if orders else _SEEN_ORDERS)}.get(name, name)
    return {"type": "track", "event": shown}


def _message_id(row: Row) -> str:
    lasting = [text(row.get(name)) for name in _LASTING]
    return f"ga4:{hashlib.sha256(msgspec.json.encode(lasting)).hexdigest()[:32]}"


def _who(row: Row, *, accounts: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if pseudo := text(row.get("user_pseudo_id")):
        found["anonymousId"] = f"ga:{pseudo}"
    if accounts and (user := text(row.get("user_id"))):
        found["userId"] = user
    # Without consent GA4 tells of nobody: it counts for its items only.
    return found or {"context": {"nobody": True}}


def _properties(row: Row, parameters: Mapping[str, Any]) -> dict[str, Any]:
    device, geo = _record(row, "device"), _record(row, "geo")
    session = _record(_record(row, "session_traffic_source_last_click"), "manual_campaign")
    collected = _record(row, "collected_traffic_source")
    found = {shown: parameters.get(name) for name, shown in _PARAMETERS.items()}
    found |= {
        shown: text(collected.get(name)) or text(session.get(name.removeprefix("manual_")))
        for name, shown in _CAMPAIGN.items()
    }
    found |= {
        "device": text(device.get("category")),
        "country": text(geo.get("country")),
        "platform": text(row.get("platform")),
    }
    told = {*_PARAMETERS, "source", "medium", "campaign", "term", "content"}
    others = {name: value for name, value in parameters.items() if name not in told}
    return {name: value for name, value in {**others, **found}.items() if value is not None}


def _bought(name: str, row: Row, parameters: Mapping[str, Any], *, orders: bool) -> dict[str, Any]:
    """Items, and what was paid."""
    items = row.get("items")
    listed = items if isinstance(items, list) else []
    products = [_product(one) for one in listed if isinstance(one, Mapping)]
    found: dict[str, Any] = {"currency": text(parameters.get("currency"))}
    if name in _ORDERS:
        paid = _record(row, "ecommerce")
        part = "purchase_revenue" if name == "purchase" else "refund_value"
        amount = number(paid.get(part))
        found |= {
            "order_id": text(paid.get("transaction_id")) or text(parameters.get("transaction_id")),
            "revenue" if orders else "value": (
                number(parameters.get("value")) if amount is None else amount
            ),
        }
    if len(products) == 1 and name not in _ORDERS:
        found |= products[0]
    elif products:
        found["products"] = products
    return {key: value for key, value in found.items() if value is not None}


def _product(item: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "product_id": text(item.get("item_id")),
        "name": text(item.get("item_name")),
        "category": text(item.get("item_category")),
        "price": number(item.get("price")),
        "quantity": number(item.get("quantity")),
    }
    return {key: value for key, value in found.items() if value is not None}


def _parameters(stated: Any) -> dict[str, Any]:
    """`event_params` by name."""
    found = {}
    for one in stated if isinstance(stated, list) else ():
        name = one.get("key") if isinstance(one, Mapping) else None
        if isinstance(name, str):
            found[name] = _value(one.get("value"))
    return found


def _value(stated: Any) -> Any:
    if not isinstance(stated, Mapping):
        return None
    if stated.get("string_value") is not None:
        return stated["string_value"]
    if stated.get("int_value") is not None:
        return _integer(stated["int_value"])
    both = (stated.get("double_value"), stated.get("float_value"))
    return number(next((value for value in both if value is not None), None))


def _integer(stated: Any) -> int | None:
    """JSON of BigQuery writes whole numbers as texts."""
    try:
        return int(stated)
    except (TypeError, ValueError):
        return None


def _record(row: Row, name: str) -> Row:
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}
