"""What librdkafka says when something is wrong, as our errors."""

import logging
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from vocative.errors import AuthorError
from vocative.streams.outside.base import StreamDown

TELL_SECONDS = 30.0

log = logging.getLogger("vocative.kafka")


class Heard:
    """Told by librdkafka what goes wrong in its own threads; passes on one word in a while."""

    def __init__(self) -> None:
        self._told_at = -TELL_SECONDS

    def __call__(self, error: KafkaError) -> None:
        """It tries again by itself, many times a second: this is for whoever wonders."""
        now = time.monotonic()
        if now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            log.warning("%s", error.str())


def made(make: Callable[[], Any]) -> Any:
    """A client of librdkafka.

    Raises:
        AuthorError: it does not know an option, or not this value.
    """
    try:
        return make()
    except KafkaException as error:
        raise AuthorError(
            f"Kafka's client refuses stream.options: {error.args[0].str()}",
            where="vocative.yaml",
            hint="see librdkafka's list of configuration properties",
        ) from error


def down(why: str, hint: str | None = None) -> StreamDown:
    """The error to raise when the broker cannot be used now."""
    return StreamDown(
        f"Kafka: {why}",
        where="vocative.yaml",
        hint=hint or "check that the brokers of stream.servers run and can be reached",
    )


def asked(call: Callable[[], Any]) -> Any:
    """What a call answers.

    Raises:
        StreamDown: librdkafka refuses it.
    """
    try:
        return call()
    except KafkaException as error:
        raise down(str(error.args[0])) from error
