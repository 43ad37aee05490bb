"""What one render sees and where it writes: Liquid's own render context, bounded and quicker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any, TextIO

from liquid.context import RenderContext
from liquid.exceptions import OutputStreamLimitError
from liquid.token import Token
from liquid.undefined import UNDEFINED, FalsyStrictUndefined
from liquid.utils import ReadOnlyChainMap

from vocative.compose.language.limits import MAX_OUTPUT_CHARACTERS, Run, check_size


class Missing(FalsyStrictUndefined):
    """A name that does not exist: false in a condition, replaced by `default`, never printed."""

    force_liquid_default = True

    def __getitem__(self, key: str) -> "Missing":
        """What a part of nothing is: nothing."""
        return self


class Scope(ReadOnlyChainMap):
    """Names from the innermost outwards, without an exception for each map that lacks one."""

    def __getitem__(self, key: str) -> object:
        for names in self._maps:
            if key in names:
                return names[key]
        raise KeyError(key)


class Buffer(StringIO):
    """Written text that stops growing at a limit."""

    def __init__(self, limit: int) -> None:
        # Without a newline of its own a StringIO would turn CR LF into LF.
        super().__init__(newline="\n")
        self.left = limit

    def write(self, text: str, /) -> int:
        """Add text."""
        self.left -= len(text)
        if self.left < 0:
            raise OutputStreamLimitError(
                f"a mail may have {MAX_OUTPUT_CHARACTERS:,} characters", token=None
            )
        return super().write(text)


class Context(RenderContext):
    """What one render sees. It has no clock of its own: `now` comes from the run."""

    __slots__ = ("run",)
    run: Run

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = Scope(self.locals, self.globals, self.counters)

    def get(
        self, path: list[object], *, token: Token | None, default: object = UNDEFINED
    ) -> object:
        """The value of a path; the common case, keys of dicts, without Liquid's detours."""
        try:
            found: Any = self.scope[path[0]]  # type: ignore[index]
            for key in path[1:]:
                if type(found) is not dict:
                    return super().get(path, token=token, default=default)
                found = found[key]
        except (KeyError, TypeError):
            return super().get(path, token=token, default=default)
        return found

    def assign(self, key: str, val: Any) -> None:
        """Set a name, within the limits of a value."""
        self.run.check_time()
        check_size(val)
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count a loop's rounds against the whole render's."""
        self.run.spend_iterations(length)

    @contextmanager
    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Iterator[RenderContext]:
        """Enter a loop that looks at the time in each round."""
        forloop.it = self.run.timed(forloop.it)
        with super().loop(namespace, forloop) as context:
            yield context

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """A buffer for `capture`, within what the output has left."""
        return Buffer(buf.left if isinstance(buf, Buffer) else MAX_OUTPUT_CHARACTERS)

    def copy(self, *args: Any, **kwargs: Any) -> "Context":
        """A scope of its own within the same run."""
        copied: Any = super().copy(*args, **kwargs)
        copied.run = self.run
        return copied  # type: ignore[no-any-return]

    @contextmanager
    def block_scope(self, given: Mapping[str, object]) -> Iterator[None]:
        """See the data and what was given, and nothing else, until the block ends."""
        outer = self.locals, self.scope, self.loops, self.tag_namespace
        self.locals = {}
        self.scope = Scope(self.locals, given, self.globals, self.counters)
        self.loops = []
        self.tag_namespace = {"cycles": {}, "ifchanged": "", "stopindex": {}}
        try:
            yield
        finally:
            self.locals, self.scope, self.loops, self.tag_namespace = outer
