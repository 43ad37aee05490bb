"""The relations every analytic engine offers, and the columns of those that come from history.

`events` has one row per fact, `order_lines` one per product of an event that lists products.
Instants are naive UTC with microseconds. `people` (a row per person: person_id, first_seen_at,
email_domain and the non-personal traits) and `items` are registered by the workspace.
"""

HISTORY_COLUMNS = {
    "events": {
        "event_id": "VARCHAR",
        "person_id": "VARCHAR",
        "name": "VARCHAR",
        "at": "TIMESTAMP",
        "received_at": "TIMESTAMP",
        "source": "VARCHAR",
        "order_id": "VARCHAR",
        "product_id": "VARCHAR",
        "category": "VARCHAR",
        "price": "DOUBLE",
        "quantity": "DOUBLE",
        "revenue": "DOUBLE",
        "currency": "VARCHAR",
        "campaign": "VARCHAR",
        "message_id": "VARCHAR",
        "properties": "VARCHAR",
    },
    "order_lines": {
        "event_id": "VARCHAR",
        "person_id": "VARCHAR",
        "name": "VARCHAR",
        "at": "TIMESTAMP",
        "order_id": "VARCHAR",
        "product_id": "VARCHAR",
        "category": "VARCHAR",
        "price": "DOUBLE",
        "quantity": "DOUBLE",
        "revenue": "DOUBLE",
    },
}
"""Columns of the history relations, in order."""
