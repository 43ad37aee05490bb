"""The starter workspace's plan in every dialect, kept as text so that a change of it is seen.

python tests/engines/write_golden.py      write the files again
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from vocative.engines.dialects import DIALECTS, dialect_of
from vocative.engines.dialects.rewrite import rewrite
from vocative.segment import build_plan
from vocative.segment.batch import features_at_sql, features_sql, segments_sql
from vocative.workspace import Workspace

FOLDER = Path(__file__).parent / "golden"
AS_OF = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SETTINGS = "{workspace: golden, sender: {email: a@shop.example, name: A}, postal_address: B}"
TRAITS = "country: {type: text}\nsigned_up_at: {type: instant}\nborn_on: {type: date}\n"
FEATURES = """\
orders_30d: {count: Order Completed, window: 30d}
spend: {sum: revenue, of: [Order Completed, Order Refunded]}
mean_7d: {avg: revenue, of: Order Completed, window: 7d}
last_product: {last: product_id, of: [Product Viewed, Order Completed], window: 90d}
ever_dear: {max: "price > 100", of: Product Viewed}
opens:
  count: Email Opened
  where: "coalesce(properties.verdict, 'human') <> 'machine'"
last_two: {sum: revenue, of: Order Completed, window: last 2 in 90d}
viewed_most: {mode: category, of: Product Viewed}
spent_most: {top: category, by: revenue, of: Order Completed, lines: true}
margin: {sum: "quantity * item.margin", of: Order Completed, lines: true}
categories: {distinct: category, of: Product Viewed}
days_in_a_row: {streak: Product Viewed, by: day}
weeks_in_a_row: {streak: Product Viewed, by: week}
months_in_a_row: {streak: Product Viewed, by: month}
interest: {points: {Product Viewed: 1, Product Added: 3}, half_life: 14d, window: 90d}
left_a_cart: {sequence: [Product Added, {no: Order Completed, within: 24h}]}
came_back:
  sequence: [Email Opened, {then: Product Viewed, within: 2h}, {then: Order Completed, within: 1d}]
per_order: {expr: "round(spend / nullif(orders_30d, 0), 2)"}
fifth: {ntile: 5, of: spend, where: "orders_30d > 0"}
kind: {expr: "case when fifth >= 4 then 'best' when lower(country) like 'f%' then 'rest' end"}
"""
SEGMENTS = """\
buyers: {where: "orders_30d > 0 and last_product is not null"}
waiting: {where: "left_a_cart > now() - interval '1 month' and not in_segment('buyers')"}
new_here: {where: "coalesce(signed_up_at, '-infinity') > now() - interval '36 hours'"}
birthday: {where: "days_to_anniversary(born_on) <= 7 and date_part('hour', local_time(now())) >= 9"}
of_kind: {by: kind}
best_or_big: {where: "in_segment('of_kind:best') or to_number(country) > 1 or kind < 'c'"}
"""


def queries():
    """The three texts that the plan is printed as, by name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "vocative.yaml").write_text(SETTINGS)
        (root / "traits.yaml").write_text(TRAITS)
        for kind, text in (("features", FEATURES), ("segments", SEGMENTS)):
            (root / kind).mkdir()
            (root / kind / "golden.yaml").write_text(text)
        with Workspace(root) as workspace:
            plan = build_plan(workspace)
    return {
        "features_now": features_at_sql(plan, AS_OF),
        "features_then": features_sql(plan, "SELECT person_id, as_of FROM population_given"),
        "segments": segments_sql(plan),
    }


def texts():
    """Every file's content by its path below the folder."""
    found = {}
    for name in DIALECTS:
        dialect = dialect_of(name)
        if dialect.prelude:
            found[f"{name}/session.sql"] = ";\n".join(dialect.prelude) + ";\n"
        for query, sql in queries().items():
            found[f"{name}/{query}.sql"] = rewrite(sql, dialect, pretty=True) + ";\n"
    return found


if __name__ == "__main__":
    for path, text in texts().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text, encoding="utf-8")
