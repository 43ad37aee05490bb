"""Several providers: whoever can carries, nothing twice, nobody waits for the broken one."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from post_office import CAMPAIGN, RUN, Mailbox, add_people, compose, plan, set_channels, states

from http_provider import HangUp, Provider, Reply, Seen, provider
from vocative.deliver.channels import channel_for
from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.message import Receipt
from vocative.deliver.sender import deliver
from vocative.errors import AuthorError
from vocative.testing.channel_laws import LAWS, ChannelBench
from vocative.workspace import Workspace

TAKEN = Reply(body=b'{"ErrorCode": 0}')


def usual(seen: Seen) -> Reply:
    return Reply(status=202) if seen.path.endswith("send") else TAKEN


@pytest.fixture
def first() -> Iterator[Provider]:
    with provider(usual) as started:
        yield started


@pytest.fixture
def second() -> Iterator[Provider]:
    with provider(usual) as started:
        yield started


def joined(
    workspace: Workspace, first: Provider, second: Provider, **more: Any
) -> tuple[Channel, ChannelBench]:
    settings = {
        "failover": {"first": "postmark", "then": ["sendgrid"], **more},
        "postmark": {"server_token": "pm", "base_url": first.url, "timeout_seconds": 1},
        "sendgrid": {"api_key": "sg", "base_url": second.url},
    }
    set_channels(workspace, json.dumps(settings))
    channel = channel_for(workspace, "failover")

    def carried(message_id: str) -> list[bytes]:
        seen = [*first.requests, *second.requests]
        return [one.body for one in seen if message_id.encode() in one.body]

    return channel, ChannelBench(channel=channel, workspace=workspace, carried=carried)


def sent(bench: ChannelBench, count: int) -> list[Receipt]:
    pairs = [bench.permitted() for _ in range(count)]
    with bench.channel as channel:
        return [receipt for _, receipt in channel.send_many(pairs)]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_failover_keeps_the_laws_of_channels(
    law: Any, workspace: Workspace, first: Provider, second: Provider
) -> None:
    law(joined(workspace, first, second)[1])


def test_the_first_carries_as_long_as_it_can(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    _, bench = joined(workspace, first, second)
    receipts = sent(bench, 5)
    assert {receipt.outcome for receipt in receipts} == {"accepted"}
    assert {receipt.reply for receipt in receipts} == {"postmark: 200"}
    assert (len(first.requests), len(second.requests)) == (5, 0)


def test_the_next_carries_what_the_first_cannot(workspace: Workspace, second: Provider) -> None:
    nobody = Provider(usual)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody.port = closed.getsockname()[1]
        _, bench = joined(workspace, nobody, second)
        receipts = sent(bench, 5)
    assert [receipt.outcome for receipt in receipts] == ["accepted"] * 5
    assert len(second.requests) == 5


def test_who_is_locked_out_there_is_carried_by_the_next(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    first.answer = lambda _: Reply(status=401, body=b'{"Message": "bad token"}')
    _, bench = joined(workspace, first, second)
    assert [receipt.outcome for receipt in sent(bench, 4)] == ["accepted"] * 4
    assert (len(first.requests), len(second.requests)) == (1, 4)


def test_what_may_have_arrived_is_never_sent_by_another(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    first.answer = lambda _: HangUp()
    _, bench = joined(workspace, first, second)
    receipts = sent(bench, 10)
    assert Counter(receipt.outcome for receipt in receipts) == {"ambiguous": 3, "accepted": 7}
    assert (len(first.requests), len(second.requests)) == (3, 7)
    assert all(len(bench.carried(message)) == 1 for message in bench.sent)


def test_one_that_only_puts_off_is_left_alone(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    first.answer = lambda _: Reply(status=503)
    _, bench = joined(workspace, first, second)
    outcomes = Counter(receipt.outcome for receipt in sent(bench, 10))
    assert outcomes == {"deferred": 3, "accepted": 7}


def test_a_slow_one_does_not_delay_the_rest(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    """Three messages meet the slow one; no other waits for it."""

    def slow(_: Seen) -> Reply:
        threading.Event().wait(0.7)
        return TAKEN

    first.answer = slow
    _, bench = joined(workspace, first, second, slow_seconds=0.6)
    receipts = sent(bench, 20)
    assert {receipt.outcome for receipt in receipts} == {"accepted"}
    assert (len(first.requests), len(second.requests)) == (3, 17)


def test_where_everybody_is_slow_everything_still_leaves(
    workspace: Workspace, first: Provider, second: Provider
) -> None:
    _, bench = joined(workspace, first, second, slow_seconds=0.000_01)
    assert {receipt.outcome for receipt in sent(bench, 20)} == {"accepted"}
    assert len(first.requests) + len(second.requests) == 20


def test_when_nobody_can_carry_everything_waits(workspace: Workspace) -> None:
    with ExitStack() as stack:
        nobody = []
        for _ in range(2):
            closed = stack.enter_context(socket.socket())
            closed.bind(("127.0.0.1", 0))
            nobody.append(Provider(usual))
            nobody[-1].port = closed.getsockname()[1]
        _, bench = joined(workspace, *nobody)
        with pytest.raises(ChannelDown):
            sent(bench, 3)


def test_a_run_over_failing_providers_ends_with_everybody_once(
    live: Workspace, mailbox: Mailbox, first: Provider
) -> None:
    """A mail server in front, an API behind it that takes over when the server locks us out."""
    settings = {
        "failover": {"first": "postmark", "then": ["smtp"], "connections": 2},
        "postmark": {"server_token": "pm", "base_url": first.url},
        "smtp": {"host": "127.0.0.1", "port": mailbox.port, "security": "none"},
    }
    set_channels(live, json.dumps(settings))
    left = iter(range(7))

    def tired(_: Seen) -> Reply:
        return TAKEN if next(left, None) is not None else Reply(status=402)

    first.answer = tired
    plan(live, add_people(live, 40))
    report = deliver(live, CAMPAIGN, RUN, compose, channel_for(live, "failover"))
    assert report.accepted == 40
    assert states(live) == {"accepted": 40}
    taken = first.requests[:7]
    assert len(taken) + len(mailbox.mails) == 40
    assert len(set(mailbox.recipients)) == len(mailbox.mails)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"first": "postmark", "then": ["postmark"]}, "twice"),
        ({"first": "postmark", "then": ["failover"]}, "itself"),
        ({"first": "postmark", "then": []}, "then"),
        ({"first": "sms_twilio", "then": ["postmark"]}, "carries sms, not email"),
        ({"first": "postmark", "then": ["pigeon"]}, "pigeon"),
    ],
)
def test_providers_that_do_not_go_together_are_named(
    workspace: Workspace, settings: dict[str, Any], words: str
) -> None:
    stated = {
        "failover": settings,
        "postmark": {"server_token": "pm"},
        "sms_twilio": {
            "account": "AC" + "0" * 32,
            "auth_token": "x",
            "from_number": "+15005550006",
        },
    }
    set_channels(workspace, json.dumps(stated))
    with pytest.raises(AuthorError, match=words):
        channel_for(workspace, "failover")
