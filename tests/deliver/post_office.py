"""Workspaces with people who may be mailed, and real mail servers."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from vocative.clock import to_micros
from vocative.deliver import ledger
from vocative.deliver.ledger import Claim, PlannedMessage
from vocative.deliver.message import OutgoingMessage
from vocative.ids import person_id_for
from vocative.privacy import consent
from vocative.workspace import Workspace

CAMPAIGN, RUN = "autumn", "1"


class Mailbox:
    """What a mail server has taken, and how it is told to answer.

    `answers` maps a recipient to a reply for RCPT, `verdicts` to a reply after the body.
    """

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.answers: dict[str, str] = {}
        self.verdicts: dict[str, str] = {}
        self.port = 0

    def of(self, message_id: str) -> list[bytes]:
        mark = f"Message-ID: <{message_id}@".encode()
        return [raw for _, raw in self.mails if mark in raw]

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.mails]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 2.1.5 fine")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        [recipient] = envelope.rcpt_tos
        verdict = self.verdicts.get(recipient, "250 2.0.0 taken")
        if verdict.startswith("250"):
            self.mails.append((recipient, envelope.original_content))
        return verdict


class Loop:
    """An event loop in a thread, and a server on a free port in it."""

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], Awaitable[asyncio.Server]]):
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(make(self._loop))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and end every conversation."""

        async def end() -> None:
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.01)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join()
        self._loop.close()


class Server(Loop):
    """aiosmtpd in front of a mailbox; `port` may be given to come back at the same one."""

    def __init__(self, box: "Mailbox", *, port: int = 0, **options: Any) -> None:
        implicit_tls = options.pop("ssl_context", None)

        async def make(loop: asyncio.AbstractEventLoop) -> asyncio.Server:
            return await loop.create_server(
                lambda: SMTP(box, loop=loop, **options), "127.0.0.1", port, ssl=implicit_tls
            )

        super().__init__(make)


class Script(Loop):
    """A mail server that says exactly what it is told, over one connection after the other.

    Each conversation is a list of steps: text is sent, `None` reads a command line, and `"body"`
    reads a message up to its final dot. At the end it hangs up.
    """

    def __init__(self, *conversations: list[str | None]) -> None:
        self.heard: list[bytes] = []
        self._conversations = list(conversations)
        super().__init__(lambda _: asyncio.start_server(self._talk, "127.0.0.1", 0))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        steps = self._conversations.pop(0) if self._conversations else []
        with contextlib.suppress(OSError, EOFError):
            try:
                await self._follow(steps, reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    async def _follow(
        self,
        steps: list[str | None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        for step in steps:
            if step is None:
                self.heard.append(await reader.readline())
            elif step == "body":
                self.heard.append(await reader.readuntil(b"\r\n.\r\n"))
            else:
                writer.write(step.encode() + b"\r\n")
                await writer.drain()


def set_channels(workspace: Workspace, text: str) -> None:
    """Write `channels:` into the workspace's settings and read them again."""
    from vocative.workspace.settings import read_settings

    path = workspace.root / "vocative.yaml"
    kept = path.read_text().partition("channels:")[0]
    path.write_text(f"{kept}channels: {text}\n")
    workspace.settings = read_settings(workspace.root)


def set_settings(workspace: Workspace, **changes: object) -> None:
    workspace.settings = msgspec.structs.replace(workspace.settings, **changes)


def add_people(workspace: Workspace, number: int, *, start: int = 0) -> dict[str, str]:
    """People who consented to marketing; person ids by address."""
    now = workspace.clock.now()
    addresses = {}
    for index in range(start, start + number):
        address = f"person{index}@people.example"
        addresses[address] = person_id_for(workspace.key.lookup, "email", address)
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
            " VALUES (:person_id, :at, :at, '{}')",
            [{"person_id": one, "at": to_micros(now)} for one in addresses.values()],
        )
        workspace.vault.put_many(
            tx, {one: {"email": address} for address, one in addresses.items()}
        )
        consent.record(
            tx,
            [
                consent.Consent(
                    person_id=one, purpose="marketing", channel="email", status="given", at=now,
                    source="test",
                )
                for one in addresses.values()
            ],
        )  # fmt: skip
    return addresses


def plan(
    workspace: Workspace, people: list[str] | dict[str, str], campaign: str = CAMPAIGN
) -> None:
    """Plan one message each."""
    ids = list(people.values()) if isinstance(people, dict) else people
    with workspace.store.transaction() as tx:
        ledger.plan(
            tx,
            [
                PlannedMessage(
                    campaign=campaign, occurrence=RUN, person_id=one, channel="email",
                    purpose="marketing", arm="a",
                )
                for one in ids
            ],
            at=workspace.clock.now(),
        )  # fmt: skip


def compose(claims: list[Claim]) -> list[OutgoingMessage]:
    """A small real mail for everybody."""
    return [
        OutgoingMessage(
            message_id=claim.message_id,
            subject="Hello",
            html=f"<p>Hello {claim.personal['email'].partition('@')[0]}</p>",
            text="Hello",
            from_email="hello@shop.example",
            from_name="The Shop",
            unsubscribe_url="http://127.0.0.1:8750/u/token",
            decision={"branches": ["greeting"]},
        )
        for claim in claims
    ]


def states(workspace: Workspace, campaign: str = CAMPAIGN) -> dict[str, int]:
    """How many messages are in each state, as `state` or `state: reason`."""
    with workspace.store.read() as tx:
        found = ledger.counts(tx, campaign=campaign, occurrence=RUN)
    return {
        count.state + (f": {count.reason}" if count.reason else ""): count.messages
        for count in found
    }
