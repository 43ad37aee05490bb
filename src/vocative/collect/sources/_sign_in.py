"""How a source shows an API who it is."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vocative.collect.sources._http import (
    Answer,
    Connect,
    Http,
    Secret,
    SourceRefused,
)
from vocative.errors import DataError

_EARLY_SECONDS = 60.0
"""A token is renewed this long before it ends."""
_ASSUMED_SECONDS = 3_600.0


class Basic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """User and password."""

    user: Secret
    password: Secret


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key in a header of its own."""

    name: str
    value: Secret


class ClientCredentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """OAuth 2 client credentials (RFC 6749, 4.4): a token is asked for, and again when it ends."""

    token_url: str
    client_id: Secret
    client_secret: Secret
    scope: str | None = None
    params: dict[str, str] = {}
    """What else the request for a token must say, such as `audience`."""


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of these."""

    bearer: Secret | None = None
    basic: Basic | None = None
    header: Header | None = None
    oauth2: ClientCredentials | None = None

    def chosen(self) -> list[str]:
        """Which are told."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class SignedIn:
    """Requests to one API, by somebody it knows.

    Args:
        connect: Opens HTTP clients.
        base_url: The API's address.
        auth: How to show who we are; None: it does not ask.
        headers: Sent with every request.
        per_second: How many requests a second, at most.
    """

    def __init__(
        self,
        connect: Connect,
        base_url: str,
        auth: Auth | None,
        *,
        headers: Mapping[str, str],
        per_second: float | None,
    ) -> None:
        auth = auth or Auth()
        told = dict(headers)
        if auth.bearer is not None:
            told["Authorization"] = f"Bearer {auth.bearer}"
        if auth.header is not None:
            told[auth.header.name] = auth.header.value
        pair = (auth.basic.user, auth.basic.password) if auth.basic else None
        self._http: Http = connect(base_url, headers=told, auth=pair, per_second=per_second)
        self._tokens = _Tokens(connect, auth.oauth2) if auth.oauth2 else None

    def get(self, path: str, params: Mapping[str, Any]) -> Answer:
        """GET a path, or a whole address on the same host.

        Raises:
            SourceDown, SourceRefused, DataError: as of `Http.get`.
        """
        if self._tokens is None:
            return self._http.get(path, params=params)
        try:
            return self._http.get(path, params=params, headers=self._tokens.header())
        except SourceRefused as refused:
            if refused.answer_status != 401:
                raise
        # A token can end before its time; the second refusal means something else.
        self._tokens.forget()
        return self._http.get(path, params=params, headers=self._tokens.header())

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


class _Token(msgspec.Struct):
    """What a request for a token is answered with (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float | None = None


class _Tokens:
    """The token that is good now."""

    def __init__(
        self, connect: Connect, client: ClientCredentials, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._client = client
        self._now = now
        self._token = ""
        self._until = 0.0

    def header(self) -> dict[str, str]:
        """What to send with a request.

        Raises:
            SourceDown, SourceRefused, DataError: no token is given.
        """
        if self._now() >= self._until:
            self._renew()
        return {"authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Ask for another one next time."""
        self._until = 0.0

    def _renew(self) -> None:
        client = self._client
        form = {"grant_type": "client_credentials", **client.params}
        if client.scope is not None:
            form["scope"] = client.scope
        http = self._connect(client.token_url, auth=(client.client_id, client.client_secret))
        try:
            answer = http.post("", form=form)
        finally:
            http.close()
        try:
            token = msgspec.json.decode(answer.body, type=_Token, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DataError("the answer to a request for a token holds none") from error
        lasts = _ASSUMED_SECONDS if token.expires_in is None else token.expires_in
        self._token = token.access_token
        self._until = self._now() + max(1.0, lasts - _EARLY_SECONDS)
