"""What can be wrong with one person's message, as a pre-flight counts it and rules name it."""

from typing import Literal, get_args

Problem = Literal[
    "failed",
    "no_way_to_leave",
    "broken_link",
    "empty_name",
    "no_products",
    "fewer_products",
    "without_price",
    "stock_unknown",
    "filled_up",
    "too_large",
    "long_subject",
    "other_language",
    "skipped_by_template",
]
PROBLEMS: dict[Problem, tuple[str, int]] = {
    "failed": ("the message cannot be rendered", 1_000),
    "no_way_to_leave": ("no link to unsubscribe", 900),
    "broken_link": ("a link that cannot be followed", 400),
    "no_products": ("no item to show, though the campaign recommends", 200),
    "empty_name": ("a name the template prints is not known", 80),
    "without_price": ("an item without a price", 60),
    "too_large": ("Gmail cuts the mail off", 45),
    "fewer_products": ("fewer items than the campaign asks for", 30),
    "filled_up": ("items that sell in general, for want of recommended ones", 25),
    "other_language": ("not written in the person's language", 20),
    "stock_unknown": ("an item whose stock is not known, in a catalog that knows others", 15),
    "long_subject": ("the subject is longer than most inboxes show", 10),
    "skipped_by_template": ("the template gives this message up", 5),
}
"""Each problem in words, and how bad it is beside the others."""
WITHOUT = "without "
"""Before the name of a field: the rule is about people who lack it."""


def known_rules(fields: list[str]) -> list[str]:
    """What a rule of a campaign can be about."""
    return [*get_args(Problem), *(f"{WITHOUT}{field}" for field in fields)]
