"""HubSpot: fields and segments become properties of contacts."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from vocative.collect.sources._words import words_of
from vocative.deliver.destinations._http import Api, one_by_one
from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationRefused,
    Refused,
    RowRefused,
    Secret,
    Value,
)
from vocative.errors import nearest

_CONTACTS = "crm/v3/objects/contacts"


class HubSpotOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account."""

    access_token: Secret
    """Of a private app that may write contacts and read their schema."""


class HubSpot(Destination):
    """Contacts at HubSpot."""

    Options = HubSpotOptions

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        headers = {"authorization": f"Bearer {options.access_token}"}
        self._api = Api(self.connect("https://api.hubapi.com", headers=headers, per_second=9))

    def check(self) -> None:
        """Whether every property is there."""
        told = self._api.ask("GET", "crm/v3/properties/contacts")
        results = told.get("results", []) if isinstance(told, dict) else []
        known = {str(one["name"]) for one in results}
        for name in (*self.place.columns, *self.place.segments):
            if name not in known:
                guess = nearest(name, known)
                raise DestinationRefused(
                    f"HubSpot's contacts have no property {name!r}",
                    hint=f"did you mean {guess!r}?" if guess else "make it there first",
                )

    def send(self, changes: Sequence[Change]) -> Refused:
        """Those who are to be there together, the others one by one.

        Raises:
            RowRefused: HubSpot took some and does not say which.
        """
        puts = [one for one in changes if one.action == "put"]
        if puts:
            inputs = [
                {"id": one.email, "idProperty": "email", "properties": _properties(one)}
                for one in puts
            ]
            told = self._api.ask("POST", f"{_CONTACTS}/batch/upsert", {"inputs": inputs})
            if isinstance(told, dict) and told.get("errors"):
                raise RowRefused(words_of(msgspec.json.encode(told["errors"])) or "refused")
        return one_by_one(changes, self._take_out)

    def _take_out(self, change: Change) -> None:
        email = change.email or ""
        if change.action == "leave":
            path = f"{_CONTACTS}/{quote(email, safe='')}"
            known_by = {"idProperty": "email"}
            cleared = {"properties": _properties(change)}
            self._api.ask("PATCH", path, cleared, params=known_by, missing_is_fine=True)
        elif change.action == "erase":
            body = {"objectId": email, "idProperty": "email"}
            self._api.ask("POST", f"{_CONTACTS}/gdpr-delete", body, missing_is_fine=True)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


def _properties(change: Change) -> dict[str, str]:
    return {name: _text(value) for name, value in {**change.fields, **change.segments}.items()}


def _text(value: Value) -> str:
    """Values of properties are texts; an empty one clears it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
