"""Requests to a Salesforce org: signs in, signs in again when the session ends, minds the limit.

Two ways of signing in, both without a password: a JWT signed with a private key whose certificate
the connected app knows, or a refresh token.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._events import shaped
from vocative.collect.sources._http import Answer, Connect, Http, SourceDown, SourceRefused
from vocative.collect.sources._salesforce_options import SalesforceOptions
from vocative.errors import AuthorError

_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_JWT_SECONDS = 180
"""The longest that Salesforce allows."""
_LIMIT_PAUSE_SECONDS = 3600.0
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


class _Token(msgspec.Struct):
    access_token: str
    instance_url: str


class _Fault(msgspec.Struct, rename="camel"):
    error_code: str = ""


class Session:
    """Requests to one org.

    Args:
        options: How to sign in, and how much of the org's requests of a day to use.
        connect: Opens a client to one host.
        clock: Tells the time.
    """

    def __init__(self, options: SalesforceOptions, *, connect: Connect, clock: Clock) -> None:
        self._options = options
        self._connect = connect
        self._clock = clock
        self._http: Http | None = None
        self._used_up: str | None = None
        """How much of the limit was used, once that is too much."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Ask the org.

        Raises:
            SourceDown, SourceRefused: it does not answer, or refuses us.
        """
        if self._used_up is not None:
            used, self._used_up = self._used_up, None
            raise SourceDown(
                f"the org has used {used} of its requests of a day; the rest is left to others",
                wait_seconds=_LIMIT_PAUSE_SECONDS,
                hint="raise `most_of_limit`, or pull less often",
            )
        answer = self._asked(path, params)
        usage = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
        if usage is not None and int(usage[1]) >= self._options.most_of_limit * int(usage[2]):
            self._used_up = f"{int(usage[1]):,} of {int(usage[2]):,}"
        return answer

    def close(self) -> None:
        """Let go of the connection; the next request signs in again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _asked(self, path: str, params: Mapping[str, Any] | None) -> Answer:
        for last in (False, True):
            if self._http is None:
                self._http = self._signed_in()
            try:
                return self._http.get(path, params=params)
            except SourceRefused as refused:
                codes = _codes(refused.body)
                if "REQUEST_LIMIT_EXCEEDED" in codes:
                    raise SourceDown(
                        "the org has used all its requests of a day",
                        wait_seconds=_LIMIT_PAUSE_SECONDS,
                    ) from refused
                if last or "INVALID_SESSION_ID" not in codes:
                    raise
            self.close()
        raise AssertionError("the second attempt returns or raises")

    def _signed_in(self) -> Http:
        login = self._connect(self._options.login_url)
        try:
            answer = login.post(_TOKEN_PATH, form=self._grant())
        finally:
            login.close()
        token = shaped(answer.json(), _Token)
        if self._options.login_url.startswith("https://") and not (
            token.instance_url.startswith("https://")
        ):
            raise SourceRefused("Salesforce names an org whose address is not https://")
        return self._connect(
            token.instance_url, headers={"authorization": f"Bearer {token.access_token}"}
        )

    def _grant(self) -> dict[str, str]:
        own = self._options
        if own.refresh_token is None:
            return {"grant_type": _JWT_GRANT, "assertion": self._assertion()}
        grant = {
            "grant_type": "refresh_token",
            "client_id": own.client_id,
            "refresh_token": own.refresh_token,
        }
        return grant if own.client_secret is None else {**grant, "client_secret": own.client_secret}

    def _assertion(self) -> str:
        """A JWT that says who signs in, signed with the private key (RFC 7523)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        own = self._options
        try:
            key = load_pem_private_key((own.private_key or "").encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise AuthorError(
                "the source's private_key is no RSA key without a password",
                hint="it is a text that begins with -----BEGIN PRIVATE KEY-----",
            )
        claims = {
            "iss": own.client_id,
            "sub": own.username,
            "aud": own.login_url.rstrip("/"),
            "exp": int(self._clock.now().timestamp()) + _JWT_SECONDS,
        }
        signed = b".".join(
            base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=")
            for part in ({"alg": "RS256"}, claims)
        )
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _codes(body: bytes) -> set[str]:
    """The codes of the faults that Salesforce names."""
    try:
        return {fault.error_code for fault in msgspec.json.decode(body, type=list[_Fault])}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return set()
