"""Brings what people state about themselves to one form."""

from collections.abc import Mapping, Sequence
from typing import Any

from vocative.collect.naming import trait_name
from vocative.collect.standard import standard_form
from vocative.workspace.standards import Standard


def standard_traits(
    traits: Mapping[str, Any], standards: Mapping[str, Standard]
) -> tuple[Mapping[str, Any], Sequence[str]]:
    """Traits with their values in standard form.

    What cannot be read stays as it is. Of a phone number that was written otherwise the original
    stays, too, as `NAME_stated`: an extension has no place in the standard form.

    Args:
        traits: As a client wrote them.
        standards: By name of the trait.

    Returns:
        The traits, and the names of those that cannot be read.
    """
    found = dict(traits)
    unreadable = []
    country = _country(traits, standards)
    for written, value in traits.items():
        name = trait_name(written)
        standard = standards.get(name)
        if standard is None or value is None or value == "":
            continue
        form = standard_form(value, standard, country=country)
        if form is None:
            unreadable.append(name)
            continue
        found[written] = form
        if standard.kind == "phone":
            found[f"{name}_stated"] = None if form == value else value
    return found, unreadable


def _country(traits: Mapping[str, Any], standards: Mapping[str, Standard]) -> str | None:
    """Where the person lives, as the same traits say."""
    for written, value in traits.items():
        standard = standards.get(trait_name(written))
        if standard is not None and standard.kind == "country" and value:
            return standard_form(value, standard)
    return None
