"""Comparing on Spark: the model that was learned here, over pairs that a cluster makes.

In come everybody's records as an Arrow table and a model; out go the pairs with the level and
weight of each comparison, as DuckDB gives them. Likeness is computed by DuckDB's own functions in
Spark's Python workers: those of Spark and of Splink's package count some swapped letters in
another way, and letters instead of bytes.

Records stay out of reach: what Spark writes to disk is encrypted under a key that only the running
application has, and between machines they go encrypted. A Spark set up otherwise is refused.
"""

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from vocative.engines.spark import condition_of, open_session
from vocative.errors import EngineError, PrivacyError, Unsupported
from vocative.identify.matching.model import LEAST_WEIGHT, Settings, splink_linker

if TYPE_CHECKING:
    import pyarrow as pa

_LIKENESS = ("jaro_winkler_similarity", "damerau_levenshtein")
_OURS = "duckdb_"
"""Stands before the names of functions: Spark has some of its own under the same ones."""
_ON_THIS_MACHINE = re.compile(r"local(\[.*\])?")


@contextmanager
def spark_session() -> Iterator[Any]:
    """A session of Spark that may hold personal data.

    Raises:
        AuthorError: pyspark is not installed.
        Unsupported: it is too old.
        EngineError: Spark cannot start, or it failed; says no more than Spark's name for it.
        PrivacyError: it would leave personal data readable on disk or between machines.
    """
    owned, session = open_session()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        _refuse_readable(session.sparkContext)
        _add_likeness(session)
        try:
            yield session
        finally:
            _close(session, owned=owned)
    except (PySparkException, Py4JError) as error:
        raise EngineError(f"matching on Spark failed: {condition_of(error)}") from None


def predict_on_spark(
    session: Any, people: "pa.Table", settings: Settings, columns: list[str]
) -> "pa.Table":
    """Compare whoever shares a key.

    Args:
        session: What `spark_session` gives.
        people: One row per person: `person_id`, its columns and a column per key.
        settings: Splink's, with m and u of every level and the rules of who is compared.
        columns: Of Splink's predictions, those wanted.

    Returns:
        One row per pair from `LEAST_WEIGHT` on, in no order.

    Raises:
        EngineError: Spark failed.
    """
    from splink.backends.spark import SparkAPI
    from splink.internals.exceptions import SplinkException

    # Kept in memory, or encrypted where there is too little: Splink's other ways write files.
    api: Any = SparkAPI(  # type: ignore[no-untyped-call]
        spark_session=session, break_lineage_method="persist", register_udfs_automatically=False
    )
    try:
        table = api.register(send_table(session, people))
        found = splink_linker(table, _for_spark(settings)).inference.predict(
            threshold_match_weight=LEAST_WEIGHT
        )
        pairs: pa.Table = session.table(found.physical_name).select(*columns).toArrow()
    except SplinkException as error:
        # Its text quotes Spark's, which may quote values.
        raise EngineError(
            f"matching on Spark failed: {condition_of(error.__cause__ or error)}"
        ) from None
    return pairs


def send_table(session: Any, table: "pa.Table") -> Any:
    """A table as Spark has it; on the way it is in no file."""
    with warnings.catch_warnings():
        # PySpark forgets the socket that it uses where Spark encrypts, instead of closing it.
        warnings.simplefilter("ignore", ResourceWarning)
        return session.createDataFrame(table)


def _refuse_readable(context: Any) -> None:
    told = context.getConf()

    def on(name: str) -> bool:
        return bool(told.get(name, "false").lower() == "true")

    if not on("spark.io.encryption.enabled"):
        raise PrivacyError(
            "the Spark that runs here would write personal data to disk unencrypted",
            hint="start it with spark.io.encryption.enabled=true",
        )
    between = on("spark.network.crypto.enabled") or on("spark.ssl.rpc.enabled")
    if not _ON_THIS_MACHINE.fullmatch(context.master) and not between:
        raise PrivacyError(
            "the Spark cluster would send personal data between machines unencrypted",
            hint="start it with spark.authenticate=true and spark.network.crypto.enabled=true, and"
            " with spark.authenticate.secret where the cluster makes none",
        )


def _add_likeness(session: Any) -> None:
    """Make DuckDB's functions of likeness known to a session."""
    from pyspark.sql import functions

    if (arrow_udf := getattr(functions, "arrow_udf", None)) is None:
        raise Unsupported(
            "matching on Spark needs pyspark 4.1 or newer", hint="pip install -U pyspark"
        )
    context = session.sparkContext
    if _ON_THIS_MACHINE.fullmatch(context.master) and "PYSPARK_PYTHON" not in os.environ:
        # Its workers are this Python, with the packages that are here, whatever `python3` is.
        context.pythonExec = sys.executable
    for name in _LIKENESS:
        session.udf.register(_OURS + name, arrow_udf(_likeness(name), "double"))


def _likeness(name: str) -> "Callable[[pa.Array[Any], pa.Array[Any]], pa.Array[Any]]":
    """A function of DuckDB over two columns.

    It is sent to machines that have DuckDB and PyArrow, but no Vocative: it uses nothing of ours.
    """
    import duckdb
    import pyarrow as pa

    def compute(left: pa.Array, right: pa.Array) -> pa.Array:
        config: dict[str, Any] = {
            "threads": 1,
            "temp_directory": "",
            "autoload_known_extensions": "false",
        }
        with duckdb.connect(":memory:", config=config) as connection:
            connection.register("pairs", pa.table({"l": left, "r": right}))
            found = connection.sql(f"SELECT {name}(l, r)::DOUBLE AS likeness FROM pairs")
            return found.to_arrow_table().column("likeness").combine_chunks()

    return compute


def _for_spark(settings: Settings) -> Settings:
    """The same model, with the functions that `_add_likeness` made known."""
    spoken = deepcopy(settings)
    for comparison in spoken["comparisons"]:
        for level in comparison["comparison_levels"]:
            for name in _LIKENESS:
                level["sql_condition"] = level["sql_condition"].replace(name, _OURS + name)
    return spoken


def _close(session: Any, *, owned: bool) -> None:
    """Forget everything that was computed; Spark itself ends if it was started for this."""
    if owned:
        session.stop()
        return
    for view in session.sql("SHOW VIEWS").collect():
        # What it holds in memory goes with it; views of others are not temporary.
        session.catalog.dropTempView(view.viewName)
