"""Salesforce Marketing Cloud: fields and segments become columns of a data extension."""

import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from vocative.deliver.destinations._http import Api
from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationRefused,
    Fault,
    Refused,
    Secret,
)

_EARLY_SECONDS = 60.0
"""A token is renewed this long before it ends."""


class SalesforceMarketingOptions(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A data extension of a business unit."""

    subdomain: str
    """Of the tenant: the part before `.auth.marketingcloudapis.com`."""
    client_id: Secret
    client_secret: Secret
    """Of an installed package of the kind server-to-server."""
    account_id: str | None = None
    """The business unit (MID); the package's own unless told."""
    data_extension: str
    """Its external key."""
    key_column: str = "SubscriberKey"
    """Its primary key, a text: it gets Vocative's pseudonymous id."""
    email_column: str = "EmailAddress"


class _Token(msgspec.Struct):
    access_token: str
    rest_instance_url: str
    expires_in: float = 1_080.0


class SalesforceMarketing(Destination):
    """A data extension of Salesforce Marketing Cloud."""

    Options = SalesforceMarketingOptions
    known_by = "person_id"

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        self._rest: Api | None = None
        self._until = 0.0
        key = quote(options.data_extension, safe="")
        self._rows = f"hub/v1/dataevents/key:{key}/rowset"

    @classmethod
    def faults(cls, options: SalesforceMarketingOptions) -> Iterable[Fault]:
        """The subdomain goes into an address, which is given the secrets."""
        if not options.subdomain.replace("-", "").isalnum():
            yield ("subdomain",), "this is no subdomain", "it is letters, digits and hyphens"

    def check(self) -> None:
        """Whether it lets us in; what the data extension has cannot be asked without writing."""
        self._signed_in()

    def send(self, changes: Sequence[Change]) -> Refused:
        """A row for everybody, by the primary key; contacts of the erased are deleted beside it."""
        api = self._signed_in()
        api.ask("POST", self._rows, [self._row(one) for one in changes])
        if gone := [one.person_id for one in changes if one.action == "erase"]:
            body = {"values": gone, "DeleteOperationType": "ContactAndAttributes"}
            api.ask("POST", "contacts/v1/contacts/actions/delete", body, params={"type": "keys"})
        return {}

    def _row(self, change: Change) -> dict[str, Any]:
        put = change.action == "put"
        values = {self.options.email_column: change.email if put else None}
        return {
            "keys": {self.options.key_column: change.person_id},
            "values": {**values, **change.fields, **change.segments},
        }

    def _signed_in(self) -> Api:
        if self._rest is not None and time.monotonic() < self._until:
            return self._rest
        self.close()
        own = self.options
        asked = {
            "grant_type": "client_credentials",
            "client_id": own.client_id,
            "client_secret": own.client_secret,
        }
        if own.account_id is not None:
            asked["account_id"] = own.account_id
        login = Api(self.connect(f"https://{own.subdomain}.auth.marketingcloudapis.com"))
        try:
            told = login.ask("POST", "v2/token", asked)
        finally:
            login.close()
        try:
            token = msgspec.convert(told, _Token, strict=False)
        except msgspec.ValidationError:
            raise DestinationRefused("the answer to a request for a token holds none") from None
        # The token goes there: to no host but the tenant's.
        if not token.rest_instance_url.startswith(f"https://{own.subdomain}.rest."):
            raise DestinationRefused("Marketing Cloud names an address that is not the tenant's")
        headers = {"authorization": f"Bearer {token.access_token}"}
        self._rest = Api(self.connect(token.rest_instance_url, headers=headers, per_second=5))
        self._until = time.monotonic() + max(1.0, token.expires_in - _EARLY_SECONDS)
        return self._rest

    def close(self) -> None:
        """Let go of the connection; the next request signs in again."""
        if self._rest is not None:
            self._rest.close()
            self._rest = None
