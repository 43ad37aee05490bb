"""The report's SQL: named relations over `ledger` (see recorded.py) and `events`.

Every function returns text in the engine's dialect; values are bound as $since, $as_of, $goal,
$value and $within (seconds). `touches`, `clicks` and `goals` are read from the history once and
kept; the rest is over them. Reading order: ledger -> assigned -> outcomes -> a row per arm.
"""

FEEDBACK = {
    "delivered": "Email Delivered",
    "opened": "Email Opened",
    "clicked": "Email Link Clicked",
    "bounced": "Email Bounced",
    "complained": "Email Marked as Spam",
    "unsubscribed": "Unsubscribed",
}
"""What happens to a message, by the name of its event."""

CORRECTED = "Email Verdict Changed"
"""Tells another verdict on an earlier event; `visit_id` says on which."""

METRICS = ("converted", "revenue", "opened", "clicked", "unsubscribed")
"""The columns of which every arm has sufficient statistics."""

_NUMBERS = ("revenue", "price", "quantity")


def assigned_sql() -> str:
    """One row per person: arm, and the instant from which the goal counts.

    That is the hand-over. Who was never handed a message (held out, skipped) starts when the
    others typically did, so that the windows of all arms lie alike on the calendar.
    """
    return """
        SELECT person_id, min(arm) AS arm, min(coalesce(
            handed_at,
            planned_at + to_microseconds((
                SELECT coalesce(median(epoch_us(handed_at) - epoch_us(planned_at)), 0)::BIGINT
                FROM ledger WHERE handed_at IS NOT NULL)))) AS starts_at
        FROM ledger GROUP BY person_id"""


def value_path(value: str | None) -> str | None:
    """The path of a goal's value inside `properties`; None when it has a column, or there is none.

    >>> value_path("revenue"), value_path("loyalty_points")
    (None, '$."loyalty_points"')
    """
    return None if value is None or value in _NUMBERS else f'$."{value}"'


def touches_sql() -> str:
    """One row per feedback event on a message of the run, with the verdict that holds now."""
    names = ", ".join(f"'{name}'" for name in FEEDBACK.values())
    return f"""
        WITH verdicts AS ({verdicts_sql()})
        SELECT l.message_id, l.person_id, l.accepted, e.name, {_by_machine()} AS by_machine
        FROM events e JOIN ledger l ON e.message_id = l.message_id
            LEFT JOIN verdicts v ON v.visit_id = json_extract_string(e.properties, '$.visit_id')
        WHERE e.name IN ({names}) AND e.at >= $since AND e.at <= $as_of"""


def clicks_sql() -> str:
    """One row per click that a person of the run made on any campaign: person_id, at, message_id.

    Clicks by machines are left out.
    """
    return f"""
        WITH verdicts AS ({verdicts_sql()})
        SELECT e.person_id, e.at, e.message_id
        FROM events e
            LEFT JOIN verdicts v ON v.visit_id = json_extract_string(e.properties, '$.visit_id')
        WHERE e.name = '{FEEDBACK["clicked"]}' AND e.at >= $since AND e.at <= $as_of
            AND e.person_id IN (SELECT person_id FROM ledger) AND NOT {_by_machine()}"""


def verdicts_sql() -> str:
    """One row per corrected event: its visit_id and the last verdict on it."""
    return f"""
        SELECT json_extract_string(e.properties, '$.visit_id') AS visit_id,
            arg_max(json_extract_string(e.properties, '$.verdict'), e.at) AS verdict
        FROM events e
        WHERE e.name = '{CORRECTED}' AND e.at >= $since AND e.at <= $as_of
        GROUP BY ALL"""


def _by_machine() -> str:
    """Whether the event `e` was a machine's; without any verdict it counts as a person's."""
    said = "json_extract_string(e.properties, '$.verdict')"
    return f"(coalesce(v.verdict, {said}, 'human') = 'machine')"


def goals_sql(value: str | None) -> str:
    """One row per goal event of a person of the run: person_id, at, value."""
    if value is None:
        number = "0.0"
    elif value in _NUMBERS:
        number = f"coalesce(e.{value}, 0.0)"
    else:
        number = "coalesce(try_cast(json_extract_string(e.properties, $value) AS DOUBLE), 0.0)"
    return f"""
        SELECT e.person_id, e.at, {number} AS value FROM events e
        WHERE e.name = $goal AND e.at >= $since AND e.at <= $as_of
            AND e.person_id IN (SELECT person_id FROM ledger)"""


def reached_sql() -> str:
    """One row per person who reached the goal inside their window: times and summed value."""
    return """
        SELECT a.person_id, count(*) AS goals, sum(g.value) AS revenue
        FROM assigned a JOIN goals g ON g.person_id = a.person_id
            AND g.at >= a.starts_at AND g.at < a.starts_at + to_seconds($within)
        GROUP BY a.person_id"""


def touched_sql() -> str:
    """One row per person with any feedback: what they did, machines left aside."""
    return f"""
        SELECT person_id,
            bool_or(name = '{FEEDBACK["opened"]}' AND NOT by_machine) AS opened,
            bool_or(name = '{FEEDBACK["clicked"]}' AND NOT by_machine) AS clicked,
            bool_or(name = '{FEEDBACK["unsubscribed"]}') AS unsubscribed
        FROM touches GROUP BY person_id"""


def outcomes_sql() -> str:
    """One row per assigned person: 0/1 per metric, and revenue."""
    return """
        SELECT a.arm, a.starts_at,
            (r.goals IS NOT NULL)::DOUBLE AS converted,
            coalesce(r.revenue, 0.0) AS revenue,
            coalesce(t.opened, false)::DOUBLE AS opened,
            coalesce(t.clicked, false)::DOUBLE AS clicked,
            coalesce(t.unsubscribed, false)::DOUBLE AS unsubscribed
        FROM assigned a
            LEFT JOIN reached r ON r.person_id = a.person_id
            LEFT JOIN touched t ON t.person_id = a.person_id"""


def arms_sql() -> str:
    """One row per arm: people, sums, sums of squares, and what the notes need."""
    relations = {
        "assigned": assigned_sql(),
        "touched": touched_sql(),
        "reached": reached_sql(),
        "outcomes": outcomes_sql(),
    }
    sums = ", ".join(f"sum({name}) AS {name}" for name in METRICS)
    squares = ", ".join(f"sum({name} * {name}) AS {name}_square" for name in METRICS)
    return f"""
        WITH {_with(relations)}
        SELECT arm, count(*) AS people, {sums}, {squares},
            sum(converted * revenue) AS converted_revenue,
            max(revenue) AS largest_revenue,
            count(*) FILTER (starts_at > $as_of - to_seconds($within)) AS open_windows
        FROM outcomes GROUP BY arm ORDER BY arm"""


def funnel_sql() -> str:
    """One row per kind of feedback and verdict: events, distinct messages, those accepted.

    A mail that came back was not delivered, whatever was confirmed before.
    """
    return f"""
        SELECT name, by_machine, count(*) AS events, count(DISTINCT message_id) AS messages,
            count(DISTINCT message_id) FILTER (accepted = 1) AS accepted
        FROM touches WHERE name <> '{FEEDBACK["delivered"]}' OR message_id NOT IN (
            SELECT message_id FROM touches
            WHERE name = '{FEEDBACK["bounced"]}' AND message_id IS NOT NULL)
        GROUP BY name, by_machine"""


def attributed_sql() -> str:
    """One row: people and value of goals whose last human click before was on this run."""
    last_clicks = """
        SELECT g.person_id, g.at, g.value, c.message_id, c.at AS clicked_at
        FROM goals g ASOF JOIN clicks c ON g.person_id = c.person_id AND g.at >= c.at"""
    return f"""
        WITH {_with({"last_clicks": last_clicks})}
        SELECT count(DISTINCT person_id) AS people, coalesce(sum(value), 0.0) AS revenue
        FROM last_clicks l WHERE l.at < clicked_at + to_seconds($within)
            AND message_id IN (SELECT message_id FROM ledger)"""


def freshness_sql() -> str:
    """One row: when the newest event of the history came in."""
    return "SELECT max(received_at) AS fresh_until FROM events"


def _with(relations: dict[str, str]) -> str:
    return ", ".join(f"{name} AS ({sql})" for name, sql in relations.items())
