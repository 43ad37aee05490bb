"""How to show Google who we are: with a service account's key (RFC 7523)."""

import base64

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._events import shaped
from vocative.collect.sources._http import Connect
from vocative.errors import AuthorError

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_KEY_SECONDS = 3600
_SPARE_SECONDS = 300
"""A token is renewed so long before it ends."""


class _Key(msgspec.Struct):
    client_email: str
    private_key: str
    token_uri: str = _TOKEN_URI


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = _KEY_SECONDS


class ServiceAccount:
    """Signs in, and again when that ends.

    Args:
        key: The JSON file that Google gives out.
        scope: What to ask leave for.
        connect: Opens a client to one host.
        clock: Tells the time.

    Raises:
        AuthorError: the key is none.
    """

    def __init__(self, key: str, scope: str, *, connect: Connect, clock: Clock) -> None:
        try:
            self._key = msgspec.json.decode(key, type=_Key)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise AuthorError(
                "the key is no key of a Google service account",
                hint="it is the JSON file that Google gives out when a key is made",
            ) from None
        self._scope = scope
        self._connect = connect
        self._clock = clock
        self._token: str | None = None
        self._good_until = 0.0

    def forget(self) -> None:
        """Ask for another token next time."""
        self._token = None

    def headers(self) -> dict[str, str]:
        """What to send with a request.

        Raises:
            AuthorError: the key's private key is none.
            SourceDown, SourceRefused, DataError: no token is given.
        """
        now = self._clock.now().timestamp()
        if self._token is None or now > self._good_until:
            token = self._signed_in(int(now))
            self._token = token.access_token
            self._good_until = now + token.expires_in - _SPARE_SECONDS
        return {"authorization": f"Bearer {self._token}"}

    def _signed_in(self, now: int) -> _Token:
        login = self._connect(self._key.token_uri)
        try:
            grant = {"grant_type": _GRANT, "assertion": self._assertion(now)}
            return shaped(login.post("", form=grant).json(), _Token)
        finally:
            login.close()

    def _assertion(self, now: int) -> str:
        """A JWT that says who signs in, signed with the private key (RFC 7523)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(self._key.private_key.encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise AuthorError("the private key of the service account is no RSA key")
        claims = {
            "iss": self._key.client_email,
            "scope": self._scope,
            "aud": self._key.token_uri,
            "iat": now,
            "exp": now + _KEY_SECONDS,
        }
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        signed = ".".join(_base64(msgspec.json.encode(part)) for part in parts)
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
