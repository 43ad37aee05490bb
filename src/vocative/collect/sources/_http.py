"""A paced and patient HTTP client for sources.

It keeps to a rate, waits as a `Retry-After` asks, tries again what may work later, and tells apart
what will not work (`SourceRefused`) from what does not work now (`SourceDown`). It speaks to one
host only: credentials go nowhere else, whatever a link or a redirection says.
"""

import base64
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from vocative import __version__
from vocative.clock import SystemClock
from vocative.collect.sources._words import words_of
from vocative.errors import AuthorError, DataError, ProviderError, Retryable

if TYPE_CHECKING:
    import ssl

    import httpx2

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""In a definition a reference to a secret, `env:NAME` or `file:PATH`: definitions stand in git,
secrets do not. In the options that a source is given the secret itself."""

MOST_BYTES = 64_000_000
"""Of one answer, unpacked."""
MOST_LINE_BYTES = 16_000_000
MOST_REDIRECTIONS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to go on with a request that does not work."""

    attempts: int = 4
    first_pause_seconds: float = 1.0
    """Before the second attempt; each further one waits twice as long, up to the longest."""
    longest_pause_seconds: float = 30.0
    """Whoever asks to wait longer is left alone until then: `SourceDown.wait_seconds`."""
    connect_seconds: float = 10.0
    silence_seconds: float = 60.0
    """How long nothing may come while an answer is awaited or read."""
    whole_seconds: float = 300.0
    """How long one answer may take to be read; of `lines` there is no such limit."""


class SourceDown(ProviderError, Retryable):
    """The source cannot be reached now, or asks to wait."""

    def __init__(self, message: str, *, wait_seconds: float | None = None, **told: Any) -> None:
        super().__init__(message, **told)
        self.wait_seconds = wait_seconds
        """How long it asked us to wait."""


class SourceRefused(ProviderError):
    """The source does not let us in, or does not understand what we ask."""

    def __init__(
        self, message: str, *, answer_status: int | None = None, body: bytes = b"", **told: Any
    ) -> None:
        super().__init__(message, **told)
        self.answer_status = answer_status
        """What it answered with; None when it was not asked."""
        self.body = body
        """What it said, whole, for a source that knows what it means. It may hold personal data:
        never to be shown or logged."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; a 2xx, or it would not be one."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            DataError: it is none.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError("the source answered with something that is no JSON") from error


class Http:
    """Requests to one host; used by one thread at a time."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        per_second: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        import httpx2

        self._patience = patience or Patience()
        self._base = _base(base_url)
        self._per_second = per_second
        self._next_at = 0.0
        own = {"user-agent": f"Vocative/{__version__}", "accept": "application/json"}
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if auth is not None:
            pair = base64.b64encode(":".join(auth).encode()).decode()
            given["authorization"] = f"Basic {pair}"
        self._secrets = [*given.values(), *(auth or ())]
        self._client = httpx2.Client(
            headers={**own, **given},
            timeout=httpx2.Timeout(
                self._patience.silence_seconds, connect=self._patience.connect_seconds
            ),
            follow_redirects=False,
            verify=_trusted(),
        )

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a path (or a whole address on the same host, as paging links have them).

        Args:
            path: Put behind the path of the base address, with or without a slash before it. An
                empty one is the base address itself.
            params: Put behind the address; None values are left out, lists are repeated.
            headers: Beside those of the client.

        Raises:
            SourceDown, SourceRefused: see the module.
            DataError: the answer is too large.
        """
        return self._patiently("GET", path, params, headers)

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST JSON or a form. Only for questions: it is tried again like a GET.

        Raises:
            SourceDown, SourceRefused: see the module.
            DataError: the answer is too large.
        """
        content: dict[str, Any] = {}
        if form is not None:
            content = {"data": dict(form)}
        elif json is not None:
            content = {"content": msgspec.json.encode(json)}
            headers = {"content-type": "application/json", **(headers or {})}
        return self._patiently("POST", path, params, headers, content)

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Change something there. Only what does no harm when it comes twice: it is tried again.

        Args:
            method: Such as `PUT`.
            path: As of `get`.
            content: The body as it goes out; its type is among the headers.
            params: As of `get`.
            headers: Beside those of the client.

        Raises:
            SourceDown, SourceRefused: see the module.
            DataError: the answer is too large.
        """
        body: dict[str, Any] = {} if content is None else {"content": content}
        return self._patiently(method, path, params, headers, body)

    def lines(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """GET an answer of any size, line by line, as exports of JSON lines have them.

        The request is tried again until its answer begins. One that breaks off in the middle is
        `SourceDown`: what was read is whole lines, and the caller asks for all of it again.

        Raises:
            SourceDown, SourceRefused: see the module.
            DataError: a line is too long.
        """
        address = self._address(path, params)
        with ExitStack() as stack:
            for attempt in self._attempts():
                with attempt:
                    response = stack.enter_context(self._begun("GET", address, headers, {}))
            stack.enter_context(_explained())
            rest = b""
            for chunk in response.iter_bytes():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
                if len(rest) > MOST_LINE_BYTES:
                    raise DataError(f"a line of the answer is over {MOST_LINE_BYTES:,} bytes")
            if rest:
                yield rest

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _patiently(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        content: Mapping[str, Any] | None = None,
    ) -> Answer:
        address = self._address(path, params)
        for attempt in self._attempts():
            with attempt, self._begun(method, address, headers, content or {}) as response:
                return Answer(response.status_code, _plain(response), self._read(response))
        raise AssertionError("the last attempt raises")

    def _attempts(self) -> "Iterator[_Attempt]":
        """Once, and again after a pause while `SourceDown` is raised within one."""
        for number in range(1, self._patience.attempts + 1):
            attempt = _Attempt(last=number == self._patience.attempts)
            yield attempt
            if attempt.failed is None:
                return
            wait = self._pause_seconds(number, attempt.failed.wait_seconds)
            if wait is None:
                raise attempt.failed
            time.sleep(wait)

    def _pause_seconds(self, failures: int, asked: float | None) -> float | None:
        longest = self._patience.longest_pause_seconds
        if asked is not None:
            return asked if asked <= longest else None
        pause = min(longest, self._patience.first_pause_seconds * 2 ** (failures - 1))
        # Not the same for all who wait: they must not all come back at the same moment.
        return random.uniform(pause / 2, pause)  # noqa: S311 - no secret

    @contextmanager
    def _begun(
        self,
        method: str,
        address: "httpx2.URL",
        headers: Mapping[str, str] | None,
        content: Mapping[str, Any],
    ) -> "Iterator[httpx2.Response]":
        """A 2xx of which the body is still to be read, redirections followed."""
        for _ in range(MOST_REDIRECTIONS + 1):
            self._keep_pace()
            request = self._client.build_request(method, address, headers=headers, **content)
            with _explained():
                response = self._client.send(request, stream=True)
            try:
                if response.is_success:
                    yield response
                    return
                if not response.has_redirect_location:
                    raise self._refusal(response)
                address = self._redirected(method, response)
            finally:
                response.close()
        raise SourceRefused("the source sends us from one address to another without end")

    def _refusal(self, response: "httpx2.Response") -> SourceDown | SourceRefused:
        """What an answer that is no 2xx means."""
        status = response.status_code
        asked = _retry_after(response.headers)
        if (
            status in _LATER
            or (status >= 500 and status not in _NEVER)
            or (status == 403 and asked)
        ):
            return SourceDown(f"the source answered {_named(status)}", wait_seconds=asked)
        body = self._read(response)
        said = words_of(body, secrets=self._secrets)
        told = f"the source answered {_named(status)}" + (f": {said}" if said else "")
        hint = None
        if status in (401, 403):
            hint = "check the secret of this source, and what it may read"
        return SourceRefused(told, answer_status=status, body=body, hint=hint)

    def _redirected(self, method: str, response: "httpx2.Response") -> "httpx2.URL":
        if method != "GET" and response.status_code not in (307, 308):
            raise SourceRefused("the source answers a question by sending us elsewhere")
        import httpx2

        try:
            return self._same_host(response.request.url.join(response.headers["location"]))
        except httpx2.InvalidURL:
            raise SourceRefused("the source sends us to what is no address") from None

    def _read(self, response: "httpx2.Response") -> bytes:
        until = time.monotonic() + self._patience.whole_seconds
        parts, size = [], 0
        with _explained():
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise DataError(
                        f"an answer of the source is over {MOST_BYTES:,} bytes",
                        hint="ask for smaller pages",
                    )
                if time.monotonic() > until:
                    raise SourceDown("the source answers too slowly")
        return b"".join(parts)

    def _keep_pace(self) -> None:
        if self._per_second is None:
            return
        now = time.monotonic()
        if now < self._next_at:
            time.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / self._per_second

    def _address(self, path: str, params: Mapping[str, Any] | None) -> "httpx2.URL":
        import httpx2

        try:
            if path.startswith(("http://", "https://")):
                url = self._same_host(httpx2.URL(path))
            else:
                base = str(self._base)
                url = httpx2.URL(f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base)
        except httpx2.InvalidURL:
            raise SourceRefused("this is no address that could be asked") from None
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return url.copy_merge_params(given) if given else url

    def _same_host(self, url: "httpx2.URL") -> "httpx2.URL":
        """Refuses every other host, and to go from https to http."""
        mine = (self._base.scheme, self._base.host, _port(self._base))
        if (url.scheme, url.host, _port(url)) == mine and not url.userinfo:
            return url
        upgraded = (self._base.scheme, url.scheme) == ("http", "https")
        if upgraded and url.host == self._base.host and url.port is self._base.port is None:
            return url
        raise SourceRefused(
            f"the source leads to another place ({url.scheme}://{url.host}) than"
            f" {self._base.scheme}://{self._base.host}",
            hint="nothing is sent there: it would be given this source's credentials",
        )


def connect(
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    per_second: float | None = None,
    patience: Patience | None = None,
) -> Http:
    """Open a client to one host.

    Args:
        base_url: Its address, with the path that all requests have in common.
        headers: Sent with every request.
        auth: User and password of Basic authentication.
        per_second: How many requests a second, at most; evenly spread.
        patience: How long to go on; for tests.

    Raises:
        AuthorError: the address is none.
    """
    return Http(base_url, headers=headers, auth=auth, per_second=per_second, patience=patience)


Connect = Callable[..., Http]
"""`connect(base_url, *, headers={}, auth=(user, password) | None, per_second=None) -> Http`."""

_LATER = (408, 425, 429)
_NEVER = (501, 505)


class _Attempt:
    """Keeps a `SourceDown` raised within it, unless it is the last."""

    def __init__(self, *, last: bool) -> None:
        self.failed: SourceDown | None = None
        self._last = last

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if self._last or not isinstance(error, SourceDown):
            return False
        self.failed = error
        return True


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the library raises into `SourceDown`.

    Its own error is not chained: it holds the request, and with it the credentials.
    """
    import httpx2

    try:
        yield
    except httpx2.TimeoutException:
        raise SourceDown("the source does not answer in time") from None
    except httpx2.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise SourceDown("the source's certificate cannot be trusted") from None
        raise SourceDown("the source cannot be reached") from None
    except httpx2.DecodingError:
        raise SourceDown("the source's answer cannot be unpacked") from None
    except httpx2.TransportError:
        raise SourceDown("the connection to the source broke") from None


@cache
def _trusted() -> "ssl.SSLContext":
    """Whose certificates are trusted; read once, as reading takes longer than many a request."""
    import httpx2

    return httpx2.create_ssl_context()


def _base(stated: str) -> "httpx2.URL":
    import httpx2

    try:
        url = httpx2.URL(stated)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise AuthorError(
            "this is no address that a source can be asked at",
            hint="it starts with https:// and holds no user and no password",
        )
    return url


def _port(url: "httpx2.URL") -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _plain(response: "httpx2.Response") -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, of a number or a date; None when there is no readable one."""
    stated = headers.get("retry-after", "").strip()
    try:
        if not stated[:1].isalpha():
            return _within_a_day(float(stated))
        # By the clock that the date is of, where it is told.
        now = _instant(headers["date"]) if "date" in headers else SystemClock().now()
        return _within_a_day((_instant(stated) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _within_a_day(seconds: float) -> float:
    return min(max(0.0, seconds), 86_400.0)


def _instant(stated: str) -> datetime:
    at = parsedate_to_datetime(stated)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
