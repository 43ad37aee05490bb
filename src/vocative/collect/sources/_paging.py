"""How to come from one page of an API's answer to the next."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vocative.collect.records import value_at
from vocative.collect.sources._http import Answer
from vocative.errors import DataError

_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^,;]+)*)")
_IS_NEXT = re.compile(r";\s*rel\s*=\s*\"?[^\",;]*\bnext\b", re.IGNORECASE)


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the next page is."""

    by: Literal["next_link", "link_header", "cursor", "page", "offset"]
    at: str | None = None
    """Where the answer says it: the link (`next_link`) or the token (`cursor`)."""
    param: str | None = None
    """What the request says it with: the token, the page's number or how many to skip."""
    first: int = 1
    """The number of the first page."""
    size_param: str | None = None
    size: int = 100
    """Records of a page, which `size_param` asks for."""

    def lacks(self) -> str | None:
        """What must be told for this way of paging, and is not."""
        if self.by in ("next_link", "cursor") and not self.at:
            return "at"
        if self.by in ("cursor", "page", "offset") and not self.param:
            return "param"
        return None

    @property
    def can_be_resumed(self) -> bool:
        """Whether a place stays where it is when records come and go meanwhile."""
        return self.by in ("next_link", "link_header", "cursor")


Place = str | int | None
"""Where a page is: a link, a token, a number or how many records to skip; None: the first."""


def params_of(paging: Paging | None, place: Place) -> dict[str, Any]:
    """What a request says to get the page at a place."""
    if paging is None:
        return {}
    params: dict[str, Any] = {}
    if paging.size_param:
        params[paging.size_param] = paging.size
    if paging.by == "page":
        params[paging.param or ""] = paging.first if place is None else place
    elif paging.by in ("cursor", "offset") and place is not None:
        params[paging.param or ""] = place
    return params


def next_place(
    paging: Paging | None, place: Place, answer: Answer, value: Any, records: int
) -> Place:
    """Where the page after this one is; None after the last.

    Args:
        paging: How this API pages.
        place: Where this page is.
        answer: This page.
        value: Its JSON.
        records: How many records it holds.

    Raises:
        DataError: the answer does not tell it as it should, or leads in a circle.
    """
    found: Place = None
    match paging.by if paging else None:
        case "next_link" | "cursor":
            found = _told(value, paging.at or "" if paging else "")
        case "link_header":
            found = _link(answer.headers)
        case "page" if records and paging:
            found = (paging.first if place is None else int(place)) + 1
        case "offset" if records:
            found = int(place or 0) + records
    if found is not None and found == place:
        raise DataError("the source says that a page is followed by itself")
    return found


def _told(value: Any, at: str) -> str | None:
    found = value_at(value, at) if isinstance(value, Mapping) else None
    if found is None or found == "" or found is False:
        return None
    if not isinstance(found, str | int):
        raise DataError(f"the next page should be told at {at!r}, and something else is there")
    return str(found)


def _link(headers: Mapping[str, str]) -> str | None:
    for link, params in _LINK.findall(headers.get("link", "")):
        if _IS_NEXT.search(params):
            return str(link)
    return None
