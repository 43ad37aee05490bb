"""Webhooks of those who carry mails, one file each; see `base.py`."""

from vocative.deliver.feedback.providers.base import Provider
from vocative.deliver.feedback.providers.mailgun import Mailgun
from vocative.deliver.feedback.providers.postmark import Postmark
from vocative.deliver.feedback.providers.sendgrid import Sendgrid
from vocative.deliver.feedback.providers.ses import Ses
from vocative.deliver.feedback.settings import FeedbackSettings

NAMES = ("ses", "sendgrid", "mailgun", "postmark")


def provider_for(name: str, settings: FeedbackSettings) -> Provider | None:
    """The provider called `name`, if the workspace names it."""
    if name == "ses" and settings.ses is not None:
        return Ses(settings.ses)
    if name == "sendgrid" and settings.sendgrid is not None:
        return Sendgrid(settings.sendgrid)
    if name == "mailgun" and settings.mailgun is not None:
        return Mailgun(settings.mailgun)
    if name == "postmark" and settings.postmark is not None:
        return Postmark(settings.postmark)
    return None
