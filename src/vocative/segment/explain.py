"""Why somebody is in a segment or not: each atomic condition, what it saw, what came out."""

from typing import Any

from vocative.engines.base import Engine
from vocative.errors import unknown_name
from vocative.segment.audience import checked_condition
from vocative.segment.batch import score_column, segment_column, segments_sql
from vocative.segment.current import open_current
from vocative.segment.plan import Plan, base_name, build_plan
from vocative.segment.results import Condition
from vocative.sql import Node, Place, to_text
from vocative.sql.nodes import FieldRef, InSegment, Logic, Not, Now, Score
from vocative.workspace import Workspace


def explain_membership(workspace: Workspace, person_id: str, segment: str) -> list[Condition]:
    """Every atomic condition of a segment with the values it saw for one person.

    Args:
        workspace: Where.
        person_id: A pseudonymous id.
        segment: A segment, or one of a family such as `country:FR`.

    Returns:
        Conditions in the order in which they are written; a condition about another segment
        holds that one's conditions. Empty when nobody has that id.

    Raises:
        UnknownName: there is no such segment.
    """
    plan = build_plan(workspace)
    if base_name(segment) not in plan.segments:
        raise unknown_name("segment", segment, plan.segments)
    with workspace.engine() as engine:
        node = InSegment(segment=segment)
        open_current(workspace, engine, plan, [node], people=[person_id])
        return explained(engine, plan, person_id, node)


def explain_condition(
    workspace: Workspace, person_id: str, where: str, place: Place | None = None
) -> list[Condition]:
    """The same for a condition that is no segment, such as a campaign's `where`.

    Raises:
        AuthorError: the condition is wrong.
    """
    plan = build_plan(workspace)
    node = checked_condition(plan, where, place)
    with workspace.engine() as engine:
        open_current(workspace, engine, plan, [node], people=[person_id])
        return explained(engine, plan, person_id, node)


def explained(engine: Engine, plan: Plan, person_id: str, node: Node) -> list[Condition]:
    """Every atomic condition of a checked tree, in an engine that has the current features."""
    if isinstance(node, InSegment):
        return _Reader(plan, _seen(engine, plan, person_id, [node])).segment(node.segment)
    seen = _seen(engine, plan, person_id, [node])
    return _Reader(plan, seen).conditions(node)


def atoms_of(node: Node) -> list[Node]:
    """The conditions that are not made of others by and, or, not."""
    if isinstance(node, Logic | Not):
        return [atom for child in node.children() for atom in atoms_of(child)]
    return [node]


def _seen(engine: Engine, plan: Plan, person_id: str, nodes: list[Node]) -> dict[str, Any]:
    """One person's features, traits, scores, segments, and the verdict of every atom."""
    conditions: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        for atom in atoms_of(waiting.pop()):
            text = to_text(atom)
            if text in conditions:
                continue
            conditions[text] = atom
            if isinstance(atom, InSegment):
                waiting.append(plan.segments[base_name(atom.segment)].node)
    judged = {
        _column(text): atom
        for text, atom in conditions.items()
        if not isinstance(atom, FieldRef) or atom.type == "boolean"
    }
    sql = segments_sql(
        plan,
        (),
        conditions=judged,
        select=lambda last: f"SELECT * FROM {last} WHERE person_id = $person",
    )
    rows = engine.rows(sql, {"person": person_id})
    return rows[0] if rows else {}


def _column(text: str) -> str:
    """The column of a condition's verdict: short, whatever the condition's length."""
    import hashlib

    return "condition " + hashlib.sha256(text.encode()).hexdigest()[:16]


class _Reader:
    """Reads one person's row as conditions."""

    def __init__(self, plan: Plan, seen: dict[str, Any]) -> None:
        self.plan = plan
        self.seen = seen
        self._told: set[str] = set()

    def segment(self, name: str) -> list[Condition]:
        found = self.plan.segments[base_name(name)]
        self._told.add(name)
        if not self.seen:
            return []
        if not found.is_family:
            return self.conditions(found.node)
        field = to_text(found.node)
        value = name.partition(":")[2]
        return [
            Condition(
                text=f"{field} is {value}",
                values={field: self.seen.get(field)},
                verdict=bool(self.seen.get(segment_column(name))),
            )
        ]

    def conditions(self, node: Node) -> list[Condition]:
        return [self.condition(atom) for atom in atoms_of(node)] if self.seen else []

    def condition(self, atom: Node) -> Condition:
        text = to_text(atom)
        if isinstance(atom, InSegment):
            verdict = bool(self.seen.get(segment_column(atom.segment)))
            # Told once: segments that share others would multiply the answer.
            because = [] if atom.segment in self._told else self.segment(atom.segment)
            return Condition(text=text, values={}, verdict=verdict, because=because)
        return Condition(text=text, values=self.values(atom), verdict=self.seen.get(_column(text)))

    def values(self, atom: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in atom.walk():
            if isinstance(part, FieldRef):
                found[part.name] = self.seen.get(part.name)
            elif isinstance(part, Score):
                found[to_text(part)] = self.seen.get(score_column(part.model))
            elif isinstance(part, InSegment):
                found[to_text(part)] = self.seen.get(segment_column(part.segment))
            elif isinstance(part, Now):
                found["now()"] = self.seen.get("as_of")
        return found
