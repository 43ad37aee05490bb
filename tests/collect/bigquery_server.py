"""BigQuery for tests: the requests of Google's client over HTTP, answered by a DuckDB.

Whoever asks has to sign by the key of the service account.
"""

import json
import re
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb

KINDS = {
    "BIGINT": "INTEGER",
    "INTEGER": "INTEGER",
    "VARCHAR": "STRING",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
CASTS = {
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATETIME": "TIMESTAMP",
    "INT64": "BIGINT",
    "STRING": "VARCHAR",
}


class BigQueryServer:
    """Serves on a free local port until closed."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        self.jobs: dict[str, tuple[list[dict[str, str]], list[Any]]] = {}
        self.asked: list[str] = []
        self.troubles: list[int] = []
        """Statuses that the next questions are answered with."""
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def credentials(self) -> str:
        """The JSON of a service account's key, as Google gives it out."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.public_key = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return json.dumps(
            {
                "type": "service_account",
                "client_email": "reader@project.example",
                "private_key_id": "1",
                "private_key": pem.decode(),
                "token_uri": f"{self.url}/token",
                # Not Google's public cloud: nothing is asked of it.
                "universe_domain": "cloud.example",
            }
        )

    def lets_in(self, authorization: str) -> bool:
        """Whether the key of the account signed what somebody shows."""
        from google.auth import jwt

        try:
            jwt.decode(authorization.removeprefix("Bearer "), certs=self.public_key)
        except ValueError:
            return False
        return True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.database.close()

    def start(self, job: dict[str, Any]) -> str:
        """Run a query's job to its end; its id."""
        query = job["configuration"]["query"]
        sql = query["query"]
        self.asked.append(sql)
        for one in query.get("queryParameters", ()):
            kind, value = one["parameterType"]["type"], one["parameterValue"]["value"]
            sql = sql.replace(f"@{one['name']}", f"CAST('{value}' AS {CASTS[kind]})")
        answer = self.database.cursor().execute(sql)
        fields = [
            {"name": column[0], "type": KINDS.get(re.sub(r"\(.*", "", str(column[1])), "NUMERIC")}
            for column in answer.description or ()
        ]
        number = str(uuid.uuid4())
        self.jobs[number] = fields, answer.fetchall()
        return number


class _Handler(BaseHTTPRequestHandler):
    server_of: BigQueryServer

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.server_of.lets_in(self.headers["authorization"]):
            self._answer(_error("nobody may ask without a signature"), 401)
            return
        job = json.loads(body)
        try:
            number = self.server_of.start(job)
        except duckdb.Error as error:
            self._answer(_error(str(error).splitlines()[0]), 400)
            return
        self._answer(_job(number, job))

    def do_GET(self) -> None:
        if self.server_of.troubles:
            self._answer(_error("later", "backendError"), self.server_of.troubles.pop(0))
            return
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        number = address.path.rpartition("/")[2]
        if "/queries/" not in address.path:
            self._answer(_job(number, {"configuration": {"query": {"query": ""}}}))
            return
        fields, rows = self.server_of.jobs[number]
        start, size = int(asked.get("pageToken", 0)), int(asked.get("maxResults", 1_000))
        end = start + size
        answer = {
            "jobComplete": True,
            "jobReference": {"projectId": "p", "jobId": number, "location": "EU"},
            "schema": {"fields": fields},
            "totalRows": str(len(rows)),
            "rows": [{"f": [{"v": _written(value)} for value in row]} for row in rows[start:end]],
        }
        if end < len(rows) and size:
            answer["pageToken"] = str(end)
        self._answer(answer)

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _job(number: str, job: dict[str, Any]) -> dict[str, Any]:
    return {
        "jobReference": {"projectId": "p", "jobId": number, "location": "EU"},
        "status": {"state": "DONE"},
        "configuration": {**job["configuration"], "jobType": "QUERY"},
        "statistics": {"query": {"statementType": "SELECT"}},
    }


def _error(message: str, reason: str = "invalidQuery") -> dict[str, Any]:
    return {"error": {"message": message, "errors": [{"reason": reason}]}}


def _written(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime) and value.tzinfo is not None:
        return str(round((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
