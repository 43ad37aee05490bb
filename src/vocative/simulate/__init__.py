"""A synthetic shop with known truth, and customers who answer real mails.

`generate` writes the shop's files and, apart from them, the truth; `answer` lets its customers
react to delivered mails. Imports nothing of the engine: the two meet only in files and requests.
"""

from vocative.simulate.answer import Answers, Visit, answer
from vocative.simulate.effects import EffectSummary, MailEffect, TrueEffects
from vocative.simulate.generate import WorldSummary, generate
from vocative.simulate.inbox import DeliveredMail, parse_mail
from vocative.simulate.world import WORLDS, World, find_world

__all__ = [
    "WORLDS",
    "Answers",
    "DeliveredMail",
    "EffectSummary",
    "MailEffect",
    "TrueEffects",
    "Visit",
    "World",
    "WorldSummary",
    "answer",
    "find_world",
    "generate",
    "parse_mail",
]
