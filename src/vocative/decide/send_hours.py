"""The hour of the day at which each person is best written to.

A model's score says it where there is one. Else it is the hour in which the person opened and
clicked most, machines left aside; who did so too seldom gets the hour that is given.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vocative.stores import in_lists
from vocative.workspace import Workspace

LOOK_BACK = timedelta(days=180)
FEWEST = 3
"""So often somebody must have opened or clicked for their own hours to count."""
_NEIGHBOUR = 0.5
"""What happens in an hour speaks half as much for the hours beside it."""

_ACTS = """
    SELECT e.person_id, date_trunc('hour', e.at) AS hour, count(*) AS times FROM events e
    JOIN asked ON asked.person_id = e.person_id
    WHERE e.name IN ('Email Opened', 'Email Link Clicked') AND e.at >= $since
      AND coalesce(json_extract_string(e.properties, '$.verdict'), 'human') <> 'machine'
    GROUP BY ALL"""


def best_hours(
    workspace: Workspace,
    zones: Mapping[str, ZoneInfo],
    *,
    score: str | None,
    otherwise: int,
) -> dict[str, tuple[int, str]]:
    """The hour of each person, 0 to 23 on their clock, and where it comes from.

    Args:
        workspace: Where.
        zones: The people, with their zones.
        score: A model whose score is an hour; None: there is none.
        otherwise: The hour of those of whom nothing is known.
    """
    found = dict.fromkeys(zones, (otherwise, "nothing is known of their hours"))
    for person_id, hour in _own_hours(workspace, zones).items():
        found[person_id] = hour, "when they opened and clicked most"
    if score is not None:
        for person_id, value in _scores(workspace, list(zones), score).items():
            if 0 <= value < 24:
                found[person_id] = int(value), f"score of {score}"
    return found


def _own_hours(workspace: Workspace, zones: Mapping[str, ZoneInfo]) -> dict[str, int]:
    import pyarrow as pa

    since = (workspace.clock.now() - LOOK_BACK).replace(tzinfo=None)
    with workspace.engine() as engine:
        engine.register("asked", pa.table({"person_id": pa.array(list(zones), pa.string())}))
        rows = engine.rows(_ACTS, {"since": since})
    acts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        at: datetime = row["hour"].replace(tzinfo=UTC)
        acts[row["person_id"]][at.astimezone(zones[row["person_id"]]).hour] += row["times"]
    return {
        person_id: busiest_hour(hours)
        for person_id, hours in acts.items()
        if sum(hours.values()) >= FEWEST
    }


def busiest_hour(times: Mapping[int, int]) -> int:
    """The hour of the day around which most happened; of equal ones the earliest.

    >>> busiest_hour({7: 2, 20: 3, 21: 2})
    20
    """

    def around(hour: int) -> float:
        beside = times.get((hour - 1) % 24, 0) + times.get((hour + 1) % 24, 0)
        return times.get(hour, 0) + _NEIGHBOUR * beside

    return max(range(24), key=lambda hour: (around(hour), -hour))


def _scores(workspace: Workspace, person_ids: Sequence[str], model: str) -> dict[str, float]:
    found: dict[str, float] = {}
    with workspace.store.read() as tx:
        for marks, bound in in_lists(person_ids):
            rows = tx.tuples(
                "SELECT person_id, value FROM scores WHERE model = :model"
                f" AND person_id IN ({marks})",
                {**bound, "model": model},
            )
            found.update(rows)
    return found
