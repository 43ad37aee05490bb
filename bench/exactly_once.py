"""Is everybody mailed once when the sending process is killed again and again?

A campaign is planned for synthetic people. A process sends it over SMTP to a server that counts;
it is killed with SIGKILL at random moments and started again, and at last left to finish. Ledger,
permits, vault, SMTP and the kills are real. The sending process is forked from one that has its
modules loaded already, so that time goes into sending, not into imports.

    python bench/exactly_once.py [PEOPLE]
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

PEOPLE = 5_000
KILLS = 50
CAMPAIGN, OCCURRENCE = "autumn", "2026-09-01"
ORDER = b"send\n"


class CountingServer(asyncio.Protocol):
    """A mail server that counts, per recipient, the messages it has taken responsibility for."""

    received: Counter[str]
    reached: threading.Event
    target: int

    def __init__(self) -> None:
        self._buffer = b""
        self._in_data = False
        self._recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 counting server\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer everything that is complete."""
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        """Handle one command or one message; False when more bytes are needed."""
        if self._in_data:
            _, found, rest = self._buffer.partition(b"\r\n.\r\n")
            if not found:
                return False
            self._buffer, self._in_data = rest, False
            # Counted at the final dot: from here on the server is responsible for the message.
            self.received[self._recipient] += 1
            if self.received.total() >= self.target:
                self.reached.set()
            self._transport.write(b"250 2.0.0 taken\r\n")
            return True
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        self._transport.write(self._answer(line.decode("ascii")))
        return True

    def _answer(self, line: str) -> bytes:
        verb = line[:4].upper()
        if verb == "EHLO":
            return b"250-counting\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n"
        if verb == "RCPT":
            self._recipient = line[line.index("<") + 1 : line.rindex(">")]
        if verb == "DATA":
            self._in_data = True
            return b"354 go on\r\n"
        if verb == "QUIT":
            self._transport.close()
        return b"250 2.1.0 fine\r\n"


class Server:
    """The counting server in a thread of its own."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.reached = threading.Event()
        self.handler = type(
            "Handler",
            (CountingServer,),
            {"received": self.received, "reached": self.reached, "target": sys.maxsize},
        )
        self._loop = asyncio.new_event_loop()
        serving = self._loop.create_server(self.handler, "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(serving)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def aim(self, messages: int) -> None:
        """Let `reached` be set after so many more messages."""
        self.reached.clear()
        self.handler.target = self.received.total() + messages  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop serving, after what was sent already has been counted."""
        time.sleep(0.2)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.close()


def prepare(root: Path, *, people: int, port: int) -> dict[str, str]:
    """A workspace with people who consented, and a planned campaign; person ids by address."""
    from vocative.clock import to_micros
    from vocative.deliver import ledger
    from vocative.ids import person_id_for
    from vocative.privacy import consent
    from vocative.workspace import Workspace, prepare_state

    (root / "vocative.yaml").write_text(
        "workspace: bench\n"
        "sender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street, London\n"
        f"channels: {{smtp: {{host: 127.0.0.1, port: {port}, security: none}}}}\n",
        encoding="utf-8",
    )
    prepare_state(root)
    with Workspace(root) as workspace:
        now = workspace.clock.now()
        addresses = {f"person{number}@people.example": "" for number in range(people)}
        for address in addresses:
            addresses[address] = person_id_for(workspace.key.lookup, "email", address)
        with workspace.store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                " VALUES (:person_id, :at, :at, '{}')",
                [{"person_id": one, "at": to_micros(now)} for one in addresses.values()],
            )
            fields = {
                one: {"email": address, "first_name": f"Name {number}"}
                for number, (address, one) in enumerate(addresses.items())
            }
            workspace.vault.put_many(tx, fields)
            given = [
                consent.Consent(
                    person_id=one, purpose="marketing", channel="email", status="given",
                    at=now, source="bench",
                )
                for one in addresses.values()
            ]  # fmt: skip
            consent.record(tx, given)
            planned = [
                ledger.PlannedMessage(
                    campaign=CAMPAIGN, occurrence=OCCURRENCE, person_id=one, channel="email",
                    purpose="marketing", arm="a",
                )
                for one in addresses.values()
            ]  # fmt: skip
            ledger.plan(tx, planned, at=now)
    return addresses


def send(root: Path) -> None:
    """What the process that is killed does: send what is left of the campaign."""
    from vocative.deliver.channels import channel_for
    from vocative.deliver.ledger import Claim
    from vocative.deliver.message import OutgoingMessage
    from vocative.deliver.sender import deliver
    from vocative.workspace import Workspace

    def compose(claims: list[Claim]) -> list[OutgoingMessage]:
        return [
            OutgoingMessage(
                message_id=claim.message_id,
                subject=f"{claim.personal['first_name']}, your autumn offers",
                html=f"<p>Dear {claim.personal['first_name']},</p>\n" + "<p>An offer</p>\n" * 300,
                text=f"Dear {claim.personal['first_name']},\n" + "An offer\n" * 300,
                from_email="hello@shop.example",
                from_name="The Shop",
                unsubscribe_url="http://127.0.0.1:8750/u/example",
            )
            for claim in claims
        ]

    with Workspace(root) as workspace:
        deliver(workspace, CAMPAIGN, OCCURRENCE, compose, channel_for(workspace, "smtp"))


def nursery(root: Path) -> None:
    """Fork a sending process for every order on stdin; print its pid, then how it ended."""
    import vocative.deliver.channels.smtp
    import vocative.deliver.sender
    import vocative.workspace  # noqa: F401

    for _ in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            status = 1
            with contextlib.suppress(KeyboardInterrupt):
                send(root)
                status = 0
            os._exit(status)
        print(child, flush=True)
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


class Sender:
    """The sending process, again and again."""

    def __init__(self, root: Path) -> None:
        self._nursery = subprocess.Popen(
            [sys.executable, __file__, "--nursery", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._orders: IO[bytes] = self._nursery.stdin
        self._answers: IO[bytes] = self._nursery.stdout

    def start(self) -> int:
        """Start one; returns its pid."""
        self._orders.write(ORDER)
        self._orders.flush()
        return int(self._answers.readline())

    def ended(self) -> int:
        """Wait for it; returns its exit code, negative for a signal."""
        return int(self._answers.readline())

    def close(self) -> None:
        """No more orders."""
        self._orders.close()
        self._nursery.wait(timeout=10)
        self._answers.close()


def kill_at_random(server: Server, sender: Sender, rng: random.Random, *, share: float) -> bool:
    """Start a sender and kill it; False when it had finished before.

    Four kills of five come after a random number of messages (on average `share`) and a random
    fraction of a message; one comes at a random time after the start, often before any message.
    """
    server.aim(1 + int(rng.random() * 2 * share))
    pid = sender.start()
    if rng.random() < 0.8:
        server.reached.wait(timeout=20)
        time.sleep(rng.random() * 0.002)
    else:
        time.sleep(rng.random() * 0.2)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return sender.ended() == -signal.SIGKILL


Leases = set[tuple[str, int, str]]


def leases(root: Path) -> Leases:
    """What killed senders have left held: message, fence and state."""
    from vocative.stores import open_store

    with open_store(f"sqlite:///{root / '.vocative' / 'store.db'}") as store, store.read() as tx:
        rows = tx.tuples(
            "SELECT message_id, fence, state FROM messages"
            " WHERE state IN ('claimed', 'permitted', 'rendered', 'handed')"
        )
    return {(message_id, fence, state) for message_id, fence, state in rows}


def where_it_hit(before: Leases, after: Leases) -> str:
    """What the killed process was doing, as the ledger shows it."""
    own = {state for _, _, state in after - before}
    if after and after == before:
        return "before it had settled what the one before left"
    for state, words in (
        ("handed", "between hand-over and answer"),
        ("rendered", "between messages"),
        ("permitted", "while rendering"),
        ("claimed", "while asking for permits"),
    ):
        if state in own:
            return words
    return "while it held nothing"


def run(size: int | None = None) -> dict[str, Any]:
    """Send a campaign through kills, and count.

    Args:
        size: How many people; default 5,000.

    Returns:
        people, disturbances (kills that hit a living sender), missing (neither received nor
        listed as ambiguous), doubled (received more than once), ambiguous, accepted, seconds, and
        where the kills hit.
    """
    people = size or PEOPLE
    rng = random.Random(20_260_901)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder)
        server = Server()
        addresses = prepare(root, people=people, port=server.port)
        sender = Sender(root)
        kills, hits, before = 0, Counter[str](), leases(root)
        for turn in range(KILLS):
            left = people - len(server.received)
            if kill_at_random(server, sender, rng, share=left / (KILLS - turn + 2)):
                kills += 1
                after = leases(root)
                hits[where_it_hit(before, after)] += 1
                before = after
        server.aim(sys.maxsize)
        sender.start()
        finished = sender.ended()
        sender.close()
        server.close()
        result = verdict(root, addresses, server.received)
    if finished != 0:
        raise RuntimeError("the last sender failed; its error is above")
    return {
        "people": people,
        "disturbances": kills,
        **result,
        "seconds": round(time.monotonic() - started, 1),
        "kills_hit": dict(hits.most_common()),
    }


def verdict(root: Path, addresses: dict[str, str], received: Counter[str]) -> dict[str, int]:
    """Compare what the server counted with what the ledger says."""
    from vocative.stores import open_store

    with open_store(f"sqlite:///{root / '.vocative' / 'store.db'}") as store, store.read() as tx:
        states = dict(tx.tuples("SELECT person_id, state FROM messages"))
    return {
        "missing": sum(
            received[address] == 0 and states[person] != "ambiguous"
            for address, person in addresses.items()
        ),
        "doubled": sum(times > 1 for times in received.values()),
        "ambiguous": sum(state == "ambiguous" for state in states.values()),
        "ambiguous_but_received": sum(
            received[address] > 0 and states[person] == "ambiguous"
            for address, person in addresses.items()
        ),
        "accepted": sum(state == "accepted" for state in states.values()),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--nursery"]:
        nursery(Path(sys.argv[2]))
    else:
        print(json.dumps(run(int(sys.argv[1]) if sys.argv[1:] else None), indent=2))
