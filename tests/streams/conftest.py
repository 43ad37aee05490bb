"""Fixtures of the streams' tests: brokers, and workspaces that name a stream."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka_brokers import Broker, Imitation
from relay_processes import Relays

from vocative.workspace import Workspace

MakeWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real Kafka broker."""
    started = Broker(tmp_path_factory.mktemp("kafka"))
    yield started
    started.kill()


@pytest.fixture(scope="session")
def imitation() -> Imitation:
    """An imitated Kafka cluster."""
    return Imitation()


@pytest.fixture(scope="session")
def kinesis_server() -> Iterator[Any]:
    """moto's Kinesis."""
    pytest.importorskip("moto", reason="no moto: run `make clouds`")
    from kinesis_server import KinesisServer

    started = KinesisServer()
    yield started
    started.close()


@pytest.fixture
def pubsub_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Pub/Sub of our own, which Google's client takes for an emulator."""
    pytest.importorskip("google.pubsub_v1", reason="no google-cloud-pubsub: run `make clouds`")
    from pubsub_server import PubSubServer

    started = PubSubServer()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", started.address)
    yield started
    started.close()


@pytest.fixture
def relays(workspace: Workspace) -> Iterator[Relays]:
    """Relays of the workspace, none of them running yet."""
    started = Relays(workspace.root)
    yield started
    while started.running:
        started.kill()


@pytest.fixture
def with_stream(workspace: Workspace) -> Iterator[MakeWorkspace]:
    """Opens the workspace again with a stream of these settings."""
    opened: list[Workspace] = []

    def reopen(**stream: Any) -> Workspace:
        add_stream(workspace.root, **stream)
        opened.append(Workspace(workspace.root, clock=workspace.clock))
        return opened[-1]

    yield reopen
    for one in opened:
        one.close()


def add_stream(root: Path, **stream: Any) -> None:
    """Write the setting `stream` into a workspace's settings."""
    path = root / "vocative.yaml"
    stated = {**yaml.safe_load(path.read_text()), "stream": stream}
    path.write_text(yaml.safe_dump(stated))
