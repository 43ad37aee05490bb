"""Kinds of e-mail addresses: whom one reaches with them.

- *disposable*: of a provider whose mailboxes are gone after minutes;
- *misspelt*: of a domain that is one slip away from a large provider's;
- *role*: of a task in a company, read by whoever does it: info@, sales@;
- *ordinary*: everything else.
"""

from functools import cache, lru_cache
from typing import Literal

EmailKind = Literal["ordinary", "role", "disposable", "misspelt"]

_ROLES = frozenset(
    "abuse accounting accounts admin administration administrator affiliate all ap ar billing"
    " bestellung bestellungen bewerbung booking bookings buchhaltung career careers commercial"
    " compliance compras comptabilite contact contacto contacts contato customerservice"
    " customer-service datenschutz devnull dispatch dns donotreply do-not-reply editor einkauf"
    " enquiries enquiry events facturacion facturation faktura feedback finance firma helpdesk"
    " hello help hilfe hola hostmaster hr info informacion information inquiries inquiry invoice"
    " invoices it jobs kontakt kundenservice legal list mailer-daemon mailbox marketing media"
    " news newsletter nobody noreply no-reply office ops order orders pedidos post"
    " postmaster presse press privacy purchasing rechnung rechnungen reception registrar remove"
    " request reservations root sales secretary security service services shop spam staff"
    " subscribe support sysadmin team tech undisclosed-recipients unsubscribe usenet uucp ventas"
    " verkauf versand vertrieb webmaster welcome www".split()
)
_PROVIDERS = {
    "gmail": "com",
    "googlemail": "com",
    "hotmail": "com co.uk de fr it es be nl ca com.br",
    "outlook": "com de fr es it pt be dk at com.br",
    "yahoo": "com co.uk de fr it es ca co.in co.jp com.br com.mx com.au in ie gr ro pl",
    "icloud": "com",
    "protonmail": "com ch",
    "t-online": "de",
    "freenet": "de",
    "laposte": "net",
    "wanadoo": "fr",
    "orange": "fr",
    "libero": "it",
    "comcast": "net",
    "verizon": "net",
    "btinternet": "com",
    "seznam": "cz",
    "interia": "pl",
    "yandex": "ru com",
}
"""Large providers with names long enough that a slip in them is hardly another word."""
_MISSPELT_ENDINGS = {
    **dict.fromkeys("con cmo ocm comm coom vom xom cpm cim c0m cm om co".split(), "com"),
    **dict.fromkeys("ner nte ent met bet".split(), "net"),
    **dict.fromkeys(["dee", "de.de", "ed"], "de"),
}


def email_kind(address: str) -> EmailKind:
    """What kind of address it is.

    Args:
        address: As `privacy.addresses.normal_email` gives it.

    >>> email_kind("info@shop.example"), email_kind("ana@gmial.com")
    ('role', 'misspelt')
    """
    name, _, domain = address.rpartition("@")
    if _meant_domain(domain) is not None:
        # Some give out mailboxes for minutes: who slipped wants to know that first.
        return "misspelt"
    if _is_disposable(domain):
        return "disposable"
    return "role" if name.partition("+")[0] in _ROLES else "ordinary"


def meant_email(address: str) -> str | None:
    """The address that was probably meant by a misspelt one; None when it is not misspelt.

    >>> meant_email("ana@gmial.con")
    'ana@gmail.com'
    """
    name, _, domain = address.strip().rpartition("@")
    meant = _meant_domain(domain.lower())
    return f"{name}@{meant}" if meant else None


@lru_cache(maxsize=20_000)
def _is_disposable(domain: str) -> bool:
    """Whether the domain, or one that it lies in, gives out mailboxes for minutes."""
    listed = _disposable_domains()
    while "." in domain:
        if domain in listed:
            return True
        domain = domain.partition(".")[2]
    return False


@cache
def _disposable_domains() -> frozenset[str]:
    from disposable_email_domains import blocklist

    return frozenset(blocklist)


@lru_cache(maxsize=20_000)
def _meant_domain(domain: str) -> str | None:
    name, _, ending = domain.partition(".")
    if not ending or ending in _endings(name):
        return None
    meant = _MISSPELT_ENDINGS.get(ending, ending)
    if meant in _endings(name):
        return f"{name}.{meant}"
    for provider in _PROVIDERS:
        if meant in _endings(provider) and _one_slip_apart(name, provider):
            return f"{provider}.{meant}"
    return None


def _endings(provider: str) -> list[str]:
    return _PROVIDERS.get(provider, "").split()


def _one_slip_apart(one: str, other: str) -> bool:
    """Whether a letter too many, too few, another one, or two in the wrong order part them.

    Nobody slips on the first letter, and many real providers differ in it from a large one.
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    same = zip(one, other, strict=False)
    start = next((at for at, (a, b) in enumerate(same) if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    if left[:2] == right[1::-1] and left[2:] == right[2:]:
        return True
    return start > 0 and (left[1:] == right[1:] or left[1:] == right or left == right[1:])
