"""Mailchimp: fields become merge fields of an audience's contacts, segments become tags."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from vocative.deliver.destinations._http import Api, one_by_one
from vocative.deliver.destinations.base import Change, Destination, Fault, Refused, Secret


class MailchimpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An audience of an account."""

    api_key: Secret
    list_id: str
    """The audience's id."""
    new_status: Literal["subscribed", "pending", "transactional"] = "subscribed"
    """What a contact becomes that is not there yet. The status of others is never touched."""


class Mailchimp(Destination):
    """An audience at Mailchimp."""

    Options = MailchimpOptions

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        # The key's end names the data centre: 0123…cdef-us21.
        center = options.api_key.rpartition("-")[2]
        self._api = Api(
            self.connect(
                f"https://{center}.api.mailchimp.com/3.0",
                auth=("vocative", options.api_key),
                per_second=10,
            )
        )
        self._list = f"lists/{options.list_id}"

    @classmethod
    def faults(cls, options: MailchimpOptions) -> Iterable[Fault]:
        """The id goes into an address."""
        if not options.list_id.isalnum():
            yield ("list_id",), "this is no audience id", "it is some letters and digits"

    def check(self) -> None:
        """Whether the audience can be read."""
        self._api.ask("GET", self._list, params={"fields": "id"})

    def send(self, changes: Sequence[Change]) -> Refused:
        """Each contact, then its tags: a contact is known by the MD5 of its address."""
        return one_by_one(changes, self._send)

    def _send(self, change: Change) -> None:
        known_as = hashlib.md5((change.email or "").encode(), usedforsecurity=False).hexdigest()
        member = f"{self._list}/members/{known_as}"
        if change.action == "erase":
            path = f"{member}/actions/delete-permanent"
            self._api.ask("POST", path, missing_is_fine=True)
            return
        fields = {name: "" if value is None else value for name, value in change.fields.items()}
        body: dict[str, Any] = {"merge_fields": fields}
        put = change.action == "put"
        if put:
            body |= {"email_address": change.email, "status_if_new": self.options.new_status}
        asked = ("PUT" if put else "PATCH", member, body)
        # Fields that the audience demands must not keep a contact away.
        found = self._api.ask(
            *asked, params={"skip_merge_validation": "true"}, missing_is_fine=not put
        )
        if found is not None and change.segments:
            tags = [
                {"name": name, "status": "active" if is_in else "inactive"}
                for name, is_in in change.segments.items()
            ]
            self._api.ask("POST", f"{member}/tags", {"tags": tags}, missing_is_fine=not put)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()
