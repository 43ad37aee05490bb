"""What data a template may name, and which of it may be missing.

The parts that every message has are listed here; what a person has comes from the workspace's
catalog of traits, features and scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vocative.sql import Field, Type

ITEM = "[]"
"""The path segment that stands for an item of a list, whichever it is."""


@dataclass(frozen=True)
class Shape:
    """What stands at one path: a plain value, a mapping of known or any names, or a list."""

    type: str = "text"
    nullable: bool = False
    fields: "Mapping[str, Shape] | None" = None
    item: "Shape | None" = None
    open: bool = False
    """Any name may follow."""


ANYTHING = Shape(open=True)
TEXT = Shape()
OPTIONAL = Shape(nullable=True)
_NUMBER = Shape(type="number")
PRODUCT = Shape(
    fields={
        "id": TEXT,
        "title": TEXT,
        "url": Shape(type="url"),
        "price": Shape(type="number", nullable=True),
        "currency": TEXT,
        "image_url": Shape(type="url", nullable=True),
        "category": OPTIONAL,
        "reason": OPTIONAL,
    }
)
OFFER = Shape(
    nullable=True,
    fields={
        "name": TEXT,
        "title": TEXT,
        "code": OPTIONAL,
        "text": OPTIONAL,
        "url": Shape(type="url", nullable=True),
    },
)


def data_shape(catalog: Mapping[str, Field]) -> Shape:
    """The shape of the data that a template is rendered with.

    Args:
        catalog: The fields of a person, by name.
    """
    person = {name: _field_shape(field) for name, field in catalog.items()}
    return Shape(
        fields={
            "person": Shape(fields=person),
            "products": Shape(item=PRODUCT),
            "offer": OFFER,
            "campaign": Shape(fields={"name": TEXT}),
            "variant": OPTIONAL,
            "preheader": TEXT,
            "unsubscribe_url": Shape(type="url"),
            "view_url": Shape(type="url"),
            "preferences_url": Shape(type="url", nullable=True),
            "postal_address": TEXT,
            "sender_name": TEXT,
            "locale": TEXT,
            "time_zone": TEXT,
            "currency": TEXT,
        }
    )


def _field_shape(field: Field) -> Shape:
    item = TEXT if field.type == Type.TEXT_LIST else None
    return Shape(type=field.type, nullable=field.nullable, item=item)


def child(shape: Shape, segment: object) -> Shape | None:
    """The shape one step further along a path, or None when there is no such name."""
    if shape.open:
        return ANYTHING
    if segment == ITEM:
        return shape.item or ANYTHING
    if shape.item is not None:
        if isinstance(segment, int) or segment in ("first", "last"):
            # A list may be empty.
            return Shape(nullable=True, fields=shape.item.fields, item=shape.item.item)
        return _NUMBER if segment == "size" else None
    if shape.fields is not None:
        return shape.fields.get(str(segment))
    return _NUMBER if segment == "size" else None
