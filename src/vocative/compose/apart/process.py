"""Renders what an author typed in a process apart, which may use little and can be killed.

In come a template's source and data, out goes a message, as from `Template.render`. Limits inside
the process stop what is hostile; this stops what they miss, and a fault of a library written in
another language. The child sees no environment, no key and no workspace: what a template asks for
is answered from here. It stays for the next preview unless something went wrong.
"""

import atexit
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

import msgspec
from liquid.exceptions import LiquidError

from vocative.clock import Clock
from vocative.compose.apart.frames import pack, read_frame, write_frame
from vocative.compose.authoring.source import TemplateSource
from vocative.compose.language.lookups import LOOKUPS
from vocative.compose.template import Rendered
from vocative.errors import AuthorError, EngineError, Where

WALL_SECONDS = 10.0
"""How long a preview may take, on a machine that has other work as well."""
START_SECONDS = 60.0
_KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")


class Refused(msgspec.Struct, kw_only=True):
    """What is wrong, as an error says it."""

    message: str
    hint: str | None
    where: dict[str, Any] | None


class Said(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the child says: that it is ready, what came out, what is wrong, or a question."""

    rendered: dict[str, Any] | None = None
    refused: Refused | None = None
    ask: tuple[str, list[Any]] | None = None


class Apart:
    """One child that renders, one message at a time; it begins with the first."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._busy = threading.Lock()

    def render(
        self, source: TemplateSource, data: Mapping[str, Any], *, clock: Clock, language: str = ""
    ) -> Rendered:
        """A template compiled and rendered for one person.

        Args:
            source: The template as typed.
            data: See `Template.render`; lookups are asked from here.
            clock: What `now` is.
            language: What the template is written in.

        Raises:
            AuthorError: the template is wrong, or does more than it may.
            EngineError: no process can be started.
        """
        plain = {name: value for name, value in data.items() if name != LOOKUPS}
        job = pack((source, plain, clock.now(), language, LOOKUPS in data))
        with self._busy:
            child = self._running()
            unanswered: list[str] = []
            try:
                said = self._talk(child, job, data.get(LOOKUPS), unanswered)
            except (EOFError, OSError, TimeoutError, msgspec.DecodeError) as error:
                self._end()
                raise AuthorError(
                    "the template does too much, and rendering it was stopped",
                    where=source.body.where(0),
                    hint="loop less, and over shorter lists; write shorter texts",
                ) from error
            except BaseException:
                self._end()
                raise
        if said.refused is not None:
            place = said.refused.where
            raise AuthorError(
                ": ".join([said.refused.message, *unanswered[:1]]),
                where=Where(**place) if place else None,
                hint=said.refused.hint,
            )
        return msgspec.convert(said.rendered, Rendered)

    def close(self) -> None:
        """End the child."""
        with self._busy:
            self._end()

    def _talk(
        self, child: "subprocess.Popen[bytes]", job: bytes, lookups: Any, unanswered: list[str]
    ) -> Said:
        deadline = time.monotonic() + self._wall_seconds
        # A child that reads nothing more must not hold this process up.
        timer = threading.Timer(self._wall_seconds, child.kill)
        timer.start()
        try:
            write_frame(_pipe(child.stdin), job)
            while True:
                said = self._hear(child, deadline)
                if said.ask is None:
                    return said
                answer, why_not = _answer(lookups, *said.ask)
                unanswered += [why_not] if why_not else []
                write_frame(_pipe(child.stdin), pack((answer, why_not)))
        finally:
            timer.cancel()

    def _hear(self, child: "subprocess.Popen[bytes]", deadline: float) -> Said:
        pipe = _pipe(child.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError
        return msgspec.json.decode(read_frame(pipe), type=Said)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        child = subprocess.Popen(
            [sys.executable, "-m", "vocative.compose.apart.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        self._child = child
        try:
            self._hear(child, time.monotonic() + START_SECONDS)
        except (EOFError, OSError, TimeoutError, msgspec.DecodeError) as error:
            self._end()
            raise EngineError("the process that renders previews does not start") from error
        return child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            _pipe(child.stdin).close()
            _pipe(child.stdout).close()


def _answer(lookups: Any, name: str, arguments: list[Any]) -> tuple[Any, str | None]:
    """What was asked for, or why there is nothing."""
    if name not in _ASKED:
        return None, "there is no such question"
    try:
        return getattr(lookups, name)(*arguments), None
    except LiquidError as error:
        return None, str(error.message)


_ASKED = ("product", "recommend")
_SHARED = Apart()
atexit.register(_SHARED.close)


def render_apart(
    source: TemplateSource, data: Mapping[str, Any], *, clock: Clock, language: str = ""
) -> Rendered:
    """`Apart.render`, in the one child that this process keeps for it."""
    return _SHARED.render(source, data, clock=clock, language=language)


def _pipe(pipe: IO[bytes] | None) -> Any:
    assert pipe is not None  # noqa: S101 - both were asked for
    return pipe
