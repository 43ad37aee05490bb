"""Every failure a user can meet on the command line: one clear message, where, what next."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop(tmp_path: Path, vocative: Run) -> Path:
    """A fresh workspace with starter definitions."""
    folder = tmp_path / "shop"
    done = vocative("init", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def refused(done: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    """One clear message on stderr, no traceback, an exit code."""
    assert done.returncode != 0, done.stdout
    assert done.stderr.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr, f"{part!r} is not in:\n{done.stderr}"


def test_a_folder_that_is_no_workspace(tmp_path: Path, vocative: Run) -> None:
    refused(vocative("segment", "list", cwd=tmp_path), "no vocative.yaml", "vocative init")


def test_init_twice(shop: Path, vocative: Run) -> None:
    refused(vocative("init", str(shop)), "is a workspace already")


def test_unreadable_csv(shop: Path, vocative: Run) -> None:
    (shop / "noise.csv").write_bytes(bytes(range(256)) * 50)
    done = vocative("import", "noise.csv", "--map", "mappings/customers.yaml", cwd=shop)
    refused(done, "noise.csv", "hint:")
    assert "people" in vocative("doctor", cwd=shop).stdout


def test_missing_file(shop: Path, vocative: Run) -> None:
    done = vocative("import", "gone.csv", "--map", "mappings/customers.yaml", cwd=shop)
    refused(done, "there is no file gone.csv")


def test_mapping_with_an_unknown_column(shop: Path, vocative: Run) -> None:
    (shop / "c.csv").write_text("customer_idd,email\n1,a@example.com\n")
    done = vocative("import", "c.csv", "--map", "mappings/customers.yaml", cwd=shop)
    refused(done, "customer_id", "customer_idd", "customers.yaml:", "^")


def test_unknown_field_in_a_segment(shop: Path, vocative: Run) -> None:
    (shop / "segments" / "mine.yaml").write_text('mine: {where: "spend_180 > 5"}\n')
    refused(vocative("apply", cwd=shop), "spend_180", "did you mean", "segments/mine.yaml:1:", "^")


def test_unknown_field_in_a_template(shop: Path, vocative: Run) -> None:
    template = shop / "templates" / "welcome.mjml"
    text = template.read_text().replace("person.first_name", "person.frist_name")
    assert "frist_name" in text
    template.write_text(text)
    refused(vocative("check", cwd=shop), "frist_name", "first_name", "templates/welcome.mjml:")


def test_broken_yaml(shop: Path, vocative: Run) -> None:
    (shop / "features" / "orders.yaml").write_text("orders: {count: [Order Completed\n  x: 1\n")
    refused(vocative("check", cwd=shop), "not valid YAML", "features/orders.yaml:", "^")


def test_nothing_is_applied_when_one_definition_is_wrong(shop: Path, vocative: Run) -> None:
    (shop / "segments" / "mine.yaml").write_text('mine: {where: "nonsense +"}\n')
    refused(vocative("apply", cwd=shop), "segments/mine.yaml")
    (shop / "segments" / "mine.yaml").unlink()
    assert "revision 1" in vocative("diff", cwd=shop).stdout


def test_missing_secret(shop: Path, vocative: Run) -> None:
    settings = shop / "vocative.yaml"
    settings.write_text(
        settings.read_text().replace("# Where", 'store: "env:NO_SUCH_STORE"\n# Where')
    )
    refused(vocative("apply", cwd=shop), "NO_SUCH_STORE", "not set", "export NO_SUCH_STORE")


def test_missing_key(shop: Path, vocative: Run) -> None:
    (shop / ".vocative" / "key").unlink()
    (shop / "i.csv").write_text("customer_id,email\n1,a@example.com\n")
    (shop / "m.yaml").write_text("people: {user_id: customer_id, traits: {email: email}}\n")
    done = vocative("import", "i.csv", "--map", "m.yaml", cwd=shop)
    refused(done, "workspace key is missing", "VOCATIVE_KEY")
    assert "a@example.com" not in done.stderr


def test_port_in_use(shop: Path, vocative: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = vocative("serve", "--port", str(port), cwd=shop)
    refused(done, f"port {port} is taken", f"--port {port + 1}")


def test_serving_the_world_without_a_key(shop: Path, vocative: Run) -> None:
    refused(vocative("serve", "--host", "0.0.0.0", cwd=shop), "no API key", "VOCATIVE_API_KEY")


def test_unknown_campaign_and_benchmark(shop: Path, vocative: Run) -> None:
    refused(vocative("campaign", "send", "weekly_pick", cwd=shop), "did you mean 'weekly_picks'?")
    refused(vocative("bench", "exactly-onec"), "did you mean 'exactly-once'?")


def test_nobody_in_the_audience(shop: Path, vocative: Run) -> None:
    refused(vocative("campaign", "send", "weekly_picks", cwd=shop), "nobody is in the audience")


def test_unknown_person(shop: Path, vocative: Run) -> None:
    done = vocative("explain", "ana@example.com", "--campaign", "weekly_picks", cwd=shop)
    refused(done, "nobody is known by that")
    assert "ana@example.com" not in done.stderr


def test_misspelt_command(vocative: Run) -> None:
    done = vocative("segmnt")
    assert done.returncode == 2
    assert "Did you mean 'segment'?" in done.stderr


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.argv = ["vocative", *sys.argv[1:]]
from vocative.cli.main import run
run()
"""


def test_full_disk(shop: Path, vocative: Run) -> None:
    rows = "".join(f"c{i},person{i}@example.com,2026-01-01\n" for i in range(20_000))
    (shop / "big.csv").write_text("id,email,at\n" + rows)
    (shop / "m.yaml").write_text("people: {user_id: id, at: at, traits: {email: email}}\n")
    command = [sys.executable, "-c", FULL_DISK, "import", "big.csv", "--map", "m.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=shop, check=False)
    refused(done, "hint:")
    assert "example.com" not in done.stderr
    again = vocative("import", "big.csv", "--map", "m.yaml", "--json", cwd=shop)
    assert again.returncode == 0, again.stderr
    assert "20,000 people" in vocative("doctor", cwd=shop).stdout
