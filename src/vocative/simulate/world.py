"""The numbers a synthetic world runs on, fixed and hashed before anything is drawn.

In: a world's name. Out: a `World`, its digest, and one random stream per purpose.
Refuses: an unknown name. Worlds differ only in how much people differ from one another and in
what mail does to them: in `null` everybody has the same taste, the same hours, and mail sells
nothing, so a method that finds something there has fooled itself.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vocative.errors import unknown_name

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

# The truth knows this much of what happens after `end`: what people do when nobody writes to them.
FUTURE_DAYS = 60


@dataclass(frozen=True, kw_only=True)
class World:
    """Parameters of one world. Rates are probabilities; `*_weight` are in log-odds."""

    name: str

    # What sets people apart: all zero in the null world.
    taste: float
    habit_rate: float
    restock_rate: float
    chronotype: float
    subject_weight: float
    mail_effect: float

    # Visits and orders: gamma-distributed visit levels, BG-like dropout after an order.
    signups_before_rate: float = 0.4
    visits_per_year: float = 9.0
    visits_shape: float = 1.15
    lifetime_days: float = 650.0
    dropout_alpha: float = 0.9
    dropout_beta: float = 9.0
    order_rate: float = 0.33
    order_concentration: float = 7.0
    checkout_abandon_ratio: float = 0.32
    cart_abandon_ratio: float = 0.62
    refund_rate: float = 0.045

    # Mail: newsletters of the past, and how people answer them.
    consent_rate: float = 0.72
    consent_blank_rate: float = 0.14
    newsletter_share: float = 0.2
    open_level: float = -0.38
    open_spread: float = 1.05
    hour_weight: float = 0.45
    fatigue_weight: float = 0.06
    click_level: float = -2.45
    click_affinity_weight: float = 0.55
    order_after_click_rate: float = 0.19
    order_after_open_rate: float = 0.012
    unsubscribe_rate: float = 0.0022
    complaint_rate: float = 0.0004
    sleeping_dog_suppression: float = 0.35

    # Dirt.
    duplicate_person_rate: float = 0.04
    missing_name_rate: float = 0.12
    malformed_email_rate: float = 0.003
    privacy_proxy_rate: float = 0.35
    scanner_rate: float = 0.02
    dead_mailbox_rate: float = 0.012
    anonymous_visit_rate: float = 0.12
    duplicate_line_rate: float = 0.015
    late_line_rate: float = 0.01
    malformed_line_rate: float = 0.0008

    @property
    def suppression_rate(self) -> float:
        """Share of a sleeping dog's orders that a mail in the week before prevents."""
        return min(1.0, self.sleeping_dog_suppression * self.mail_effect)

    def digest(self) -> str:
        """SHA-256 of every parameter: names the world a truth was drawn from."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _strength(name: str, by: float, *, habit: float, restock: float) -> World:
    return World(
        name=name,
        taste=by,
        habit_rate=habit,
        restock_rate=restock,
        chronotype=min(0.9, 0.85 * by),
        subject_weight=by,
        mail_effect=by,
    )


WORLDS = {
    world.name: world
    for world in (
        _strength("null", 0.0, habit=0.0, restock=0.0),
        _strength("weak", 0.45, habit=0.15, restock=0.25),
        _strength("medium", 1.0, habit=0.25, restock=0.4),
        _strength("strong", 1.6, habit=0.4, restock=0.6),
    )
}


def find_world(name: str) -> World:
    """The world called `name`: null, weak, medium or strong.

    Raises:
        UnknownName: no world is called that.

    >>> find_world("null").mail_effect
    0.0
    """
    if name not in WORLDS:
        raise unknown_name("world", name, WORLDS)
    return WORLDS[name]


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Randomness for one purpose: adding draws to one never shifts another."""
    return np.random.Generator(np.random.PCG64([seed & 0xFFFFFFFF, crc32(purpose.encode())]))


def sigmoid(logit: Floats) -> Floats:
    """Probability of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)


def scatter(numbers: Ints, salt: int) -> Ints:
    """Distinct 64-bit hashes of distinct numbers (splitmix64), for ids that show no order."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & (2**64 - 1))
        z = (z + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z.view(np.int64)
