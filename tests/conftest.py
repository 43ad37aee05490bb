"""Fixtures every test may use: real stores, real shared data, a real small workspace."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo_site import Demo
from postgres import URL as POSTGRES_URL
from vocative.clock import FixedClock
from vocative.stores import Store, open_store
from vocative.workspace import Workspace, prepare_state

SHARE_A_SERVER = ("e2e", "engines", "predict", "simulate", "streams")
"""Folders whose tests share something that takes long to start."""
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

SETTINGS = """\
workspace: test
timezone: Europe/London
currency: GBP
base_url: http://127.0.0.1:8750
sender: {email: hello@shop.example, name: The Shop}
postal_address: "1 High Street, London"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several processes share the tests; those of a file, or of one server, stay together."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here)
        together = path.parts[0] if path.parts[0] in SHARE_A_SERVER else str(path)
        item.add_marker(pytest.mark.xdist_group(together))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where everything a test needs is promised to be there, a skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    promised = os.environ.get("VOCATIVE_CI") and "may_skip" not in item.keywords
    if promised and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh schema on a real PostgreSQL server."""
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    schema = f"t_{uuid.uuid4().hex[:12]}"
    yield f"{POSTGRES_URL}?schema={schema}"
    import psycopg

    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store on each database that Vocative keeps state in."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at a Monday morning until it is advanced."""
    return FixedClock(NOW)


@pytest.fixture
def workspace(tmp_path: Path, clock: FixedClock) -> Iterator[Workspace]:
    """A real workspace on the embedded default, with no definitions and no people."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "vocative.yaml").write_text(SETTINGS)
    prepare_state(root)
    with Workspace(root, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which a fresh clone does not have."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("VOCATIVE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("real data sets are not here: set VOCATIVE_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The whole job, run once by its own command on a store of 500 people."""
    folder = tmp_path_factory.mktemp("demo") / "site"
    done = run_vocative("demo", "--folder", str(folder), "--people", "500", "--seed", "11")
    assert done.returncode == 0, done.stderr
    return Demo(done.stdout, folder / "workspace", folder / "store")


def run_vocative(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command line as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "vocative", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "120", **(env or {})},
        timeout=300,
    )


@pytest.fixture
def vocative() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own."""
    return run_vocative
