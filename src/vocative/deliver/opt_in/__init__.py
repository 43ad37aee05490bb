"""Double opt-in: the owner of an address says whether a request for consent was theirs.

Submissions of forms that wait come off the log once it is applied (`planning`), each becomes one
row of the ledger and one mail (`mail`, `sending`), and its link leads to a page with a button
(`confirming`, `pages`): a program that looks at every link confirms nothing.
"""

from vocative.deliver.opt_in.mail import render_confirmation
from vocative.deliver.opt_in.pages import opt_in_routes
from vocative.deliver.opt_in.planning import CAMPAIGN
from vocative.deliver.opt_in.sending import Confirmations, SentConfirmations, send_confirmations
from vocative.deliver.opt_in.waiting import find_waiting

__all__ = [
    "CAMPAIGN",
    "Confirmations",
    "SentConfirmations",
    "find_waiting",
    "opt_in_routes",
    "render_confirmation",
    "send_confirmations",
]
