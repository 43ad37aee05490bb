"""To whom a message of the ledger went, and where that person is written to now."""

from collections.abc import Sequence

import msgspec

from vocative.privacy import suppression
from vocative.stores import Transaction
from vocative.workspace import Workspace


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """The person behind a link of a message."""

    message_id: str
    person_id: str
    profile: str
    """For whom it was planned, who may live on as the person: whoever is separated from them later
    has decided all the same."""
    campaign: str
    purpose: str
    language: str | None
    """What the person reads, as far as that is known."""

    @property
    def origin(self) -> str | None:
        """Of a person who consists of several: which of them decides; None: the only one."""
        return None if self.profile == self.person_id else self.profile


def find_recipient(tx: Transaction, message_id: str) -> Recipient | None:
    """To whom a message went; None when the message or the person is gone."""
    row = tx.row(
        "SELECT COALESCE(p.merged_into, p.person_id) AS person_id, p.person_id AS profile,"
        " m.campaign, m.purpose, COALESCE(whole.traits, p.traits) AS traits"
        " FROM messages m JOIN profiles p ON p.person_id = m.person_id"
        " LEFT JOIN profiles whole ON whole.person_id = p.merged_into"
        " WHERE m.message_id = :message_id",
        {"message_id": message_id},
    )
    if row is None:
        return None
    language = msgspec.json.decode(row.pop("traits")).get("language")
    return Recipient(
        message_id=message_id, language=language if isinstance(language, str) else None, **row
    )


def address_hashes(
    workspace: Workspace, tx: Transaction, recipient: Recipient, fields: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """(channel, hash) of the person's addresses, and of the profile's own where that has others.

    Args:
        workspace: Whose.
        tx: Where they are read.
        recipient: The person.
        fields: (channel, field of the vault that holds its address).
    """
    vault = workspace.vault
    records = [vault.get(tx, recipient.person_id)]
    sealed = tx.value(
        "SELECT vault FROM origins WHERE origin = :profile", {"profile": recipient.profile}
    )
    if sealed is not None:
        own = vault.stated_apart(tx, {recipient.profile: (recipient.person_id, bytes(sealed))})
        stated = own.get(recipient.profile, {})
        records.append({name: value for name, (value, _) in stated.items() if value})
    found = [
        (channel, suppression.address_hash(vault, channel, record[field]))
        for channel, field in fields
        for record in records
        if record.get(field)
    ]
    return list(dict.fromkeys(found))
