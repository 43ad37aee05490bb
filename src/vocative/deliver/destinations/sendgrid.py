"""SendGrid: fields and segments become custom fields of marketing contacts."""

from collections.abc import Sequence
from typing import Any

import msgspec

from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationRefused,
    Refused,
    Secret,
)
from vocative.errors import nearest

OWN_FIELDS = frozenset(
    {"first_name", "last_name", "city", "country", "postal_code", "state_province_region"}
)
"""Fields that every contact has; others are custom fields, which somebody made there."""


class SendGridOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account."""

    api_key: Secret
    """A key with access to Marketing."""
    list_ids: list[str] = []
    """Lists that everybody is put on."""
    region: str = "global"
    """`eu` for an account of the EU."""


class SendGrid(Destination):
    """Marketing contacts at SendGrid."""

    Options = SendGridOptions
    batch_size = 1_000

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        host = "api.eu.sendgrid.com" if options.region == "eu" else "api.sendgrid.com"
        headers = {"authorization": f"Bearer {options.api_key}"}
        http = self.connect(f"https://{host}/v3/marketing", headers=headers, per_second=3)
        self._api = Api(http)
        self._ids: dict[str, str] | None = None

    def check(self) -> None:
        """Whether every custom field is there."""
        known = self._field_ids()
        for name in (*self.place.columns, *self.place.segments):
            self._named(name, known)

    def send(self, changes: Sequence[Change]) -> Refused:
        """Everybody who stays in one import, then those who are to be forgotten."""
        stay = [one for one in changes if one.action != "erase"]
        if stay:
            contacts = [self._contact(one) for one in stay]
            body: dict[str, Any] = {"contacts": contacts}
            if self.options.list_ids and all(one.action == "put" for one in stay):
                body["list_ids"] = self.options.list_ids
            self._api.ask("PUT", "contacts", body)
        gone = [one.email for one in changes if one.action == "erase"]
        for start in range(0, len(gone), 100):
            self._erase(gone[start : start + 100])
        return {}

    def _contact(self, change: Change) -> dict[str, Any]:
        known = self._field_ids()
        contact: dict[str, Any] = {"email": change.email}
        custom: dict[str, Any] = {}
        stated = {
            **change.fields,
            **{name: "yes" if is_in else "no" for name, is_in in change.segments.items()},
        }
        for name, value in stated.items():
            if name in OWN_FIELDS:
                contact[name] = "" if value is None else str(value)
            else:
                # A custom field has no truth values.
                custom[self._named(name, known)] = (
                    ("yes" if value else "no") if isinstance(value, bool) else value
                )
        return {**contact, "custom_fields": custom} if custom else contact

    def _erase(self, emails: Sequence[str | None]) -> None:
        found = self._api.ask(
            "POST", "contacts/search/emails", {"emails": emails}, missing_is_fine=True
        )
        result = found.get("result", {}) if isinstance(found, dict) else {}
        ids = [one["contact"]["id"] for one in result.values() if one.get("contact", {}).get("id")]
        if ids:
            self._api.ask("DELETE", "contacts", params={"ids": ",".join(ids)})

    def _field_ids(self) -> dict[str, str]:
        """Ids of custom fields by name: contacts are written by id."""
        if self._ids is None:
            told = self._api.ask("GET", "field_definitions")
            fields = told.get("custom_fields") or [] if isinstance(told, dict) else []
            self._ids = {str(one["name"]): str(one["id"]) for one in fields}
        return self._ids

    def _named(self, name: str, known: dict[str, str]) -> str:
        if name in OWN_FIELDS or name in known:
            return known.get(name, name)
        guess = nearest(name, [*known, *OWN_FIELDS])
        raise DestinationRefused(
            f"SendGrid has no custom field {name!r}",
            hint=f"did you mean {guess!r}?" if guess else "make it there first, of type Text",
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()
