"""Google Cloud Pub/Sub.

A message's attributes say its source and when it came in. People are spread over some ordering
keys: a request may hold messages of one key only, and a key per person would make a request of
each event. There are no positions; a message is acknowledged once the log has it, so it may come
again, with the ids that it had.
"""

import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any, ClassVar

import msgspec

from vocative.clock import EPOCH, from_micros, to_micros
from vocative.errors import AuthorError
from vocative.streams.outside.base import (
    RECEIVED_HEADER,
    SOURCE_HEADER,
    Arrival,
    Begin,
    Record,
    Stream,
    StreamDown,
    StreamSettings,
    Subscription,
    read_instant,
    written_instant,
)

try:
    import grpc
    from google.api_core.client_options import ClientOptions
    from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.pubsub_v1 import PublisherClient, SubscriberClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
    from google.pubsub_v1.types import PubsubMessage
except ModuleNotFoundError as missing:
    raise AuthorError(
        "the stream 'pubsub' needs google-cloud-pubsub, which is not installed",
        hint="pip install 'vocative[pubsub]'",
    ) from missing

MOST_AT_ONCE = 1_000
MOST_BYTES_AT_ONCE = 8_000_000
"""Of one Publish; the service takes 1,000 messages and 10 MB."""
REQUESTS_AT_ONCE = 16
WAIT_SECONDS = 2.0
"""The shortest time to wait for messages: an answer that nobody waits for any more is lost until
its messages come again."""
OLDEST = EPOCH + timedelta(days=1)


class PubSubSettings(StreamSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`stream` in vocative.yaml with `kind: pubsub`."""

    project: str
    topic: str
    subscription: str
    """Of the topic, with ordering of messages; it is the relay's alone."""
    ordering_keys: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    """How many ordering keys people are spread over."""
    options: dict[str, str] = msgspec.field(default_factory=dict)
    """Handed to Google's client as they are, such as api_endpoint or credentials_file."""


class PubSub(Stream):
    """A topic and a subscription of Google Cloud Pub/Sub."""

    capabilities = frozenset({"shares", "rewinds"})
    Settings: ClassVar[type[StreamSettings]] = PubSubSettings
    settings: PubSubSettings

    def __init__(self, settings: PubSubSettings) -> None:
        super().__init__(settings)
        self._topic = f"projects/{settings.project}/topics/{settings.topic}"
        self._subscription = f"projects/{settings.project}/subscriptions/{settings.subscription}"
        self._clients: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """`pubsub:` and the subscription."""
        return f"pubsub:{self.settings.subscription}"

    def deliver(self, records: Sequence[Record]) -> None:
        """Publish each ordering key's messages in their order, and several keys at once."""
        of_key: dict[str, list[Any]] = defaultdict(list)
        for record in records:
            key = self._ordering_key(record.key)
            of_key[key].append(_message(record, key))
        self._client("publisher")
        with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(of_key))) as pool:
            for done in [pool.submit(self._publish, messages) for messages in of_key.values()]:
                done.result()

    def subscribe(self, begin: Begin, *, reader: str) -> Subscription:  # noqa: ARG002
        """Read the subscription."""
        return _Reader(self)

    def rewind(self, to: int | None) -> dict[str, str]:
        """Seek; needs a topic, or a subscription, that keeps what was acknowledged."""
        at = OLDEST if to is None else from_micros(to)
        self.ask("subscriber", "seek", request={"subscription": self._subscription, "time": at})
        return {}

    def close(self) -> None:
        """Let the connections go."""
        for client in self._clients.values():
            client.transport.close()
        self._clients.clear()

    def ask(self, client: str, name: str, **arguments: Any) -> Any:
        """One request about the subscription or the topic.

        Raises:
            StreamDown: it was not answered.
        """
        seconds = arguments.pop("timeout", self.settings.timeout_seconds)
        call = getattr(self._client(client), name)
        return _asked(lambda: call(**arguments, timeout=seconds, retry=None))

    def pull(self, most: int, seconds: float) -> Sequence[Any]:
        """Messages, or none when none came in time."""
        request = {"subscription": self._subscription, "max_messages": most}
        try:
            answer = self.ask("subscriber", "pull", request=request, timeout=seconds)
        except StreamDown as error:
            if isinstance(error.__cause__, DeadlineExceeded):
                return []
            raise
        return list(answer.received_messages)

    def settle(self, receipts: Sequence[str], *, again: bool) -> None:
        """Acknowledge messages, or have them given again at once."""
        name = "modify_ack_deadline" if again else "acknowledge"
        more = {"ack_deadline_seconds": 0} if again else {}
        for start in range(0, len(receipts), MOST_AT_ONCE):
            part = list(receipts[start : start + MOST_AT_ONCE])
            request = {"subscription": self._subscription, "ack_ids": part, **more}
            self.ask("subscriber", name, request=request)

    def _publish(self, messages: Sequence[Any]) -> None:
        batch: list[Any] = []
        size = 0
        for message in messages:
            length = len(message.data) + 500
            if batch and (len(batch) >= MOST_AT_ONCE or size + length > MOST_BYTES_AT_ONCE):
                self.ask("publisher", "publish", topic=self._topic, messages=batch)
                batch, size = [], 0
            batch.append(message)
            size += length
        self.ask("publisher", "publish", topic=self._topic, messages=batch)

    def _ordering_key(self, key: str | None) -> str:
        if key is None:
            return ""
        return f"p{zlib.crc32(key.encode('utf-8', 'replace')) % self.settings.ordering_keys}"

    def _client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = _asked(lambda: _connected(name, self.settings.options))
        return self._clients[name]


class _Reader(Subscription):
    """Pulls messages, and gives back those that were not taken."""

    def __init__(self, stream: PubSub) -> None:
        self._stream = stream
        self._taken: list[str] = []

    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:
        """One answer of the service."""
        seconds = max(timeout_seconds, WAIT_SECONDS)
        messages = self._stream.pull(min(most, MOST_AT_ONCE), seconds)
        self._taken += [one.ack_id for one in messages]
        return [_arrival(one) for one in messages]

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """They do not come again, unless the service forgets that we said so."""
        receipts = [str(one.receipt) for one in arrivals]
        self._stream.settle(receipts, again=False)
        self._taken = list(set(self._taken) - set(receipts))

    def close(self) -> None:
        """Others need not wait for what was read and not kept."""
        taken, self._taken = self._taken, []
        # Otherwise they come again when their time is over.
        with suppress(StreamDown):
            self._stream.settle(taken, again=True)


def _message(record: Record, key: str) -> Any:
    return PubsubMessage(
        data=record.body,
        ordering_key=key,
        attributes={
            SOURCE_HEADER: record.source,
            RECEIVED_HEADER: written_instant(record.received_at),
        },
    )


def _arrival(received: Any) -> Arrival:
    message = received.message
    attributes = message.attributes
    return Arrival(
        message.ordering_key,
        None,
        message.data,
        attributes.get(SOURCE_HEADER),
        read_instant(attributes.get(RECEIVED_HEADER), otherwise=to_micros(message.publish_time)),
        received.ack_id,
    )


def _connected(name: str, options: dict[str, str]) -> Any:
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if name == "publisher":
        client, transport = PublisherClient, PublisherGrpcTransport
    else:
        client, transport = SubscriberClient, SubscriberGrpcTransport
    if emulator:
        return client(transport=transport(channel=grpc.insecure_channel(emulator)))
    try:
        return client(client_options=ClientOptions(**options))
    except TypeError as error:
        raise AuthorError(
            f"Google's client refuses stream.options: {error}", where="vocative.yaml"
        ) from error


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (GoogleAPIError, GoogleAuthError, grpc.RpcError) as error:
        raise StreamDown(
            f"Pub/Sub: {error}",
            where="vocative.yaml",
            hint="check stream.project, stream.topic, stream.subscription and the credentials",
        ) from error
