"""Klaviyo: fields and segments become properties of profiles."""

from collections.abc import Sequence
from typing import Any

import msgspec

from vocative.deliver.destinations._http import Api, one_by_one
from vocative.deliver.destinations.base import Change, Destination, Refused, Secret

REVISION = "2024-10-15"
"""Of the API; Klaviyo keeps each for two years."""


class KlaviyoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account."""

    api_key: Secret
    """A private key that may write profiles and ask for their deletion."""


class Klaviyo(Destination):
    """Profiles at Klaviyo."""

    Options = KlaviyoOptions

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        headers = {
            "authorization": f"Klaviyo-API-Key {options.api_key}",
            "revision": REVISION,
            "accept": "application/vnd.api+json",
        }
        self._api = Api(self.connect("https://a.klaviyo.com/api", headers=headers, per_second=11))

    def check(self) -> None:
        """Whether profiles can be read."""
        self._api.ask("GET", "profiles", params={"page[size]": 1, "fields[profile]": "created"})

    def send(self, changes: Sequence[Change]) -> Refused:
        """Each profile; Klaviyo finds it by its address, or makes it."""
        return one_by_one(changes, self._send)

    def _send(self, change: Change) -> None:
        if change.action == "erase":
            profile = {"data": {"type": "profile", "attributes": {"email": change.email}}}
            self._post(
                "data-privacy-deletion-jobs", "data-privacy-deletion-job", {"profile": profile}
            )
            return
        known = {**change.fields, **change.segments}
        stated = {name: value for name, value in known.items() if value is not None}
        unset = [name for name, value in known.items() if value is None]
        attributes: dict[str, Any] = {"email": change.email, "properties": stated}
        more = {"meta": {"patch_properties": {"unset": unset}}} if unset else {}
        self._post("profile-import", "profile", attributes, **more)

    def _post(self, path: str, kind: str, attributes: dict[str, Any], **more: Any) -> None:
        body = {"data": {"type": kind, "attributes": attributes, **more}}
        # Klaviyo takes nothing but the media type of JSON:API.
        self._api.ask("POST", path, body, headers={"content-type": "application/vnd.api+json"})

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()
