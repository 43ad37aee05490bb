"""What all channels over HTTP have in common: one request per message, and what its answer means.

Three things may happen to a request, and they must not be mixed up. It never left: `ChannelDown`,
and the message waits. It was answered: the answer decides. It left, at least in part, and no
answer came: the message is ambiguous, unless the receiver is known to take the same message once
only (`is_idempotent`). A provider's gateway that answers in its place (502, 504) knows no more
than we do.
"""

import re
import ssl
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from vocative import __version__
from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.message import Outcome, OutgoingMessage, Receipt
from vocative.deliver.smtp_connection import without_addresses
from vocative.errors import AuthorError, ProviderError

if TYPE_CHECKING:
    import httpx2

Timeout = Annotated[float, Meta(gt=0, le=600)]
Connections = Annotated[int, Meta(ge=1, le=50)]
Text = Annotated[str, Meta(min_length=1)]

MESSAGE_ID = "vocative_message_id"
"""Under this name providers keep a message's id and tell it with what became of it."""
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 4.0
"""Shorter than servers keep idle connections: one that they close at the moment of writing would
leave a message ambiguous for nothing."""
_MOST_BYTES = 65_536
_MOST_WORDS = 2_000
_MOST_UNSURE = 3
"""So many messages in a row without an answer are enough to see that something is broken."""
_LONGEST_WAIT_SECONDS = 86_400.0
_NUMBER = re.compile(r"\+?\d[\d ()./-]{5,}\d")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One POST; the address is the channel's base address with `path` behind it, or a whole one."""

    path: str
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the provider answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class HttpChannel(Channel):
    """A provider that takes each message in a request of its own."""

    capabilities = frozenset({"parallel"})
    is_idempotent: ClassVar[bool] = False
    """Whether the same message handed over twice is certainly carried once."""
    locks_out: ClassVar[frozenset[int]] = frozenset({401, 402, 403})
    """Answers that say no to everything."""

    def __init__(self, settings: Any, *, state_dir: Path) -> None:
        super().__init__(settings, state_dir=state_dir)
        self._client: httpx2.Client | None = None
        self._unsure = 0

    @property
    def name(self) -> str:
        """The channel's name, as settings and reasons have it."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def base_url(self) -> str:
        """Where requests go; without a slash at its end."""

    @abstractmethod
    def request(self, message: OutgoingMessage) -> Request:
        """The request that carries a message.

        Raises:
            Unmailable: the message itself cannot be carried.
            ProviderError: the provider does not let us in.
        """

    @abstractmethod
    def refused(self, answer: Answer, message: OutgoingMessage) -> Receipt:
        """What an answer means that says no because of the message (a 4xx).

        Raises:
            ProviderError: it says no to everything.
        """

    def open(self) -> None:
        """Get ready; nothing is asked of the provider yet."""
        import httpx2

        self.close()
        base_url = self.base_url()
        if base_url:
            self.check_address(base_url)
        self._client = httpx2.Client(
            headers={"user-agent": f"Vocative/{__version__}", "accept": "application/json"},
            timeout=httpx2.Timeout(
                self.settings.timeout_seconds,
                connect=min(_CONNECT_SECONDS, self.settings.timeout_seconds),
            ),
            limits=httpx2.Limits(keepalive_expiry=_IDLE_SECONDS),
            follow_redirects=False,
            verify=_trusted(),
        )
        self._unsure = 0

    def check_address(self, address: str) -> None:
        """Refuse addresses to which secrets and people's data would go unencrypted.

        Raises:
            AuthorError: it is no https:// address, nor on this machine.
        """
        if re.match(r"https://[^/@\s]+", address):
            return
        if re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", address):
            return
        raise AuthorError(
            f"channels.{self.name}: the address must start with https://",
            where="vocative.yaml",
            hint="plain http:// is taken for this machine only",
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """One request."""
        if self._unsure >= _MOST_UNSURE:
            self._unsure = 0
            raise ProviderError(
                f"{_MOST_UNSURE} messages in a row were handed over and never answered for",
                where=f"channels.{self.name}",
                hint="see whether the provider is in order, and what it has of the ambiguous"
                " messages; everything else waits, run it again to go on",
            )
        if self._client is None:
            self.open()
        receipt = self._receipt(self._exchange(self.request(message)), message)
        self._unsure = self._unsure + 1 if receipt.outcome == "ambiguous" else 0
        return receipt

    def _exchange(self, request: Request) -> Answer | None:
        """The answer; None when none came although the request may have arrived.

        What the library raises is not chained: it holds the request, and with it credentials.
        """
        import httpx2

        assert self._client is not None  # noqa: S101  # hand_over opens it
        address = request.path
        if not address.startswith(("http://", "https://")):
            address = self.base_url() + address
        try:
            with self._client.stream(
                "POST", address, content=request.content, headers=request.headers
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                body = _beginning(response)
                return Answer(status=response.status_code, headers=headers, body=body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError):
            raise ChannelDown(
                f"{self.name} cannot be reached",
                where=f"channels.{self.name}",
                hint="see whether this machine has a connection; nothing is lost, run it again",
            ) from None
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, httpx2.InvalidURL):
            raise ProviderError(
                f"{self.name} cannot be asked: an address or a secret holds a character that no"
                " request can have",
                where=f"channels.{self.name}",
                hint="look for line breaks and spaces in the secret",
            ) from None
        except httpx2.TransportError:
            return None

    def _receipt(self, answer: Answer | None, message: OutgoingMessage) -> Receipt:
        if answer is None or answer.status in (502, 504):
            reason = "no_answer" if answer is None else f"{self.name}_{answer.status}"
            return Receipt(outcome="deferred" if self.is_idempotent else "ambiguous", reason=reason)
        if 200 <= answer.status < 300:
            return self.accepted(answer, message)
        if answer.status in (408, 425, 429) or answer.status >= 500:
            return Receipt(
                outcome="deferred",
                reason=f"{self.name}_{answer.status}",
                reply=self.words(answer, message),
                retry_seconds=retry_after_seconds(answer.headers),
            )
        if answer.status == 413:
            return Receipt(outcome="failed", reason="too_large")
        if answer.status in self.locks_out or 300 <= answer.status < 400:
            raise self.locked_out(answer, message)
        return self.refused(answer, message)

    def accepted(self, answer: Answer, message: OutgoingMessage) -> Receipt:  # noqa: ARG002
        """What a 2xx means."""
        return Receipt(outcome="accepted", reply=f"{answer.status}")

    def locked_out(self, answer: Answer, message: OutgoingMessage) -> ProviderError:
        """The provider says no to everything: credentials, account, sender."""
        return ProviderError(
            f"{self.name} refuses us ({self.words(answer, message)})",
            where=f"channels.{self.name} in vocative.yaml",
            hint="check the credentials and whether sender.email may be used there;"
            " nothing is lost, run it again",
        )

    def says_no(
        self,
        answer: Answer,
        message: OutgoingMessage,
        code: object,
        outcome: Outcome = "failed",
        *,
        address_is_dead: bool = False,
    ) -> Receipt:
        """A receipt with the provider's own code as its reason."""
        return Receipt(
            outcome=outcome,
            reason=f"{self.name}_{code}",
            reply=self.words(answer, message),
            address_is_dead=address_is_dead,
        )

    def words(self, answer: Answer, message: OutgoingMessage) -> str:
        """What the provider said, without addresses, numbers and tokens of people."""
        said = " ".join(_texts(answer.json())) or answer.body.decode("utf-8", "replace")
        if len(message.to) > 2:
            said = said.replace(message.to, "…")
        # Far more than is kept: patterns take long over long texts, whoever wrote them.
        said = said[:_MOST_WORDS]
        plain = without_addresses(_NUMBER.sub("…", said), recipient=message.to)
        return f"{answer.status} {plain}".strip()[:300]


def headers_of(raw: bytes) -> list[tuple[str, str]]:
    """The headers of an assembled mail, unfolded, that a provider does not write itself."""
    head = raw.partition(b"\r\n\r\n")[0]
    parsed = BytesHeaderParser(policy=compat32).parsebytes(head + b"\r\n\r\n")
    return [
        (name, re.sub(r"\r?\n[ \t]+", " ", str(value)))
        for name, value in parsed.items()
        if name.lower() not in _OF_THE_PROVIDER
    ]


_OF_THE_PROVIDER = frozenset(
    "from to subject date reply-to mime-version content-type content-transfer-encoding"
    " dkim-signature".split()
)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long `Retry-After` asks to wait, a day at most; None when it does not say.

    >>> retry_after_seconds({"retry-after": "30"}), retry_after_seconds({"retry-after": "soon"})
    (30.0, None)
    """
    stated = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", stated):
        return min(float(stated), _LONGEST_WAIT_SECONDS)
    try:
        at = parsedate_to_datetime(stated)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - _now()).total_seconds(), 0.0), _LONGEST_WAIT_SECONDS)


def _now() -> datetime:
    from vocative.clock import SystemClock

    return SystemClock().now()


def _beginning(response: "httpx2.Response") -> bytes:
    """As much of the body as says something; the status is known and counts in any case."""
    import httpx2

    found = b""
    try:
        for part in response.iter_bytes():
            found += part
            if len(found) > _MOST_BYTES:
                break
    except (httpx2.TransportError, httpx2.DecodingError):
        pass
    return found[:_MOST_BYTES]


def _texts(said: Any) -> Iterable[str]:
    """Every text and number in a JSON answer, in order."""
    if isinstance(said, dict):
        said = list(said.values())
    if isinstance(said, list):
        for part in said:
            yield from _texts(part)
    elif isinstance(said, str | int | float) and not isinstance(said, bool):
        yield str(said)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
