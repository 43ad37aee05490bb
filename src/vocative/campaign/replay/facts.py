"""What the conditions of a journey gave for people at instants of the past.

A walk asks for one person at one instant. What nobody has computed yet stops that walk; all such
questions are then answered by one query, and the walks begin again with the answers.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vocative.campaign.journeys.known import plain, seen_by
from vocative.campaign.journeys.run import Verdict
from vocative.clock import from_micros, naive_utc
from vocative.engines.base import Engine
from vocative.segment import Plan, point_in_time
from vocative.segment.batch import segments_sql
from vocative.segment.current import fields_in, register_scores
from vocative.segment.cuts import with_cuts
from vocative.sql import Node, quote_name
from vocative.workspace import Workspace


class Asked(NamedTuple):
    """A person at an instant (microseconds)."""

    person_id: str
    at: int


class NotKnown(Exception):
    """A walk came to a condition that was not computed for this person and instant yet."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self.asked = asked


class Facts:
    """Answers for one journey.

    Args:
        workspace: Where.
        engine: Its engine.
        plan: Its plan.
        conditions: Checked conditions about a person, by their text.
    """

    def __init__(
        self, workspace: Workspace, engine: Engine, plan: Plan, conditions: Mapping[str, Node]
    ) -> None:
        with workspace.store.read() as tx:
            self._plan = with_cuts(plan, tx)
        self._engine = engine
        self._nodes = list(conditions.values())
        self._texts = list(conditions)
        self._seen = [seen_by(node) for node in self._nodes]
        self._answers: dict[Asked, dict[str, Verdict]] = {}
        register_scores(workspace, engine)

    def of(self, person_id: str, at: int) -> "Known":
        """What is known of a person at an instant."""
        return Known(self._answers, Asked(person_id, at))

    def look_up(self, asked: set[Asked]) -> None:
        """Compute every condition for some people at some instants."""
        import pyarrow as pa

        ordered = sorted(asked)
        population = pa.table(
            {
                "person_id": pa.array([one.person_id for one in ordered], pa.string()),
                "as_of": pa.array(
                    [naive_utc(from_micros(one.at)) for one in ordered], pa.timestamp("us")
                ),
            }
        )
        needed = fields_in(self._plan, self._nodes)
        names = [name for name in self._plan.features if name in needed]
        found = point_in_time(self._engine, self._plan, population, names)
        self._engine.register("current_features", found)
        for row in self._engine.query(self._sql()).to_pylist():
            asked_at = Asked(row["person_id"], row["at"])
            self._answers[asked_at] = {
                text: Verdict(
                    holds=bool(row[f"condition_{index}"]),
                    saw={name: plain(row[column]) for name, column in self._seen[index].items()},
                )
                for index, text in enumerate(self._texts)
            }
        nobody = {text: Verdict(holds=False) for text in self._texts}
        for one in ordered:
            self._answers.setdefault(one, nobody)

    def _sql(self) -> str:
        conditions = {f"condition_{index}": node for index, node in enumerate(self._nodes)}
        seen = sorted({column for named in self._seen for column in named.values()})
        columns = ", ".join(quote_name(name) for name in [*conditions, *seen])
        return segments_sql(
            self._plan,
            (),
            conditions=conditions,
            select=lambda last: f"SELECT person_id, epoch_us(as_of) AS at, {columns} FROM {last}",
        )


class Known(Mapping[str, Verdict]):
    """Verdicts by condition, of one person at one instant."""

    def __init__(self, answers: Mapping[Asked, Mapping[str, Verdict]], asked: Asked) -> None:
        self._answers = answers
        self._asked = asked

    def __getitem__(self, text: str) -> Verdict:
        return self._all()[text]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> Mapping[str, Verdict]:
        found = self._answers.get(self._asked)
        if found is None:
            raise NotKnown(self._asked)
        return found
