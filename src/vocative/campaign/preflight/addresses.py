"""The links of an audience's mails: each address once, its syntax always, its page when asked."""

import http.client
import ipaddress
import re
import socket
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import urljoin, urlsplit

from vocative.campaign.preflight.report import Link
from vocative.compose.markup.addresses import check_address
from vocative.deliver.links import LinkSigner
from vocative.errors import DataError

MOST_KEPT = 20_000
"""Different addresses; beyond these only the syntax is looked at, mail by mail."""
MOST_FOLLOWED = 500
TIMEOUT_SECONDS = 5.0
_AT_ONCE = 8
_REDIRECTS = 5
_HREF = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')


class Addresses:
    """The addresses seen so far, and what is wrong with them."""

    def __init__(self, signer: LinkSigner, base_url: str) -> None:
        base = base_url.rstrip("/")
        self._signer = signer
        self._counted = f"{base}/c/"
        self._own = tuple(page for page in signer.own_pages if page != self._counted)
        self._first: dict[str, str] = {}
        self._people: Counter[str] = Counter()
        self._faults: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._first)

    def look(self, html: str, person_id: str) -> bool:
        """Note the addresses of one mail; whether all of them are well written."""
        fine = True
        for address in {self._address(found[1]) for found in _HREF.finditer(html)}:
            if address is None:
                continue
            if address not in self._first:
                fault = check_address(address)
                if len(self._first) >= MOST_KEPT:
                    fine = fine and fault is None
                    continue
                self._first[address] = person_id
                if fault is not None:
                    self._faults[address] = fault.message
            self._people[address] += 1
            fine = fine and address not in self._faults
        return fine

    def follow(self) -> int:
        """Ask for each page, up to a limit; how many were asked for."""
        wanted = [url for url in self._first if url.startswith("http") and url not in self._faults]
        chosen = wanted[:MOST_FOLLOWED]
        own_host = urlsplit(self._counted).hostname
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            faults = pool.map(lambda one: follow(one, own_host), chosen)
            for url, fault in zip(chosen, faults, strict=True):
                if fault is not None:
                    self._faults[url] = fault
        return len(chosen)

    def broken(self, most: int) -> list[Link]:
        """The addresses that cannot be followed, those of most people first."""
        found = [
            Link(
                url=url,
                fault=fault,
                people=self._people[url],
                example=self._first[url],
            )
            for url, fault in self._faults.items()
        ]
        return sorted(found, key=lambda link: (-link.people, link.url))[:most]

    def _address(self, href: str) -> str | None:
        """Where a link leads; None for this server's own pages, which differ in every mail."""
        address = unescape(href)
        if address.startswith(self._own):
            return None
        if address.startswith(self._counted):
            try:
                return self._signer.read(address[len(self._counted) :], "click").url or ""
            except DataError:
                return address
        return address


def follow(url: str, own_host: str | None = None) -> str | None:
    """What is wrong with a page, asked for without its body; None: it is there.

    Only public hosts are asked, and `own_host`: a template must not reach what is inside a network.
    """
    for _ in range(_REDIRECTS):
        try:
            status, location = _head(url, own_host)
        except (OSError, http.client.HTTPException, ValueError):
            return "the page does not answer"
        if status in (301, 302, 303, 307, 308) and location:
            url = urljoin(url, location)
            continue
        # Some servers answer no HEAD, and some no program; the page may still be there.
        return f"the page answers with {status}" if status in (404, 410) or status >= 500 else None
    return "the page leads from one to the next without end"


def _head(url: str, own_host: str | None) -> tuple[int, str | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    if parts.scheme not in ("http", "https"):
        raise ValueError(parts.scheme)
    port = parts.port or (443 if secure else 80)
    if host != own_host and not _is_public(host, port):
        raise OSError("not a public host")
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=TIMEOUT_SECONDS)
    try:
        target = parts.path or "/"
        connection.request("HEAD", f"{target}?{parts.query}" if parts.query else target)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()


def _is_public(host: str, port: int) -> bool:
    found: Iterable[tuple[object, ...]] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]  # type: ignore[index]
    return bool(addresses) and all(ipaddress.ip_address(one).is_global for one in addresses)
