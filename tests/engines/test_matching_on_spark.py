"""Matching on Spark: the pairs, levels and figures of DuckDB, and nothing personal in reach."""

import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from vocative.cli.bench import FOLDER
from vocative.collect.door import accept
from vocative.errors import AuthorError, DataError, PrivacyError
from vocative.identify.matching import on_spark, record_of, score_people
from vocative.identify.matching.records import Record
from vocative.privacy import audit
from vocative.server.matches import find_matches
from vocative.workspace import Workspace

pytest.importorskip("splink", reason="the extra `matching` is not installed")

LETTERS = "aabcdeé陳 '"


def made_up(number: int) -> dict[str, Record]:
    """People with one account, and every fifth of them another one with a slip in the name."""
    chance = random.Random(4)
    people = {}
    for one in range(number):
        first = "".join(chance.choices("abcdeilmnorst", k=7))
        stated = {
            "first_name": first,
            "last_name": "".join(chance.choices("abcdeilmnorst", k=3)) + "大文",
            "birthday": f"19{one % 90 + 10}-03-11",
        }
        people[f"p{one:03}"] = record_of(stated | {"email": f"{first}@shop.example"})
        if one % 5 == 0:
            slip = first[:2] + first[3] + first[2] + first[4:]
            people[f"p{one:03}-again"] = record_of(stated | {"first_name": slip})
    return people


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> dict[str, Record]:
    """Splink's 1,000 records, or made-up people where they are not here."""
    monkeypatch.syspath_prepend(FOLDER)
    import identity

    folder = Path(os.environ.get("VOCATIVE_SHARED_DATA", identity.SHARED))
    try:
        found: dict[str, Record] = identity.read_fake_1000(folder)[0]
    except DataError:
        return made_up(300)
    return found


def test_pairs_and_figures_are_those_of_duckdb(spark_engine, people):
    here = score_people(people, at_least=0.0)
    assert len(here.pairs) > 50
    assert score_people(people, at_least=0.0, engine="spark") == here


def test_likeness_is_duckdbs(spark_engine):
    chance = random.Random(7)
    left = ["".join(chance.choices(LETTERS, k=chance.randint(0, 14))) for _ in range(3_000)]
    right = [
        "".join(chance.sample(one, len(one))) if chance.random() < 0.3 else one[1:] + one[:1] + "x"
        for one in left
    ]
    pairs = pa.table({"l": [None, *left], "r": ["a", *right]})
    names = ("jaro_winkler_similarity", "damerau_levenshtein")
    with duckdb.connect() as connection:
        connection.register("pairs", pairs)
        expected = connection.sql(
            "SELECT l, r, "
            + ", ".join(f"{name}(l, r)::DOUBLE AS {name}" for name in names)
            + " FROM pairs"
        ).to_arrow_table()
    with on_spark.spark_session() as session:
        on_spark.send_table(session, pairs).createOrReplaceTempView("pairs")
        found = session.sql(
            "SELECT l, r, "
            + ", ".join(f"duckdb_{name}(l, r) AS {name}" for name in names)
            + " FROM pairs"
        ).toArrow()
    order = [("l", "ascending"), ("r", "ascending")]
    assert found.sort_by(order).to_pydict() == expected.sort_by(order).to_pydict()


def test_what_spark_writes_to_disk_is_encrypted(spark_engine):
    from pyspark import StorageLevel

    with on_spark.spark_session() as session:
        somebody = pa.table({"email": ["adafruit@one.example"] * 1_000})
        kept = on_spark.send_table(session, somebody).repartition(2).persist(StorageLevel.DISK_ONLY)
        assert kept.count() == 1_000
        folder = Path(session.sparkContext.getConf().get("spark.local.dir"))
        files = [file for file in folder.rglob("*") if file.is_file()]
        written = b"".join(file.read_bytes() for file in files)
        kept.unpersist(blocking=True)
    assert len(written) > 1_000
    assert b"adafruit" not in written


def test_nothing_stays_in_spark(spark_engine):
    from pyspark.sql import SparkSession

    with on_spark.spark_session() as session:
        on_spark.send_table(session, pa.table({"a": [1]})).createOrReplaceTempView("left_over")
        session.table("left_over").persist().count()
    assert session.sql("SHOW VIEWS").collect() == []
    assert SparkSession.getActiveSession().sparkContext._jsc.getPersistentRDDs().isEmpty()


@pytest.mark.parametrize(
    ("master", "settings", "refused"),
    [
        ("local[2]", {}, "unencrypted"),
        ("local[2]", {"spark.io.encryption.enabled": "true"}, None),
        ("spark://far:7077", {"spark.io.encryption.enabled": "true"}, "between machines"),
        ("local-cluster[2,1,512]", {"spark.io.encryption.enabled": "true"}, "between machines"),
        (
            "spark://far:7077",
            {"spark.io.encryption.enabled": "true", "spark.network.crypto.enabled": "true"},
            None,
        ),
    ],
)
def test_a_spark_that_others_could_read_is_refused(spark_engine, master, settings, refused):
    from pyspark import SparkConf

    conf = SparkConf(loadDefaults=False)
    for name, value in settings.items():
        conf.set(name, value)
    context = SimpleNamespace(master=master, getConf=lambda: conf)
    if refused is None:
        on_spark._refuse_readable(context)
    else:
        with pytest.raises(PrivacyError, match=refused):
            on_spark._refuse_readable(context)


def test_people_of_a_workspace_are_matched_on_spark(spark_engine, workspace: Workspace):
    names = [("Annabel", "Lee"), ("Anabell", "Lee"), ("Bo", "Diddley"), ("Cleo", "Patra")]
    events = [
        {
            "type": "identify",
            "messageId": f"m{one}",
            "userId": f"u{one}",
            "timestamp": "2026-01-01T10:00:00Z",
            "traits": {"first_name": first, "last_name": last},
        }
        for one, (first, last) in enumerate(names)
    ]
    accept(workspace, events, source="test")
    here = find_matches(workspace, by="me")
    there = find_matches(workspace, by="me", engine="spark")
    assert there.people == len(names)
    assert (there.compared, there.expected_pairs) == (here.compared, here.expected_pairs)
    with workspace.store.read() as tx:
        asked = [entry.action for entry in audit.entries(tx) if entry.actor == "me"]
    assert sorted(asked) == ["match people", "match people on spark"]


def test_without_pyspark_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(AuthorError, match=r"vocative\[spark\]"):
        score_people(made_up(5), engine="spark")


def test_without_java_it_says_what_to_install(spark_engine, tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_JAVA],
        env=os.environ | {"JAVA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout == "EngineError it needs Java 17 or newer: `java -version`\n"


WITHOUT_JAVA = """
from vocative.errors import VocativeError
from vocative.identify.matching import score_people
try:
    score_people({"p1": {"city": "york"}, "p2": {"city": "bath"}}, engine="spark")
except VocativeError as error:
    print(type(error).__name__, error.hint)
"""
