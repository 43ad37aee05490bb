"""What the conditions of journeys give for people now, with the values they saw, in one query."""

from collections.abc import Mapping, Sequence
from typing import Any

from vocative.campaign.journeys.run import Verdict
from vocative.segment import Plan
from vocative.segment.batch import score_column, segments_sql
from vocative.segment.current import open_current
from vocative.sql import Node, quote_name, to_text
from vocative.sql.nodes import FieldRef, Score
from vocative.workspace import Workspace

Known = Mapping[str, Verdict]


def know(
    workspace: Workspace, plan: Plan, conditions: Mapping[str, Node], person_ids: Sequence[str]
) -> dict[str, Known]:
    """Every condition's verdict for each of some people.

    Args:
        workspace: Where.
        plan: Its plan.
        conditions: Checked conditions by their text.
        person_ids: Whose; whoever has no profile is nobody, of whom nothing is true.
    """
    nothing: Known = {text: Verdict(holds=False) for text in conditions}
    found = dict.fromkeys(person_ids, nothing)
    if not conditions or not person_ids:
        return found
    import pyarrow as pa

    texts = list(conditions)
    seen = {text: seen_by(node) for text, node in conditions.items()}
    columns = sorted({column for named in seen.values() for column in named.values()})
    chosen = ["person_id", *(f"condition_{n}" for n in range(len(texts))), *columns]
    with workspace.engine() as engine:
        open_current(workspace, engine, plan, conditions.values(), people=list(person_ids))
        engine.register("asked", pa.table({"person_id": pa.array(person_ids, pa.string())}))
        rows = engine.rows(
            segments_sql(
                plan,
                (),
                conditions={f"condition_{n}": conditions[text] for n, text in enumerate(texts)},
                select=lambda last: (
                    f"SELECT {', '.join(map(quote_name, chosen))} FROM {last}"
                    " WHERE person_id IN (SELECT person_id FROM asked)"
                ),
            )
        )
    for row in rows:
        found[row["person_id"]] = {
            text: Verdict(
                holds=bool(row[f"condition_{n}"]),
                saw={name: plain(row[column]) for name, column in seen[text].items()},
            )
            for n, text in enumerate(texts)
        }
    return found


def seen_by(node: Node) -> dict[str, str]:
    """The columns that a condition looks at, by how they are shown."""
    found: dict[str, str] = {}
    for part in node.walk():
        if isinstance(part, FieldRef):
            found[part.name] = part.name
        elif isinstance(part, Score):
            found[to_text(part)] = score_column(part.model)
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
