"""The DAG of the example, run by a real Airflow against a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

DAG = Path(__file__).resolve().parents[2] / "examples" / "airflow" / "vocative_sources.py"
KEY = "a-key-of-the-test"
MAPPING = """\
people: {user_id: customer, at: at}
events: {name: "'Order Completed'", at: at, message_id: id, properties: {order_id: id}}
"""


@pytest.fixture
def airflow(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """The program, and the environment of an Airflow of its own."""
    program = os.environ.get("VOCATIVE_TEST_AIRFLOW")
    if not program:
        pytest.skip(
            "no Airflow: set VOCATIVE_TEST_AIRFLOW to its program in an environment of its own"
        )
    home = tmp_path / "airflow"
    (home / "dags").mkdir(parents=True)
    shutil.copy(DAG, home / "dags")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    subprocess.run(
        [program, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=120
    )
    return program, environment


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server with a folder as a source that it would not look at by itself for a month."""
    root = tmp_path / "shop"
    vocative = [sys.executable, "-m", "vocative"]
    subprocess.run([*vocative, "init", str(root)], check=True, capture_output=True, timeout=60)
    (root / "mappings" / "orders.yaml").parent.mkdir(exist_ok=True)
    (root / "mappings" / "orders.yaml").write_text(MAPPING)
    (root / "sources").mkdir(exist_ok=True)
    folder = tmp_path / "exports"
    folder.mkdir()
    body = {"kind": "files", "url": str(folder), "mapping": "orders", "every": "30d"}
    (root / "sources" / "drop.yaml").write_text(json.dumps(body))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*vocative, "serve", "--workspace", str(root), "--port", str(port)],
        env={**os.environ, "VOCATIVE_API_KEY": KEY},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 180
        # The first look, at an empty folder, is by the server itself.
        while not (streams := _streams(base)) or streams[0]["pulled_at"] is None:
            assert time.monotonic() < until, "the server did not look at its source"
            time.sleep(0.3)
        yield base, folder
    finally:
        server.terminate()
        server.wait(30)


def _streams(base: str) -> list[dict[str, object]]:
    try:
        found: list[dict[str, object]] = _get(base, "/api/sources/drop")["streams"]
    except OSError:
        return []
    return found


def _get(base: str, path: str) -> dict[str, list[dict[str, object]]]:
    request = urllib.request.Request(base + path, headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, list[dict[str, object]]] = json.load(answer)
    return found


@pytest.mark.may_skip
@pytest.mark.timeout(600)
def test_airflow_pulls_a_source_and_brings_segments_up_to_date(
    airflow: tuple[str, dict[str, str]], served: tuple[str, Path]
) -> None:
    (program, environment), (base, folder) = airflow, served
    export = folder / "orders.csv"
    export.write_text("id,customer,at\n1,ana,2026-01-05\n2,bo,2026-01-06\n")
    an_hour_ago = time.time() - 3_600
    os.utime(export, (an_hour_ago, an_hour_ago))
    connection = json.dumps({"conn_type": "http", "host": base, "password": KEY})
    done = subprocess.run(
        [program, "dags", "test", "vocative_sources"],
        env={**environment, "AIRFLOW_CONN_VOCATIVE": connection},
        check=False,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "state=success" in done.stdout + done.stderr
    assert len(_get(base, "/api/people")["people"]) == 2
