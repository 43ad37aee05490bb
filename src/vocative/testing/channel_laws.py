"""What every channel must keep, whatever carries its messages.

A channel's test makes a `ChannelBench` around a real provider and runs every law of `LAWS`:

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_my_channel(law, bench):
        law(bench)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.deliver.channels.base import Channel
from vocative.deliver.message import OutgoingMessage
from vocative.deliver.mime import Unmailable
from vocative.errors import PrivacyError, Unsupported
from vocative.ids import message_id_for, person_id_for
from vocative.privacy import consent, suppression
from vocative.privacy.permit import Contact, ContactRules, Permit, Refusal, issue
from vocative.workspace import Workspace


class LawBroken(AssertionError):
    """A channel does not keep a law."""


@dataclass(kw_only=True)
class ChannelBench:
    """A channel, a provider behind it, and people who may be contacted."""

    channel: Channel
    workspace: Workspace
    carried: Callable[[str], list[bytes]]
    """What the provider has of a message id."""
    address: Callable[[int], str] = lambda number: f"person{number}@people.example"
    """The address of a numbered person, as the channel's medium has them."""
    sent: dict[str, str] = field(default_factory=dict)
    """The address of each message made here, by its id."""
    _people: int = field(default=0, init=False)

    def permitted(self, **changes: Any) -> tuple[OutgoingMessage, Permit]:
        """A message to somebody new who consented, and a fresh permit for it."""
        self._people += 1
        address = self.address(self._people)
        workspace, now = self.workspace, self.workspace.clock.now()
        person_id = person_id_for(workspace.key.lookup, "email", address)
        address_hash = suppression.address_hash(workspace.vault, self.channel.medium, address)
        with workspace.store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                " VALUES (:person_id, :at, :at, '{}')",
                {"person_id": person_id, "at": to_micros(now)},
            )
            given = consent.Consent(
                person_id=person_id,
                purpose="marketing",
                channel=self.channel.medium,
                status="given",
                at=now,
                source="law",
            )
            consent.record(tx, given)
            answer = issue(
                tx,
                Contact(person_id=person_id, address_hash=address_hash),
                purpose="marketing",
                channel=self.channel.medium,
                rules=ContactRules(purposes=workspace.settings.purposes),
                at=now,
            )
        if isinstance(answer, Refusal):
            raise LawBroken(f"the bench got no permit: {answer.words}")
        message = OutgoingMessage(
            message_id=message_id_for(
                campaign="law", occurrence="1", person_id=person_id, channel=self.channel.medium
            ),
            subject="Grüße 👋",
            html="<p>Grüße</p>\n.\n<p>the end</p>",
            text="Grüße\n.\n..two dots\nthe end",
            from_email="hello@shop.example",
            from_name="The Shöp",
            to=address,
            person_id=person_id,
            address_hash=address_hash,
            campaign="law",
            occurrence="1",
            purpose="marketing",
            workspace="test",
            at=now,
        )
        message = msgspec.structs.replace(message, **changes)
        self.sent[message.message_id] = message.to
        return message, answer


def _law(kept: object, words: str) -> None:
    if not kept:
        raise LawBroken(words)


def carries_one_message_once(bench: ChannelBench) -> None:
    """An accepted message is with the provider, once."""
    message, permit = bench.permitted()
    with bench.channel as channel:
        receipt = channel.send(message, permit)
        channel.flush()
    _law(receipt.outcome == "accepted", f"the message was {receipt.outcome}: {receipt.reason}")
    _law(len(bench.carried(message.message_id)) == 1, "the provider does not have it once")


def carries_many_over_one_opening(bench: ChannelBench) -> None:
    """One opening serves many messages."""
    pairs = [bench.permitted() for _ in range(20)]
    with bench.channel as channel:
        receipts = [channel.send(message, permit) for message, permit in pairs]
    _law(all(receipt.outcome == "accepted" for receipt in receipts), "not all were accepted")
    _law(
        all(len(bench.carried(message.message_id)) == 1 for message, _ in pairs),
        "the provider does not have every one once",
    )


def refuses_a_permit_twice(bench: ChannelBench) -> None:
    """A permit is good for one hand-over."""
    message, permit = bench.permitted()
    with bench.channel as channel:
        channel.send(message, permit)
        try:
            channel.send(message, permit)
        except PrivacyError:
            pass
        else:
            raise LawBroken("a used permit was taken again")
    _law(len(bench.carried(message.message_id)) == 1, "it was carried twice")


def refuses_a_permit_for_somebody_else(bench: ChannelBench) -> None:
    """A permit is for one person and one address."""
    message, _ = bench.permitted()
    _, other = bench.permitted()
    with bench.channel as channel:
        try:
            channel.send(message, other)
        except PrivacyError:
            pass
        else:
            raise LawBroken("a permit for somebody else was taken")
    _law(not bench.carried(message.message_id), "it was carried")


def refuses_injected_headers(bench: ChannelBench) -> None:
    """A line break in an address, or in a mail's header, is refused and nothing leaves."""
    hostile = [{"to": "a@people.example>\r\nRCPT TO:<b@people.example"}]
    if bench.channel.medium == "email":
        hostile.append({"subject": "Hello\r\nBcc: all@example.com"})
        hostile.append({"from_name": "Shop\nBcc: all@example.com"})
    for changes in hostile:
        message, permit = bench.permitted(**changes)
        with bench.channel as channel:
            try:
                channel.send(message, permit)
            except Unmailable:
                pass
            else:
                raise LawBroken(f"it took a line break in {next(iter(changes))}")
        _law(not bench.carried(message.message_id), "it was carried")


def looks_up_only_if_it_claims_to(bench: ChannelBench) -> None:
    """`lookup` is true to its claim."""
    message, permit = bench.permitted()
    with bench.channel as channel:
        if "lookup" not in channel.capabilities:
            _law(channel.group_size == 1, "groups need lookup")
            try:
                channel.lookup(message.message_id)
            except Unsupported:
                return
            raise LawBroken("it answers a look-up that it does not claim")
        _law(not channel.lookup(message.message_id), "it finds what was never sent")
        channel.send(message, permit)
        _law(channel.lookup(message.message_id), "it does not find what it accepted")


def hands_over_again_without_doubling(bench: ChannelBench) -> None:
    """Where a channel can look up, handing the same message over again leaves one."""
    message, permit = bench.permitted()
    with bench.channel as channel:
        if "lookup" not in channel.capabilities:
            return
        channel.send(message, permit)
        channel.hand_over(message)
    _law(len(bench.carried(message.message_id)) == 1, "the same message is there twice")


def opens_and_closes_any_number_of_times(bench: ChannelBench) -> None:
    """Opening again starts afresh; closing twice is fine."""
    channel = bench.channel
    channel.open()
    channel.open()
    message, permit = bench.permitted()
    _law(channel.send(message, permit).outcome == "accepted", "it sends nothing when reopened")
    channel.close()
    channel.close()
    twin = channel.twin()
    with twin:
        message, permit = bench.permitted()
        _law(twin.send(message, permit).outcome == "accepted", "its twin sends nothing")


def describes_its_settings(bench: ChannelBench) -> None:
    """Settings are a frozen struct that knows all its fields."""
    config = type(bench.channel).Settings.__struct_config__
    _law(config.frozen and config.forbid_unknown_fields, "settings must be frozen and complete")
    _law(bool(type(bench.channel).__doc__), "the channel does not say what it is")


LAWS: tuple[Callable[[ChannelBench], None], ...] = (
    carries_one_message_once,
    carries_many_over_one_opening,
    refuses_a_permit_twice,
    refuses_a_permit_for_somebody_else,
    refuses_injected_headers,
    looks_up_only_if_it_claims_to,
    hands_over_again_without_doubling,
    opens_and_closes_any_number_of_times,
    describes_its_settings,
)
