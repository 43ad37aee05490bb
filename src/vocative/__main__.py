"""`python -m vocative`."""

from vocative.cli.main import run

run()
