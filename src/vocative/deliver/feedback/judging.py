"""Who made a visit: a person or a machine, judged from all visits of one message. Pure.

In: the visits of a message, when it left, and networks that scanners are known to use. Out: a
`Verdict` with reason and probability for each. First what a request gives away by itself, then
what others for the same message say of it, then what its network did with other messages.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

BURST = timedelta(seconds=1)
"""Two links within this: nobody reads that quickly, but some open two tabs at once."""
_SWEEPS = ((3, timedelta(seconds=5)), (5, timedelta(seconds=30)))
"""So many different links within so long is no reading."""
_AT_ONCE = timedelta(seconds=3)
_PREFETCH = timedelta(seconds=10)
_MOST = 500
"""A message with more visits is compared with its first ones only: it is a machine's anyway."""
REACH = timedelta(seconds=60)
"""How far a certain machine's presence speaks of other visits from its network."""

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
CERTAIN = ("trap", "head_request", "known_machine", "sweep")
"""Reasons that no person gives: from these it is learnt which networks scanners use."""


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


def judge(
    visits: Sequence[Visit], handed_at: datetime | None, *, scanners: Collection[str] = ()
) -> list[tuple[Visit, Verdict]]:
    """A verdict for every visit of one message, each in the light of all the others.

    Args:
        visits: All visits of one message.
        handed_at: When the message left; None when unknown.
        scanners: Hashes of networks that scanners are known to use.
    """
    clicks = sorted((visit for visit in visits if visit.kind == "click"), key=lambda v: v.at)
    swept = _swept(clicks)
    first = [
        _by_itself(visit, handed_at)
        or (_machine("sweep", 0.99) if visit.visit_id in swept else None)
        for visit in visits
    ]
    certain = [
        visit
        for visit, found in zip(visits, first, strict=True)
        if found is not None and found.reason in CERTAIN
    ][:_MOST]
    near = visits[:_MOST]
    return [
        (visit, found or _by_company(visit, near, certain) or _by_network(visit, scanners))
        for visit, found in zip(visits, first, strict=True)
    ]


def _machine(reason: str, probability: float) -> Verdict:
    return Verdict(by="machine", reason=reason, probability=probability)


def _by_itself(visit: Visit, handed_at: datetime | None) -> Verdict | None:
    """What one request gives away."""
    since = None if handed_at is None else visit.at - handed_at
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
    return next((_machine(reason, sure) for given, reason, sure in checks if given), None)


def _swept(clicks: Sequence[Visit]) -> set[str]:
    """Ids of clicks among many different links in a short time; `clicks` are in their order."""
    found: set[str] = set()
    for enough, within in _SWEEPS:
        links: Counter[str | None] = Counter()
        first = marked = 0
        for last, click in enumerate(clicks):
            links[click.link] += 1
            while click.at - clicks[first].at > within:
                links[clicks[first].link] -= 1
                links += Counter()
                first += 1
            if len(links) >= enough:
                found.update(one.visit_id for one in clicks[max(first, marked) : last + 1])
                marked = last + 1
    return found


def _by_company(visit: Visit, visits: Sequence[Visit], certain: Sequence[Visit]) -> Verdict | None:
    """What other requests for the same message give away."""
    for other in certain:
        same_network = other.network_hash == visit.network_hash
        if same_network and abs(other.at - visit.at) <= REACH:
            return _machine("trap_visitor" if other.kind == "trap" else "machine_nearby", 0.97)
    if visit.kind != "click":
        return None
    together = [one for one in visits if one.kind == "click" and abs(one.at - visit.at) <= BURST]
    if len({one.link for one in together}) > 1 and not _reader(together, visits):
        return _machine("burst", 0.95)
    return None


def _reader(together: Sequence[Visit], visits: Sequence[Visit]) -> bool:
    """Whether somebody had the mail open who now opens two tabs at once."""
    starts = min(one.at for one in together)
    networks = {one.network_hash for one in together}
    return len(networks) == 1 and any(
        one.kind == "open"
        and one.network_hash in networks
        and one.agent == together[0].agent
        and starts - one.at >= _AT_ONCE
        for one in visits
    )


def _by_network(visit: Visit, scanners: Collection[str]) -> Verdict:
    if visit.network_hash is not None and visit.network_hash in scanners:
        return _machine("scanner_network", 0.93)
    if visit.kind == "open" and _IMAGE_PROXY.search(visit.agent):
        return Verdict(by="human", reason="image_proxy", probability=0.75)
    return Verdict(by="human", reason="ordinary", probability=0.9)
