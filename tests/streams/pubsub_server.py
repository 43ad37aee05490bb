"""A small Pub/Sub over real gRPC, for Google's real client: topics with one subscription each.

It keeps what the service promises of an ordered subscription: messages of one ordering key are
given in their order, none while an earlier one is out, and what is not acknowledged in time, or is
given back, comes again with all that follow it.
"""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types


@dataclass
class Kept:
    """One message of a subscription."""

    message: Any
    published_at: float
    acknowledged: bool = False
    ack_id: str = ""
    out_until: float = 0.0


@dataclass
class Topic:
    messages: list[Kept] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)


class PubSubServer:
    """Serves on a free local port until closed."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self.deadline_seconds = 20.0
        """How long a message is out before it comes again."""
        self.redeliver_unasked = 0
        """How many acknowledgements are yet to be forgotten, as the service may do."""
        self._server = grpc.server(ThreadPoolExecutor(32))
        self._server.add_generic_rpc_handlers(
            (
                _handlers("Publisher", Publish=(types.PublishRequest, self._publish)),
                _handlers(
                    "Subscriber",
                    Pull=(types.PullRequest, self._pull),
                    Acknowledge=(types.AcknowledgeRequest, self._acknowledge),
                    ModifyAckDeadline=(types.ModifyAckDeadlineRequest, self._give_back),
                    Seek=(types.SeekRequest, self._seek),
                ),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def _topic(self, name: str) -> Topic:
        # A topic and its subscription have one name here.
        return self._topics.setdefault(name.rpartition("/")[2], Topic())

    def _publish(self, request: Any, context: grpc.ServicerContext) -> Any:
        keys = {message.ordering_key for message in request.messages}
        if len(keys) > 1 or len(request.messages) > 1000:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "one ordering key, 1000 messages")
        topic, ids = self._topic(request.topic), []
        with topic.lock:
            for message in request.messages:
                ids.append(uuid.uuid4().hex)
                now = time.time()
                topic.messages.append(Kept(message, now))
                message.message_id = ids[-1]
                message.publish_time = _timestamp(now)
            topic.lock.notify_all()
        return types.PublishResponse(message_ids=ids)

    def _pull(self, request: Any, context: grpc.ServicerContext) -> Any:
        topic = self._topic(request.subscription)
        with topic.lock:
            while context.is_active():
                if found := self._due(topic, request.max_messages):
                    return types.PullResponse(received_messages=found)
                topic.lock.wait(0.1)
        return types.PullResponse()

    def _due(self, topic: Topic, most: int) -> list[Any]:
        found: list[Any] = []
        held: set[str] = set()
        now = time.time()
        for one in topic.messages:
            key = one.message.ordering_key
            if one.acknowledged or key in held:
                continue
            if one.out_until > now:
                held |= {key} - {""}
                continue
            one.ack_id, one.out_until = uuid.uuid4().hex, now + self.deadline_seconds
            found.append(types.ReceivedMessage(ack_id=one.ack_id, message=one.message))
            if len(found) >= most:
                break
        return found

    def _acknowledge(self, request: Any, _: grpc.ServicerContext) -> Any:
        topic, ids = self._topic(request.subscription), set(request.ack_ids)
        with topic.lock:
            for one in topic.messages:
                if one.ack_id in ids and one.out_until:
                    if self.redeliver_unasked > 0:
                        self.redeliver_unasked -= 1
                        one.out_until = 0.0
                    else:
                        one.acknowledged = True
            topic.lock.notify_all()
        return Empty()

    def _give_back(self, request: Any, _: grpc.ServicerContext) -> Any:
        topic, ids = self._topic(request.subscription), set(request.ack_ids)
        with topic.lock:
            for one in topic.messages:
                if one.ack_id in ids:
                    one.out_until = time.time() + request.ack_deadline_seconds
            topic.lock.notify_all()
        return Empty()

    def _seek(self, request: Any, _: grpc.ServicerContext) -> Any:
        topic, at = self._topic(request.subscription), request.time.timestamp()
        with topic.lock:
            for one in topic.messages:
                one.acknowledged, one.out_until = one.published_at < at, 0.0
            topic.lock.notify_all()
        return types.SeekResponse()


def _timestamp(at: float) -> Any:
    from google.protobuf.timestamp_pb2 import Timestamp

    found = Timestamp()
    found.FromNanoseconds(int(at * 1e9))
    return found


def _handlers(service: str, **methods: tuple[Any, Callable[..., Any]]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        f"google.pubsub.v1.{service}",
        {
            name: grpc.unary_unary_rpc_method_handler(
                answer,
                request_deserializer=request.deserialize,
                response_serializer=lambda message: (
                    message.SerializeToString()
                    if isinstance(message, Empty)
                    else type(message).serialize(message)
                ),
            )
            for name, (request, answer) in methods.items()
        },
    )
