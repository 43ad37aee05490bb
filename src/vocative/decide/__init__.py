"""Stage 5: what to say to whom: arms of experiments, offers, items."""

from vocative.decide.assign import HOLDOUT, Assignment, assign
from vocative.decide.codes import CodeGiver, read_codes
from vocative.decide.offers import Offer, choose_offers, offer_place
from vocative.decide.products import ProductChooser, Shown, sellable_items
from vocative.decide.profile import DecisionProfile, read_profile

__all__ = [
    "HOLDOUT",
    "Assignment",
    "CodeGiver",
    "DecisionProfile",
    "Offer",
    "ProductChooser",
    "Shown",
    "assign",
    "choose_offers",
    "offer_place",
    "read_codes",
    "read_profile",
    "sellable_items",
]
