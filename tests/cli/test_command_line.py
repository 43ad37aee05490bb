"""The command line: quick to start, complete, and the same as the table of operations."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from vocative.operations import OPERATIONS

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = (
    "duckdb",
    "pyarrow",
    "sqlglot",
    "sqlalchemy",
    "starlette",
    "liquid",
    "sklearn",
    "lightgbm",
    "numpy",
    "rich",
    "msgspec",
)


def test_help_imports_nothing_heavy() -> None:
    # What makes a start slow is what is imported; the time itself depends on the machine.
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom vocative.cli.main import main\n"
        "result = CliRunner().invoke(main, ['--help'])\nassert result.exit_code == 0\n"
        "assert 'segment' in result.output\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [o.name for o in OPERATIONS.values() if o.command])
def test_every_command_has_help(name: str) -> None:
    from click.testing import CliRunner

    from vocative.cli.main import main

    result = CliRunner().invoke(main, [*name.split(), "--help"])
    assert result.exit_code == 0, result.output
    assert "--json" in result.output
    operation = OPERATIONS[name]
    flags = [p for p in operation.parameters if p.name not in operation.arguments]
    assert all(p.help for p in flags), [p.name for p in flags if not p.help]


def test_version(vocative: Run) -> None:
    assert vocative("--version").stdout.startswith("vocative, version ")


def test_plugins_are_listed(vocative: Run) -> None:
    shown = vocative("plugins").stdout
    assert "outbox_folder" in shown
    assert "logistic_regression" in shown
    assert "add one subclass" not in shown


def test_what_is_on_can_be_switched_off(vocative: Run) -> None:
    assert "--recompute / --no-recompute" in vocative("apply", "--help").stdout
    assert "--worker / --no-worker" in vocative("serve", "--help").stdout
