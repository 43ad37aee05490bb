"""`send`: one message, through the ledger, when it is not night where the person is."""

import msgspec

from vocative.campaign.journeys.calendar import after_quiet_hours
from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Send, Stay
from vocative.campaign.journeys.steps.base import Author, Step, StepKind

_MOST_PRODUCTS = 50


class SendBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send."""

    template: str
    subject: str | None = None
    purpose: str = "marketing"
    channel: str = "email"
    recommender: str | None = None
    products: int = 4
    entry_product: bool = False
    """Whether the product of the event that brought the person in stands first."""


class SendMessage(StepKind):
    """Plans a message. Whether it may leave is asked again when it does."""

    name = "send"
    Body = SendBody
    short = "template"

    def check(self, body: SendBody, author: Author) -> None:
        """Check template, purpose and recommender."""
        author.template(body.template, body.subject, "template")
        purposes = author.workspace.settings.purposes
        if body.purpose not in purposes:
            raise author.wrong(
                f"there is no purpose {body.purpose!r}",
                "purpose",
                hint=f"known: {', '.join(purposes)}",
            )
        if body.recommender is not None:
            author.recommender(body.recommender, "recommender")
        if not 0 <= body.products <= _MOST_PRODUCTS:
            raise author.wrong("products must be from 0 to 50", "products")

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:
        """Plan the message now, or when quiet hours are over."""
        if step.id in run.sent:
            # Two runs became one when two people did.
            return Go(did="was sent already, before two profiles became one")
        allowed = after_quiet_hours(moment.now, moment.zone, moment.quiet_hours)
        if allowed > moment.now:
            return Stay(until=allowed, did="quiet hours: waits until morning")
        return Go(
            did=f"planned {step.body.template}",
            effects=(Send(step=step.id),),
            at=moment.now,
        )
