"""How well bounces are told apart, and machines from people.

In: the shared mails that came back, with labels (where they are), and labelled requests for the
links of made-up mails, which go through the store as real ones do. Out: bounce_mails,
bounce_hard_accuracy; clicks, bot_precision and bot_recall of machine clicks (also of clicks and
opens together), as told first and after judging again, by kind of visitor; and beside it what the
rule "clicked within two seconds of delivery" would find.
"""

import csv
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vocative.clock import FixedClock, to_micros
from vocative.deliver.feedback import HOLD, reclassify, record_visit, settle
from vocative.deliver.feedback.returned_mail import read_returned
from vocative.deliver.ledger import PlannedMessage, plan
from vocative.deliver.links import Link
from vocative.ids import person_id_for
from vocative.simulate.scanners import Request, draw_requests
from vocative.workspace import Workspace, prepare_state

MAILS = 5_000
SEED = 20
LEFT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CAMPAIGN = "news"
SETTINGS = (
    "{workspace: feedback, sender: {email: hello@shop.example, name: The Shop},"
    " postal_address: 1 High Street}\n"
)
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many mails are visited; 5,000 unless told.
    """
    return {**_bounces(), **_machines(size or MAILS)}


def _bounces() -> dict[str, Any]:
    folder = Path(os.environ.get("VOCATIVE_SHARED_DATA", _SHARED)) / "bounce_emails"
    if not folder.is_dir():
        return {"bounce_mails": 0, "bounce_hard_accuracy": None}
    with (folder / "shared_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = sum(_right(folder / "shared" / row["file"], row) for row in rows)
    return {"bounce_mails": len(rows), "bounce_hard_accuracy": round(right / len(rows), 4)}


def _right(file: Path, row: dict[str, str]) -> bool:
    """Whether a mail was seen to be hard or not; one that was not understood is wrong."""
    found = read_returned(file.read_bytes())
    if not found:
        return False
    one = found[min(int(row["recipient_index"]), len(found) - 1)]
    no_bounce = row["reason"] in ("feedback", "vacation")
    understood = one.kind != "other" or no_bounce
    return understood and (one.kind == "hard") == (row["hardbounce"] == "1")


def _machines(mails: int) -> dict[str, Any]:
    requests = draw_requests(mails, seed=SEED)
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder)
        (root / "vocative.yaml").write_text(SETTINGS)
        prepare_state(root)
        with Workspace(root, clock=FixedClock(LEFT)) as workspace:
            told, visit_ids = _live_through(workspace, requests, _send(workspace, mails))
            started = time.perf_counter()
            reclassify(workspace, CAMPAIGN)
            seconds = time.perf_counter() - started
            final = _verdicts(workspace)
    labelled = [(request, visit_ids[n]) for n, request in enumerate(requests)]
    clicks = [(request, one) for request, one in labelled if request.kind == "click"]
    first, again = _judged(clicks, told), _judged(clicks, final)
    every = _judged([pair for pair in labelled if pair[0].kind != "trap"], final)
    machine = [request for request, _ in clicks if request.machine]
    return {
        "mails": mails,
        "clicks": len(clicks),
        "machine_clicks": len(machine),
        "bot_precision": again["precision"],
        "bot_recall": again["recall"],
        "bot_precision_at_first": first["precision"],
        "bot_recall_at_first": first["recall"],
        "bot_precision_with_opens": every["precision"],
        "bot_recall_with_opens": every["recall"],
        "two_second_rule_recall": round(
            sum(request.after_ms <= 2_000 for request in machine) / len(machine), 4
        ),
        "missed": dict(again["missed"]),
        "accused": dict(again["accused"]),
        "judge_again_seconds": round(seconds, 2),
    }


def _send(workspace: Workspace, mails: int) -> list[str]:
    """Ledger rows of messages that left."""
    messages = [
        PlannedMessage(
            campaign=CAMPAIGN, occurrence="1", person_id=person_id_for(b"bench", "user_id", str(n)),
            channel="email", purpose="marketing", arm="a",
        )
        for n in range(mails)
    ]  # fmt: skip
    with workspace.store.transaction() as tx:
        plan(tx, messages, at=LEFT)
        tx.run("UPDATE messages SET state = 'accepted', handed_at = :at", {"at": to_micros(LEFT)})
    return [message.message_id for message in messages]


def _live_through(
    workspace: Workspace, requests: Iterable[Request], message_ids: list[str]
) -> tuple[dict[str, str], dict[int, str]]:
    """Let the requests come in their order; what was told at first of each, and their ids."""
    order = sorted(enumerate(requests), key=lambda pair: pair[1].after_ms)
    visit_ids: dict[int, str] = {}
    first: dict[str, str] = {}
    settled_at = LEFT
    for n, request in order:
        at = LEFT + timedelta(milliseconds=request.after_ms)
        # Settling after every pause is what the worker does; in a rush it is every second.
        if at - settled_at > timedelta(minutes=1):
            settle(workspace, before=at - HOLD)
            settled_at = at
        kind: Any = request.kind
        link = Link(
            kind=kind, message_id=message_ids[request.mail], number=request.link,
            url=f"https://shop.example/{request.link}" if request.kind == "click" else None,
        )  # fmt: skip
        visit = record_visit(
            workspace, link, at=at, user_agent=request.agent, ip=request.ip, method=request.method
        )
        if visit is not None:
            visit_ids[n] = visit.visit_id
    settle(workspace, before=LEFT + timedelta(days=365))
    first = _verdicts(workspace)
    return first, visit_ids


def _verdicts(workspace: Workspace) -> dict[str, str]:
    with workspace.store.read() as tx:
        return dict(tx.tuples("SELECT visit_id, verdict FROM visits"))


def _judged(labelled: list[tuple[Request, str]], verdicts: dict[str, str]) -> dict[str, Any]:
    caught = sum(one.machine and verdicts[visit] == "machine" for one, visit in labelled)
    accused = Counter(
        one.who for one, visit in labelled if not one.machine and verdicts[visit] == "machine"
    )
    missed = Counter(
        one.who for one, visit in labelled if one.machine and verdicts[visit] == "human"
    )
    return {
        "precision": round(caught / max(caught + accused.total(), 1), 4),
        "recall": round(caught / max(caught + missed.total(), 1), 4),
        "missed": missed,
        "accused": accused,
    }
