"""What differs between Liquid elsewhere and Liquid here, as rules for filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vocative.compose.dialects._fields import Named


@dataclass(frozen=True, kw_only=True)
class FilterRule:
    """What a filter of another system is here."""

    liquid: str = ""
    """The filter's name here, perhaps with filters before it; its arguments follow."""
    difference: str = ""
    """How it differs; empty when it means the same."""
    arguments: bool = True
    """Whether its arguments are carried, too."""
    formats: Mapping[str, str] = field(default_factory=dict)
    """Of `date`: patterns by the names that `format:` takes."""
    is_zone: bool = False
    """Whether it only names the time zone of the `date` behind it."""


SAME = FilterRule()
ZONE = FilterRule(is_zone=True)


def renamed(name: str) -> FilterRule:
    """The same filter under another name."""
    return FilterRule(liquid=name)


def nearly(liquid: str, difference: str, *, arguments: bool = True) -> FilterRule:
    """A filter that does nearly the same."""
    return FilterRule(liquid=liquid, difference=difference, arguments=arguments)


def or_else(named: Named | None, fallback: str | None = None) -> str:
    """The filter that prints something, or nothing, where a value is missing.

    Args:
        named: The field; None for a name that the template set itself.
        fallback: What to print; None: what the mapping says.
    """
    text = fallback if fallback is not None else named.fallback if named else ""
    quote = "'" if '"' in text else '"'
    may_be_false = named is None or named.type in (None, "boolean")
    # A false that is there is printed elsewhere; Liquid's default would replace it.
    keep_false = ", allow_false: true" if may_be_false else ""
    return f"default: {quote}{text}{quote}{keep_false}"
