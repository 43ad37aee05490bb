"""A query as a list of named relations, so that its text reads like the plan."""

from collections.abc import Iterable

from vocative.sql import quote_name

Relation = tuple[str, str]
"""A name and the SELECT behind it."""


def with_relations(relations: Iterable[Relation], select: str) -> str:
    """One query text: named relations, then the SELECT that uses them."""
    parts = ",\n".join(f"{quote_name(name)} AS (\n{sql}\n)" for name, sql in relations)
    return f"WITH {parts}\n{select}" if parts else select


def interval_sql(seconds: int) -> str:
    """A fixed length of time, in whole days where it is that."""
    days, rest = divmod(seconds, 86_400)
    return f"INTERVAL '{seconds}' SECOND" if rest else f"INTERVAL '{days}' DAY"
