"""Whom an earlier run did not move: the people of "send again to those who did not open"."""

from vocative.campaign.definitions import Campaign
from vocative.campaign.runs import Again, Unless
from vocative.segment import people_where
from vocative.sql import quote_text
from vocative.workspace import Workspace

_ACTS: dict[Unless, str] = {
    # Whoever clicks has opened, whether pictures were loaded or not.
    "opened": "'Email Opened', 'Email Link Clicked'",
    "clicked": "'Email Link Clicked'",
}
# What a machine did is not what a person did; later verdicts count.
_MOVED = """
    WITH verdicts AS (
        SELECT json_extract_string(properties, '$.visit_id') AS visit_id,
            arg_max(json_extract_string(properties, '$.verdict'), "at") AS verdict
        FROM events WHERE name = 'Email Verdict Changed' GROUP BY ALL)
    SELECT DISTINCT e.message_id FROM events e
    JOIN asked ON asked.message_id = e.message_id
    LEFT JOIN verdicts v ON v.visit_id = json_extract_string(e.properties, '$.visit_id')
    WHERE e.name IN ({acts}) AND
        coalesce(v.verdict, json_extract_string(e.properties, '$.verdict'), 'human') <> 'machine'
"""


def people_again(workspace: Workspace, campaign: Campaign, again: Again) -> list[str]:
    """Who got the earlier run's message and did not open it, or click in it; sorted.

    Whoever is in an excluded segment by now is left out; whether they still are in the campaign's
    segment does not matter: mails change that by themselves.
    """
    import pyarrow as pa

    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT m.message_id, coalesce(p.merged_into, m.person_id) FROM messages m"
            " JOIN profiles p ON p.person_id = m.person_id WHERE m.campaign = :campaign"
            " AND m.occurrence = :occurrence AND m.state = 'accepted'",
            {"campaign": campaign.name, "occurrence": again.of},
        )
    asked = pa.table({"message_id": pa.array([row[0] for row in rows], pa.string())})
    with workspace.engine() as engine:
        engine.register("asked", asked)
        moved = {row["message_id"] for row in engine.rows(_MOVED.format(acts=_ACTS[again.unless]))}
    # Of two messages to what is one person now, one that was opened is enough.
    moved_people = {person_id for message_id, person_id in rows if message_id in moved}
    people = {person_id for _, person_id in rows} - moved_people
    if campaign.body.exclude:
        segments = " or ".join(f"in_segment({quote_text(one)})" for one in campaign.body.exclude)
        people -= set(people_where(workspace, segments))
    return sorted(people)
