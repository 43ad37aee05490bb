"""Kinesis for tests: moto's server, which boto3 talks to over HTTP, and shards that close."""

import logging
import uuid
from datetime import UTC, datetime
from typing import Any

OPTIONS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class KinesisServer:
    """Serves on a free local port until closed."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.settings: dict[str, Any] = {
            "region": "eu-west-1",
            "options": {**OPTIONS, "endpoint_url": f"http://{host}:{port}"},
        }

    def client(self) -> Any:
        import boto3

        settings = self.settings
        return boto3.client("kinesis", region_name=settings["region"], **settings["options"])

    def new_topic(self, shards: int = 3) -> str:
        """A stream that nobody else uses."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        client = self.client()
        client.create_stream(StreamName=name, ShardCount=shards)
        client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        return name

    def close(self) -> None:
        self._server.stop()


class ClosingShards:
    """A client of a stream whose shards were split: moto never says that one has ended."""

    def __init__(self) -> None:
        self.shards: dict[str, list[bytes]] = {}
        self.parents: dict[str, list[str]] = {}
        self.asked: list[str] = []
        """From which shards records were asked for, in order."""

    def add(self, name: str, records: list[bytes], *parents: str) -> None:
        self.shards[name] = records
        self.parents[name] = list(parents)

    def list_shards(self, **_: object) -> dict[str, Any]:
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "Shards": [
                {"ShardId": shard, **dict(zip(names, parents, strict=False))}
                for shard, parents in self.parents.items()
            ]
        }

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        at = 0
        if asked["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            at = int(asked["StartingSequenceNumber"]) + 1
            if at > len(self.shards[asked["ShardId"]]):
                from botocore.exceptions import ClientError

                what = {"Code": "InvalidArgumentException", "Message": "not of this stream"}
                raise ClientError({"Error": what}, "GetShardIterator")
        return {"ShardIterator": f"{asked['ShardId']}/{at}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        shard, _, text = asked["ShardIterator"].partition("/")
        at = int(text)
        self.asked.append(shard)
        records = self.shards[shard]
        found = [
            {
                "Data": data,
                "SequenceNumber": str(at + number),
                "ApproximateArrivalTimestamp": datetime(2026, 3, 2, tzinfo=UTC),
            }
            for number, data in enumerate(records[at : at + asked["Limit"]])
        ]
        at += len(found)
        has_children = any(shard in parents for parents in self.parents.values())
        ended = has_children and at >= len(records)
        return {"Records": found, "NextShardIterator": None if ended else f"{shard}/{at}"}

    def close(self) -> None:
        pass
