"""Which offer goes to whom: the first rule that holds, or none.

Rules are conditions of the expression language and are evaluated over the whole audience at
once, so that the coverage of each is known before anything is sent.
"""

from collections.abc import Iterable, Sequence

import msgspec

from vocative.segment import people_where
from vocative.sql import Place, in_document
from vocative.workspace import Definition, Workspace


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One conditional offer of a campaign."""

    name: str
    when: str
    title: str
    code: str | None = None
    codes: str | None = None
    """The file of codes of which everybody gets their own, instead of `code`."""
    text: str | None = None
    url: str | None = None


def choose_offers(
    workspace: Workspace,
    offers: Sequence[Offer],
    person_ids: Iterable[str],
    *,
    definition: Definition | None = None,
) -> dict[str, Offer]:
    """The offer of each person who gets one.

    Raises:
        AuthorError: a condition is wrong; the error points into the campaign's file.
    """
    audience = set(person_ids)
    chosen: dict[str, Offer] = {}
    for index, offer in enumerate(offers):
        place = offer_place(definition, index, offer.when)
        for person_id in people_where(workspace, offer.when, place):
            if person_id in audience:
                chosen.setdefault(person_id, offer)
    return chosen


def offer_place(definition: Definition | None, index: int, when: str) -> Place | None:
    """Where an offer's condition is written."""
    if definition is None:
        return None
    return in_document(
        when,
        file=definition.text.file,
        document=definition.text.text,
        start=definition.where("offers", index, "when"),
    )
