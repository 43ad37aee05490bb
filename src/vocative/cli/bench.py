"""Benchmarks: each file under bench/ has `run(size)` and prints one JSON object.

They live beside the source, not in the wheel: they are for those who change Vocative.
"""

import importlib.util
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from vocative.errors import StateError, unknown_name

FOLDER = Path(__file__).resolve().parents[3] / "bench"


def bench(name: str | None = None, *, size: int | None = None) -> dict[str, Any]:
    """Run a benchmark.

    Args:
        name: Which; without one the names are listed.
        size: How large; each has its own default that runs under a minute.

    Raises:
        UnknownName: there is no such benchmark.
        DataError: it needs a data set that is not here.
    """
    if not FOLDER.is_dir():
        raise StateError(
            "the benchmarks are not installed", hint="run this in a clone of the source"
        )
    known = {path.stem.replace("_", "-"): path for path in FOLDER.glob("[!_]*.py")}
    if name is None:
        return {"benchmarks": sorted(known)}
    path = known.get(name.replace("_", "-"))
    if path is None:
        raise unknown_name("benchmark", name, known)
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # what benchmarks share lies beside them
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StateError(f"the benchmark {name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    # Child processes and dataclasses look modules up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    started = time.perf_counter()
    figures: dict[str, Any] = module.run(size)
    return {
        "benchmark": name,
        "machine": _machine(),
        "total_seconds": round(time.perf_counter() - started, 2),
        **figures,
    }


def _machine() -> dict[str, Any]:
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(pages * page / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
