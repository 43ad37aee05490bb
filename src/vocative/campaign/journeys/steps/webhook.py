"""`webhook`: a signed request to another system, as often as it takes to arrive."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from vocative.campaign.journeys.run import Call, Go, Moment, Outcome, Run
from vocative.campaign.journeys.steps.base import Author, Step, StepKind


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call, and what to say besides who it is about."""

    url: str
    secret: str
    """`env:NAME`: what requests are signed with."""
    data: dict[str, Any] = {}


class Webhook(StepKind):
    """Has another system called; the journey does not wait for its answer."""

    name = "webhook"
    Body = WebhookBody

    def check(self, body: WebhookBody, author: Author) -> None:
        """Refuse addresses that are none, and secrets that stand in the file."""
        parts = urlsplit(body.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise author.wrong("this is no address", "url", hint="https://example.com/hook")
        if not body.secret.startswith("env:"):
            raise author.wrong(
                "a secret does not stand in a file", "secret", hint="write env:NAME_OF_A_VARIABLE"
            )

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:  # noqa: ARG002
        """Have it called."""
        host = urlsplit(step.body.url).hostname
        return Go(did=f"calls {host}", effects=(Call(step=step.id),))
