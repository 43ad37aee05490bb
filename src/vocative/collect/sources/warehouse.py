"""A table, view or query of a warehouse: Snowflake, BigQuery, Redshift, DuckDB or MotherDuck."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from vocative.collect.sources._database import Database
from vocative.collect.sources._http import Secret
from vocative.collect.sources._tables import TableOptions, TableSource
from vocative.collect.sources._warehouses import BigQuery, DuckDbFile, Redshift, Snowflake
from vocative.collect.sources.base import Fault

_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "snowflake": (
        ("account", "user"),
        ("password", "private_key", "warehouse", "role", "database", "schema", "endpoint"),
    ),
    "bigquery": (("project",), ("credentials", "location", "endpoint")),
    "redshift": (("host", "database", "user", "password"), ("port",)),
    "duckdb": (("database",), ()),
    "motherduck": (("database", "token"), ()),
}
"""By system: what it needs, and what it may be told besides."""


class WarehouseOptions(TableOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a warehouse."""

    system: Literal["snowflake", "bigquery", "redshift", "duckdb", "motherduck"]
    """Which warehouse it is."""
    account: str | None = None
    """Of Snowflake: `myorg-myaccount`."""
    host: str | None = None
    """Of Redshift."""
    port: int | None = None
    """Of Redshift: 5439 unless told."""
    project: str | None = None
    """Of BigQuery: the project that pays for the queries."""
    location: str | None = None
    """Of BigQuery: where the data is, such as `EU`."""
    endpoint: str | None = None
    """Of BigQuery and Snowflake: another address than the usual, for private networks."""
    database: str | None = None
    """The database; the file's path with DuckDB."""
    schema: str | None = None
    """Of Snowflake."""
    warehouse: str | None = None
    """Of Snowflake: what computes."""
    role: str | None = None
    """Of Snowflake."""
    user: str | None = None
    """As whom to log in to Snowflake or Redshift."""
    password: Secret | None = None
    """Of the user."""
    private_key: Secret | None = None
    """Of Snowflake, in the place of a password: the user's key as PEM."""
    credentials: Secret | None = None
    """Of BigQuery: JSON of a service account; those of the machine unless told."""
    token: Secret | None = None
    """Of MotherDuck."""


_OF_SYSTEMS = [
    name
    for name in WarehouseOptions.__struct_fields__
    if name not in (*TableOptions.__struct_fields__, "system")
]


class WarehouseSource(TableSource):
    """A table of a warehouse."""

    Options = WarehouseOptions

    @classmethod
    def faults(cls, options: Any) -> Iterator[Fault]:
        """What is wrong with the table, and what its system does not have or lacks."""
        yield from super().faults(options)
        needed, possible = _FIELDS[options.system]
        for name in _OF_SYSTEMS:
            stated = getattr(options, name) is not None
            if not stated and name in needed:
                yield ("system",), f"{options.system} needs `{name}:`", None
            if stated and name not in (*needed, *possible):
                yield (name, "@key"), f"{options.system} has no `{name}:`", "leave it out"
        is_snowflake = options.system == "snowflake"
        if is_snowflake and (options.password is None) == (options.private_key is None):
            yield ("system",), "snowflake needs either `password:` or `private_key:`", None

    def _open(self) -> Database:
        options, seconds = self.options, self.timeout_seconds
        match options.system:
            case "duckdb":
                return DuckDbFile(options.database)
            case "motherduck":
                return DuckDbFile(f"md:{options.database}", options.token)
            case "redshift":
                return Redshift(
                    host=options.host,
                    port=options.port or 5439,
                    database=options.database,
                    user=options.user,
                    password=options.password,
                    seconds=seconds,
                )
            case "bigquery":
                return BigQuery(
                    project=options.project,
                    credentials=options.credentials,
                    location=options.location,
                    endpoint=options.endpoint,
                    seconds=seconds,
                )
            case _:
                names = ("account", "user", "password", "warehouse", "role", "database", "schema")
                return Snowflake(
                    **{name: getattr(options, name) for name in names},
                    endpoint=options.endpoint,
                    private_key=options.private_key,
                    seconds=seconds,
                )

    @property
    def _secrets(self) -> Sequence[str]:
        found = (self.options.password, self.options.private_key, self.options.token)
        return [secret for secret in (*found, self.options.credentials) if secret]
