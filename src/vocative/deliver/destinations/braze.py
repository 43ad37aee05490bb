"""Braze: fields and segments become custom attributes of users."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vocative.collect.sources._words import words_of
from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import Change, Destination, Fault, Refused, Secret

MOST_ERASED = 50
"""At once."""


class BrazeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app group."""

    api_key: Secret
    """A REST key that may use `users.track` and `users.delete`."""
    endpoint: str
    """The REST endpoint, such as `https://rest.fra-01.braze.eu`."""


class Braze(Destination):
    """Users at Braze."""

    Options = BrazeOptions
    batch_size = 75

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        headers = {"authorization": f"Bearer {options.api_key}"}
        self._api = Api(self.connect(options.endpoint, headers=headers, per_second=40))

    @classmethod
    def faults(cls, options: BrazeOptions) -> Iterable[Fault]:
        """The key must not go out in the clear."""
        if not options.endpoint.startswith("https://"):
            yield ("endpoint",), "this is no address of https", "it stands in Braze's settings"

    def check(self) -> None:
        """Whether the key may change users; an empty list changes none."""
        self._api.ask("POST", "users/track", {"attributes": []})

    def send(self, changes: Sequence[Change]) -> Refused:
        """Attributes of those who stay, then those who are to be forgotten."""
        refused: dict[int, str] = {}
        stay = [index for index, one in enumerate(changes) if one.action != "erase"]
        if stay:
            told = self._api.ask(
                "POST", "users/track", {"attributes": [_attributes(changes[one]) for one in stay]}
            )
            refused = {stay[index]: why for index, why in _errors(told) if index < len(stay)}
        gone = [one.email for one in changes if one.action == "erase"]
        for start in range(0, len(gone), MOST_ERASED):
            addresses = [
                {"email": email, "prioritization": ["most_recently_updated"]}
                for email in gone[start : start + MOST_ERASED]
            ]
            self._api.ask("POST", "users/delete", {"email_addresses": addresses})
        return refused

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


def _attributes(change: Change) -> dict[str, Any]:
    stated = {"email": change.email, **change.fields, **change.segments}
    # Whoever leaves is not made anew for it.
    return stated if change.action == "put" else {**stated, "_update_existing_only": True}


def _errors(told: Any) -> Iterable[tuple[int, str]]:
    """(index, reason) of attributes that were not taken, while the others were."""
    errors = told.get("errors") if isinstance(told, dict) else None
    for error in errors if isinstance(errors, list) else ():
        index = error.get("index") if isinstance(error, dict) else None
        if isinstance(index, int):
            yield index, words_of(msgspec.json.encode(error.get("type", "refused")))
