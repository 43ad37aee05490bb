"""Tables of BigQuery, read row by row over its REST API, with a service account's key.

No query is run, so nothing is charged: tables are listed as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.clock import Clock
from vocative.collect.sources._events import shaped
from vocative.collect.sources._http import Answer, Connect, Http, SourceRefused
from vocative.collect.sources._service_account import ServiceAccount
from vocative.errors import DataError

API = "https://bigquery.googleapis.com/bigquery/v2"
ROWS_AT_ONCE = 2_000
_SCOPE = "https://www.googleapis.com/auth/bigquery.readonly"


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
        self._account = ServiceAccount(key, _SCOPE, connect=connect, clock=clock)
        self._path = f"projects/{project}/datasets/{dataset}/tables"
        self._http: Http = connect(api)

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
                return self._http.get(path, params=params, headers=self._account.headers())
            except SourceRefused as refused:
                if last or refused.answer_status != 401:
                    raise
                self._account.forget()
        raise AssertionError("the second attempt returns or raises")


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
