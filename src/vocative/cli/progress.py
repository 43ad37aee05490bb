"""A progress bar on the terminal; silent when the output is not one."""

from types import TracebackType
from typing import Self


class ProgressBar:
    """Called as `progress(amount)`, `progress(done, total)` or `progress(words, share)`."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task(title.rstrip("."), total=None)

    def __call__(
        self, done: float | str, total: float | None = None, what: str | None = None
    ) -> None:
        """Show that work went on."""
        if isinstance(done, str):
            if total is None:
                self._bar.update(self._task, description=done)
            else:
                self._bar.update(
                    self._task, description=done, completed=round(total * 100), total=100
                )
        elif total is None:
            self._bar.advance(self._task, done)
        else:
            self._bar.update(self._task, completed=done, total=total or None)
        if what is not None:
            self._bar.update(self._task, description=what)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
