"""Openings and clicks: recorded at once, judged human or machine, told to the event log.

A visit comes in as it happens and is durable before the answer goes out. Whether a machine made
it shows a moment later: scanners follow every link within a second. So a visit waits a little,
gets its verdict with reason and probability, and only then becomes an event. Nothing is dropped,
and `reclassify` judges everything again when the rules improve.

The user agent and a keyed hash of the network stay with the visit; neither reaches the events. An
open tells the kind of mail program, one of a short list.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver.links import Link
from vocative.deliver.mail_program import mail_program
from vocative.privacy.networks import network_hash
from vocative.stores import Row, Transaction, load_queries
from vocative.workspace import Workspace

QUERIES = load_queries(Path(__file__).parent, "feedback")
HOLD = timedelta(seconds=2)
"""How long a visit waits for what else its visitor does."""

_BURST = timedelta(seconds=1)
_AT_ONCE = timedelta(seconds=3)
_PREFETCH = timedelta(seconds=10)
_TRAP_REACH = timedelta(seconds=60)
_MAX_AGENT = 300
_EVENTS = {"open": "Email Opened", "click": "Email Link Clicked"}

# Scanners and link checkers of mail security, crawlers, previews and scripts name themselves.
_MACHINE_AGENT = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|headless|phantomjs|curl/|wget|python|"
    r"aiohttp|httpx|okhttp|java/|go-http-client|libwww|axios|node-fetch|ruby|perl|"
    r"barracuda|proofpoint|mimecast|safelinks|fireeye|trend ?micro|symantec|messagelabs|sophos|"
    r"cisco|ironport|forcepoint|zscaler|urldefense|virustotal|facebookexternalhit|slack|whatsapp",
    re.IGNORECASE,
)
_IMAGE_PROXY = re.compile(r"GoogleImageProxy|ggpht\.com|YahooMailProxy", re.IGNORECASE)
# Apple's privacy relay fetches every picture of every mail under exactly this name.
_APPLE_RELAY = "Mozilla/5.0"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a visit, why we think so, and how sure we are."""

    by: Literal["human", "machine"]
    reason: str
    probability: float
    """That `by` is right, in [0.5, 1]: set from what is published about such agents, not fitted."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a link of one message."""

    visit_id: str
    message_id: str
    person_id: str
    kind: Literal["open", "click", "trap"]
    link: str | None
    """Number and destination of a click's link, apart by a space."""
    at: datetime
    method: str
    agent: str
    network_hash: str | None
    verdict: str | None = None
    verdict_reason: str | None = None
    revision: int = 0


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
    # First the log, then the mark: after a crash in between, the same events are told again and
    # known by their ids.
    with workspace.store.read() as tx:
        campaigns = _campaigns(tx, verdicts)
    events = [
        _event(visit, verdict, campaigns[visit.message_id])
        for visit, verdict in verdicts
        if visit.kind in _EVENTS
    ]
    if events:
        accept(workspace, events, source=OWN_SOURCE)
    with workspace.store.transaction() as tx:
        _write(tx, verdicts)
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
        judged = _judge(tx, {message_id for (message_id,) in rows})
        changed = [
            (visit, verdict)
            for visit, verdict in judged
            if visit.verdict is not None
            and (visit.verdict, visit.verdict_reason) != (verdict.by, verdict.reason)
        ]
        campaigns = _campaigns(tx, changed)
    now = workspace.clock.now()
    events = [
        _correction(visit, verdict, campaigns[visit.message_id], now)
        for visit, verdict in changed
        if visit.kind in _EVENTS and visit.verdict != verdict.by
    ]
    if events:
        accept(workspace, events, source=OWN_SOURCE)
    with workspace.store.transaction() as tx:
        _write(tx, changed)
    return len(changed)


def judge(visits: Sequence[Visit], handed_at: datetime | None) -> list[tuple[Visit, Verdict]]:
    """A verdict for every visit of one message, each in the light of all the others.

    Args:
        visits: All visits of one message.
        handed_at: When the message left; None when unknown.
    """
    trapped = [visit for visit in visits if visit.kind == "trap"]
    clicks = sorted((visit for visit in visits if visit.kind == "click"), key=lambda v: v.at)
    return [(visit, _verdict(visit, clicks, trapped, handed_at)) for visit in visits]


def _verdict(
    visit: Visit, clicks: Sequence[Visit], trapped: Sequence[Visit], handed_at: datetime | None
) -> Verdict:
    since = None if handed_at is None else visit.at - handed_at
    found = _by_itself(visit, since) or _by_company(visit, clicks, trapped)
    if found is not None:
        return found
    if visit.kind == "open" and _IMAGE_PROXY.search(visit.agent):
        return Verdict(by="human", reason="image_proxy", probability=0.75)
    return Verdict(by="human", reason="ordinary", probability=0.9)


def _by_itself(visit: Visit, since: timedelta | None) -> Verdict | None:
    """What one request gives away."""
    soon = since is not None and since < _AT_ONCE
    prefetched = since is not None and since < _PREFETCH
    opened = visit.kind == "open"
    checks = (
        (visit.kind == "trap", "trap", 0.99),
        (visit.method == "HEAD", "head_request", 0.98),
        (not visit.agent.strip(), "no_agent", 0.9),
        (bool(_MACHINE_AGENT.search(visit.agent)), "known_machine", 0.97),
        (opened and visit.agent == _APPLE_RELAY, "apple_privacy", 0.97 if prefetched else 0.9),
        (opened and prefetched and bool(_IMAGE_PROXY.search(visit.agent)), "prefetch", 0.9),
        (soon, "too_soon", 0.9),
    )
    return next(
        (
            Verdict(by="machine", reason=reason, probability=probability)
            for given, reason, probability in checks
            if given
        ),
        None,
    )


def _by_company(visit: Visit, clicks: Sequence[Visit], trapped: Sequence[Visit]) -> Verdict | None:
    """What other requests for the same message give away."""
    for trap in trapped:
        same_network = trap.network_hash == visit.network_hash
        if same_network and abs(trap.at - visit.at) <= _TRAP_REACH:
            return Verdict(by="machine", reason="trap_visitor", probability=0.98)
    if visit.kind != "click":
        return None
    together = {click.link for click in clicks if abs(click.at - visit.at) <= _BURST}
    if len(together) > 1:
        sure = 0.95 if len(together) == 2 else 0.99
        return Verdict(by="machine", reason="burst", probability=sure)
    return None


def _judge(tx: Transaction, message_ids: Iterable[str]) -> list[tuple[Visit, Verdict]]:
    judged: list[tuple[Visit, Verdict]] = []
    wanted = sorted(message_ids)
    for start in range(0, len(wanted), 500):
        names = {f"m{index}": one for index, one in enumerate(wanted[start : start + 500])}
        sql = QUERIES["visits_of"].replace("/*ids*/", ", ".join(f":{name}" for name in names))
        by_message: dict[str, list[Row]] = defaultdict(list)
        for row in tx.rows(sql, names) if names else ():
            by_message[row["message_id"]].append(row)
        for rows in by_message.values():
            handed_at = rows[0]["handed_at"]
            visits = [_visit(row) for row in rows]
            judged += judge(visits, None if handed_at is None else from_micros(handed_at))
    return judged


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
