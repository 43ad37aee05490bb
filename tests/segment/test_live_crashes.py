"""The live worker is killed with SIGKILL again and again: every change is there, and there once.

A smaller run of `vocative bench live-kills`, which kills it a hundred times.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "live_kills.py"


@pytest.fixture(scope="module")
def kills():
    spec = importlib.util.spec_from_file_location("bench_live_kills", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_killing_the_live_worker_neither_loses_nor_doubles_a_change(kills, monkeypatch):
    monkeypatch.setattr(kills, "PEOPLE", 600)
    monkeypatch.setattr(kills, "RATE", 200)
    found = kills.run(6)
    assert found["settled"]
    assert found["changes"] > 1_000
    assert found["changes_by_time"] > 50
    wrong = ("lost", "doubled", "intervals_differ", "history_differs", "reread")
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0)


def test_a_list_of_changes_that_lost_or_doubled_one_is_noticed(kills):
    row = ("p", "s")
    right = [
        (1, *row, "entered", 10, ""),
        (2, *row, "exited", 20, ""),
        (3, *row, "entered", 30, ""),
    ]
    assert kills.replay(right) == ({(*row, 10): 20, (*row, 30): None}, 0, 0)
    without_exit, twice, without_entry = kills.replay([right[0], right[2]])
    assert (twice, without_entry) == (1, 0)
    assert len(without_exit) == 2
    assert kills.replay(right[1:])[1:] == (0, 1)
