"""The worker process: takes in events as they come, and lets time pass.

It applies the log and keeps segments live in one transaction per micro-batch, follows what time
alone changes, builds what new definitions need in between, and judges visits. Started by
`vocative serve`; it ends when its parent does.
"""

import gc
import logging
import os
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType

from vocative.campaign.journeys.working import Journeys
from vocative.clock import to_micros
from vocative.collect.quality.alerts import Watching
from vocative.deliver.feedback import settle
from vocative.deliver.opt_in import Confirmations
from vocative.errors import AuthorError, VocativeError, places
from vocative.identify.apply import MAX_PARTS
from vocative.segment.cuts import refresh_cuts
from vocative.segment.live.runner import LiveRunner
from vocative.segment.plan import build_plan
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp

IDLE_SECONDS = 0.01
"""How long to wait for events when there are none."""
PAUSE_SECONDS = 5.0
"""How long to wait after something failed."""
FIRE_SECONDS = 0.1
"""How often to look for what time alone changes, while events come."""
CHORES_SECONDS = 1.0
"""How often to look at visits, definitions and history's tail."""
COLLECT_SECONDS = 1.0
"""How often to look for circles of objects. Each object is looked at once, whenever that is: often
makes many short pauses (10 ms) of one long one."""
TIDY_SECONDS = 60.0
"""How often to join small parts of history, to look whether buckets want to be ranked anew, and
whether a source is not as usual."""

log = logging.getLogger("vocative.worker")


class Worker:
    """Does what there is to do, events first."""

    def __init__(self, workspace: Workspace, parent: int) -> None:
        self._workspace = workspace
        self._parent = parent
        self._stopped = False
        several_cores = (os.cpu_count() or 1) > 1
        self._runner = LiveRunner(workspace, rows_wait=True, beside=several_cores)
        self._ready = False
        self._definitions: object = None
        self._ranked: object = None
        self._ranked_at = 0.0
        self._watching = Watching(workspace)
        self._chores_at = 0.0
        self._collected_at = 0.0
        self._fired_at = 0.0
        self._beside = ThreadPoolExecutor(1, "history")
        self._flushing: Future[None] | None = None
        self._confirmations = Confirmations(workspace, lambda: self._stopped)
        self._mailing = ThreadPoolExecutor(1, "confirmations")
        self._asking: Future[None] | None = None
        self._journeys = Journeys(workspace, lambda: self._stopped)

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the transaction under way, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopped and os.getppid() == self._parent:
            try:
                busy = self.turn()
                self._collect()
                if not busy:
                    time.sleep(IDLE_SECONDS)
            except VocativeError as error:
                # Nothing of the transaction was kept; the next one starts where it did.
                log.warning("%s", error.message)
                time.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001
                # A fault of ours. Segments would stand still for good without a worker.
                name, where = type(error).__name__, places(error)
                log.error("%s; it is tried again\n%s", name, where)  # noqa: TRY400 - see `places`
                time.sleep(PAUSE_SECONDS)
        with suppress(VocativeError):  # the next worker finds out what was not written
            self._runner.close()
        self._beside.shutdown()
        self._mailing.shutdown()
        self._journeys.close()
        gc.unfreeze()

    def turn(self) -> bool:
        """Do one round of work; whether there was any."""
        if time.monotonic() - self._chores_at > CHORES_SECONDS:
            self._chores()
            self._chores_at = time.monotonic()
        if not self._ready:
            return False
        busy = self._runner.take() is not None
        if not busy or time.monotonic() - self._fired_at > FIRE_SECONDS:
            self._fired_at = time.monotonic()
            if self._runner.soonest() <= to_micros(self._workspace.clock.now()):
                busy = self._runner.fire() > 0 or busy
        # Building goes on while events come, a slice at a time.
        busy = self._runner.build() > 0 or busy
        return busy or self._runner.settle_rows() > 0

    def _collect(self) -> None:
        """Look for circles, as libraries leave them, among what came since the last time.

        People are kept in memory and hold none: Python's own collector, which looks through them
        again and again, takes a fifth of the time.
        """
        if time.monotonic() - self._collected_at > COLLECT_SECONDS:
            gc.collect()
            gc.freeze()
            self._collected_at = time.monotonic()

    def _chores(self) -> None:
        settle(self._workspace)
        self._take_up_definitions()
        self._runner.look_again()
        if self._flushing is None or self._flushing.done():
            if self._flushing is not None:
                self._flushing.result()
            self._flushing = self._beside.submit(self._tidy)
        if self._asking is None or self._asking.done():
            self._asking = self._mailing.submit(self._confirm)
        self._journeys.look()

    def _confirm(self) -> None:
        """Send mails of double opt-in, beside the work: a mail server may take its time."""
        try:
            self._confirmations.turn()
        except VocativeError as error:
            log.warning("confirmations wait: %s", error.message)
        except Exception as error:  # noqa: BLE001 - they are tried again, and nobody else stops
            log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`

    def _tidy(self) -> None:
        """What takes long and changes no person, beside the work: a thread of its own."""
        workspace = self._workspace
        workspace.history.flush_when_due(workspace.store)
        workspace.store.tidy()
        if self._ranked == self._definitions and time.monotonic() - self._ranked_at < TIDY_SECONDS:
            return
        self._ranked, self._ranked_at = self._definitions, time.monotonic()
        self._watching.look()
        workspace.history.compact(workspace.store, limit=MAX_PARTS)
        workspace.history.sweep(workspace.store)
        with suppress(AuthorError):  # told where definitions are taken up
            refresh_cuts(workspace, build_plan(workspace), always=False)

    def _take_up_definitions(self) -> None:
        """Look whether definitions, the catalog or the buckets of ranking features have changed."""
        found = _stamp(self._workspace)
        if found == self._definitions and self._ready:
            return
        try:
            self._runner.refresh()
        except AuthorError as error:
            log.warning("%s; segments go on as they were defined before", error.message)
        else:
            self._ready = True
        self._definitions = found


def _stamp(workspace: Workspace) -> object:
    """Changes when something does that segments depend on."""
    traits = _stat(workspace.root / "traits.yaml")
    files = definitions_stamp(workspace.root, "feature", "segment", "model")
    with workspace.store.read() as tx:
        kept = tx.tuples(
            "SELECT (SELECT max(updated_at) FROM items),"
            " (SELECT max(computed_at) FROM feature_cuts)"
        )[0]
    return traits and (traits.st_mtime_ns, traits.st_size), files, kept


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def main() -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(5)
    gc.disable()  # see `Worker._collect`
    with Workspace(Path(sys.argv[1])) as workspace:
        worker = Worker(workspace, int(sys.argv[2]))
        signal.signal(signal.SIGTERM, worker.stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        worker.run()


if __name__ == "__main__":
    main()
