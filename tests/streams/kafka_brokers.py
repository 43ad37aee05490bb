"""A real Kafka broker for tests, where its libraries are, and librdkafka's imitation of one."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kafka.sh"
LIBRARIES = os.environ.get("VOCATIVE_TEST_KAFKA")
QUICK = {"session.timeout.ms": 1000, "heartbeat.interval.ms": 200}
"""A killed member's partitions are given away within seconds."""


class Broker:
    """One broker, which can be killed and started again with its data."""

    def __init__(self, data: Path) -> None:
        self._data = data
        if not LIBRARIES:
            pytest.skip(
                "no Kafka: run `scripts/kafka.sh fetch FOLDER` and set VOCATIVE_TEST_KAFKA=FOLDER"
            )
        self.servers = self.start()

    def start(self) -> str:
        done = subprocess.run(
            [SCRIPT, "start", LIBRARIES, self._data],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout.strip()

    def kill(self) -> None:
        subprocess.run([SCRIPT, "stop", self._data], check=True, timeout=60)

    def new_topic(self, partitions: int = 4) -> str:
        """A topic that nobody else uses."""
        from confluent_kafka.admin import AdminClient, NewTopic

        name = f"t-{uuid.uuid4().hex[:12]}"
        client = AdminClient({"bootstrap.servers": self.servers})
        made = client.create_topics(
            [NewTopic(name, num_partitions=partitions, replication_factor=1)]
        )
        made[name].result(timeout=30)
        return name


class Imitation:
    """librdkafka's own imitation of a cluster, in this process's memory."""

    def __init__(self) -> None:
        from confluent_kafka import Producer

        self._cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def new_topic(self) -> str:
        """A topic that nobody else uses; asking for it makes it."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        self._cluster.list_topics(name, timeout=10)
        return name
