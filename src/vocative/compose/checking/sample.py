"""Data of nobody in particular, to try a template with before it meets real people."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

from vocative.compose.checking.fields import OFFER, PRODUCT, Shape
from vocative.sql import Field, Type

UNSUBSCRIBE_URL = "https://shop.example/unsubscribe/sample"
POSTAL_ADDRESS = "1 Sample Street, Sampleton"
_VALUES: dict[str, Any] = {
    "number": 1234.5,
    "integer": 3,
    "boolean": True,
    "instant": datetime(2026, 1, 15, 9, 30, tzinfo=UTC),
    "date": date(2026, 1, 15),
}


_LONGER = ", and what else there is to say of it in as many words as somebody may use"
_OFFER = {
    "name": "sample",
    "title": "Sample offer",
    "code": "SAMPLE10",
    "text": "Ten per cent off everything, until the end of the month",
    "url": "https://shop.example/offer",
}


Amount = Literal["usual", "long", "sparse", "bare"]
"""How much there is: everything; everything, in long texts; products and an offer that lack all
they may lack; nothing that may be missing."""


def sample_data(catalog: Mapping[str, Field], amount: Amount) -> dict[str, Any]:
    """What a template is rendered with, made up.

    Args:
        catalog: The fields of a person, by name.
        amount: How much of it there is.
    """
    long, complete = amount == "long", amount in ("usual", "long")
    person = {
        name: _value(field, long=long) if complete or not field.nullable else None
        for name, field in catalog.items()
    }
    products = [] if amount == "bare" else [_product(number, long=long) for number in range(1, 7)]
    offer: dict[str, Any] | None = None if amount == "bare" else dict(_OFFER)
    if amount == "sparse" and offer is not None:
        products = [_without_optional(one, PRODUCT) for one in products]
        offer = _without_optional(offer, OFFER)
    return {
        "person": person,
        "products": products,
        "offer": offer,
        "campaign": {"name": "Sample campaign"},
        "variant": "a" if complete else None,
        "unsubscribe_url": UNSUBSCRIBE_URL,
        "view_url": "https://shop.example/view/sample",
        "preferences_url": "https://shop.example/preferences/sample" if complete else None,
        "postal_address": POSTAL_ADDRESS,
        "sender_name": "Sample Shop",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
    }


def _without_optional(values: dict[str, Any], shape: Shape) -> dict[str, Any]:
    fields = shape.fields or {}
    return {
        name: None if name in fields and fields[name].nullable else value
        for name, value in values.items()
    }


def _value(field: Field, *, long: bool) -> Any:
    if field.type == Type.TEXT_LIST:
        return [f"Sample {field.name}", "Another"]
    return _VALUES.get(field.type, f"Sample {field.name}" + _LONGER * long)


def _product(number: int, *, long: bool) -> dict[str, Any]:
    return {
        "id": f"sample-{number}",
        "title": f"Sample product number {number}, with a name of usual length" + _LONGER * long,
        "url": f"https://shop.example/products/sample-{number}" + "-and-a-long-name" * 8 * long,
        "price": 19.95 * number,
        "currency": "EUR",
        "image_url": f"https://shop.example/images/sample-{number}.jpg",
        "category": "Samples",
        "reason": "Because you looked at something much like it" + _LONGER * long,
    }
