"""Requests for the links of mails with the truth about who made them: people and machines.

In: how many mails, and a seed. Out: `Request`s with a label. What machines do follows what vendors
and senders publish about them; nothing here knows how anybody judges requests. Addresses are from
ranges kept for documentation, for tests and for benchmarks.

Among people: opens behind Gmail's picture proxy, pictures turned off, two tabs at once, the same
link twice, reading within seconds of delivery, and colleagues behind one office address. Among
machines: Apple's relay, scanners that follow all links at once or spread over half a minute from
several addresses, with HEAD or with GET, right at delivery or minutes later; sandboxes that open a
link or two in a real browser; link previews; checks at the moment of the click.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36",
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/136.0.0.0 Safari/537.36"
        " Edg/136.0.0.0"
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.4 Safari/605.1.15"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
        " Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    ),
    f"Mozilla/5.0 (Linux; Android 15; Pixel 8) {_WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
PREVIEWS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (compatible; SkypeUriPreview Preview/0.5)",
)
SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request and the truth about it."""

    mail: int
    """Which mail, from 0."""
    after_ms: int
    """Milliseconds since its delivery."""
    kind: str
    """`open`, `click` or `trap`."""
    link: int
    """Which link, from 1; 0 for the picture and the trap."""
    method: str
    agent: str
    ip: str
    machine: bool
    who: str
    """What made it, for looking at mistakes."""


def draw_requests(mails: int, *, seed: int, links: int = 8) -> list[Request]:
    """Requests for `mails` mails with `links` links each, in the order of their mails."""
    rng = random.Random(seed)  # noqa: S311 - chance, no secret
    return [one for mail in range(mails) for one in _of_mail(mail, links, rng)]


def _of_mail(mail: int, links: int, rng: random.Random) -> Iterator[Request]:
    maker = _Maker(mail, links, rng)
    guarded = rng.random() < 0.15
    if guarded:
        yield from rng.choices(
            (maker.sweep, maker.slow_sweep, maker.sandbox, maker.head_check, maker.late_sweep),
            weights=(35, 25, 15, 15, 10),
        )[0]()
    if rng.random() < 0.3:
        yield from maker.apple()
    if rng.random() < 0.35:
        yield from maker.reader(checked=guarded and rng.random() < 0.3)
    if rng.random() < 0.01:
        yield from maker.preview()


class _Maker:
    """Draws what comes of one mail."""

    def __init__(self, mail: int, links: int, rng: random.Random) -> None:
        self.mail, self.links, self.rng = mail, links, rng
        self.scanner_ip = f"192.0.{2 + rng.randrange(40)}.{rng.randrange(1, 250)}"

    def _made(
        self, after_ms: float, kind: str, link: int, agent: str, ip: str, who: str, *,
        machine: bool, method: str = "GET",
    ) -> Request:  # fmt: skip
        return Request(
            mail=self.mail, after_ms=int(after_ms), kind=kind, link=link, method=method,
            agent=agent, ip=ip, machine=machine, who=who,
        )  # fmt: skip

    def _scan(
        self, start_ms: float, gap_ms: float, who: str, *, method: str = "GET", ips: int = 1
    ) -> Iterator[Request]:
        agent = self.rng.choice(BROWSERS[:2])
        at = start_ms
        trapped = self.rng.random() < 0.7
        for link in range(1, self.links + 1):
            ip = f"{self.scanner_ip.rpartition('.')[0]}.{self.rng.randrange(1, 250)}"
            ip = ip if ips > 1 else self.scanner_ip
            yield self._made(at, "click", link, agent, ip, who, machine=True, method=method)
            at += self.rng.expovariate(1 / gap_ms)
        if trapped:
            yield self._made(at, "trap", 0, agent, self.scanner_ip, who, machine=True)

    def sweep(self) -> Iterator[Request]:
        """Every link within a second or two, right at delivery."""
        start = self.rng.uniform(300, 20 * SECOND_MS)
        yield from self._scan(start, self.rng.uniform(40, 250), "sweep")

    def slow_sweep(self) -> Iterator[Request]:
        """Every link, some seconds between, from several addresses."""
        start = self.rng.uniform(2 * SECOND_MS, 3 * MINUTE_MS)
        yield from self._scan(start, self.rng.uniform(500, 4_000), "slow_sweep", ips=8)

    def late_sweep(self) -> Iterator[Request]:
        """A mailbox that is looked through again hours later."""
        start = self.rng.uniform(20 * MINUTE_MS, 30 * HOUR_MS)
        yield from self._scan(start, self.rng.uniform(100, 1_500), "late_sweep")

    def head_check(self) -> Iterator[Request]:
        """Asks with HEAD whether links are alive, all or some of them."""
        start = self.rng.uniform(500, 5 * MINUTE_MS)
        yield from self._scan(start, self.rng.uniform(50, 3_000), "head_check", method="HEAD")

    def sandbox(self) -> Iterator[Request]:
        """Opens a link or two in a real browser, pictures and all."""
        at = self.rng.uniform(5 * SECOND_MS, 12 * MINUTE_MS)
        agent = self.rng.choice(BROWSERS[:2])
        yield self._made(at, "open", 0, agent, self.scanner_ip, "sandbox", machine=True)
        for link in self.rng.sample(range(1, self.links + 1), self.rng.choice((1, 1, 2))):
            at += self.rng.uniform(500, 8_000)
            yield self._made(at, "click", link, agent, self.scanner_ip, "sandbox", machine=True)

    def apple(self) -> Iterator[Request]:
        """Apple's relay fetches the picture, whether or not anybody reads."""
        soon = self.rng.random() < 0.7
        at = self.rng.uniform(500, MINUTE_MS) if soon else self.rng.uniform(0, 20 * HOUR_MS)
        ip = f"17.58.{self.rng.randrange(250)}.{self.rng.randrange(1, 250)}"
        yield self._made(at, "open", 0, "Mozilla/5.0", ip, "apple", machine=True)

    def preview(self) -> Iterator[Request]:
        """A link pasted into a chat."""
        at = self.rng.uniform(MINUTE_MS, 40 * HOUR_MS)
        link = self.rng.randrange(1, self.links + 1)
        agent = self.rng.choice(PREVIEWS)
        yield self._made(at, "click", link, agent, self.scanner_ip, "preview", machine=True)

    def reader(self, *, checked: bool) -> Iterator[Request]:
        """A person; with `checked` a scanner looks at each link as it is clicked."""
        rng = self.rng
        office = rng.random() < 0.2
        ip = f"198.51.{rng.randrange(30)}.7" if office else f"203.{rng.randrange(250)}.113.{9}"
        agent = rng.choice(BROWSERS)
        at = rng.lognormvariate(0, 1.6) * 2 * HOUR_MS
        if rng.random() < 0.02:
            at = rng.uniform(2.5 * SECOND_MS, 30 * SECOND_MS)
        if rng.random() < 0.85:
            gmail = rng.random() < 0.35
            seen = (GMAIL, f"66.249.{rng.randrange(80, 95)}.3") if gmail else (agent, ip)
            yield self._made(at, "open", 0, *seen, "reader", machine=False)
        if rng.random() > 0.3:
            return
        at += rng.lognormvariate(2.3, 0.9) * SECOND_MS
        for link in self._chosen():
            yield self._made(at, "click", link, agent, ip, "reader", machine=False)
            if checked:
                later = at + rng.uniform(-400, 1_500)
                yield self._made(
                    later, "click", link, BROWSERS[0], self.scanner_ip, "checked", machine=True
                )
            at += rng.uniform(250, 900) if rng.random() < 0.06 else rng.uniform(3, 120) * SECOND_MS

    def _chosen(self) -> list[int]:
        """Mostly one link, sometimes several or the same one twice."""
        rng = self.rng
        count = rng.choices((1, 2, 3, 4), weights=(75, 16, 6, 3))[0]
        chosen = rng.sample(range(1, self.links + 1), count)
        return chosen + chosen[-1:] if rng.random() < 0.08 else chosen
