"""Outgoing webhooks: what happens to people, signed as Standard Webhooks says.

A fact is told at least once and in order; its `webhook-id` is the same each time, so that whoever
listens counts it once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationRefused,
    Fact,
    Fault,
    Refused,
    RowRefused,
    Secret,
)
from vocative.deliver.signed_webhooks import PREFIX, signed_headers, webhook_key
from vocative.errors import AuthorError

_LEAVING = {"leave": "person.left", "erase": "person.erased", "put": "person.known"}


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that listens."""

    url: str
    """Where facts are posted to."""
    secret: Secret
    """`whsec_` and 24 to 64 bytes in base64: what signatures are made with."""
    events: list[str] = []
    """Names of events to tell; `["*"]`: all of them."""
    memberships: bool = True
    """Whether to tell who entered and left the segments of `segments`, or any when it has none."""
    per_second: float = 20
    """How many requests a second, at most."""


class Webhook(Destination):
    """Signed webhooks of events and of who enters and leaves segments."""

    Options = WebhookOptions
    known_by = "person_id"
    takes_facts = True
    takes = frozenset({"segments"})

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        self._key = _key(options.secret)
        self._api = Api(self.connect(options.url, per_second=options.per_second))

    @classmethod
    def faults(cls, options: WebhookOptions) -> Iterable[Fault]:
        """Something must be told, and not too fast for anybody."""
        if not options.url.startswith(("https://", "http://")):
            yield ("url",), "this is no address", "it starts with https://"
        if not options.memberships and not options.events:
            yield ("memberships",), "nothing would be told", "name events, or leave this out"
        if not 0 < options.per_second <= 1_000:
            yield ("per_second",), "this is no pace", "write a number up to 1000"

    def check(self) -> None:
        """Post a fact of type `ping`, which is about nobody."""
        now = self.clock.now()
        try:
            self._post(f"ping_{int(now.timestamp())}", {"type": "ping", "timestamp": now})
        except RowRefused as refused:
            raise DestinationRefused(refused.message, hint=refused.hint) from None

    def send(self, changes: Sequence[Change]) -> Refused:
        """Tell that people are to be taken out; that somebody is known is told by their facts."""
        refused = {}
        for index, one in enumerate(changes):
            if one.action == "put":
                continue
            kind = "person.merged" if one.merged_into else _LEAVING[one.action]
            data = {"person_id": one.person_id}
            if one.merged_into:
                data["merged_into"] = one.merged_into
            body = {"type": kind, "timestamp": self.clock.now(), "data": data}
            try:
                self._post(f"{kind}_{one.person_id}_{one.since}", body)
            except RowRefused as error:
                refused[index] = error.message
        return refused

    def tell(self, facts: Sequence[Fact]) -> Refused:
        """Post each; one that the listener calls wrong does not hold the others up."""
        refused = {}
        for index, fact in enumerate(facts):
            body = {
                "type": fact.type,
                "timestamp": from_micros(fact.at),
                "data": {"person_id": fact.person_id, **fact.data},
            }
            try:
                self._post(fact.fact_id, body)
            except RowRefused as error:
                refused[index] = error.message
        return refused

    def _post(self, fact_id: str, body: dict[str, Any]) -> None:
        # Compact: listeners that see only the parsed body write it anew to check the signature.
        content = msgspec.json.encode(body)
        now = int(self.clock.now().timestamp())
        headers = signed_headers(self._key, fact_id, now, content)
        self._api.send("POST", "", content, headers=headers)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


def _key(secret: str) -> bytes:
    key = webhook_key(PREFIX + secret.removeprefix(PREFIX))
    if key is None:
        raise AuthorError(
            "the webhook's secret is not 24 to 64 bytes of base64",
            hint="make one with: echo whsec_$(head -c 32 /dev/urandom | base64)",
        )
    return key
