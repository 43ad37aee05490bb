"""Runs a guide as a reader would: writes its files, types its commands, compares what is printed.

A Markdown text comes in. Two kinds of fenced blocks matter, in their order:

- ```` ```console ````: lines that start with `$ ` are commands for a shell, what follows is what
  they print. `…` stands for any text. Blanks and line ends count as one blank, because terminals
  differ in width. Nothing written below a command means that its output is not looked at. Output
  that starts with `error:` belongs to a command that must fail; every other one must succeed.
- a block of any other language that names a file, by `title="path"` behind the language or by a
  line with nothing but `` `path` `` above it: the file is written.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"(?:^`(?P<above>[\w./-]+)`\n\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ANY = "…"


@dataclass(frozen=True)
class FileBlock:
    """A file that the guide has its reader write."""

    path: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command and what the guide says it prints."""

    text: str
    expected: list[str]
    line: int

    @property
    def fails(self) -> bool:
        """Whether the guide shows a failure."""
        return bool(self.expected) and self.expected[0].startswith("error:")


def steps(markdown: str) -> Iterator[FileBlock | Command]:
    """Files and commands of a guide, in their order."""
    for block in _FENCE.finditer(markdown):
        path = block["title"] or block["above"]
        if block["language"] == "console":
            first = markdown.count("\n", 0, block.start("text")) + 1
            yield from _commands(block["text"], first)
        elif path:
            yield FileBlock(path, block["text"])


def _commands(text: str, first_line: int) -> Iterator[Command]:
    command, expected, at = "", [], first_line
    for number, line in enumerate(text.splitlines(), first_line):
        if line.startswith("$ "):
            if command:
                yield Command(command, expected, at)
            command, expected, at = line[2:], [], number
        else:
            expected.append(line)
    yield Command(command, expected, at)


def matches(expected: list[str], printed: str) -> bool:
    """Whether printed text is what a guide shows."""
    parts = [" ".join(part.split()) for part in " ".join(expected).split(ANY)]
    return re.fullmatch(".*".join(map(re.escape, parts)), " ".join(printed.split())) is not None


class Reader:
    """Somebody at a terminal in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder.parent / f"{folder.name}.place"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("VOCATIVE_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
        self._environment = {**kept, "PATH": path, "COLUMNS": "100", "PLACE": str(self._place)}

    def write(self, block: FileBlock) -> None:
        """Save a file where the reader is."""
        target = self._folder / block.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")

    def type(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Run a command; `cd` lasts."""
        script = f'{command.text}\nstatus=$?\npwd > "$PLACE"\nexit $status'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        self._folder = Path(self._place.read_text().strip())
        return done
