"""An org of Salesforce on this machine: signs in, answers SOQL page by page, forgets sessions."""

import base64
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from scripted_server import Asked, ScriptedServer, Told, scripted_server

CLIENT_ID = "3MVG9.the.connected.app"
USERNAME = "vocative@shop.example"
REFRESH_TOKEN = "5Aep861.refresh"
_QUERY = re.compile(
    r"SELECT (?P<fields>.+) FROM (?P<object>\w+)(?: WHERE SystemModstamp >= (?P<since>\S+))?"
    r" ORDER BY SystemModstamp, Id"
)
_SUBQUERY = re.compile(r"\(SELECT (.+?) FROM (\w+)(?: WHERE IsPrimary = true)?\)")


@dataclass
class Org:
    """What the org knows, and how it behaves."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Records by object; what a field's name leads to is nested as Salesforce nests it."""
    page_size: int = 2
    used: int = 10
    limit: int = 15_000
    sign_ins: int = 0
    ends_sessions_after: int | None = None
    """How many requests a session lasts."""
    troubles: list[Told] = field(default_factory=list)
    """Answers to the next requests, instead of what they ask for."""
    queries: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.key = _key()
        self._sessions: dict[str, int] = {}
        self._cursors: dict[str, list[dict[str, Any]]] = {}

    @property
    def private_key(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/services/oauth2/token":
            return self._token(asked)
        if self.troubles:
            return self.troubles.pop(0)
        session = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._sessions.get(session, 0) <= 0:
            return _fault(401, "INVALID_SESSION_ID", "Session expired or invalid")
        self._sessions[session] -= 1
        self.used += 1
        told = self._data(asked)
        usage = {"Sforce-Limit-Info": f"api-usage={self.used}/{self.limit}"}
        return Told(told.status, told.json, headers=usage)

    def _token(self, asked: Asked) -> Told:
        from urllib.parse import parse_qs

        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if not (self._right_assertion(form) or form.get("refresh_token") == REFRESH_TOKEN):
            said = {"error": "invalid_grant", "error_description": "user hasn't approved this"}
            return Told(400, json=said)
        self.sign_ins += 1
        session = uuid.uuid4().hex
        self._sessions[session] = self.ends_sessions_after or 10**9
        return Told(json={"access_token": session, "instance_url": self.url, "id": "x"})

    def _right_assertion(self, form: dict[str, str]) -> bool:
        if "assertion" not in form:
            return False
        signed, _, signature = form["assertion"].rpartition(".")
        self.key.public_key().verify(
            _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        claims = json.loads(_decoded(signed.partition(".")[2]))
        return claims["iss"] == CLIENT_ID and claims["sub"] == USERNAME

    def _data(self, asked: Asked) -> Told:
        locator = asked.path.rpartition("/")[2]
        if locator in self._cursors:
            return self._page(self._cursors.pop(locator))
        soql = asked.query["q"]
        self.queries.append(soql)
        query = _QUERY.fullmatch(soql)
        if query is None:
            return _fault(400, "MALFORMED_QUERY", "unexpected token")
        fields = _SUBQUERY.sub("", query["fields"])
        names = [name.strip() for name in fields.split(",") if name.strip()]
        rows = sorted(self.tables.get(query["object"], []), key=_order)
        found = []
        for row in rows:
            if query["since"] and row["SystemModstamp"] < query["since"].removesuffix("Z"):
                continue
            record: dict[str, Any] = {"attributes": {"type": query["object"]}}
            for name in names:
                if not _copy(row, record, name.split(".")):
                    return _fault(400, "INVALID_FIELD", f"No such column '{name}' on entity")
            for _, children in _SUBQUERY.findall(query["fields"]):
                record[children] = self._children(row.get(children))
            found.append(record)
        return self._page(found)

    def _children(self, rows: list[dict[str, Any]] | None) -> dict[str, Any] | None:
        return self._page(rows).json if rows else None

    def _page(self, rows: list[dict[str, Any]]) -> Told:
        page, rest = rows[: self.page_size], rows[self.page_size :]
        told: dict[str, Any] = {"totalSize": len(rows), "done": not rest, "records": page}
        if rest:
            locator = f"01g{uuid.uuid4().hex[:12]}-{self.page_size}"
            self._cursors[locator] = rest
            told["nextRecordsUrl"] = f"/services/data/v62.0/query/{locator}"
        return Told(json=told)


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@contextmanager
def salesforce(org: Org) -> Iterator[ScriptedServer]:
    """Serve an org until the block ends."""
    with scripted_server(org.answer) as server:
        org.url = server.url
        yield server


def _order(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["SystemModstamp"]), row["Id"]


def _copy(row: dict[str, Any], record: dict[str, Any], path: list[str]) -> bool:
    """Copy what stands at a path; False where no record has such a field."""
    first, *rest = path
    if first not in row:
        return False
    if not rest or row[first] is None:
        record[first] = row[first]
        return True
    return _copy(row[first], record.setdefault(first, {}), rest)


def _fault(status: int, code: str, message: str) -> Told:
    return Told(status, json=[{"message": message, "errorCode": code}])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
