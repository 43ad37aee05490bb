"""When the latest run through the steps of a sequence was complete, as SQL.

A person's facts are gone through in their order, once per step. A fact reaches a step when it
fits it and the latest fact before it that reached the step before is near enough, without anything
forbidden between the two. Looking at the latest one alone is enough: an earlier one is further
away, and has all between that the latest one has.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vocative.segment.batch.aggregates import facts_sql, name_sql
from vocative.segment.batch.groups import Group, how_of
from vocative.segment.batch.names import event_names
from vocative.segment.batch.relations import Relation, interval_sql
from vocative.segment.batch.scope import Scope
from vocative.segment.plan import CheckedStep, FeatureDef
from vocative.sql import quote_name, to_sql


def sequence_relations(group: Group, scope: Scope) -> list[Relation]:
    """The relations behind one sequence; the last one has the group's name."""
    writer = _Writer(group=group, feature=group.features[0], scope=scope)
    return [*writer.steps(), (group.name, writer.completed_sql())]


@dataclass(frozen=True, kw_only=True)
class _Writer:
    group: Group
    feature: FeatureDef
    scope: Scope

    @property
    def happening(self) -> list[int]:
        """The numbers of the steps that happen, from 1."""
        return [n for n, step in enumerate(self.feature.steps, start=1) if not step.absent]

    @property
    def last_absent(self) -> bool:
        return self.feature.steps[-1].absent

    @property
    def placed(self) -> bool:
        """Whether facts are numbered: for what lies between two, or to sort by a number twice."""
        return len(self.happening) > 2 or any(step.absent for step in self.feature.steps[:-1])

    def over(self, frame: str) -> str:
        order = "place" if self.placed else "moment, event_id"
        return f"OVER (PARTITION BY {self.scope.own_keys} ORDER BY {order} ROWS BETWEEN {frame})"

    @property
    def before(self) -> str:
        return self.over("UNBOUNDED PRECEDING AND 1 PRECEDING")

    def steps(self) -> Iterator[Relation]:
        """The facts, then one relation for each further step that happens."""
        below = f"{self.group.name}_facts"
        yield below, self.facts_sql()
        last = self.happening[-1]
        for number, earlier in zip(self.happening[1:], self.happening, strict=False):
            columns = [(f"reached_{number}", self.reached_sql(number, earlier))]
            if number == last and self.last_absent:
                columns.append(("forbidden", self.forbidden_sql()))
            name = f"{self.group.name}_{number}"
            yield name, self.with_columns_sql(below, columns)
            below = name
        if len(self.happening) == 1:
            name = f"{self.group.name}_after"
            yield name, self.with_columns_sql(below, [("forbidden", self.forbidden_sql())])

    def with_columns_sql(self, below: str, columns: list[tuple[str, str]]) -> str:
        text = "".join(f",\n  {sql} AS {name}" for name, sql in columns)
        return f"SELECT *{text}\nFROM {quote_name(below)}"

    def facts_sql(self) -> str:
        """Every fact of the sequence's events, and which steps it fits."""
        columns = "".join(
            f",\n  {self.fits_sql(step)} AS {'reached' if number == 1 else 'fits'}_{number}"
            for number, step in enumerate(self.feature.steps, start=1)
        )
        if self.placed:
            order = f"PARTITION BY {self.scope.key_columns} ORDER BY e.at, e.event_id"
            columns += f",\n  row_number() OVER ({order}) AS place"
        return (
            f"SELECT {self.scope.key_columns}, e.at AS moment, e.event_id{columns}\n"
            f"{facts_sql(self.group, self.scope)}"
        )

    def fits_sql(self, step: CheckedStep) -> str:
        named = name_sql(step.events)
        if step.condition is None:
            return f"({named})"
        return f"({named} AND {to_sql(step.condition, event_names(self.scope))})"

    def reached_sql(self, number: int, earlier: int) -> str:
        """Whether a fact fits a step and follows one that reached the step before."""
        reached = f"reached_{earlier}"
        latest = f"max(CASE WHEN {reached} THEN moment END) {self.before}"
        within = interval_sql(_seconds(self.feature.steps[number - 1]))
        conditions = [f"fits_{number}", f"moment <= {latest} + {within}"]
        if number - earlier == 2:
            place = f"max(CASE WHEN {reached} THEN place END) {self.before}"
            between = f"max(CASE WHEN fits_{number - 1} THEN place END) {self.before}"
            conditions.append(f"coalesce({between}, 0) <= {place}")
        return "(" + "\n    AND ".join(conditions) + ")"

    def forbidden_sql(self) -> str:
        """The first instant after a fact at which the last absence is broken."""
        after = self.over("1 FOLLOWING AND UNBOUNDED FOLLOWING")
        return f"min(CASE WHEN fits_{len(self.feature.steps)} THEN moment END) {after}"

    def completed_sql(self) -> str:
        """The latest completion that the window lets through."""
        last, below = self.happening[-1], f"{self.group.name}_{self.happening[-1]}"
        done, conditions = "moment", [f"reached_{last}"]
        if len(self.happening) == 1:
            below = f"{self.group.name}_after"
        as_of = "as_of" if self.scope.joined else self.scope.as_of
        if self.last_absent:
            done = f"moment + {interval_sql(_seconds(self.feature.steps[-1]))}"
            conditions.append(f"coalesce(forbidden > {done}, TRUE)")
            conditions.append(f"{done} <= {as_of}")
        window = how_of(self.feature).window.seconds
        if window is not None:
            conditions.append(f"{done} > {as_of} - {interval_sql(window)}")
        where = "\n  AND ".join(conditions)
        keys = self.scope.own_keys
        return (
            f"SELECT {keys}, max({done}) AS {quote_name(self.feature.name)}\n"
            f"FROM {quote_name(below)}\nWHERE {where}\nGROUP BY {keys}"
        )


def _seconds(step: CheckedStep) -> int:
    if step.within_seconds is None:
        raise AssertionError("only an absence between two steps has no time of its own")
    return step.within_seconds
