"""Openings and clicks: recorded at once, judged human or machine, told to the event log.

A visit comes in as it happens and is durable before the answer goes out. Whether a machine made
it shows a moment later: scanners follow every link within a second. So a visit waits a little,
gets its verdict with reason and probability, and only then becomes an event. Nothing is dropped,
and `reclassify` judges everything again when the rules improve.

The user agent and a keyed hash of the network stay with the visit; neither reaches the events. An
open tells the kind of mail program, one of a short list.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver.feedback.judging import CERTAIN, REACH, Verdict, Visit, judge
from vocative.deliver.links import Link
from vocative.deliver.mail_program import mail_program
from vocative.privacy.networks import network_hash
from vocative.stores import Row, Transaction, in_lists, load_queries
from vocative.workspace import Workspace

QUERIES = load_queries(Path(__file__).parent, "visits")
HOLD = timedelta(seconds=2)
"""How long a visit waits for what else its visitor does."""

_MAX_AGENT = 300
_EARLY = timedelta(minutes=2)
_SEVERAL = 4
"""How many people a network must have visited mails of before it is judged by that."""
_EVENTS = {"open": "Email Opened", "click": "Email Link Clicked"}


def record_visit(
    workspace: Workspace,
    link: Link,
    *,
    at: datetime,
    user_agent: str,
    ip: str | None,
    method: str = "GET",
) -> Visit | None:
    """Make a visit durable; it becomes an event when it is settled (see `settle`).

    Args:
        workspace: Whose message.
        link: What the genuine token said.
        at: When.
        user_agent: As the visitor states it.
        ip: The visitor's address; only a keyed hash of its network is kept.
        method: `GET` or `HEAD`.

    Returns:
        The visit, or None when the message is unknown, for example because the person was erased.
    """
    from vocative.ids import event_id_for

    number = f"{link.number} {link.url}" if link.kind == "click" else None
    network = network_hash(workspace.vault, ip)
    told = f"{link.message_id}:{link.kind}:{number}:{to_micros(at)}:{method}:{network}"
    with workspace.store.transaction() as tx:
        person_id = tx.value(QUERIES["person_of"], {"message_id": link.message_id})
        if person_id is None:
            return None
        visit = Visit(
            visit_id=event_id_for("visit", told),
            message_id=link.message_id,
            person_id=person_id,
            kind="trap" if link.kind == "trap" else "click" if link.kind == "click" else "open",
            link=number,
            at=at,
            method=method,
            agent=user_agent[:_MAX_AGENT],
            network_hash=network,
        )
        tx.run(QUERIES["record"], {**msgspec.structs.asdict(visit), "at": to_micros(at)})
    return visit


def settle(workspace: Workspace, *, before: datetime | None = None) -> int:
    """Judge visits that have waited long enough, and tell the event log.

    Args:
        workspace: Whose visits.
        before: Visits up to this instant; default: `HOLD` ago.

    Returns:
        How many visits got a verdict. Running it again after a crash tells nothing twice.
    """
    before = before or workspace.clock.now() - HOLD
    with workspace.store.read() as tx:
        waiting = tx.rows(QUERIES["unsettled"], {"before": to_micros(before)})
        judged = _judge(tx, {row["message_id"] for row in waiting})
    settled = {row["visit_id"] for row in waiting}
    verdicts = [pair for pair in judged if pair[0].visit_id in settled]
    # What came later can show earlier visits in another light.
    changed = _changed(judged)
    # First the log, then the mark: after a crash in between, the same events are told again and
    # known by their ids.
    with workspace.store.read() as tx:
        campaigns = _campaigns(tx, [*verdicts, *changed])
    events = [
        _event(visit, verdict, campaigns[visit.message_id])
        for visit, verdict in verdicts
        if visit.kind in _EVENTS
    ]
    events += _corrections(changed, campaigns, workspace.clock.now())
    if events:
        accept(workspace, events, source=OWN_SOURCE)
    with workspace.store.transaction() as tx:
        _write(tx, [*verdicts, *changed])
    return len(verdicts)


def reclassify(workspace: Workspace, campaign: str) -> int:
    """Judge every visit of a campaign again; changed verdicts are told to the event log.

    Returns:
        How many verdicts changed. Each is an event `Email Verdict Changed` with the `visit_id` of
        the event it is about.
    """
    settle(workspace)
    with workspace.store.read() as tx:
        rows = tx.tuples(QUERIES["visited_messages"], {"campaign": campaign})
        changed = _changed(_judge(tx, {message_id for (message_id,) in rows}))
        campaigns = _campaigns(tx, changed)
    events = _corrections(changed, campaigns, workspace.clock.now())
    if events:
        accept(workspace, events, source=OWN_SOURCE)
    with workspace.store.transaction() as tx:
        _write(tx, changed)
    return len(changed)


def machine_around(tx: Transaction, message_id: str, at: datetime) -> str | None:
    """Why a machine was surely at a message's links within a minute before `at`; None: none was."""
    near = (
        verdict.reason
        for visit, verdict in _judge(tx, {message_id})
        if verdict.reason in CERTAIN and timedelta(0) <= at - visit.at <= REACH
    )
    return next(near, None)


def _changed(judged: Sequence[tuple[Visit, Verdict]]) -> list[tuple[Visit, Verdict]]:
    return [
        (visit, verdict)
        for visit, verdict in judged
        if visit.verdict is not None
        and (visit.verdict, visit.verdict_reason) != (verdict.by, verdict.reason)
    ]


def _corrections(
    changed: Sequence[tuple[Visit, Verdict]], campaigns: Mapping[str, Row], at: datetime
) -> list[dict[str, Any]]:
    return [
        _correction(visit, verdict, campaigns[visit.message_id], at)
        for visit, verdict in changed
        if visit.kind in _EVENTS and visit.verdict != verdict.by
    ]


def _judge(tx: Transaction, message_ids: Iterable[str]) -> list[tuple[Visit, Verdict]]:
    judged: list[tuple[Visit, Verdict]] = []
    wanted = sorted(message_ids)
    for start in range(0, len(wanted), 500):
        names = {f"m{index}": one for index, one in enumerate(wanted[start : start + 500])}
        sql = QUERIES["visits_of"].replace("/*ids*/", ", ".join(f":{name}" for name in names))
        by_message: dict[str, list[Row]] = defaultdict(list)
        for row in tx.rows(sql, names) if names else ():
            by_message[row["message_id"]].append(row)
        found = [row["network_hash"] for rows in by_message.values() for row in rows]
        scanners = _scanners(tx, {one for one in found if one is not None})
        for rows in by_message.values():
            handed_at = rows[0]["handed_at"]
            left = None if handed_at is None else from_micros(handed_at)
            judged += judge([_visit(row) for row in rows], left, scanners=scanners)
    return judged


def _scanners(tx: Transaction, networks: set[str]) -> set[str]:
    """Those networks that scanners use, by what they did with the mails of several people.

    Either half of the mails whose links they followed were swept, asked with HEAD or caught in the
    trap, or nearly all of their clicks came within two minutes of delivery, to several people: an
    office sees some mails at once, but not all.
    """
    early = _EARLY // timedelta(microseconds=1)
    told = ", ".join(f"'{reason}'" for reason in CERTAIN)
    sql = QUERIES["networks"].replace("/*certain*/", told)
    return {
        row["network_hash"]
        for names, bound in in_lists(sorted(networks))
        for row in tx.rows(sql.replace("/*networks*/", names), {**bound, "early": early})
        if row["people"] >= _SEVERAL
        and (2 * row["caught"] >= row["mails"] or row["early"] >= 0.9 * row["clicks"])
    }


def _visit(row: Row) -> Visit:
    fields = {name: row[name] for name in Visit.__struct_fields__ if name != "at"}
    return Visit(at=from_micros(row["at"]), **fields)


def _campaigns(tx: Transaction, pairs: Sequence[tuple[Visit, Verdict]]) -> dict[str, Row]:
    """Campaign, occurrence and arm of each visited message."""
    found = {}
    for message_id in {visit.message_id for visit, _ in pairs}:
        row = tx.row(QUERIES["campaign_of"], {"message_id": message_id})
        found[message_id] = row or {}
    return found


def _write(tx: Transaction, pairs: Sequence[tuple[Visit, Verdict]]) -> None:
    tx.run(
        QUERIES["judge"],
        [
            {
                "visit_id": visit.visit_id,
                "verdict": verdict.by,
                "verdict_reason": verdict.reason,
                "probability": verdict.probability,
                "revision": visit.revision + 1,
            }
            for visit, verdict in pairs
        ],
    )


def _event(visit: Visit, verdict: Verdict, campaign: Mapping[str, Any]) -> dict[str, Any]:
    number, _, url = (visit.link or "").partition(" ")
    if visit.kind == "click":
        seen: dict[str, Any] = {"link_url": url, "link_number": int(number)}
    else:
        seen = {"client": mail_program(visit.agent)}
    return {
        "type": "track",
        "event": _EVENTS[visit.kind],
        "messageId": visit.visit_id,
        "timestamp": visit.at.isoformat(),
        "context": {"personId": visit.person_id},
        "properties": {
            **campaign,
            "message_id": visit.message_id,
            "visit_id": visit.visit_id,
            **seen,
            "verdict": verdict.by,
            "verdict_reason": verdict.reason,
            "verdict_probability": verdict.probability,
        },
    }


def _correction(
    visit: Visit, verdict: Verdict, campaign: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    event = _event(visit, verdict, campaign)
    return {
        **event,
        "event": "Email Verdict Changed",
        "messageId": f"{visit.visit_id}-{visit.revision + 1}",
        "timestamp": at.isoformat(),
        "properties": {**event["properties"], "about": event["event"]},
    }
