"""Customer.io: fields and segments become attributes of people."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from vocative.collect.sources._words import words_of
from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import Change, Destination, Refused, Secret


class CustomerIoOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace at Customer.io."""

    site_id: Secret
    api_key: Secret
    """The key of the Track API."""
    region: Literal["us", "eu"] = "us"


class CustomerIo(Destination):
    """People at Customer.io."""

    Options = CustomerIoOptions

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        host = "track-eu.customer.io" if options.region == "eu" else "track.customer.io"
        pair = (options.site_id, options.api_key)
        self._api = Api(self.connect(f"https://{host}/api", auth=pair, per_second=20))

    def check(self) -> None:
        """Whether the key is right."""
        self._api.ask("GET", "v1/accounts/region")

    def send(self, changes: Sequence[Change]) -> Refused:
        """All of them in one batch, of which some can be refused."""
        told = self._api.ask("POST", "v2/batch", {"batch": [_entry(one) for one in changes]})
        return {index: why for index, why in _errors(told) if index < len(changes)}

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


def _entry(change: Change) -> dict[str, Any]:
    entry = {"type": "person", "identifiers": {"email": change.email}}
    if change.action == "erase":
        return {**entry, "action": "delete"}
    # An attribute goes when it is empty.
    stated = {name: "" if value is None else value for name, value in change.fields.items()}
    return {**entry, "action": "identify", "attributes": {**stated, **change.segments}}


def _errors(told: Any) -> Iterable[tuple[int, str]]:
    errors = told.get("errors") if isinstance(told, dict) else None
    for error in errors if isinstance(errors, list) else ():
        index = error.get("batch_index") if isinstance(error, dict) else None
        if isinstance(index, int):
            yield index, words_of(msgspec.json.encode(error)) or "refused"
