"""Tables of BigQuery, read row by row over its REST API, with a service account's key.

No query is run, so nothing is charged: tables are listed as they are.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._events import shaped
from vocative.collect.sources._http import Answer, Connect, Http, SourceRefused
from vocative.errors import AuthorError, DataError

API = "https://bigquery.googleapis.com/bigquery/v2"
ROWS_AT_ONCE = 2_000
_SCOPE = "https://www.googleapis.com/auth/bigquery.readonly"
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


class _Field(msgspec.Struct):
    name: str
    type: str = "STRING"
    mode: str = "NULLABLE"
    fields: "list[_Field]" = []


class _Schema(msgspec.Struct):
    fields: list[_Field] = []


class _Reference(msgspec.Struct, rename="camel"):
    table_id: str


class _Listed(msgspec.Struct, rename="camel"):
    table_reference: _Reference


class _Tables(msgspec.Struct, rename="camel"):
    tables: list[_Listed] = []
    next_page_token: str | None = None


class _Described(msgspec.Struct, rename="camel"):
    table_schema: _Schema = msgspec.field(name="schema", default_factory=_Schema)
    last_modified_time: str = ""
    num_rows: str = "0"


class _Rows(msgspec.Struct):
    rows: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is now."""

    name: str
    version: str
    """Changes when the table does."""
    rows: int = 0
    fields: tuple[Any, ...] = ()


class BigQuery:
    """A data set.

    Args:
        project: The project's id.
        dataset: The data set's id.
        key: A service account's key: the JSON file that Google gives out.
        connect: Opens a client to one host.
        clock: Tells the time.
        api: The address of the API.

    Raises:
        AuthorError: the key is none.
    """

    def __init__(
        self, project: str, dataset: str, key: str, *, connect: Connect, clock: Clock, api: str
    ) -> None:
        try:
            self._key = msgspec.json.decode(key, type=_Key)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise AuthorError(
                "the source's key is no key of a Google service account",
                hint="it is the JSON file that Google gives out when a key is made",
            ) from None
        self._path = f"projects/{project}/datasets/{dataset}/tables"
        self._connect = connect
        self._clock = clock
        self._http: Http = connect(api)
        self._token: str | None = None
        self._good_until = 0.0

    def tables(self) -> list[str]:
        """The names of all tables, sorted.

        Raises:
            SourceDown, SourceRefused: BigQuery does not answer, or refuses us.
        """
        names: list[str] = []
        page: str | None = None
        while True:
            answer = self._get(self._path, {"maxResults": 1000, "pageToken": page})
            found = shaped(answer.json(), _Tables)
            names += [one.table_reference.table_id for one in found.tables]
            page = found.next_page_token
            if page is None:
                return sorted(names)

    def describe(self, name: str) -> Table:
        """A table as it is now.

        Raises:
            SourceDown, SourceRefused: BigQuery does not answer, or refuses us.
        """
        told = shaped(self._get(f"{self._path}/{name}", {}).json(), _Described)
        try:
            rows = int(told.num_rows)
        except ValueError as error:
            raise DataError("BigQuery told no number of rows") from error
        version = f"{told.last_modified_time}:{told.num_rows}"
        return Table(name, version, rows, tuple(told.table_schema.fields))

    def rows(self, table: Table, start: int) -> Iterator[list[dict[str, Any]]]:
        """The rows of a table from one on, some at a time; INT64 stay texts.

        Raises:
            SourceDown, SourceRefused: BigQuery does not answer, or refuses us.
        """
        while start < table.rows:
            asked = {"startIndex": start, "maxResults": ROWS_AT_ONCE}
            answer = self._get(f"{self._path}/{table.name}/data", asked)
            found = shaped(answer.json(), _Rows).rows
            if not found:
                return
            yield [_row(one, table.fields) for one in found]
            start += len(found)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _get(self, path: str, params: Mapping[str, Any]) -> Answer:
        for last in (False, True):
            try:
                return self._http.get(path, params=params, headers=self._headers())
            except SourceRefused as refused:
                if last or refused.answer_status != 401:
                    raise
                self._token = None
        raise AssertionError("the second attempt returns or raises")

    def _headers(self) -> dict[str, str]:
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
            "scope": _SCOPE,
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


def _row(told: Mapping[str, Any], fields: tuple[_Field, ...]) -> dict[str, Any]:
    """A row by the names of its fields: the API tells values by their place only."""
    values = told.get("f")
    if not isinstance(values, list) or len(values) != len(fields):
        raise DataError("BigQuery answered with a row that does not fit its table")
    return {
        field.name: _value(cell.get("v"), field) for field, cell in zip(fields, values, strict=True)
    }


def _value(told: Any, field: _Field) -> Any:
    if field.mode == "REPEATED":
        single = msgspec.structs.replace(field, mode="NULLABLE")
        return [_value(one.get("v"), single) for one in told or ()]
    if told is None:
        return None
    if field.type in ("RECORD", "STRUCT"):
        return _row(told, tuple(field.fields))
    return told
