"""Warehouses as databases to read from, each by its own vendor's driver.

Drivers are imported when they are needed: `pip install 'vocative[snowflake]'`, `[bigquery]`, and
for Redshift, which speaks PostgreSQL's protocol, `[postgres]`. DuckDB is always there.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vocative.collect.sources._database import CHUNK_ROWS, Chunk, Database
from vocative.errors import AuthorError

if TYPE_CHECKING:
    import duckdb
    import psycopg


PATIENCE_SECONDS = 60.0
"""For how long BigQuery's client tries again by itself."""


class DuckDbFile(Database):
    """A DuckDB file, or a database of MotherDuck.

    Args:
        path: Of the file; `md:NAME` for MotherDuck.
        token: Of MotherDuck.
    """

    def __init__(self, path: str, token: str | None = None) -> None:
        import duckdb

        config = {} if token is None else {"motherduck_token": token}
        if token is None:
            # A file needs nothing from the network.
            config |= {"autoinstall_known_extensions": "false"}
        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(
            path, read_only=True, config=dict(config)
        )
        self._connection.execute("SET TimeZone = 'UTC'")

    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows."""
        answer = self._connection.execute(sql, list(values))
        return _names(answer.description), _fetched(answer)

    def parameter(self, number: int) -> str:
        """By number, from 1 on."""
        return f"${number + 1}"

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


class Redshift(Database):
    """A session on Redshift, which answers as PostgreSQL does."""

    def __init__(
        self, *, host: str, port: int, database: str, user: str, password: str, seconds: int
    ) -> None:
        try:
            import psycopg
        except ModuleNotFoundError as missing:
            raise _not_installed("postgres") from missing

        # Redshift plans nothing beforehand that is asked once, and its statements about cursors
        # take no values: they are written into the text by the driver.
        self._connection: psycopg.Connection[Any] = psycopg.connect(
            host=host,
            port=port,
            dbname=database,
            user=user,
            password=password,
            connect_timeout=10,
            keepalives_idle=30,
            tcp_user_timeout=60_000,
            autocommit=True,
            prepare_threshold=None,
            cursor_factory=psycopg.ClientCursor,
        )
        try:
            self._connection.execute("SET timezone TO 'UTC'")
            self._connection.execute(f"SET statement_timeout TO {seconds * 1_000:d}".encode())
            self._connection.execute("BEGIN READ ONLY")
        except BaseException:
            self._connection.close()
            raise

    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows by a cursor on the server."""
        cursor = self._connection.cursor()
        cursor.execute(f"DECLARE vocative_rows CURSOR FOR {sql}".encode(), list(values))
        cursor.execute(self._fetch)
        return _names(cursor.description), self._chunks(cursor)

    def parameter(self, number: int) -> str:  # noqa: ARG002
        """As psycopg has them."""
        return "%s"

    def literal(self, sql: str) -> str:
        """With percent signs doubled."""
        return sql.replace("%", "%%")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    @property
    def _fetch(self) -> bytes:
        return f"FETCH FORWARD {CHUNK_ROWS} FROM vocative_rows".encode()

    def _chunks(self, cursor: "psycopg.Cursor[Any]") -> Iterator[Chunk]:
        while rows := cursor.fetchall():
            yield rows
            cursor.execute(self._fetch)


class Snowflake(Database):
    """A session on Snowflake.

    Args:
        private_key: PEM of the user's key, in the place of a password.
        endpoint: Another address than the account's.
        seconds: How long a query may take.
        connection: Everything else that its connector takes; None is as if it were not said.
    """

    def __init__(
        self, *, private_key: str | None, endpoint: str | None, seconds: int, **connection: Any
    ) -> None:
        try:
            import snowflake.connector
        except ModuleNotFoundError as missing:
            raise _not_installed("snowflake") from missing

        if private_key is not None:
            connection["private_key"] = _der(private_key)
        if endpoint is not None:
            parts = urlsplit(endpoint)
            connection |= {"host": parts.hostname, "port": parts.port, "protocol": parts.scheme}
        parameters = {
            "STATEMENT_TIMEOUT_IN_SECONDS": str(seconds),
            "TIMEZONE": "UTC",
            "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
        }
        self._connection = snowflake.connector.connect(
            paramstyle="qmark",
            login_timeout=30,
            network_timeout=seconds,
            session_parameters=parameters,
            **{name: value for name, value in connection.items() if value is not None},
        )

    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows as their parts are downloaded."""
        cursor = self._connection.cursor()
        cursor.execute(sql, list(values))
        # Names that nobody quoted are in capitals there; a mapping writes them small.
        names = [name.lower() if name.isupper() else name for name in _names(cursor.description)]
        return names, _fetched(cursor)

    def parameter(self, number: int) -> str:  # noqa: ARG002
        """In order."""
        return "?"

    def close(self) -> None:
        """End the session."""
        self._connection.close()


class BigQuery(Database):
    """Queries of a project of BigQuery.

    Args:
        project: Which pays for the queries.
        credentials: JSON of a service account; those of the machine unless told.
        location: Where the data is, such as `EU`.
        endpoint: Another address than Google's.
        seconds: How long a query may take.
    """

    def __init__(
        self,
        *,
        project: str,
        credentials: str | None,
        location: str | None,
        endpoint: str | None,
        seconds: int,
    ) -> None:
        try:
            from google.cloud import bigquery
        except ModuleNotFoundError as missing:
            raise _not_installed("bigquery") from missing

        options: dict[str, Any] = {} if endpoint is None else {"api_endpoint": endpoint}
        account = None if credentials is None else _google(credentials)
        if account is not None:
            # Clouds of Google's that are apart from the public one have another.
            options["universe_domain"] = account.universe_domain
        self._client = bigquery.Client(
            project=project, credentials=account, location=location, client_options=options
        )
        self._patience = bigquery.DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)
        self._seconds = seconds

    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows page by page."""
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            job_timeout_ms=self._seconds * 1_000,
            query_parameters=[
                bigquery.ScalarQueryParameter(f"v{number}", _google_type(value), value)
                for number, value in enumerate(values)
            ],
        )
        patience = self._patience
        job = self._client.query(sql, job_config=config, retry=patience, job_retry=None)
        rows = job.result(
            page_size=CHUNK_ROWS, timeout=self._seconds, retry=patience, job_retry=None
        )
        names = [field.name for field in rows.schema]
        return names, ([row.values() for row in page] for page in rows.pages)

    def parameter(self, number: int) -> str:
        """By name."""
        return f"@v{number}"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _names(description: Any) -> list[str]:
    return [str(column[0]) for column in description or ()]


def _fetched(cursor: "Any | duckdb.DuckDBPyConnection") -> Iterator[Chunk]:
    while rows := cursor.fetchmany(CHUNK_ROWS):
        yield rows


def _der(pem: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise AuthorError(
            "the secret `private_key` holds no private key without a passphrase",
            hint="openssl pkcs8 -topk8 -nocrypt -in key.p8",
        ) from error
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _google(credentials: str) -> Any:
    """Credentials of a service account from the JSON of its key."""
    import json

    from google.oauth2 import service_account

    scopes = ["https://www.googleapis.com/auth/bigquery"]
    try:
        return service_account.Credentials.from_service_account_info(
            json.loads(credentials), scopes=scopes
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise AuthorError(
            "the secret `credentials` holds no key of a service account",
            hint="it is the JSON file that Google gave you: file:secrets/account.json",
        ) from error


def _google_type(value: Any) -> str:
    """BigQuery compares values of one type only: one as the column gave it is of the column's."""
    match value:
        case datetime():
            return "DATETIME" if value.tzinfo is None else "TIMESTAMP"
        case date():
            return "DATE"
        case int():
            return "INT64"
        case float():
            return "FLOAT64"
        case Decimal():
            return "NUMERIC"
        case _:
            return "STRING"


def _not_installed(extra: str) -> AuthorError:
    return AuthorError(
        "the driver of this warehouse is not installed", hint=f"pip install 'vocative[{extra}]'"
    )
