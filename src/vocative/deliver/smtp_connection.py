"""One conversation with a mail server, as RFC 5321 has it: bytes out, replies in.

It connects, secures, logs in and exchanges commands. What a reply means for a message is decided
in `channels/smtp.py`. Refused: a password over an open connection, and a server that is not the
one its certificate names.
"""

import contextlib
import ipaddress
import re
import socket
import ssl
import time
from base64 import b64encode
from dataclasses import dataclass, field

from vocative.errors import ProviderError, Retryable

_PLACE = "channels.smtp in vocative.yaml"
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_MAX_LINE = 4_096
_MAX_LINES = 200


class ServerAway(ProviderError, Retryable):
    """The mail server cannot be reached or hangs up before anything is said."""


class ConnectionLost(Exception):  # an internal signal, not an error for users
    """The conversation broke off."""


@dataclass(frozen=True)
class Reply:
    """One reply: code, text of all its lines, and the enhanced status code if it has one."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """For example `5.1.1`, as RFC 3463 has it."""
        found = _ENHANCED.match(self.text)
        return found.group(1) if found else None

    @property
    def ok(self) -> bool:
        """Whether the server agreed."""
        return 200 <= self.code < 400


@dataclass(kw_only=True)
class SmtpConnection:
    """A connected, secured and logged-in conversation."""

    host: str
    port: int
    security: str
    timeout_seconds: float
    username: str | None = None
    password: str | None = None
    helo: str | None = None
    ca_file: str | None = None
    extensions: dict[str, str] = field(default_factory=dict)
    round_trip_seconds: float = 0.0
    """How long the server took for the latest greeting."""

    def connect(self) -> None:
        """Reach the server and get ready for mail.

        Raises:
            ServerAway: it cannot be reached now.
            ProviderError: it can, and does not want us.
        """
        try:
            self._socket: socket.socket = socket.create_connection(
                (self.host, self.port), timeout=self.timeout_seconds
            )
        except OSError as error:
            raise self._unreachable(error) from error
        try:
            self._greet()
        except ConnectionLost as error:
            self.close()
            raise ServerAway(
                f"the mail server at {self.host}:{self.port} hung up before it took any mail",
                where=_PLACE,
                hint="check the port and `security` (starttls, tls or none)",
            ) from error
        except ssl.SSLError as error:
            self.close()
            raise self._insecure(error) from error
        except BaseException:
            self.close()
            raise

    def _greet(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.security == "tls":
            self._secure()
        self._file = self._socket.makefile("rb")
        self._expect(self.reply(), "greets us with a refusal")
        self._hello()
        if self.security == "starttls":
            if "STARTTLS" not in self.extensions:
                raise ProviderError(
                    f"the mail server at {self.host}:{self.port} offers no encryption",
                    where=_PLACE,
                    hint="use `security: tls` with port 465, or `security: none` on this machine",
                )
            self._expect(self.command("STARTTLS"), "refuses to encrypt")
            # Anything that came in the clear behind the reply is dropped with the old reader.
            self._file.close()
            self._secure()
            self._file = self._socket.makefile("rb")
            self._hello()
        if self.username is not None:
            self._log_in(self.username, self.password or "")

    def _secure(self) -> None:
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self.host)
        except ssl.SSLError:
            raise
        except OSError as error:
            raise ConnectionLost from error

    def _hello(self) -> None:
        began = time.monotonic()
        reply = self.command(f"EHLO {self._own_name()}")
        self.round_trip_seconds = time.monotonic() - began
        if not reply.ok:
            reply = self.command(f"HELO {self._own_name()}")
        self._expect(reply, "refuses our greeting")
        lines = reply.text.splitlines()[1:]
        self.extensions = {
            word.upper(): rest.upper() for word, _, rest in (line.partition(" ") for line in lines)
        }

    def _own_name(self) -> str:
        if self.helo:
            return self.helo
        name = socket.gethostname()
        if "." in name and re.fullmatch(r"[A-Za-z0-9.-]+", name):
            return name
        address = self._socket.getsockname()[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _log_in(self, username: str, password: str) -> None:
        if self.security == "none" and not _is_loopback(self.host):
            raise ProviderError(
                "channels.smtp would send its password over an open connection",
                where=_PLACE,
                hint="use `security: starttls` or `security: tls`",
            )
        offered = self.extensions.get("AUTH", "").split()
        if "PLAIN" in offered:
            token = b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
            reply = self.command(f"AUTH PLAIN {token}")
        elif "LOGIN" in offered:
            self.command("AUTH LOGIN")
            self.command(b64encode(username.encode()).decode("ascii"))
            reply = self.command(b64encode(password.encode()).decode("ascii"))
        else:
            raise ProviderError(
                f"the mail server at {self.host}:{self.port} offers no log-in we know",
                where=_PLACE,
                hint="it must offer AUTH PLAIN or AUTH LOGIN; or leave out username and password",
            )
        if not reply.ok:
            problem = ServerAway if 400 <= reply.code < 500 else ProviderError
            raise problem(
                f"the mail server at {self.host}:{self.port} refuses our log-in"
                f" ({reply.code} {reply.enhanced or ''})".replace(" )", ")"),
                where=_PLACE,
                hint="check channels.smtp.username and channels.smtp.password",
            )

    def _expect(self, reply: Reply, complaint: str) -> None:
        if reply.ok:
            return
        problem = ServerAway if 400 <= reply.code < 500 else ProviderError
        raise problem(
            f"the mail server at {self.host}:{self.port} {complaint}"
            f" ({reply.code} {without_addresses(reply.text)})",
            where=_PLACE,
        )

    def command(self, line: str) -> Reply:
        """Send one command and wait for its reply.

        Raises:
            ConnectionLost: the conversation broke off.
        """
        self.write(line.encode("ascii") + b"\r\n")
        return self.reply()

    def write(self, data: bytes) -> None:
        """Send bytes; when it fails, the last of them has not left.

        Raises:
            ConnectionLost: the conversation broke off.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost from error

    def reply(self) -> Reply:
        """Wait for the next reply.

        Raises:
            ConnectionLost: none came, or what came is no SMTP.
        """
        lines: list[str] = []
        while True:
            try:
                raw = self._file.readline(_MAX_LINE)
            except (OSError, ValueError) as error:
                raise ConnectionLost from error
            code, divider = raw[:3], raw[3:4]
            if not (raw.endswith(b"\n") and code.isdigit()) or len(lines) > _MAX_LINES:
                raise ConnectionLost
            lines.append(raw[4:].decode("utf-8", "replace").strip())
            if divider != b"-":
                return Reply(code=int(code), text="\n".join(lines))

    def close(self) -> None:
        """Hang up at once."""
        with contextlib.suppress(AttributeError, OSError):
            self._file.close()
        with contextlib.suppress(AttributeError, OSError):
            self._socket.close()

    def quit(self) -> None:
        """Take leave, then hang up."""
        with contextlib.suppress(ConnectionLost, AttributeError):
            self._socket.settimeout(min(2.0, self.timeout_seconds))
            self.command("QUIT")
        self.close()

    def _unreachable(self, error: OSError) -> ServerAway:
        if isinstance(error, socket.gaierror):
            said = f"there is no mail server called {self.host}"
            hint = "check channels.smtp.host"
        elif isinstance(error, TimeoutError):
            said = f"the mail server at {self.host}:{self.port} does not answer"
            hint = "check channels.smtp.host and port, and whether a firewall is in the way"
        else:
            reason = error.strerror or type(error).__name__
            said = f"the mail server at {self.host}:{self.port} cannot be reached: {reason}"
            hint = "start it, or check channels.smtp.host and port"
        return ServerAway(said, where=_PLACE, hint=f"{hint}; nothing is lost, run it again")

    def _insecure(self, error: ssl.SSLError) -> ProviderError:
        reason = getattr(error, "verify_message", "") or error.reason or "no common language"
        return ProviderError(
            f"no safe connection to the mail server at {self.host}:{self.port}: {reason}",
            where=_PLACE,
            hint="check `security`; for a certificate of your own set channels.smtp.ca_file",
        )


_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


def without_addresses(text: str, *, recipient: str | None = None) -> str:
    """A provider's words as one line of at most 300 characters, with every address blotted out.

    >>> without_addresses("5.1.1 <ana@example.com>: no such user", recipient="ana@example.com")
    '5.1.1 <…>: no such user'
    """
    plain = _ADDRESS.sub("…", " ".join(text.split()))
    local = (recipient or "").rpartition("@")[0]
    if len(local) > 2:
        plain = re.sub(re.escape(local), "…", plain, flags=re.IGNORECASE)
    return plain[:300]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
