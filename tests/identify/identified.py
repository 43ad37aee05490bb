"""What a workspace knows of its people, as plain values that tests compare."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vocative.collect.door import accept
from vocative.identify.apply import Applier, ApplyReport, apply_log
from vocative.stores.schema import metadata
from vocative.workspace import Workspace, prepare_state

HOUR = 3_600
START = 1_767_225_600  # 2026-01-01


def event(kind: str = "track", at: int = 0, **fields: Any) -> dict[str, Any]:
    """An event `at` seconds into 2026; its id is derived from its content."""
    body = {"type": kind, "timestamp": START + at, **fields}
    if kind == "track":
        body.setdefault("event", "Product Viewed")
    return body


def put(workspace: Workspace, *events: Mapping[str, Any], source: str = "test") -> ApplyReport:
    """Accept events as one batch and apply the log."""
    accept(workspace, list(events), source=source)
    return apply_log(workspace)


def reset(workspace: Workspace) -> None:
    """Forget everything, cheaper than a new workspace."""
    with workspace.store.transaction() as tx:
        for table in metadata.tables:
            tx.run(f"DELETE FROM {table}")
    workspace.log.close()
    del workspace.__dict__["log"]
    for path in workspace.state_dir.glob("log.db*"):
        path.unlink()
    for path in workspace.history.folder.glob("*"):
        path.unlink()


def people(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Everything about every person who was not merged away, by person id."""
    with workspace.store.read() as tx:
        profiles = tx.rows("SELECT * FROM profiles WHERE merged_into IS NULL")
        identities = tx.tuples("SELECT person_id, namespace, value_hash FROM identities")
        consents = tx.tuples(
            "SELECT person_id, purpose, channel, status, at FROM consents ORDER BY at, status"
        )
        vault = workspace.vault.get_many(tx, [row["person_id"] for row in profiles])
        keys = {person_id for (person_id,) in tx.tuples("SELECT person_id FROM vault_keys")}
    assert keys == set(vault)
    found = {
        row["person_id"]: {
            "first": row["first_seen_at"],
            "last": row["updated_at"],
            "traits": json.loads(row["traits"]),
            "vault": vault.get(row["person_id"], {}),
            "identities": set(),
            "consents": [],
            "events": [],
        }
        for row in profiles
    }
    for person_id, *identity in identities:
        found[person_id]["identities"].add(tuple(identity))
    for person_id, *consent in consents:
        found[person_id]["consents"].append(tuple(consent))
    for row in history(workspace):
        if row["person_id"] is not None:
            found[row["person_id"]]["events"].append(row["event_id"])
    return found


def history(workspace: Workspace) -> list[dict[str, Any]]:
    """The events of history, in the order of their ids."""
    with workspace.engine() as engine:
        return engine.rows("SELECT * FROM events ORDER BY event_id")


def person_of(workspace: Workspace, namespace: str, value: str) -> str | None:
    """Who has an identity."""
    with workspace.store.read() as tx:
        found: str | None = tx.value(
            "SELECT person_id FROM identities WHERE namespace = :n AND value_hash = :h",
            {"n": namespace, "h": workspace.vault.lookup_hash(namespace, value)},
        )
    return found


def applied_in_steps(
    workspace: Workspace, batches: Iterable[Sequence[Mapping[str, Any]]], *, remember: bool
) -> None:
    """Apply every batch in a transaction of its own, by one applier or by a new one each time."""
    applier = Applier(workspace)
    for batch in batches:
        if batch:
            accept(workspace, list(batch), source="test")
            step = applier if remember else Applier(workspace)
            assert step.step(1_000) is not None
    assert applier.step(1_000) is None


def make_workspace(root: Path, traits: str) -> Path:
    """A folder that is a workspace."""
    root.mkdir(parents=True)
    (root / "vocative.yaml").write_text(
        "workspace: test\nsender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street\n"
    )
    (root / "traits.yaml").write_text(traits)
    prepare_state(root)
    return root
