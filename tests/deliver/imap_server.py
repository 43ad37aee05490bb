"""A small IMAP server with one mailbox, enough of RFC 9051 for `imaplib` to read and mark mails."""

import re
import socketserver
import threading


class ImapServer:
    """One user, one folder, mails by their uid."""

    def __init__(self, *, password: str = "secret") -> None:
        self.password = password
        self.mails: dict[int, bytes] = {}
        self.flags: dict[int, set[str]] = {}
        self.copies: dict[str, list[int]] = {}
        self.hang_up_at: str | None = None
        """A command at which the connection breaks."""
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def put(self, raw: bytes) -> int:
        """Let a mail arrive."""
        uid = len(self.flags) + 1
        self.mails[uid], self.flags[uid] = raw, set()
        return uid

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"* OK ready\r\n")
                for line in self.rfile:
                    tag, _, rest = line.decode().strip().partition(" ")
                    word = rest.split(" ")[1 if rest.upper().startswith("UID ") else 0].upper()
                    if word == box.hang_up_at:
                        return
                    self.wfile.write(
                        box.answer(word, rest)
                        + f"{box.status(word, rest)}".encode().replace(b"TAG", tag.encode())
                    )
                    if word == "LOGOUT":
                        return

        return Handler

    def status(self, word: str, rest: str) -> str:
        if word == "LOGIN" and f'"{self.password}"' not in rest:
            return "TAG NO wrong\r\n"
        return "TAG OK done\r\n"

    def answer(self, word: str, rest: str) -> bytes:
        """Untagged answers."""
        if word == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if word == "SELECT":
            return f"* {len(self.mails)} EXISTS\r\n".encode()
        if word == "SEARCH":
            found = [
                uid for uid in sorted(self.mails)
                if not self.flags[uid] & {"\\Seen", "VocativeSeen"}
            ]  # fmt: skip
            return f"* SEARCH {' '.join(map(str, found))}\r\n".encode()
        uid = int((re.search(r"(?:FETCH|STORE|COPY|EXPUNGE) (\d+)", rest) or [0, 0])[1])
        if word == "FETCH":
            raw = self.mails[uid]
            return b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (uid, len(raw), raw)
        if word == "STORE":
            self.flags[uid] |= set(re.findall(r"\(([^)]*)\)", rest)[0].split())
        if word == "COPY":
            folder = rest.rpartition(" ")[2].strip('"')
            self.copies.setdefault(folder, []).append(uid)
        if word == "EXPUNGE":
            del self.mails[uid]
        return b""
