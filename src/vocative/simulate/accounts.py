"""What the shop's customer table shows of each person: names, addresses, consent, and its dirt.

In: true people. Out: `Account` rows for customers.csv, each of which belongs to one true person.
Some people have two accounts; some rows lack a name, a country or a usable e-mail address.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from vocative.simulate.people import People
from vocative.simulate.words import (
    AWKWARD_FIRST_NAMES,
    DISPOSABLE_DOMAIN,
    FIRST_NAMES,
    LAST_NAMES,
    MAIL_DOMAINS,
    PLACES,
    ROLE_NAMES,
)
from vocative.simulate.world import World

T = TypeVar("T")

# Row kinds, as the truth and the manifest name them.
ORIGINAL = "original"
DUPLICATE_KINDS = ("case", "plus", "typo")
REPEATED_ROW = "repeated_row"

_KEYS_BESIDE = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "r": "t", "s": "d", "t": "z"}


@dataclass(kw_only=True)
class Account:
    """One row of customers.csv, with the person it truly belongs to."""

    person: int
    kind: str
    customer_id: str
    email: str
    first_name: str
    last_name: str
    phone: str
    country: str
    city: str
    timezone: str
    language: str
    signup_ms: int
    consent: str
    consent_ms: int
    consent_source: str
    malformed_email: bool = False


def make_accounts(
    people: People, *, world: World, end_ms: int, rng: np.random.Generator
) -> list[Account]:
    """One account per person, in person order, then second accounts, then repeated rows."""
    clerk = _Clerk(world=world, end_ms=end_ms, rng=rng)
    accounts = [clerk.register(people, person) for person in range(len(people))]
    count = len(accounts)
    duplicated = rng.permutation(count)[: max(3, round(count * world.duplicate_person_rate))]
    for n, person in enumerate(np.sort(duplicated).tolist()):
        kind = DUPLICATE_KINDS[n % len(DUPLICATE_KINDS)]
        accounts.append(clerk.register_again(accounts[person], kind))
    for person in np.sort(rng.permutation(count)[: max(1, count // 300)]).tolist():
        accounts.append(clerk.repeat_row(accounts[person]))
    return accounts


class _Clerk:
    """Fills in forms, the way people fill in forms."""

    def __init__(self, *, world: World, end_ms: int, rng: np.random.Generator) -> None:
        self._world = world
        self._end_ms = end_ms
        self._rng = rng
        self._next_id = 100_000
        self._taken: dict[str, int] = {}
        names, weights = zip(*MAIL_DOMAINS, strict=True)
        self._domains = names
        self._domain_edges = np.cumsum(weights) / sum(weights)

    def register(self, people: People, person: int) -> Account:
        place = PLACES[int(people.place[person])]
        dice = self._rng.random(16).tolist()
        first = _pick(FIRST_NAMES[place.language], dice[0])
        last = _pick(LAST_NAMES[place.language], dice[1])
        email, malformed = self._email(first, last, dice)
        signup_ms = int(people.signup_ms[person])
        consent, consent_ms, source = self._consent(signup_ms, dice[5:8])
        shown_first = first
        if dice[8] < self._world.missing_name_rate:
            shown_first = ""
        elif dice[8] > 0.993:
            shown_first = _pick(AWKWARD_FIRST_NAMES, dice[9])
        zone = place.zone
        if dice[10] < 0.06:
            zone = ""
        elif dice[10] > 0.98:
            zone = _pick(PLACES, dice[11]).zone
        return Account(
            person=person,
            kind=ORIGINAL,
            customer_id=self._new_id(),
            email=email,
            first_name=shown_first,
            last_name=last,
            phone=_phone(place.dial, dice[12]),
            country="" if dice[13] < 0.03 else place.country,
            city=place.city,
            timezone=zone,
            language="" if dice[14] < 0.03 else place.language,
            signup_ms=signup_ms,
            consent=consent,
            consent_ms=consent_ms,
            consent_source=source,
            malformed_email=malformed,
        )

    def register_again(self, first: Account, kind: str) -> Account:
        """A second account of the same person: by case, by plus-address, or mistyped."""
        dice = self._rng.random(8).tolist()
        signup_ms = int(first.signup_ms + dice[0] * (self._end_ms - first.signup_ms))
        consent, consent_ms, source = self._consent(signup_ms, dice[1:4])
        email, first_name, last_name = first.email, first.first_name, first.last_name
        if kind == "case":
            email = email.title() if dice[4] < 0.5 else email.upper()
        elif kind == "plus":
            email = email.replace("@", "+shop@", 1)
        else:
            last_name = _mistype(last_name, dice[5])
            domain = _pick([d for d in self._domains if d not in first.email], dice[6])
            email = self._unused(_slug(f"{first_name}.{last_name}"), domain)
        return Account(
            person=first.person,
            kind=kind,
            customer_id=self._new_id(),
            email=email,
            first_name=first_name,
            last_name=last_name,
            phone=first.phone,
            country=first.country,
            city=first.city,
            timezone=first.timezone,
            language=first.language,
            signup_ms=signup_ms,
            consent=consent,
            consent_ms=consent_ms,
            consent_source=source,
            malformed_email=first.malformed_email and kind != "typo",
        )

    def repeat_row(self, first: Account) -> Account:
        """The same account exported twice, the second time with a new telephone number."""
        dial = next(place.dial for place in PLACES if place.city == first.city)
        changed = {"kind": REPEATED_ROW, "phone": _phone(dial, 0.3 + 0.7 * self._rng.random())}
        return Account(**{**vars(first), **changed})

    def _new_id(self) -> str:
        self._next_id += 1
        return f"C{self._next_id}"

    def _email(self, first: str, last: str, dice: list[float]) -> tuple[str, bool]:
        domain = self._domains[int(np.searchsorted(self._domain_edges, dice[2]))]
        local = _slug(f"{first}.{last}")
        rates = self._world
        if dice[3] < rates.malformed_email_rate:
            return _spoil(local, domain, dice[4]), True
        if dice[3] > 0.995:
            return self._unused(
                _pick(ROLE_NAMES, dice[4]), f"shop{int(dice[2] * 400)}.example.org"
            ), False
        if dice[3] > 0.992:
            return self._unused(local, DISPOSABLE_DOMAIN), False
        return self._unused(local, domain), False

    def _unused(self, local: str, domain: str) -> str:
        seen = self._taken.get(f"{local}@{domain}", 0)
        self._taken[f"{local}@{domain}"] = seen + 1
        return f"{local}{seen + 1}@{domain}" if seen else f"{local}@{domain}"

    def _consent(self, signup_ms: int, dice: list[float]) -> tuple[str, int, str]:
        if dice[0] < self._world.consent_blank_rate:
            return "", 0, ""
        answer = (
            "yes" if dice[0] < self._world.consent_blank_rate + self._world.consent_rate else "no"
        )
        at = signup_ms
        if dice[1] > 0.85:
            at = int(signup_ms + (dice[1] - 0.85) / 0.15 * (self._end_ms - signup_ms))
        source = _pick(
            ("signup_form", "checkout", "checkout", "preference_page", "import"), dice[2]
        )
        return answer, at, source


def _pick(options: Sequence[T], at: float) -> T:
    return options[int(at * len(options))]


def _slug(name: str) -> str:
    plain = unicodedata.normalize(
        "NFKD", name.replace("ß", "ss").replace("Ł", "L").replace("ł", "l")
    )
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", ".", ascii_only).strip(".") or "customer"


def _spoil(local: str, domain: str, at: float) -> str:
    return _pick(
        (
            f"{local}@@{domain}",
            f"{local}.{domain}",
            f"{local}@",
            local.replace(".", " ") + f"@ {domain}",
            f"{local}@{domain.replace('.', '..')}",
        ),
        at,
    )


def _mistype(name: str, at: float) -> str:
    spot = 1 + int(at * max(1, len(name) - 1))
    letter = name[spot : spot + 1]
    if letter in _KEYS_BESIDE:
        return name[:spot] + _KEYS_BESIDE[letter] + name[spot + 1 :]
    return name[:spot] + name[spot - 1] + name[spot:]


def _phone(dial: str, at: float) -> str:
    """A number in a range kept for fiction, or nothing."""
    if at < 0.3:
        return ""
    digits = int((at - 0.3) / 0.7 * 1000)
    if dial == "+44":
        return f"+44 7700 900{digits:03d}"
    if dial == "+1":
        return f"+1 202 555 0{100 + digits % 100}"
    return f"{dial} 5550 {digits:03d}"
