"""Whose facts are looked at, and as of when: the two forms of every query over history.

- Each row of `population` has an instant of its own (training sets): facts are joined to it.
- Everybody is asked about at one instant (recomputation): facts are read as they are, the instant
  is written into the text, and each relation of history is gone through once, without a join.
"""

from dataclasses import dataclass
from datetime import datetime

from vocative.clock import naive_utc
from vocative.sql import quote_name
from vocative.sql.quote import instant_sql


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One of the two forms.

    `as_of` is the SQL of the instant beside a fact `e`; `keys` are the columns that tell whose
    answer a row is; `chosen` says that only people of `population` are looked at.
    """

    as_of: str
    keys: tuple[str, ...]
    chosen: bool

    @property
    def joined(self) -> bool:
        """Whether facts are joined to the population."""
        return "as_of" in self.keys

    @property
    def key_columns(self) -> str:
        """The keys beside a fact."""
        return "p.person_id, p.as_of" if self.joined else "e.person_id"

    @property
    def own_keys(self) -> str:
        """The keys in a relation made from facts."""
        return ", ".join(self.keys)

    def facts_sql(self, relation: str, *, items: bool = False) -> str:
        """FROM … WHERE of the facts `e` that may be seen; more conditions can follow with AND.

        Args:
            relation: `events` or `order_lines`.
            items: Whether the product that a fact names is wanted as `item`.
        """
        item = ITEM_JOIN if items else ""
        if self.joined:
            return (
                f"FROM population AS p JOIN {quote_name(relation)} AS e\n"
                f"  ON e.person_id = p.person_id AND e.at <= p.as_of{item}\nWHERE TRUE"
            )
        chosen = "\n  AND e.person_id IN (SELECT person_id FROM population)" if self.chosen else ""
        return f"FROM {quote_name(relation)} AS e{item}\nWHERE e.at <= {self.as_of}{chosen}"


ITEM_JOIN = "\n  LEFT JOIN items AS item ON item.item_id = e.product_id"

EACH_ROW = Scope(as_of="p.as_of", keys=("person_id", "as_of"), chosen=True)


def at_one_instant(as_of: datetime, *, chosen: bool) -> Scope:
    """Everybody, or the people of `population`, as of one instant (aware)."""
    return Scope(as_of=instant_sql(naive_utc(as_of)), keys=("person_id",), chosen=chosen)
