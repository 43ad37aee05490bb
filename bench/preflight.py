"""How long a pre-flight of a large audience takes; whether it or the static check misses a fault.

In: nothing; a shop is drawn with people, items and recommendations, some of them spoilt in known
ways, and a process of its own renders everybody. Beside it faults are planted in good templates,
one at a time, and the static check is asked about each. Out: people, seconds, peak_mb (of that
process) and memory at each tenth of the way; planted and planted_missed (people with a problem, and
faults in templates), false_alarms (people or templates accused without cause).
"""

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import _planted
import vocative.workspace
from vocative.clock import to_micros
from vocative.ids import person_id_for
from vocative.workspace import Workspace, prepare_state

PEOPLE = 100_000
ITEMS = 500
SHOWN = 4
SEED = 5
CAMPAIGN = "everybody"
_STARTER = Path(vocative.workspace.__file__).parent / "starter"
_SPOILT = """
    <mj-section><mj-column><mj-text color="#333333">
      <a href="https://shop.example/in/{{ person.country }}">{{ person.country }}</a>
      {% if person.country == "Nowhere" %}{{ 1 | divided_by: 0 }}{% endif %}
      {% if person.country == "Longland" %}
        {% for line in (1..1000) %}<p>A line of what nobody reads to its end, and another one
        right behind it, so that it becomes long.</p>{% endfor %}
      {% endif %}
    </mj-text></mj-column></mj-section>
    {% unless person.country == "Quiet" %}{% render 'footer', why: "You asked." %}{% endunless %}
  </mj-body>"""
_CAMPAIGN = """everybody:
  where: country is not null
  template: weekly_picks
  recommender: for_you
  products: 4
"""


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many people; 100,000 unless told.
    """
    people = size or PEOPLE
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        expected = _draw(root, people)
        told, memory, seconds = _preflight(root)
    found = {one["problem"]: one["people"] for one in told["problems"]}
    kinds = {*found, *expected}
    faults = list(_planted.faults())
    missed_faults = sum(not _planted.is_found(fault) for fault in faults)
    accused = sum(len(_planted.check(good)) for good in _planted.good_templates())
    missed = sum(max(expected[kind] - found.get(kind, 0), 0) for kind in kinds)
    wrongly = sum(max(found.get(kind, 0) - expected[kind], 0) for kind in kinds)
    return {
        "people": told["rendered"],
        "seconds": told["seconds"],
        "process_seconds": seconds,
        "people_per_second": round(told["rendered"] / told["seconds"]),
        "peak_mb": memory["peak"],
        "memory_mb_by_tenth": memory["tenths"],
        "planted": sum(expected.values()) + len(faults),
        "planted_missed": missed + missed_faults,
        "false_alarms": wrongly + accused,
        "planted_in_data": dict(sorted(expected.items())),
        "planted_in_templates": len(faults),
    }


def _preflight(root: Path) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Run it as its users do; its report, its memory, and how long the process took."""
    command = [sys.executable, "-m", "vocative", "campaign", "preflight", CAMPAIGN, "--json"]
    began = time.perf_counter()
    with (root.parent / "told.json").open("wb") as out:
        process = subprocess.Popen([*command, "-w", str(root)], stdout=out)
        seen = []
        while process.poll() is None:
            seen.append(_memory_mb(process.pid))
            time.sleep(0.25)
    if process.returncode:
        raise RuntimeError("the pre-flight failed")
    seconds = round(time.perf_counter() - began, 1)
    told = json.loads((root.parent / "told.json").read_bytes())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_000
    tenths = [seen[len(seen) * tenth // 10 - 1] for tenth in range(1, 11)]
    return told, {"peak": round(peak), "tenths": tenths}, seconds


def _memory_mb(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize() // 1_000_000


def _draw(root: Path, people: int) -> Counter[str]:
    """Write the shop; how many people have each problem."""
    for name in ("vocative.yaml", "traits.yaml"):
        root.mkdir(exist_ok=True)
        shutil.copy(_STARTER / name, root / name)
    for name in ("templates", "models", "features", "segments"):
        shutil.copytree(_STARTER / name, root / name)
    layout = root / "templates" / "weekly_picks.mjml"
    text = layout.read_text(encoding="utf-8")
    layout.write_text(text[: text.index("{% render 'footer'")] + _SPOILT + "\n</mjml>\n")
    (root / "campaigns").mkdir()
    (root / "campaigns" / "all.yaml").write_text(_CAMPAIGN)
    prepare_state(root)
    chance = random.Random(SEED)
    expected: Counter[str] = Counter()
    with Workspace(root) as workspace:
        _write_items(workspace)
        now = to_micros(workspace.clock.now())
        for start in range(0, people, 5_000):
            profiles, lists = [], []
            fields: dict[str, dict[str, str | None]] = {}
            for number in range(start, min(start + 5_000, people)):
                person_id = person_id_for(workspace.key.lookup, "user_id", f"u{number}")
                traits, first_name, items, problems = _person(chance, number)
                expected.update(problems)
                profiles.append((person_id, now, now, json.dumps(traits)))
                fields[person_id] = {"email": f"u{number}@mail.example", "first_name": first_name}
                if items:
                    shown = [{"item_id": item, "reason": "like others"} for item in items]
                    lists.append((person_id, "for_you", json.dumps(shown), now))
            with workspace.store.transaction() as tx:
                tx.run(
                    "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                    " VALUES (:person_id, :first, :updated, :traits)",
                    profiles,
                )
                tx.run(
                    "INSERT INTO recommendations (person_id, recommender, items, version, made_at)"
                    " VALUES (:person_id, :recommender, :items, 'v1', :at)",
                    lists,
                )
                workspace.vault.put_many(tx, fields)
    return expected


def _person(
    chance: random.Random, number: int
) -> tuple[dict[str, str], str | None, list[str], list[str]]:
    """Traits, first name, recommended items and the problems that follow from them."""
    country = next(
        (
            place
            for every, place in ((503, "Quiet"), (499, "Longland"), (127, "Nowhere"))
            if number % every == 1
        ),
        "South Korea" if number % 101 == 1 else chance.choice(("France", "Spain", "Japan")),
    )
    language = "fr" if number % 131 == 1 else "en"
    name: str | None = f"Ann{chance.randrange(1_000)}"
    if number % 97 == 1:
        name = None
    elif number % 211 == 1:
        name = "Annabel " * 10
    items = [f"i{one}" for one in chance.sample(range(ITEMS), SHOWN)]
    problems = []
    if number % 113 == 1:
        items = []
        problems.append("no_products")
    else:
        if number % 103 == 1:
            items[0] = "unpriced"
            problems.append("without_price")
        if number % 107 == 1:
            items[1] = "uncounted"
            problems.append("stock_unknown")
        if number % 109 == 1:
            items = items[:2]
            problems.append("fewer_products")
    if name is None:
        problems.append("empty_name")
    if country == "Nowhere":
        return {"country": country, "language": language}, name, items, [*problems, "failed"]
    problems += ["broken_link"] * (country == "South Korea")
    problems += ["too_large"] * (country == "Longland")
    problems += ["no_way_to_leave"] * (country == "Quiet")
    problems += ["other_language"] * (language == "fr")
    problems += ["long_subject"] * (name is not None and len(name) > 60)
    return {"country": country, "language": language}, name, items, problems


def _write_items(workspace: Workspace) -> None:
    def item(item_id: str, price: float | None, stock: int | None) -> tuple[object, ...]:
        title = f"A thing called {item_id}"
        return item_id, title, "Garden", price, "GBP", f"https://shop.example/p/{item_id}", stock

    rows = [item(f"i{number}", 5.0 + number, 10) for number in range(ITEMS)]
    rows += [item("unpriced", None, 10), item("uncounted", 9.0, None)]
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO items (item_id, title, category, price, currency, url, stock, active,"
            " updated_at) VALUES (:item_id, :title, :category, :price, :currency, :url, :stock, 1,"
            " 0)",
            rows,
        )
