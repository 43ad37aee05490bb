"""Who follows a step is told exactly what it did, inside its transaction."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from identified import event, history, people, person_of, put

from vocative.collect.door import accept
from vocative.engines.base import HISTORY_COLUMNS
from vocative.identify import graph as graph_module
from vocative.identify import seen as seen_module
from vocative.identify.apply import Applied, Applier, apply_log
from vocative.stores import Store, Transaction
from vocative.workspace import Workspace

EVENTS = list(HISTORY_COLUMNS["events"])
LINES = list(HISTORY_COLUMNS["order_lines"])
ORDER = {
    "order_id": "o1",
    "total": 30,
    "colour": "red",
    "email": "ana@example.com",
    "products": [{"product_id": "x", "price": 10, "quantity": 3, "category": "Tools"}],
}


@pytest.fixture
def workspace(workspace: Workspace, store: Store) -> Workspace:
    """A workspace on either database."""
    (workspace.root / "traits.yaml").write_text("country: {}\nemail: {personal: true}\n")
    workspace.__dict__["store"] = store
    return workspace


class Told(list[Applied]):
    """Keeps what it is told."""

    def __call__(self, tx: Transaction, applied: Applied) -> None:
        assert tx.value("SELECT count(*) FROM profiles") is not None
        self.append(applied)


def rows(workspace: Workspace, relation: str) -> list[dict[str, Any]]:
    with workspace.engine() as engine:
        return engine.rows(f"SELECT * FROM {relation} ORDER BY event_id, product_id")


def as_history(names: list[str], facts: Any) -> list[dict[str, Any]]:
    """Facts as the engine shows them."""
    shown = []
    for fact in facts:
        row = dict(zip(names, fact, strict=True))
        for name in {"at", "received_at"} & row.keys():
            row[name] = datetime.fromtimestamp(row[name] / 1e6, UTC).replace(tzinfo=None)
        if "properties" in row:
            row["properties"] = json.dumps(row["properties"], separators=(",", ":"))
        shown.append(row)
    return sorted(shown, key=lambda row: (row["event_id"], row["product_id"] or ""))


def test_facts_are_those_of_history(workspace: Workspace) -> None:
    told = Told()
    accept(workspace, [event(anonymousId="a1"), event(anonymousId="a2", at=1)], source="test")
    accept(
        workspace,
        [
            event(userId="u1", anonymousId="a1", at=2, event="Order Completed", properties=ORDER),
            event(context={"nobody": True}, at=3),
        ],
        source="shop",
    )
    applier = Applier(workspace)
    assert applier.step(1, told).applied == 2
    assert applier.step(100, told).applied == 2
    assert applier.step(100, told) is None
    assert [one.position for one in told] == [1, 2]
    facts = [fact for one in told for fact in one.facts]
    assert as_history(EVENTS, facts) == rows(workspace, "events")
    lines = [line for one in told for line in one.lines]
    assert as_history(LINES, lines) == rows(workspace, "order_lines") != []
    assert [fact[EVENTS.index("position")] for fact in facts] == [1, 1, 2, 2]
    assert facts[-1][EVENTS.index("person_id")] is None
    assert facts[2][EVENTS.index("properties")] == {"colour": "red"}


def test_people_are_everybody_who_was_touched_and_is_still_there(workspace: Workspace) -> None:
    told = Told()
    put(workspace, event(userId="u1"), event(anonymousId="a1", at=1), event(userId="u2"))
    gone = person_of(workspace, "anonymous_id", "a1")
    accept(
        workspace,
        [
            event("identify", 5, userId="u1", traits={"country": "FR", "email": "a@b.example"}),
            event(anonymousId="a1", at=6),
            event(userId="u1", anonymousId="a1", at=7),
            event(userId="u3", at=8),
        ],
        source="test",
    )
    apply_log(workspace, follow=told)
    [applied] = told
    u1, u3 = person_of(workspace, "user_id", "u1"), person_of(workspace, "user_id", "u3")
    assert applied.merged == {gone: u1}
    assert set(applied.people) == {u1, u3}
    known = people(workspace)[u1]
    assert applied.people[u1].traits == known["traits"]
    assert applied.people[u1].traits == {
        "country": "FR",
        "email_domain": "b.example",
        "email_kind": "ordinary",
    }
    assert applied.people[u1].first_seen_at == known["first"]
    # The fact of who is gone is told as the survivor's.
    assert [fact[1] for fact in applied.facts] == [u1, u1, u1, u3]


def test_a_follower_that_fails_undoes_the_step(workspace: Workspace) -> None:
    applier = Applier(workspace)
    put(workspace, event(userId="u1"))
    accept(workspace, [event(userId="u1", at=1), event(userId="new", at=2)], source="test")

    def fail(tx: Transaction, applied: Applied) -> None:
        tx.run("INSERT INTO live_plan (name, value) VALUES ('x', '1')")
        raise RuntimeError(applied.position)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="2"):
            applier.step(100, fail)
        assert len(history(workspace)) == 1
        with workspace.store.read() as tx:
            assert tx.value("SELECT count(*) FROM live_plan") == 0
            assert tx.value("SELECT count(*) FROM profiles") == 1
    assert applier.step(100) is not None
    assert len(history(workspace)) == 3
    assert len(people(workspace)) == 2


def test_an_applier_notices_what_others_applied(workspace: Workspace) -> None:
    remembering = Applier(workspace)
    put(workspace, event(anonymousId="a1"))
    assert remembering.step(100) is None
    accept(workspace, [event(anonymousId="a1", at=1, event="One")], source="test")
    assert remembering.step(100).applied == 1
    # Somebody else makes one person of two that the applier remembers as one.
    put(workspace, event(userId="u0", at=-9), event(userId="u0", anonymousId="a1", at=2))
    accept(workspace, [event(anonymousId="a1", at=3), event(userId="u0", at=4)], source="test")
    first = remembering.step(100)
    applied = first.applied or remembering.step(100).applied
    assert applied == 2
    [(person, known)] = people(workspace).items()
    assert person == person_of(workspace, "user_id", "u0")
    assert len(known["events"]) == 6


def test_what_is_remembered_may_be_little(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "MOST_KEPT", 5)
    monkeypatch.setattr(seen_module, "MOST_TAIL", 7)
    applier = Applier(workspace)
    sent = [event(userId=f"u{n % 9}", at=n, messageId=str(n)) for n in range(60)]
    for start in range(0, 60, 3):
        # Each batch comes with events of the ones before.
        accept(workspace, sent[max(start - 9, 0) : start + 3], source="test")
        report = applier.step(100)
        assert (report.applied, report.duplicates) == (3, min(start, 9))
    accept(workspace, sent, source="test")
    assert Applier(workspace).step(100).duplicates == 60
    assert len(people(workspace)) == 9
    assert len(history(workspace)) == 60
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM seen_events") >= 40


def test_a_visit_does_not_write_the_profile_again(workspace: Workspace) -> None:
    put(workspace, event(userId="u1", at=0))
    for at in (60, 600, 1_799):
        put(workspace, event(userId="u1", at=at))
    [known] = people(workspace).values()
    assert known["last"] == known["first"]
    put(workspace, event(userId="u1", at=1_800))
    [known] = people(workspace).values()
    assert known["last"] == known["first"] + 1_800 * 10**6
