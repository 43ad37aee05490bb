"""A workspace with definitions, history and people, as the stages before leave them."""

import json
from datetime import datetime, timedelta

import pytest

from segment.facts import history_table
from vocative.clock import to_micros


@pytest.fixture
def define(workspace):
    """Write definitions: define(features="…", segments="…", traits="…")."""

    def write(**kinds):
        for kind, text in kinds.items():
            if kind == "traits":
                (workspace.root / "traits.yaml").write_text(text)
                workspace.__dict__.pop("traits", None)
                continue
            folder = workspace.root / kind
            folder.mkdir(exist_ok=True)
            (folder / "test.yaml").write_text(text)
        return workspace

    return write


@pytest.fixture
def happened(workspace):
    """Add facts to history: happened({...}, {...}); ids and instants are filled in."""
    position = iter(range(1, 10_000))

    def add(*rows, relation="events"):
        filled = []
        for row in rows:
            number = next(position)
            at = row.get("at", workspace.clock.now())
            if isinstance(at, datetime) and at.tzinfo is not None:
                at = at.replace(tzinfo=None)
            filled.append({"event_id": f"e{number:06d}", "received_at": at, **row, "at": at})
        with workspace.store.transaction() as tx:
            workspace.history.append(
                tx, relation, history_table(relation, filled), first=number, last=number
            )

    return add


@pytest.fixture
def known(workspace):
    """Add people: known("p1", country="FR")."""

    def add(person_id, *, days_ago=400, **traits):
        at = to_micros(workspace.clock.now() - timedelta(days=days_ago))
        with workspace.store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, merged_into)"
                " VALUES (:id, :at, :at, :traits, NULL) ON CONFLICT (person_id)"
                " DO UPDATE SET traits = excluded.traits",
                {"id": person_id, "at": at, "traits": json.dumps(traits)},
            )

    return add
