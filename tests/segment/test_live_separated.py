"""People are joined and separated while segments are kept: live and batch go on agreeing."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from vocative.clock import FixedClock
from vocative.collect.door import OWN_SOURCE, accept
from vocative.identify.merging import merge_event, separate_event, undo_event
from vocative.ids import person_id_for
from vocative.segment import recompute
from vocative.segment.live.runner import LiveRunner
from vocative.stores.schema import metadata
from vocative.workspace import Workspace, prepare_state

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FEATURES = """\
views: {count: View}
views_1h: {count: View, window: 1h}
spent: {sum: revenue, of: Order, window: 2h}
best: {max: revenue, of: Order}
last_view: {last: at, of: View}
likes: {top: category, of: View}
"""
SEGMENTS = """\
seen: {where: "views > 0"}
busy: {where: "views_1h >= 3"}
big: {where: "spent > 60"}
once_big: {where: "best > 30"}
reds: {where: "tier = 'red'"}
gone: {where: "last_view < now() - interval '40 minutes'"}
tool_fans: {where: "likes = 'Tools'"}
"""
USERS = ("u1", "u2", "u3")


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Workspace]]:
    """Two workspaces with one key, emptied before every example."""
    root = tmp_path_factory.mktemp("one") / "w"
    root.mkdir()
    (root / "vocative.yaml").write_text(
        "workspace: test\nsender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street\n"
    )
    (root / "traits.yaml").write_text("tier: {}\nemail: {personal: true}\n")
    for name, text in (("features", FEATURES), ("segments", SEGMENTS)):
        (root / name).mkdir()
        (root / name / "all.yaml").write_text(text)
    prepare_state(root)
    shutil.copytree(root, root.parent / "twin")
    clock = FixedClock(NOW)
    with (
        Workspace(root, clock=clock) as one,
        Workspace(root.parent / "twin", clock=clock) as two,
    ):
        yield one, two


def emptied(workspace: Workspace) -> Workspace:
    with workspace.store.transaction() as tx:
        for table in metadata.tables:
            tx.run(f"DELETE FROM {table}")
    workspace.log.close()
    del workspace.__dict__["log"]
    for path in (*workspace.state_dir.glob("log.db*"), *workspace.history.folder.glob("*")):
        path.unlink()
    return workspace


def members(workspace: Workspace) -> set[tuple[str, str]]:
    with workspace.store.read() as tx:
        return set(tx.tuples("SELECT person_id, segment FROM memberships WHERE until_at IS NULL"))


users = st.sampled_from(USERS)
facts = st.one_of(
    st.builds(
        lambda who, before, name: {
            "type": "track",
            "event": name,
            "before": before,
            "properties": {"revenue": before % 50, "category": ("Tools", "Pets")[before % 2]},
            **who,
        },
        st.one_of(
            users.map(lambda user: {"userId": user}),
            st.sampled_from(["a1", "a2"]).map(lambda device: {"anonymousId": device}),
            st.tuples(users, st.sampled_from(["a1", "a2"])).map(
                lambda both: {"userId": both[0], "anonymousId": both[1]}
            ),
        ),
        st.integers(-40, 180),  # minutes; less than none lies in the future
        st.sampled_from(["View", "View", "Order"]),
    ),
    st.builds(
        lambda user, tier: {"type": "identify", "userId": user, "traits": {"tier": tier}},
        users,
        st.sampled_from(["red", "blue"]),
    ),
    st.builds(
        lambda user, mail: {"type": "identify", "userId": user, "traits": {"email": mail}},
        users,
        st.sampled_from(["ana@example.com", "bo@example.com"]),
    ),
)
VIEW = {
    "type": "track", "event": "View", "before": 0, "userId": "u1",
    "properties": {"revenue": 0, "category": "Tools"},
}  # fmt: skip
RED = {"type": "identify", "userId": "u2", "traits": {"tier": "red"}}
pairs = st.tuples(users, users).filter(lambda pair: pair[0] != pair[1])
joins = st.tuples(st.just("join"), pairs)
undoings = st.tuples(st.just("undo"), pairs)
separations = st.tuples(st.just("separate"), users)
passing = st.tuples(st.just("wait"), st.integers(1, 30))


def run(workspace: Workspace, steps: list[Any], *, without_joins: bool, sizes: list[int]) -> None:
    """Play steps on an empty workspace: a runner takes them in whenever a number of them is done.

    Args:
        workspace: Where.
        steps: Events, what is decided, and how many minutes pass.
        without_joins: Leave out what is decided.
        sizes: After how many steps a runner takes in what is there; 0: by person, as a backlog.
    """
    clock = workspace.clock
    assert isinstance(clock, FixedClock)
    clock.advance(NOW - clock.now())
    emptied(workspace)
    LiveRunner(workspace).advance()
    live = LiveRunner(workspace, rows_wait=True)
    due = 0
    for number, step in enumerate(steps):
        if isinstance(step, dict):
            at = clock.now() - timedelta(minutes=step.get("before", 1), seconds=number)
            body = {**step, "timestamp": at.isoformat(), "messageId": str(number)}
            accept(workspace, [msgspec.json.encode(body)], source="test")
        elif step[0] == "wait":
            clock.advance(timedelta(minutes=step[1]))
        elif not without_joins:
            accept(workspace, [decided(workspace, step, number)], source=OWN_SOURCE)
        if number >= due:
            size = sizes[number % len(sizes)]
            due = number + 1 + size
            (live if size else LiveRunner(workspace, least_bulk=1)).advance()
    LiveRunner(workspace).advance()


def decided(workspace: Workspace, step: Any, number: int) -> dict[str, Any]:
    """The event of a decision."""
    at = NOW + timedelta(milliseconds=number)

    def known(user: str) -> str:
        return person_id_for(workspace.key.lookup, "user_id", user)

    if step[0] == "separate":
        return separate_event(known(step[1]), at=at)
    one, other = map(known, step[1])
    if step[0] == "join":
        return merge_event(one, other, at=at, probability=0.9)
    return undo_event(one, other, at=at)


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(facts | joins | undoings | separations | passing, min_size=6, max_size=22),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
)
@example([*[VIEW] * 3, RED, VIEW, ("join", ("u1", "u2"))], [1])  # whose rows wait are joined
def test_live_agrees_with_batch_however_people_are_joined_and_separated(
    twins: tuple[Workspace, Workspace], steps: list[Any], sizes: list[int]
) -> None:
    run(twins[0], steps, without_joins=False, sizes=sizes)
    assert recompute(twins[0]).differences == 0


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(facts | joins | undoings | passing, min_size=6, max_size=20),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
)
def test_segments_are_as_if_nobody_had_been_joined(
    twins: tuple[Workspace, Workspace], steps: list[Any], sizes: list[int]
) -> None:
    ended = [*steps, *(("undo", (a, b)) for a in USERS for b in USERS if a < b)]
    run(twins[0], ended, without_joins=False, sizes=sizes)
    run(twins[1], ended, without_joins=True, sizes=[100])
    assert members(twins[0]) == members(twins[1])
