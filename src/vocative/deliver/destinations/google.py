"""Google: a Customer Match list of hashed addresses and phone numbers, by the Data Manager API."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from vocative.collect.sources._service_account import ServiceAccount
from vocative.deliver.destinations._hashed import (
    hashed_digits,
    hashed_email_for_google,
    international_digits,
)
from vocative.deliver.destinations._http import Api, named
from vocative.deliver.destinations.base import Change, Destination, Fault, Refused, Secret

SCOPE = "https://www.googleapis.com/auth/datamanager"
Granted = Literal["granted", "denied", "unspecified"]


class GoogleOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list of an account."""

    credentials: Secret
    """The JSON key of a service account that may use the account."""
    account_id: str
    """The account that the list belongs to, without hyphens."""
    list_id: str
    """The Customer Match list."""
    login_account_id: str | None = None
    """The manager account through which the service account gets there."""
    account_type: str = "GOOGLE_ADS"
    """Such as `DISPLAY_VIDEO_ADVERTISER` for a list of Display & Video 360."""
    ad_user_data: Granted = "granted"
    """What the purpose's consent says of sending data to Google for advertising."""
    ad_personalization: Granted = "granted"
    """What it says of personalised advertising."""


class Google(Destination):
    """A Customer Match list at Google."""

    Options = GoogleOptions
    takes = frozenset()
    batch_size = 5_000

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        self._account = ServiceAccount(
            options.credentials, SCOPE, connect=self.connect, clock=self.clock
        )
        http = self.connect("https://datamanager.googleapis.com/v1", per_second=5)
        self._api = Api(http)

    @classmethod
    def faults(cls, options: GoogleOptions) -> Iterable[Fault]:
        """Ids are numbers; people often write an account's with hyphens."""
        for name in ("account_id", "list_id", "login_account_id"):
            stated = getattr(options, name)
            if stated is not None and not stated.isdecimal():
                yield (name,), "this is no id", "it is a number, without hyphens"

    def check(self) -> None:
        """Whether the list can be written to: nobody is added by a request that only validates."""
        nobody = Change(person_id="", action="put", email="nobody@example.com")
        self._ask("ingest", [nobody], validate_only=True)

    def send(self, changes: Sequence[Change]) -> Refused:
        """Add those who are to be in it, and take the others out."""
        if put := [one for one in changes if one.action == "put"]:
            self._ask("ingest", put)
        if out := [one for one in changes if one.action != "put"]:
            self._ask("remove", out)
        return {}

    def _ask(self, verb: str, changes: Sequence[Change], *, validate_only: bool = False) -> None:
        own = self.options
        destination = {
            "operatingAccount": {"accountType": own.account_type, "accountId": own.account_id},
            "productDestinationId": own.list_id,
        }
        if own.login_account_id is not None:
            login = {"accountType": own.account_type, "accountId": own.login_account_id}
            destination["loginAccount"] = login
        body: dict[str, Any] = {
            "destinations": [destination],
            "audienceMembers": [_member(one) for one in changes],
            "encoding": "HEX",
            "validateOnly": validate_only,
        }
        if verb == "ingest":
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
            body["consent"] = {
                "adUserData": f"CONSENT_{_SIGNALS[own.ad_user_data]}",
                "adPersonalization": f"CONSENT_{_SIGNALS[own.ad_personalization]}",
            }
        with named():
            headers = self._account.headers()
        self._api.ask("POST", f"audienceMembers:{verb}", body, headers=headers)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()


_SIGNALS = {"granted": "GRANTED", "denied": "DENIED", "unspecified": "STATUS_UNSPECIFIED"}


def _member(change: Change) -> dict[str, Any]:
    identifiers = [{"emailAddress": hashed_email_for_google(change.email or "")}]
    phone = hashed_digits(international_digits(change.phone), plus=True)
    if phone is not None:
        identifiers.append({"phoneNumber": phone})
    return {"userData": {"userIdentifiers": identifiers}}
