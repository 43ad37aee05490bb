"""A merge that is taken back leaves no trace, and no fact is ever anybody's but its owner's."""

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from identified import event, history, make_workspace, person_of, put, reset

from vocative.clock import FixedClock
from vocative.collect.door import OWN_SOURCE, accept
from vocative.identify.apply import Applier
from vocative.identify.merging import (
    IDENTITY_EVENTS,
    merge_event,
    separate_event,
    undo_event,
)
from vocative.ids import event_id_for, person_id_for
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TRAITS = "country: {}\nplan: {}\nemail: {personal: true}\nfirst_name: {personal: true}\n"
Entry = tuple[str, dict[str, Any]]
"""A source, and an event of it."""


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Workspace]]:
    """Two workspaces with one key, emptied before every example."""
    root = make_workspace(tmp_path_factory.mktemp("one") / "w", TRAITS)
    other = root.parent / "twin"
    shutil.copytree(root, other)
    clock = FixedClock(NOW)
    with Workspace(root, clock=clock) as one, Workspace(other, clock=clock) as two:
        yield one, two


def everything(workspace: Workspace) -> dict[str, Any]:
    """All that is known of people, with every instant; without what was decided about them."""
    with workspace.store.read() as tx:
        profiles = tx.rows("SELECT * FROM profiles")
        living = [row["person_id"] for row in profiles if row["merged_into"] is None]
        sealed = {
            origin: (person_id, bytes(body))
            for origin, person_id, body in tx.tuples(
                "SELECT origin, person_id, vault FROM origins WHERE vault IS NOT NULL"
            )
        }
        keys = {row[0] for row in tx.tuples("SELECT person_id FROM vault_keys")}
        vault = workspace.vault.stated(tx, living)
        assert keys == set(vault)  # nobody who is gone has a key
        return {
            "profiles": sorted(
                (p["person_id"], p["first_seen_at"], p["updated_at"],
                 json.loads(p["traits"]), json.loads(p["traits_at"]))
                for p in profiles if p["merged_into"] is None
            ),
            "merged": sorted((p["person_id"], p["merged_into"]) for p in profiles),
            "vault": vault,
            "origins": tx.tuples(
                "SELECT origin, person_id, joined_to, first_seen_at, updated_at, traits, traits_at"
                " FROM origins ORDER BY origin"
            ),
            "stated apart": workspace.vault.stated_apart(tx, sealed),
            "identities": sorted(tx.tuples("SELECT * FROM identities"), key=repr),
            "consents": sorted(tx.tuples("SELECT * FROM consents"), key=repr),
            "suppressions": tx.tuples("SELECT * FROM suppressions"),
            "rules": sorted(
                tx.tuples("SELECT gone, kept, at, undone_at FROM merges WHERE decided = 0"),
                key=repr,
            ),
            "history": [
                row for row in history(workspace) if row["name"] not in IDENTITY_EVENTS
            ],
        }  # fmt: skip


def played(workspace: Workspace, log: Sequence[Entry], sizes: Sequence[int]) -> None:
    """Apply a log from the beginning, so many entries a step."""
    reset(workspace)
    applier, at, step = Applier(workspace), 0, 0
    while at < len(log):
        size = sizes[step % len(sizes)]
        for source, one in log[at : at + size]:
            accept(workspace, [one], source=source)
        at, step = at + size, step + 1
        # A new one has to read what another one would remember.
        (applier if step % 2 else Applier(workspace)).step(1_000)
    while applier.step(1_000) is not None:
        pass


def positions_apart(found: dict[str, Any]) -> dict[str, Any]:
    """Without the places on the log, which decisions shift."""
    return {**found, "history": [{**row, "position": 0} for row in found["history"]]}


USERS = ("u1", "u2", "u3")
DEVICES = ("a1", "a2")
MAILS = ("ana@example.com", "bo@example.com")
names = st.fixed_dictionaries(
    {}, optional={"userId": st.sampled_from(USERS), "anonymousId": st.sampled_from(DEVICES)}
).filter(bool)
said = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(MAILS),
        "country": st.sampled_from(["FR", "ES", ""]),
        "firstName": st.sampled_from(["Ana", "Bo", None]),
    },
)
facts = st.one_of(
    st.builds(lambda who: event("track", **who), names),
    st.builds(lambda who, traits: event("identify", traits=traits, **who), names, said),
    st.builds(
        lambda ids: event("alias", userId=ids[0], previousId=ids[1]),
        st.tuples(st.sampled_from(USERS), st.sampled_from(USERS + DEVICES)).filter(
            lambda ids: ids[0] != ids[1]
        ),
    ),
    st.builds(
        lambda who, kind: event("track", event=kind, properties={}, **who),
        names,
        st.sampled_from(["Consent Given", "Consent Withdrawn"]),
    ),
)
origins = st.sampled_from(
    [("user_id", one) for one in USERS]
    + [("anonymous_id", one) for one in DEVICES]
    + [("email", one) for one in MAILS]
)
decisions = st.tuples(st.just("join"), origins, origins).filter(lambda step: step[1] != step[2])
undoings = st.tuples(st.just("undo"), st.integers(0, 5))
separations = st.tuples(st.just("separate"), origins)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
heavy = settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def written(
    workspace: Workspace, steps: Sequence[Any], *, ties: bool
) -> tuple[list[Entry], set[int]]:
    """The log of some steps, and which entries of it are decisions that were taken back, or that.

    Args:
        workspace: Whose key names people.
        steps: Events, ("join", one, other), ("undo", which decision), ("separate", who).
        ties: Several events may be of one instant.
    """
    log: list[Entry] = []
    standing: list[tuple[int, str, str]] = []
    undone: set[int] = set()

    def known(identity: tuple[str, str]) -> str:
        return person_id_for(workspace.key.lookup, *identity)

    for number, step in enumerate(steps):
        note(f"{number}: {step}")
        at = datetime.fromtimestamp(1_767_225_600 + number, UTC)
        if isinstance(step, dict):
            when = number // 3 * 2_000 if ties else number * 1_000 + 7
            body = {**step, "timestamp": step["timestamp"] + when, "messageId": str(number)}
            log.append(("test", body))
        elif step[0] == "join":
            one, other = known(step[1]), known(step[2])
            standing.append((len(log), one, other))
            log.append((OWN_SOURCE, merge_event(one, other, at=at, probability=0.9)))
        elif step[0] == "undo" and standing:
            _, one, other = standing[step[1] % len(standing)]
            taken = [entry for entry in standing if {entry[1], entry[2]} == {one, other}]
            undone |= {entry[0] for entry in taken} | {len(log)}
            standing = [entry for entry in standing if entry not in taken]
            log.append((OWN_SOURCE, undo_event(one, other, at=at)))
        elif step[0] == "separate":
            log.append((OWN_SOURCE, separate_event(known(step[1]), at=at)))
    return log, undone


@heavy
@given(st.lists(facts | decisions | undoings, min_size=3, max_size=16), sizes, st.booleans())
def test_a_decision_that_is_taken_back_was_never_made(
    twins: tuple[Workspace, Workspace], steps: list[Any], pieces: list[int], ties: bool
) -> None:
    log, undone = written(twins[0], steps, ties=ties)
    played(twins[0], log, pieces)
    played(twins[1], [one for place, one in enumerate(log) if place not in undone], [50])
    assert positions_apart(everything(twins[0])) == positions_apart(everything(twins[1]))


@heavy
@given(st.lists(facts | decisions | undoings | separations, min_size=3, max_size=18), sizes, sizes)
def test_the_log_makes_the_same_people_however_it_is_cut(
    twins: tuple[Workspace, Workspace], steps: list[Any], some: list[int], others: list[int]
) -> None:
    log, _ = written(twins[0], steps, ties=True)
    played(twins[0], log, some)
    played(twins[1], log, others)
    assert everything(twins[0]) == everything(twins[1])


@heavy
@given(st.lists(facts | decisions | undoings | separations, min_size=3, max_size=18), sizes)
def test_everybody_is_made_of_what_their_own_origins_said(
    twins: tuple[Workspace, Workspace], steps: list[Any], pieces: list[int]
) -> None:
    workspace = twins[0]
    log, _ = written(workspace, steps, ties=False)
    played(workspace, log, pieces)
    found = everything(workspace)
    body_of = {one["messageId"]: one for _, one in log}
    merged = {gone: kept or gone for gone, kept in found["merged"]}
    owners = {(row[0], row[1]): row[2] for row in found["identities"]}
    told: dict[str, list[dict[str, Any]]] = {person: [] for person in merged.values()}
    with workspace.engine() as engine:
        order = {row["event_id"]: row["person_id"] for row in engine.rows("SELECT * FROM events")}
    assert len(order) == len(log)
    by_id = {event_id: body_of[message] for event_id, message in ids_of(log).items()}
    for event_id, person in order.items():
        body = by_id[event_id]
        if body.get("event") in IDENTITY_EVENTS:
            continue
        told[person].append(body)
        if user := body.get("userId"):
            # An account never changes hands: all it did is its person's.
            assert owners["user_id", workspace.vault.lookup_hash("user_id", user)] == person
    for person, first, _, traits, _ in found["profiles"]:
        mine = sorted(told[person], key=lambda body: body["timestamp"])
        assert first == min(body["timestamp"] for body in mine) * 10**6
        expected: dict[str, Any] = {}
        for body in mine:
            if body["type"] == "identify" and "country" in body["traits"]:
                expected["country"] = body["traits"]["country"] or None
        assert traits.get("country") == expected.get("country")
        stated = {name: value for name, (value, _) in found["vault"].get(person, {}).items()}
        names = [b["traits"]["firstName"] for b in mine if "firstName" in b.get("traits", {})]
        assert stated.get("first_name") == (names[-1] if names else None)
        given_here = [row for row in found["consents"] if row[1] == person]
        said_here = {b["timestamp"] * 10**6 for b in mine if "Consent" in b.get("event", "")}
        assert {row[5] for row in given_here} == said_here


def ids_of(log: Sequence[Entry]) -> dict[str, str]:
    """The id that history has of each entry, and its `messageId`."""
    return {event_id_for(source, one["messageId"]): one["messageId"] for source, one in log}


@heavy
@given(
    st.lists(facts, min_size=2, max_size=12),
    st.tuples(st.sampled_from(USERS), st.sampled_from(USERS)),
)
def test_a_join_by_a_rule_is_taken_back_to_what_was_before(
    twins: tuple[Workspace, Workspace], steps: list[Any], pair: tuple[str, str]
) -> None:
    workspace = twins[0]
    log, _ = written(workspace, steps, ties=True)
    played(workspace, log, [3])
    before = everything(workspace)
    one, other = (person_of(workspace, "user_id", user) for user in pair)
    if one is None or other is None or one == other:
        return
    joining = event("alias", 10**6, userId=pair[0], previousId=pair[1], messageId="join")
    put(workspace, joining)
    gone = ({one, other} - {person_of(workspace, "user_id", pair[0])}).pop()
    put(workspace, separate_event(gone, at=NOW), source=OWN_SOURCE)
    after = everything(workspace)
    for name in ("vault", "stated apart", "consents", "merged"):
        assert after[name] == before[name], name
    # The event that joined them stays with whom it named first.
    first = gone if gone == one else person_of(workspace, "user_id", pair[0])
    assert [(p[0], p[1], *p[3:]) for p in after["profiles"]] == [
        (p[0], p[1], *p[3:]) for p in before["profiles"]
    ]
    assert [row for row in after["history"] if row["name"] != "Aliased"] == [
        row for row in before["history"] if row["name"] != "Aliased"
    ]
    assert after["history"][-1] is not None
    assert {row["person_id"] for row in after["history"] if row["position"] > len(log)} == {first}
    # Its device, if `previousId` is one, belongs to whoever signed in on it last.
    device = workspace.vault.lookup_hash("anonymous_id", pair[1])
    kept = {row[:3] for row in before["identities"] if row[1] != device}
    assert kept <= {row[:3] for row in after["identities"]}
    # No rule joins them again.
    put(workspace, {**joining, "messageId": "again", "timestamp": joining["timestamp"] + 1})
    assert everything(workspace)["merged"] == before["merged"]
