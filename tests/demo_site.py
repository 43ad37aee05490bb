"""What the `demo` fixture gives: a finished demo, built once per test run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """A finished demo: what it printed, its workspace, the made-up store's files."""

    output: str
    workspace: Path
    store: Path
