"""A mail server that takes everything and counts it, and a wire that is long.

    python bench/_sink.py            prints its port; answers a line on stdin with what it counted
    python bench/_sink.py PORT MS    prints a port that leads to PORT, each way MS milliseconds long

Both are processes of their own, so that what they cost is not counted as the sender's. Whoever
closes their stdin ends them.
"""

import contextlib
import json
import queue
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

_GREETING = b"220 sink\r\n"
_EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 SIZE 0\r\n"
_END = b"\r\n.\r\n"
_ANSWERS = {b"EHLO": _EXTENSIONS, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class Counted:
    """What one server has taken."""

    def __init__(self) -> None:
        self.recipients: Counter[bytes] = Counter()
        self.bytes = 0


class Conversation:
    """One conversation until the other side hangs up."""

    def __init__(self, connection: socket.socket, counted: Counted) -> None:
        self._connection, self._counted = connection, counted
        self._buffer = bytearray()
        self._searched = 0
        self._in_data, self._chunk, self._recipient = False, 0, b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        """Answer until there is nothing left to answer."""
        with contextlib.suppress(OSError):
            self._connection.sendall(_GREETING)
            while came := self._connection.recv(262_144):
                self._buffer += came
                answers = []
                while (answer := self._next()) is not None:
                    answers.append(answer)
                if answers:
                    self._connection.sendall(b"".join(answers))

    def _next(self) -> bytes | None:
        """The answer to the next complete thing; None when more bytes are needed."""
        if self._chunk:
            return self._taken(self._chunk, 0) if len(self._buffer) >= self._chunk else None
        if self._in_data:
            # Only what came since can complete the end.
            end = self._buffer.find(_END, self._searched)
            self._searched = max(len(self._buffer) - len(_END), 0)
            return None if end < 0 else self._taken(end, len(_END))
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return self._answer(line)

    def _taken(self, size: int, end: int) -> bytes:
        del self._buffer[: size + end]
        self._counted.bytes += size
        self._counted.recipients[self._recipient] += 1
        self._in_data, self._chunk, self._searched = False, 0, 0
        return b"250 2.0.0 taken\r\n"

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient = line[line.index(b"<") + 1 : line.rindex(b">")]
        elif verb == b"BDAT":
            self._chunk = int(line.split()[1])
            return b""
        elif verb == b"DATA":
            self._in_data = True
        return _ANSWERS.get(verb, b"250 2.1.0 fine\r\n")


def carry(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """Carry bytes one way, each `seconds` after it came."""
    waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = waiting.get()
                time.sleep(max(due - time.monotonic(), 0))
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)

    threading.Thread(target=deliver, daemon=True).start()
    with contextlib.suppress(OSError):
        while data := source.recv(262_144):
            waiting.put((time.monotonic() + seconds, data))
    waiting.put((time.monotonic() + seconds, b""))


def _serve_sink() -> None:
    counted = Counted()
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                connection, _ = server.accept()
                talk = Conversation(connection, counted).run
                threading.Thread(target=talk, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        for _ in sys.stdin:
            told = {
                "messages": counted.recipients.total(),
                "recipients": len(counted.recipients),
                "bytes": counted.bytes,
            }
            print(json.dumps(told), flush=True)
            counted.recipients.clear()
            counted.bytes = 0


def _serve_wire(port: int, milliseconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for ends in ((near, far), (far, near)):
                    threading.Thread(
                        target=carry, args=(*ends, milliseconds / 1000), daemon=True
                    ).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


class Peer:
    """One of the two in a process of its own.

    Args:
        arguments: None for the server, its port and the milliseconds for the wire.
    """

    def __init__(self, *arguments: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        self.port = int(self._answers.readline())

    def counted(self) -> dict[str, int]:
        """What came since it was asked last: messages, different recipients, bytes."""
        self._orders.write(b"\n")
        self._orders.flush()
        told: dict[str, int] = json.loads(self._answers.readline())
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._orders.close()
        self._process.wait(timeout=10)
        self._answers.close()


if __name__ == "__main__":
    if sys.argv[1:]:
        _serve_wire(int(sys.argv[1]), float(sys.argv[2]))
    else:
        _serve_sink()
