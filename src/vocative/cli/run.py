"""Runs one operation for the command line: opens the workspace, shows progress, prints."""

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from vocative.cli.progress import ProgressBar
from vocative.clock import FixedClock
from vocative.operations import Operation


def run_operation(operation: Operation, params: dict[str, Any]) -> None:
    """Call an operation with what the command line gave, and print its result.

    Raises:
        VocativeError: whatever the operation raises; the caller prints it.
    """
    as_json = bool(params.pop("as_json", False))
    folder: Path | None = params.pop("workspace", None)
    now: datetime | None = params.pop("now", None)
    with ExitStack() as stack:
        arguments: list[Any] = []
        if operation.needs_workspace:
            from vocative.workspace import Workspace

            clock = FixedClock(now) if now else None
            arguments.append(stack.enter_context(Workspace(folder or Path(), clock=clock)))
        if operation.takes_progress:
            bar = stack.enter_context(ProgressBar(operation.summary, quiet=as_json))
            params["progress"] = bar
        if operation.can_stop:
            params["stop"] = stack.enter_context(_asked_to_stop())
        result = operation.call(*arguments, **params)
    _print(operation, result, as_json=as_json)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Tells whether the user or the system asked to stop; work then ends at a safe point."""
    asked = threading.Event()

    def ask(_: int, __: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        sys.stderr.write("Stopping after the message in flight; once more to stop at once.\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(operation: Operation, result: Any, *, as_json: bool) -> None:
    if as_json or (operation.show is None and not isinstance(result, str)):
        body = msgspec.json.encode(result)
        # Benchmarks promise one line; people reading a terminal want it laid out.
        if sys.stdout.isatty() and not as_json:
            body = msgspec.json.format(body)
        sys.stdout.write(body.decode() + "\n")
    elif operation.show is not None:
        module, _, attribute = operation.show.partition(":")
        getattr(importlib.import_module(module), attribute)(result)
    else:
        sys.stdout.write(result + "\n")
