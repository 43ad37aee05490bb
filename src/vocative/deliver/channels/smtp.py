"""Mail through a mail server (RFC 5321), over one persistent connection per sender.

The envelope goes out in one write where the server offers PIPELINING, so a message costs two
round trips. A connection that breaks before the final dot has sent nothing; one that breaks after
it, before the answer, leaves the message ambiguous.

Where the server offers CHUNKING as well, messages follow each other without waiting for replies
(RFC 3030, 2920): as many are under way as a round trip is long. Decision 0014 says which reply
belongs to which message, and what is known of each when the connection breaks.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from vocative.deliver.channels.base import Channel, ChannelDown, unmailable
from vocative.deliver.dkim import DkimKey, Signer
from vocative.deliver.feedback.replies import classify
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import Unmailable, assemble, wire_address
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
_IDLE_SECONDS = 0.5
"""After as long a silence the server is asked whether it is still there."""
_CLOSING = 421
_UNKNOWN_COMMAND = (500, 501, 502, 503, 504)
_STAGES = ("reset", "mail", "rcpt", "data")
_MAX_UNDER_WAY = 16
_SECONDS_PER_MESSAGE = 0.00125
"""A message more is under way for every so many seconds of a round trip."""


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
    dkim: list[DkimKey] = []
    """Keys to sign mails with; without any, the server has to sign."""


@dataclass(frozen=True, kw_only=True)
class _UnderWay:
    """A message that has left and is not answered yet."""

    message: OutgoingMessage
    recipient: str


class Smtp(Channel):
    """A mail server."""

    capabilities = frozenset({"parallel"})
    Settings: ClassVar[type[msgspec.Struct]] = SmtpSettings
    settings: SmtpSettings

    def __init__(self, settings: SmtpSettings, *, state_dir: Path) -> None:
        super().__init__(settings, state_dir=state_dir)
        self._connection: SmtpConnection | None = None
        self._answered_at = float("-inf")
        self._chunking = True
        """Whether the server, if it offers CHUNKING, can do it."""
        self._chunks_taken = False
        """Whether it has taken a message that way."""

    @cached_property
    def _signer(self) -> Signer | None:
        return (
            Signer(self.settings.dkim, root=self.state_dir.parent) if self.settings.dkim else None
        )

    def open(self) -> None:
        """Connect, secure and log in."""
        _ = self._signer  # a key that cannot be used is told before anything is sent
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
        self._answered_at = time.monotonic()

    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """One mail transaction."""
        raw = assemble(message, self._signer)
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
        self._answered_at = time.monotonic()
        if refused is not None:
            if refused[1].code == _CLOSING:
                self._hang_up()
            return self._refused(*refused, recipient)
        return self._body(connection, raw, recipient)

    def hand_over_many(
        self, messages: Iterable[OutgoingMessage]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Mail transactions, one behind the other without waiting where the server allows it."""
        waiting: deque[_UnderWay] = deque()
        try:
            for message in messages:
                if not waiting:
                    self._wake()
                connection = self._connected()
                if self._can_follow(connection):
                    yield from self._follow(connection, message, waiting)
                else:
                    yield from super().hand_over_many([message])
            if self._connection is not None:
                yield from self._answers(self._connection, waiting, leave=0)
        finally:
            if waiting:
                # Somebody lost interest: the answers that come must not be taken for others.
                self._hang_up()

    def _follow(
        self, connection: SmtpConnection, message: OutgoingMessage, waiting: deque[_UnderWay]
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Send a message behind those under way, and read what is answered by then."""
        try:
            chunk, recipient = self._chunk(message), wire_address(message.to)
        except Unmailable as error:
            yield message, unmailable(error)
            return
        if len(chunk) > _size_limit(connection):
            yield message, Receipt(outcome="failed", reason="too_large")
            return
        try:
            connection.write(chunk)
        except ConnectionLost:
            # Its last byte is still here, so nobody has it whole.
            yield from self._answers(connection, waiting, leave=0)
            self._hang_up()
            yield message, _lost("connection_lost")
            return
        waiting.append(_UnderWay(message=message, recipient=recipient))
        ahead = _under_way(connection) - 1 if self._chunks_taken else 0
        yield from self._answers(connection, waiting, leave=ahead)

    def _wake(self) -> None:
        """Find out whether a connection that was idle still stands, before anything leaves."""
        if self._connection is None or time.monotonic() - self._answered_at < _IDLE_SECONDS:
            return
        try:
            alive = self._connection.command("RSET").ok
        except ConnectionLost:
            alive = False
        if not alive:
            self._hang_up()

    def _can_follow(self, connection: SmtpConnection) -> bool:
        return self._chunking and {"CHUNKING", "PIPELINING"} <= connection.extensions.keys()

    def _chunk(self, message: OutgoingMessage) -> bytes:
        """A whole transaction; the RSET ends one before it that was refused halfway."""
        sender = wire_address(self.settings.envelope_from or message.from_email)
        raw = assemble(message, self._signer)
        envelope = (
            f"RSET\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{wire_address(message.to)}>\r\n"
            f"BDAT {len(raw)} LAST\r\n"
        )
        return envelope.encode("ascii") + raw

    def _answers(
        self, connection: SmtpConnection, waiting: deque[_UnderWay], *, leave: int
    ) -> Iterator[tuple[OutgoingMessage, Receipt]]:
        """Read the answers to what is under way, oldest first, until only so many are left."""
        refusal: ProviderError | None = None
        closing = lost = False
        while len(waiting) > leave or (waiting and (refusal or closing or lost)):
            one = waiting.popleft()
            replies, lost = ({}, True) if lost else _replies(connection)
            self._answered_at = time.monotonic()
            closing = closing or any(reply.code == _CLOSING for reply in replies.values())
            try:
                yield one.message, self._answer(replies, one.recipient, closing=closing)
            except ProviderError as error:
                refusal = error
        if closing or lost:
            self._hang_up()
        if refusal is not None:
            raise refusal

    def _answer(self, replies: dict[str, Reply], recipient: str, *, closing: bool) -> Receipt:
        """What the replies to one transaction mean for its message."""
        taken = replies.get("data")
        if taken is not None and taken.ok:
            self._chunks_taken = True
            return self._judged(taken, "data", recipient)
        # What was refused first is the reason; the rest follows from it.
        for stage, reply in replies.items():
            if stage == "data" and reply.code in _UNKNOWN_COMMAND and not self._chunks_taken:
                # It offers what it cannot do; what stood behind the command made no sense to it.
                self._chunking = False
                self._hang_up()
                return _lost("no_chunking")
            if not reply.ok:
                return self._refused(stage, reply, recipient)
        if closing:
            # A server that has said 421 reads nothing that stands behind (RFC 5321, 3.8).
            return _lost("connection_lost")
        return Receipt(outcome="ambiguous", reason="no_answer")

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
        if reply.code == _CLOSING:
            self._hang_up()
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
        elif refused[1].code != _CLOSING:
            connection.command("RSET")
    return refused


def _replies(connection: SmtpConnection) -> tuple[dict[str, Reply], bool]:
    """The replies to one transaction by stage, and whether the connection broke before the last."""
    replies: dict[str, Reply] = {}
    try:
        for stage in _STAGES:
            replies[stage] = connection.reply()
    except ConnectionLost:
        return replies, True
    return replies, False


def _under_way(connection: SmtpConnection) -> int:
    """How many messages may be under way at once: few where the server is near."""
    return min(2 + round(connection.round_trip_seconds / _SECONDS_PER_MESSAGE), _MAX_UNDER_WAY)


def _lost(reason: str) -> Receipt:
    return Receipt(outcome="deferred", reason=reason, retry_seconds=_RECONNECT_SECONDS)


def _size_limit(connection: SmtpConnection) -> float:
    stated = connection.extensions.get("SIZE", "")
    return int(stated) if stated.isdigit() and int(stated) > 0 else float("inf")


def _address_is_dead(reply: Reply, stage: str) -> bool:
    """Only what is about the address for good; full mailboxes and policies pass."""
    found = classify(reply.text, code=reply.code, status=reply.enhanced, stage=stage)
    if found.rule.startswith("code:"):
        # No word and no status to go by: a server that refuses the recipient means them.
        return stage == "rcpt" and reply.code in (550, 551, 553)
    return found.kind == "hard"
