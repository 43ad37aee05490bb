"""The process in which `vocative.compose.apart.process` renders: it limits itself, then takes jobs.

It is started by that module and speaks with it over its standard input and output.
"""

import gc
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from liquid.exceptions import FilterArgumentError

from vocative.clock import FixedClock
from vocative.compose.apart.frames import read_frame, write_frame
from vocative.compose.apart.process import Refused, Said
from vocative.compose.authoring.source import TemplateSource
from vocative.compose.language.lookups import LOOKUPS
from vocative.compose.language.skipping import MessageSkipped
from vocative.compose.template import compile_template
from vocative.errors import AuthorError

MEMORY_BYTES = 250_000_000
"""How much more than when it is ready."""
CPU_SECONDS = 4
"""Of one job."""
OPEN_FILES = 32


class _Lookups:
    """Asks the process that started this one."""

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading = reading
        self._writing = writing

    def product(self, item_id: str) -> Any:
        return self._ask("product", item_id)

    def recommend(self, recommender: str, count: int) -> Any:
        return self._ask("recommend", recommender, count)

    def _ask(self, name: str, *arguments: Any) -> Any:
        write_frame(self._writing, msgspec.json.encode(Said(ask=(name, list(arguments)))))
        answer, refused = _unpacked(read_frame(self._reading))
        if refused is not None:
            raise FilterArgumentError(refused, token=None)
        return answer


def serve(reading: BinaryIO, writing: BinaryIO) -> None:
    """Take jobs until nobody sends more."""
    _warm_up()
    _limit_memory()
    write_frame(writing, msgspec.json.encode(Said()))
    lookups = _Lookups(reading, writing)
    while True:
        try:
            job = read_frame(reading)
        except EOFError:
            return
        _limit_time()
        write_frame(writing, msgspec.json.encode(_done(job, lookups)))
        gc.collect()


def _done(job: bytes, lookups: _Lookups) -> Said:
    source, data, now, language, asks = _unpacked(job)
    if asks:
        data[LOOKUPS] = lookups
    try:
        template = compile_template(source, clock=FixedClock(now), language=language)
        return Said(rendered=msgspec.to_builtins(template.render(data)))
    except (AuthorError, MessageSkipped) as error:
        told = error.as_json()["error"]
        return Said(
            refused=Refused(message=told["message"], hint=told["hint"], where=told["where"])
        )


def _unpacked(packed: bytes) -> Any:
    import pickle

    # From the process that started this one, never the other way round.
    return pickle.loads(packed)  # noqa: S301


def _warm_up() -> None:
    """Load what rendering needs before memory is limited."""
    mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ 'now' | date: '%d' }}{{ 1 | money }}"
    mjml += "</mj-text></mj-column></mj-section></mj-body></mjml>"
    source = TemplateSource.of("warm", mjml=mjml, subject="x")
    compile_template(source, clock=FixedClock(datetime.fromisoformat("2026-01-01T00:00Z"))).render(
        {"person": {}}
    )


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on every system; then the time on the wall is what limits
        return
    used = MEMORY_BYTES + _address_space_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (used, used))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def _limit_time() -> None:
    """Give the next job its own processor time; what was used before counts in the limit."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _address_space_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 1_000_000_000
    import os

    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
