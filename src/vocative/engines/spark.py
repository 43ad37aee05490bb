"""Apache Spark: relations are Parquet files of this process, or of the cluster it belongs to.

In come Arrow tables; out goes a session that answers the plan's SQL in Spark's own. It runs inside
this machine (`local[*]`) unless `master` or Spark's own configuration names a cluster. The web page
and everything else that would reach out is off, and it listens on 127.0.0.1 unless that
configuration names another address.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from vocative.engines.base import Engine, Params
from vocative.errors import AuthorError, EngineError

if TYPE_CHECKING:
    import pyarrow as pa

_APPLICATION = {
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",
    "spark.ui.showConsoleProgress": "false",
    # What is shuffled, and what memory does not hold, is on disk under a key that only this
    # application has.
    "spark.io.encryption.enabled": "true",
}
_SESSION = {
    # An overflow is an error instead of a wrong number; what may not fit is written with try_cast.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # Members of a family are columns that may differ by a capital letter only.
    "spark.sql.caseSensitive": "true",
    "spark.sql.json.enableExactStringParsing": "true",
    # Plans of many features are wide; their printed form only costs memory.
    "spark.sql.maxPlanStringLength": "1000",
}
_LAST = 2**63 - 1
_START, _END = -6_310_412_092_800_000_000, 6_312_368_707_200_000_000
_FAR = 6 * 10**18
"""Instants this far from 1970, in microseconds, stand for minus and plus infinity; see
`dialects/spark.py`."""


class SparkEngine(Engine):
    """One session of Spark.

    Args:
        master: Where it runs, such as `local[2]` or `spark://host:7077`; what Spark's own
            configuration says, else this machine, unless told.
        settings: More of Spark's settings, by their names.
        folder: Where registered relations are written; every machine of a cluster must see it.
            A temporary folder unless told.
    """

    dialect: ClassVar[str] = "spark"

    def __init__(
        self,
        *,
        master: str | None = None,
        settings: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        from vocative.engines.dialects.spark import SPARK

        self._written_in = SPARK
        self._owned, self._session = open_session(master, settings or {})
        self._folder = Path(tempfile.mkdtemp(prefix="vocative-spark-", dir=folder))
        self._number = 0
        for name, value in _SESSION.items():
            self._session.conf.set(name, value)

    def _query(self, sql: str, params: Params | None) -> "pa.Table":
        from vocative.engines.dialects.rewrite import rewrite, with_values

        frame = self._session.sql(rewrite(with_values(sql, params), self._written_in))
        return _with_infinities(frame.toArrow())

    def _register(self, name: str, table: "pa.Table") -> None:
        import pyarrow.parquet as pq

        self._number += 1
        file = self._folder / f"{self._number}.parquet"
        pq.write_table(_without_infinities(table), file, coerce_timestamps="us")
        self._session.read.parquet(str(file)).createOrReplaceTempView(name)

    def _explain(self, error: Exception) -> str:
        return f"Spark could not answer: {condition_of(error)}"

    def close(self) -> None:
        """End the session, and Spark itself when this engine started it."""
        if self._owned:
            self._session.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def condition_of(error: BaseException) -> str:
    """What went wrong by Spark's own name for it; the text of an error may quote values."""
    named = getattr(error, "getCondition", getattr(error, "getErrorClass", lambda: None))
    return str(named() or type(error).__name__)


def open_session(
    master: str | None = None, settings: Mapping[str, str] | None = None
) -> tuple[bool, Any]:
    """A session of its own, on the Spark that runs in this process or else a new one.

    Args:
        master: Where a new one runs.
        settings: More of its settings, by Spark's names.

    Returns:
        Whether Spark was started for it, so that whoever asked has to stop it; and the session.

    Raises:
        AuthorError: pyspark is not installed.
        EngineError: Spark cannot start.
    """
    try:
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as missing:
        raise AuthorError(
            "the engine spark needs pyspark, which is not installed",
            hint="pip install 'vocative[spark]'",
        ) from missing
    running = SparkSession.getActiveSession()
    if running is not None:
        return False, running.newSession()
    builder = SparkSession.builder.appName("vocative")
    if master is not None:
        builder = builder.master(master)
    for name, value in {**_APPLICATION, **(settings or {})}.items():
        builder = builder.config(name, value)
    # Unless Spark's configuration says where it is to be reached from: a cluster has to.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # PySpark's own log would print queries and values to the terminal.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    try:
        return True, builder.getOrCreate().newSession()
    except PySparkException as error:
        raise EngineError(
            "Spark cannot start", hint="it needs Java 17 or newer: `java -version`"
        ) from error
    except Py4JJavaError as error:
        raise EngineError(
            f"Spark cannot start: {error.java_exception.getMessage()}",
            hint="look into its configuration, spark-defaults.conf",
        ) from error


def _with_infinities(table: "pa.Table") -> "pa.Table":
    return _ends_replaced(table, -_LAST, _LAST)


def _without_infinities(table: "pa.Table") -> "pa.Table":
    return _ends_replaced(table, _START, _END)


def _ends_replaced(table: "pa.Table", start: int, end: int) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            micros = table.column(index).cast(pa.timestamp("us")).cast(pa.int64())
            micros = pc.if_else(pc.less(micros, -_FAR), start, micros)
            micros = pc.if_else(pc.greater(micros, _FAR), end, micros)
            table = table.set_column(index, field.name, micros.cast(pa.timestamp("us")))
    return table
