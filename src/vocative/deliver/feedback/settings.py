"""`feedback` in vocative.yaml: where bounces come back to, who calls, when soft ones add up."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.settings import convert, secret
from vocative.workspace.yaml_text import read_yaml


class Soft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When soft bounces of an address add up to a pause."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 3
    """So many messages."""
    within_days: Annotated[int, Meta(ge=1, le=365)] = 14
    """Within so many days."""
    pause_days: Annotated[int, Meta(ge=1, le=365)] = 30
    """How long the address is then left alone."""


class MailboxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where mails that come back arrive: an IMAP mailbox or a Maildir."""

    host: str | None = None
    """The IMAP server."""
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """Default: 993 with tls, 143 otherwise."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is encrypted; `none` is for a server on this machine."""
    username: str = ""
    password: str = ""
    """Write `env:NAME`, never the password itself."""
    folder: str = "INBOX"
    """Where they arrive."""
    done: str | None = None
    """A folder to move them to; without one they are marked as read."""
    ca_file: str | None = None
    """A file with certificates to trust instead of the system's."""
    maildir: str | None = None
    """A Maildir in place of `host`, as mail servers drop mails into."""


class SesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Amazon SES by SNS."""

    topics: Annotated[list[str], Meta(min_length=1)]
    """ARNs of the topics that may call."""


class SendgridSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """SendGrid's signed event webhook."""

    public_key: str
    """The verification key, base64, as SendGrid shows it."""


class MailgunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mailgun's webhooks."""

    signing_key: str
    """The HTTP webhook signing key."""


class PostmarkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Postmark's webhooks, with basic authentication."""

    username: Annotated[str, Meta(min_length=1)]
    password: Annotated[str, Meta(min_length=8)]


class FeedbackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`feedback` in vocative.yaml."""

    soft: Soft = Soft()
    mailbox: MailboxSettings | None = None
    ses: SesSettings | None = None
    sendgrid: SendgridSettings | None = None
    mailgun: MailgunSettings | None = None
    postmark: PostmarkSettings | None = None


def feedback_settings(workspace: Workspace) -> FeedbackSettings:
    """What the workspace says, secrets in their places.

    Raises:
        AuthorError: a setting is unknown, missing or wrong; the error points at it.
    """
    stated = workspace.settings.feedback
    if not stated:
        return FeedbackSettings()
    text = read_yaml(workspace.root / "vocative.yaml")
    settings = convert(text, ("feedback",), stated, FeedbackSettings)
    mailbox = settings.mailbox
    if mailbox is not None and (mailbox.host is None) == (mailbox.maildir is None):
        raise AuthorError(
            "feedback.mailbox needs either host or maildir",
            where=text.where(("feedback", "mailbox")),
        )
    parts = {
        part: _with_secrets(value, part)
        for part in settings.__struct_fields__
        if isinstance(value := getattr(settings, part), msgspec.Struct)
    }
    return msgspec.structs.replace(settings, **parts)


def _with_secrets(part: msgspec.Struct, name: str) -> msgspec.Struct:
    values = {
        field: secret(value, setting=f"feedback.{name}.{field}")
        for field in part.__struct_fields__
        if isinstance(value := getattr(part, field), str) and value.startswith("env:")
    }
    return msgspec.structs.replace(part, **values)
