"""The engines that give the answers: started once, each on real software."""

import importlib.util
import os
import shutil

import pytest

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
def spark_engine():
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
    }
    with SparkEngine(master="local[2]", settings=settings) as opened:
        yield opened


@pytest.fixture(
    scope="session", params=[pytest.param("postgres", marks=pytest.mark.postgres), "spark"]
)
def other(request):
    """Each engine that has to agree with DuckDB."""
    return request.getfixturevalue(f"{request.param}_engine")
