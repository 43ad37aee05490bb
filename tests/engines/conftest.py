"""The engines that give the answers: started once, each on real software."""

import importlib.util
import os
import shutil
import uuid

import pytest

from engines.stand_ins import ClickHouseInside, GoogleSqlReference, RedshiftOnPostgres
from vocative.engines.duckdb import DuckDbEngine
from vocative.engines.postgres import PostgresEngine
from vocative.engines.spark import SparkEngine


@pytest.fixture(scope="session")
def duckdb_engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres_engine():
    if not (url := os.environ.get("VOCATIVE_TEST_POSTGRES")):
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    with PostgresEngine(url) as opened:
        yield opened


@pytest.fixture(scope="session")
def spark_engine(tmp_path_factory):
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("no Spark: pip install -r requirements/spark.lock")
    if shutil.which("java") is None:
        pytest.skip("no Java for Spark: apt install openjdk-17-jre-headless")
    settings = {
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        # Compiling each query to Java takes longer than running it on a few hundred rows.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        # So does compiling Spark itself, which runs for a minute.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
    }
    with SparkEngine(master="local[2]", settings=settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def clickhouse_engine():
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("no ClickHouse: pip install --no-deps -r requirements/engines.lock")
    with ClickHouseInside() as opened:
        yield opened


@pytest.fixture(scope="session")
def bigquery_engine():
    if importlib.util.find_spec("zetasql") is None:
        pytest.skip("no GoogleSQL: pip install zetasql; its tests take some minutes")
    with GoogleSqlReference() as opened:
        yield opened


@pytest.fixture(scope="session")
def redshift_engine():
    """A database of its own: Redshift's functions have lasting names, and it sorts by bytes."""
    if not (url := os.environ.get("VOCATIVE_TEST_POSTGRES")):
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    import psycopg

    name = f"redshift_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
        with RedshiftOnPostgres(f"{url.rpartition('/')[0]}/{name}") as opened:
            yield opened
        server.execute(f"DROP DATABASE {name}")


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("redshift", marks=pytest.mark.postgres),
        "spark",
        "clickhouse",
        pytest.param("bigquery", marks=pytest.mark.may_skip),
    ],
)
def other(request):
    """Each engine that has to agree with DuckDB."""
    return request.getfixturevalue(f"{request.param}_engine")
