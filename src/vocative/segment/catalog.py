"""What can be named: about an event in a feature's `where:`, about a person everywhere else."""

from collections.abc import Mapping

from vocative.sql import Catalog, Field, Type
from vocative.workspace import Definition, Trait
from vocative.workspace.facts import fact_fields, json_columns

ALWAYS_KNOWN = {
    "first_seen_at": Field(
        name="first_seen_at",
        kind="trait",
        type=Type.INSTANT,
        describe="when the person was first seen",
    ),
    "email_domain": Field(
        name="email_domain",
        kind="trait",
        type=Type.TEXT,
        describe="the part of the e-mail address after @",
    ),
    "email_kind": Field(
        name="email_kind",
        kind="trait",
        type=Type.TEXT,
        describe="what the e-mail address is: ordinary, role, disposable or misspelt",
    ),
}
ITEM_COLUMNS = {
    "category": Type.TEXT,
    "price": Type.NUMBER,
    "margin": Type.NUMBER,
    "title": Type.TEXT,
    "currency": Type.TEXT,
}
"""What an event can ask the catalog about its product, as `item.category` and so on."""


def event_catalog(relation: str) -> Catalog:
    """What a feature's value and `where:` can name.

    These are columns, parts of `properties`, and `item.…`: what the catalog says of the product.
    """
    return Catalog(
        fields=fact_fields(relation),
        now=False,
        json_columns=json_columns(relation),
        records={
            "item": {
                name: Field(name=name, kind="column", type=kind)
                for name, kind in ITEM_COLUMNS.items()
            }
        },
        about="an event",
    )


def trait_fields(traits: Mapping[str, Trait]) -> dict[str, Field]:
    """Traits by name: those of `traits.yaml` and the ones every person has."""
    stated = {
        name: Field(
            name=name,
            kind="trait",
            type=Type(trait.type),
            personal=trait.personal,
            describe=trait.describe,
        )
        for name, trait in traits.items()
    }
    return {**ALWAYS_KNOWN, **stated}


def model_names(models: Mapping[str, Definition]) -> list[str]:
    """Models whose output can be asked for with score('…')."""
    return [name for name, model in models.items() if "recommend" not in model.body]
