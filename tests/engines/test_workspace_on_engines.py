"""`engine:` in vocative.yaml decides where a workspace's features are computed."""

import pytest

from vocative.collect.door import accept
from vocative.errors import AuthorError, Unsupported
from vocative.identify.apply import apply_log
from vocative.segment import build_plan, compute_features
from vocative.workspace import Workspace, prepare_state

SETTINGS = "workspace: t\nsender: {email: a@shop.example, name: A}\npostal_address: B\n"
EVENT = {"type": "track", "event": "Order Completed", "timestamp": "2026-01-01T10:00:00Z"}


@pytest.fixture
def shop(tmp_path, clock):
    """Opens a workspace with some settings, two events and a feature."""

    def make(settings):
        (tmp_path / "vocative.yaml").write_text(SETTINGS + settings)
        (tmp_path / "features").mkdir()
        (tmp_path / "features" / "t.yaml").write_text("spend: {sum: revenue, of: Order Completed}")
        prepare_state(tmp_path)
        return Workspace(tmp_path, clock=clock)

    return make


def spent(workspace):
    events = [
        EVENT | {"messageId": f"m{amount}", "userId": "u", "properties": {"revenue": amount}}
        for amount in (0.1, 0.2)
    ]
    accept(workspace, events, source="test")
    apply_log(workspace)
    with workspace.engine() as engine:
        found = compute_features(engine, build_plan(workspace), workspace.clock.now())
        return engine.dialect, found["spend"].to_pylist()


@pytest.mark.postgres
def test_on_postgresql_the_store_s_database_computes(shop, postgres_url):
    with shop(f"engine: postgres\nstore: {postgres_url}\n") as workspace:
        assert spent(workspace) == ("postgres", [0.3])


def test_spark_computes(shop, spark_engine):
    with shop("engine: spark\n") as workspace:
        assert spent(workspace) == ("spark", [0.3])


def test_postgres_without_a_postgresql_store_says_what_to_add(shop):
    with shop("engine: postgres\n") as workspace, pytest.raises(AuthorError, match="`store:`"):
        workspace.engine()


def test_an_engine_that_is_only_written_for_says_so(shop):
    with shop("engine: bigquery\n") as workspace, pytest.raises(Unsupported, match="bigquery"):
        workspace.engine()
