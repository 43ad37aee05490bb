"""Mail through a mail server (RFC 5321), over one persistent connection per sender.

The envelope goes out in one write where the server offers PIPELINING, so a message costs two
round trips. A connection that breaks before the final dot has sent nothing; one that breaks after
it, before the answer, leaves the message ambiguous.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import assemble, wire_address
from vocative.deliver.smtp_connection import (
    ConnectionLost,
    Reply,
    ServerAway,
    SmtpConnection,
    without_addresses,
)
from vocative.errors import ProviderError

_DEFAULT_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_RECONNECT_SECONDS = 1.0


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.smtp` in vocative.yaml."""

    host: Annotated[str, Meta(min_length=1)]
    """The mail server's name or address."""
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """Default: 587 with starttls, 465 with tls, 25 with none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` is for a server on this machine."""
    username: str | None = None
    """To log in with; `env:NAME` takes it from the environment."""
    password: str | None = None
    """To log in with; write `env:NAME`, never the password itself."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """How long the server may take for any answer."""
    envelope_from: str | None = None
    """Where bounces go; default: the sender's address."""
    helo: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:\[\]-]+$")] | None = None
    """The name this machine gives itself; default: its host name."""
    ca_file: str | None = None
    """A file with certificates to trust instead of the system's."""
    connections: Annotated[int, Meta(ge=1, le=50)] = 1
    """How many connections send at the same time."""


class Smtp(Channel):
    """A mail server."""

    capabilities = frozenset({"parallel"})
    Settings: ClassVar[type[msgspec.Struct]] = SmtpSettings
    settings: SmtpSettings

    def __init__(self, settings: SmtpSettings, *, state_dir: Path) -> None:
        super().__init__(settings, state_dir=state_dir)
        self._connection: SmtpConnection | None = None

    def open(self) -> None:
        """Connect, secure and log in."""
        self._hang_up()
        settings = self.settings
        connection = SmtpConnection(
            host=settings.host,
            port=settings.port or _DEFAULT_PORTS[settings.security],
            security=settings.security,
            timeout_seconds=settings.timeout_seconds,
            username=settings.username,
            password=settings.password,
            helo=settings.helo,
            ca_file=settings.ca_file,
        )
        try:
            connection.connect()
        except ServerAway as error:
            raise ChannelDown(error.message, where=error.where, hint=error.hint) from error
        self._connection = connection

    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """One mail transaction."""
        raw = assemble(message)
        sender = wire_address(self.settings.envelope_from or message.from_email)
        recipient = wire_address(message.to)
        fresh = self._connection is None
        connection = self._connected()
        if len(raw) > _size_limit(connection):
            return Receipt(outcome="failed", reason="too_large")
        try:
            refused = _envelope(connection, sender, recipient)
        except ConnectionLost:
            self._hang_up()
            if fresh:
                return _lost("connection_lost")
            # Servers hang up on idle connections; nothing has left, so a new one is safe.
            return self.hand_over(message)
        if refused is not None:
            return self._refused(*refused, recipient)
        return self._body(connection, raw, recipient)

    def _body(self, connection: SmtpConnection, raw: bytes, recipient: str) -> Receipt:
        try:
            connection.write(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        except ConnectionLost:
            self._hang_up()
            return _lost("connection_lost")
        try:
            reply = connection.reply()
        except ConnectionLost:
            self._hang_up()
            return Receipt(outcome="ambiguous", reason="no_answer")
        return self._judged(reply, "data", recipient)

    def _refused(self, stage: str, reply: Reply, recipient: str) -> Receipt:
        if stage == "mail" and reply.code >= 500:
            raise ProviderError(
                "the mail server refuses our sender address"
                f" ({reply.code} {without_addresses(reply.text)})",
                where="channels.smtp in vocative.yaml",
                hint="check sender.email, channels.smtp.username and envelope_from;"
                " nothing is lost, run it again",
            )
        return self._judged(reply, stage, recipient)

    def _judged(self, reply: Reply, stage: str, recipient: str) -> Receipt:
        """What a reply means for the message."""
        if reply.code == 421:
            self._hang_up()
        status = reply.enhanced or str(reply.code)
        words = f"{reply.code} {without_addresses(reply.text, recipient=recipient)}"
        if 200 <= reply.code < 300:
            return Receipt(outcome="accepted", reply=words)
        if reply.code < 500:
            return Receipt(outcome="deferred", reason=f"smtp_{status}", reply=words)
        about_address = status.startswith(("5.0.", "5.1.", "5.2.", "5.4.")) or "." not in status
        return Receipt(
            outcome="bounced" if about_address else "failed",
            reason=f"smtp_{status}",
            reply=words,
            address_is_dead=_address_is_dead(reply, stage),
        )

    def _connected(self) -> SmtpConnection:
        if self._connection is None:
            self.open()
        assert self._connection is not None  # noqa: S101  # open() raises otherwise
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Take leave of the server."""
        if self._connection is not None:
            self._connection.quit()
            self._connection = None


def _envelope(connection: SmtpConnection, sender: str, recipient: str) -> tuple[str, Reply] | None:
    """Announce a message; None when the server waits for it, else who refused and how."""
    commands = {
        "mail": f"MAIL FROM:<{sender}>",
        "rcpt": f"RCPT TO:<{recipient}>",
        "data": "DATA",
    }
    if "PIPELINING" in connection.extensions:
        connection.write("".join(f"{line}\r\n" for line in commands.values()).encode("ascii"))
        replies = {stage: connection.reply() for stage in commands}
    else:
        replies = {}
        for stage, line in commands.items():
            replies[stage] = connection.command(line)
            if not replies[stage].ok:
                break
    refused = next(((stage, reply) for stage, reply in replies.items() if not reply.ok), None)
    if refused is not None:
        if "data" in replies and replies["data"].code == 354:
            # RFC 2920: with no recipient left, an empty message ends the transaction.
            connection.command(".")
        elif refused[1].code != 421:
            connection.command("RSET")
    return refused


def _lost(reason: str) -> Receipt:
    return Receipt(outcome="deferred", reason=reason, retry_seconds=_RECONNECT_SECONDS)


def _size_limit(connection: SmtpConnection) -> float:
    stated = connection.extensions.get("SIZE", "")
    return int(stated) if stated.isdigit() and int(stated) > 0 else float("inf")


def _address_is_dead(reply: Reply, stage: str) -> bool:
    """Only what is about the mailbox itself; full mailboxes and policies pass."""
    if reply.enhanced:
        return reply.enhanced in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
    return stage == "rcpt" and reply.code in (550, 551, 553)
