"""Meta: a custom audience of hashed addresses and phone numbers."""

import hmac
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vocative.deliver.destinations._hashed import (
    hashed_digits,
    hashed_email,
    international_digits,
)
from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import (
    Change,
    Destination,
    Fault,
    Refused,
    RowRefused,
    Secret,
)

VERSION = "v23.0"
_SCHEMA = ["EMAIL", "PHONE"]


class MetaOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A custom audience."""

    audience_id: str
    access_token: Secret
    """Of a system user who may manage the audience."""
    app_secret: Secret | None = None
    """When the app demands that requests prove that they know it."""


class Meta(Destination):
    """A custom audience at Meta, for Facebook and Instagram."""

    Options = MetaOptions
    takes = frozenset()
    batch_size = 5_000

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        headers = {"authorization": f"Bearer {options.access_token}"}
        http = self.connect(f"https://graph.facebook.com/{VERSION}", headers=headers, per_second=2)
        self._api = Api(http)

    @classmethod
    def faults(cls, options: MetaOptions) -> Iterable[Fault]:
        """The id goes into an address."""
        if not options.audience_id.isdecimal():
            yield ("audience_id",), "this is no id of an audience", "it is a number"

    def check(self) -> None:
        """Whether the audience can be read."""
        asked = {"fields": "id", **self._proof()}
        self._api.ask("GET", self.options.audience_id, params=asked)

    def send(self, changes: Sequence[Change]) -> Refused:
        """Add those who are to be in it, and take the others out."""
        put = [index for index, one in enumerate(changes) if one.action == "put"]
        out = [index for index, one in enumerate(changes) if one.action != "put"]
        self._users("POST", [changes[index] for index in put])
        self._users("DELETE", [changes[index] for index in out])
        return {}

    def _users(self, method: str, changes: Sequence[Change]) -> None:
        if not changes:
            return
        payload = {"schema": _SCHEMA, "data": [_hashes(one) for one in changes]}
        told = self._api.ask(
            method, f"{self.options.audience_id}/users", {"payload": payload, **self._proof()}
        )
        invalid = told.get("num_invalid_entries", 0) if isinstance(told, dict) else 0
        if invalid:
            raise RowRefused(f"Meta calls {invalid:,} of {len(changes):,} rows invalid")

    def _proof(self) -> dict[str, str]:
        secret, token = self.options.app_secret, self.options.access_token
        if secret is None:
            return {}
        return {"appsecret_proof": hmac.digest(secret.encode(), token.encode(), "sha256").hex()}

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


def _hashes(change: Change) -> list[str]:
    phone = hashed_digits(international_digits(change.phone))
    return [hashed_email(change.email or ""), phone or ""]
