"""How fast a mail of 50 KB is rendered, as text and as bytes for the wire, beside python-liquid.

In: nothing; a template and a shop are drawn (`_mail.py`). People come in batches as a sender has
them, each drawn once and rendered by everyone: by python-liquid as it comes, escaping as ours does;
compiled to text; compiled to the bytes of the body. Caches begin empty and their filling counts.
Out: renders per second of processor time, of one process; the ratios to python-liquid; how many
outputs differ from the interpreter's, which renders the same people; memory on the way.
"""

import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import liquid

from _mail import CONSTANTS, FROZEN, Shop, template
from vocative.clock import SystemClock
from vocative.compose.compiler import CompiledBody, CompiledText, compile_body, compile_text
from vocative.compose.language import filters
from vocative.compose.language.limits import Run
from vocative.compose.links import refuse_unsafe_links

PEOPLE = 200_000
BATCH = 50
SLOW_BATCHES = 100
"""How many batches python-liquid and the interpreter render, spread over all."""
SEED = 3
_SPACE = re.compile(rb"\r\n|[ \t\r\n]")


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many people; 200,000 unless told.
    """
    people = max(size or PEOPLE, BATCH)
    batches = people // BATCH
    engines = _Engines()
    shop, memory = Shop(SEED), [_memory_mb()]
    differences = compared = 0
    for number in range(batches):
        drawn = [CONSTANTS | shop.person(number * BATCH + one) for one in range(BATCH)]
        # Who goes first reads the data for all, so they take turns.
        order = ("text", "wire") if number % 2 else ("wire", "text")
        for name in order:
            engines.time(name, drawn)
        if number % max(batches // SLOW_BATCHES, 1) == 0:
            engines.time("python_liquid", drawn)
            compared += len(drawn)
            differences += engines.differences(drawn)
        if number % max(batches // 10, 1) == 0:
            memory.append(_memory_mb())
    rates = {name: engines.renders_per_second(name) for name in ("python_liquid", "text", "wire")}
    return {
        "renders": engines.renders["text"] + engines.renders["wire"],
        "output_bytes": round(engines.written / compared),
        "renders_per_second_text": round(rates["text"]),
        "renders_per_second_wire": round(rates["wire"]),
        "renders_per_second_python_liquid": round(rates["python_liquid"]),
        "ratio_text_to_python_liquid": round(rates["text"] / rates["python_liquid"], 1),
        "ratio_wire_to_python_liquid": round(rates["wire"] / rates["python_liquid"], 1),
        "compared": compared,
        "differences": differences,
        "left_to_the_interpreter": engines.text.interpreted,
        "encoded_as_text_first": engines.body.as_text,
        "compile_ms": round(1000 * engines.compile_seconds, 1),
        "memory_mb": memory[1:],
        "grown_mb_in_second_half": round(memory[-1] - memory[len(memory) // 2], 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


class _Engines:
    """The same template in everybody's form, and the processor time each has taken."""

    def __init__(self) -> None:
        self._parsed = template().html.parsed
        self._clock = SystemClock()
        began = time.process_time()
        self.text: CompiledText = compile_text(self._parsed, CONSTANTS, frozen=FROZEN)
        self.body: CompiledBody = compile_body(self._parsed, CONSTANTS, frozen=FROZEN)
        self.compile_seconds = time.process_time() - began
        environment = liquid.Environment(autoescape=True)
        environment.add_filter("money", filters.money)
        stock = environment.from_string(self._parsed.nodes[0].token.source)
        self._render: dict[str, Callable[[dict[str, Any]], Any]] = {
            "python_liquid": stock.render,
            "text": lambda data: self.text.render_run(data, Run(self._clock)),
            "wire": lambda data: self.body.render_run(data, Run(self._clock)).content,
        }
        self.seconds = dict.fromkeys(self._render, 0.0)
        self.renders = dict.fromkeys(self._render, 0)
        self.written = 0

    def time(self, name: str, people: list[dict[str, Any]]) -> None:
        """Render some people, each output gone before the next as when it is sent."""
        render = self._render[name]
        began = time.process_time()
        for data in people:
            render(data)
        self.seconds[name] += time.process_time() - began
        self.renders[name] += len(people)

    def differences(self, people: list[dict[str, Any]]) -> int:
        """How many outputs are not what the interpreter gives."""
        wrong = 0
        for data in people:
            expected = self._parsed.render_run(data, Run(self._clock))
            encoded = refuse_unsafe_links(expected).encode("ascii", "xmlcharrefreplace")
            text, stock = self._render["text"](data), self._render["python_liquid"](data)
            body = self._render["wire"](data)
            wrong += text != expected or stock != expected or _flat(body) != _flat(encoded)
            self.written += len(body)
        return wrong

    def renders_per_second(self, name: str) -> float:
        """Renders per second of processor time."""
        return self.renders[name] / max(self.seconds[name], 1e-9)


def _flat(body: bytes) -> bytes:
    """A body but for where its lines break."""
    return _SPACE.sub(b" ", body)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)
