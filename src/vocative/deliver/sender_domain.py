"""What the sender's domain says about its mail in the DNS: MX, SPF, DKIM, DMARC.

Each look tells what is there, what is wrong with it, and the record to publish. Nothing is ever
written. What the name servers do not answer is said so, and not taken for missing.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vocative.errors import AuthorError

_MOST_LOOKUPS = 10
"""RFC 7208, 4.6.4: whoever needs more fails everywhere."""
_DEEPEST = 12
_LIFETIME_SECONDS = 5.0
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_COUNTED = ("include:", "a", "mx", "ptr", "exists:", "redirect=")


@dataclass(frozen=True, kw_only=True)
class Look:
    """One thing that was looked at."""

    what: str
    works: bool
    detail: str
    """What is there; where it does not work, what to publish."""


class _Wrong(Exception):
    """Something is not as it should be; the text says what, and what to publish."""


class Names:
    """Questions to name servers."""

    def __init__(self, name_server: str | None = None) -> None:
        """Choose whom to ask.

        Args:
            name_server: ADDRESS or ADDRESS:PORT; those of this machine unless told.

        Raises:
            AuthorError: it is no address, or this machine knows no name server.
        """
        try:
            self._resolver = dns.resolver.Resolver(configure=name_server is None)
            if name_server is not None:
                host, _, port = name_server.partition(":")
                self._resolver.nameservers = [host]
                self._resolver.port = int(port or 53)
        except (ValueError, dns.resolver.NoResolverConfiguration) as error:
            raise AuthorError(
                "there is no name server to ask",
                hint="name one by its address: --name-server 9.9.9.9",
            ) from error
        self._resolver.lifetime = _LIFETIME_SECONDS

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name; none when there is no such name."""
        return [
            b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")
        ]

    def mail_servers(self, name: str) -> list[str]:
        """Who takes mail for a name, most preferred first; `.`: nobody does."""
        records = sorted(self._ask(name, "MX"), key=lambda record: record.preference)
        return [str(record.exchange) for record in records]

    def has_address(self, name: str) -> bool:
        """Whether a name leads to a machine."""
        return bool(self._ask(name, "A") or self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise _Wrong(
                f"the name servers do not answer for {name} ({type(error).__name__});"
                " try again, or ask another one with --name-server"
            ) from error


def look_at_domain(
    domain: str, *, names: Names, selectors: Sequence[str], sends: Sequence[str] = ()
) -> list[Look]:
    """Look at a domain that mail is sent from.

    Args:
        domain: The part of the sender's address behind the @.
        names: Whom to ask.
        selectors: Names of its DKIM keys; `SELECTOR` or, of another domain, `SELECTOR@DOMAIN`.
        sends: SPF terms of who sends, such as `include:mailgun.org`.

    Raises:
        AuthorError: it is no domain.
    """
    name = domain.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            name = ""
    if not _DOMAIN.fullmatch(name):
        raise AuthorError("this is no domain", hint="for example --domain shop.example")
    looks: list[tuple[str, Callable[[], str]]] = [
        (f"MX of {name}", lambda: _mx(name, names)),
        (f"SPF of {name}", lambda: _spf(name, names, sends)),
    ]
    for selector in selectors:
        key, _, owner = selector.partition("@")
        place = f"{key}._domainkey.{owner or name}"
        looks.append((f"DKIM at {place}", lambda place=place: _dkim(place, names)))  # type: ignore[misc]
    if not selectors:
        looks.append((f"DKIM of {name}", _no_selector))
    looks.append((f"DMARC of {name}", lambda: _dmarc(name, names)))
    return [_look(what, look) for what, look in looks]


def _look(what: str, look: Callable[[], str]) -> Look:
    try:
        return Look(what=what, works=True, detail=look())
    except _Wrong as wrong:
        return Look(what=what, works=False, detail=str(wrong))


def _mx(domain: str, names: Names) -> str:
    servers = names.mail_servers(domain)
    if servers == ["."]:
        raise _Wrong(
            f"{domain} says that it takes no mail, so answers and bounces are lost and many"
            " servers refuse its mail; publish: "
            f"{domain}. MX 10 <your mail server>."
        )
    if servers:
        return ", ".join(server.rstrip(".") for server in servers)
    if names.has_address(domain):
        return "no MX record; mail goes to the machine that the domain leads to"
    raise _Wrong(
        "nobody takes mail for it, so answers and bounces are lost; publish:"
        f" {domain}. MX 10 <your mail server>."
    )


def _spf(domain: str, names: Names, sends: Sequence[str]) -> str:
    proposal = f'{domain}. TXT "{" ".join(("v=spf1", *(sends or ["mx"]), "~all"))}"'
    record = _spf_record(domain, names)
    if record is None:
        raise _Wrong(f"there is none; publish: {proposal}")
    terms = record.lower().split()[1:]
    if terms[-1:] in (["all"], ["+all"]):
        raise _Wrong(f'it lets everybody send in its name ("{record}"); let it end with ~all')
    lookups = _lookups(domain, names, set())
    if lookups > _MOST_LOOKUPS:
        raise _Wrong(
            f"it needs {lookups} questions, {_MOST_LOOKUPS} are allowed, so it fails everywhere"
            f' ("{record}"); take out what does not send any more'
        )
    missing = [term for term in sends if not _mentions(terms, term)]
    if missing:
        raise _Wrong(f'it does not name {", ".join(missing)}; add that to "{record}"')
    closed = any(term in ("~all", "-all") or term.startswith("redirect=") for term in terms)
    ending = "" if closed else "; it does not end with ~all or -all and so says little"
    return f'"{record}", {lookups} of {_MOST_LOOKUPS} questions{ending}'


def _spf_record(domain: str, names: Names) -> str | None:
    found = [
        text
        for text in names.texts(domain)
        if text.lower() == "v=spf1" or text[:7].lower() == "v=spf1 "
    ]
    if len(found) > 1:
        raise _Wrong(f"{domain} has {len(found)} SPF records, so none counts; make them one")
    return found[0] if found else None


def _mentions(terms: Iterable[str], sends: str) -> bool:
    return any(term.lstrip("+?~-") == sends.lower() for term in terms)


def _lookups(domain: str, names: Names, above: set[str]) -> int:
    """How many questions a record leads to, those of the records it includes among them."""
    if domain in above or len(above) > _DEEPEST:
        raise _Wrong(f"its includes lead back to {domain}, so it fails everywhere")
    record = _spf_record(domain, names)
    if record is None:
        if above:
            raise _Wrong(f"it includes {domain}, which has no SPF record, so it fails everywhere")
        return 0
    count = 0
    for stated in record.lower().split()[1:]:
        term = stated.lstrip("+?~-")
        plain = re.split(r"[:/=]", term)[0]
        if not (term.startswith(("include:", "exists:", "redirect=")) or plain in _COUNTED):
            continue
        count += 1
        inner = term.partition(":")[2] or term.partition("=")[2]
        if term.startswith(("include:", "redirect=")) and "%" not in inner:
            count += _lookups(inner, names, above | {domain})
        if count > 5 * _MOST_LOOKUPS:
            break
    return count


def _no_selector() -> str:
    raise _Wrong(
        "no key is known to look for; name the selector that your provider signs with:"
        " --selector NAME (SELECTOR@DOMAIN when it signs for another domain)"
    )


def _dkim(place: str, names: Names) -> str:
    found = [text for text in names.texts(place) if re.search(r"(^|;)\s*p\s*=", text)]
    if not found:
        raise _Wrong(
            f'there is no key; publish what your provider shows, as {place}. TXT "v=DKIM1; p=…"'
            " or as a CNAME"
        )
    if len(found) > 1:
        raise _Wrong("there are several records, so none counts; keep one")
    tags = _tags(found[0])
    if not tags.get("p"):
        raise _Wrong("the key was taken back (p= is empty); publish the one that signs now")
    kind, bits = _key(tags)
    if bits < 1024:
        raise _Wrong(f"an RSA key of {bits} bits counts nowhere; publish one of 2,048 bits")
    note = "; 2,048 bits are usual today" if kind == "RSA" and bits < 2048 else ""
    testing = "; it says that it is being tried out (t=y)" if "y" in tags.get("t", "") else ""
    return f"{kind}, {bits:,} bits{note}{testing}"


def _key(tags: dict[str, str]) -> tuple[str, int]:
    damaged = _Wrong("the key is damaged; publish it again, whole")
    try:
        raw = b64decode(re.sub(r"\s", "", tags["p"]), validate=True)
        if tags.get("k", "rsa").lower() == "ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(raw)
            # As strong as an RSA key several times as long.
            return "Ed25519", 3_072
        key = load_der_public_key(raw)
    except (ValueError, NotBase64, UnsupportedAlgorithm):
        raise damaged from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise damaged
    return "RSA", key.key_size


def _dmarc(domain: str, names: Names) -> str:
    proposal = f'_dmarc.{domain}. TXT "v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    # The record of a domain above counts for those below it (RFC 7489, 6.6.3).
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        owner = ".".join(labels[start:])
        found = [text for text in names.texts(f"_dmarc.{owner}") if text.startswith("v=DMARC1")]
        if len(found) > 1:
            raise _Wrong(f"_dmarc.{owner} has {len(found)} records, so none counts; keep one")
        if found:
            return _judged_dmarc(found[0], owner, domain)
    raise _Wrong(f"there is none, and large mailbox providers ask for one; publish: {proposal}")


def _judged_dmarc(record: str, owner: str, domain: str) -> str:
    tags = _tags(record)
    policy = tags.get("p" if owner == domain else "sp", tags.get("p", "")).lower()
    if policy not in ("none", "quarantine", "reject"):
        raise _Wrong(f'it names no policy ("{record}"); p= must be none, quarantine or reject')
    notes = [f'"{record}"' + ("" if owner == domain else f" at {owner}")]
    if policy == "none":
        notes.append("nothing is refused yet (p=none)")
    if "mailto:" not in tags.get("rua", ""):
        notes.append(f"reports go to nobody: add rua=mailto:dmarc@{domain}")
    return "; ".join(notes)


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
