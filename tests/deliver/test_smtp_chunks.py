"""Messages that follow each other: every reply is for whom it is meant, and nothing is guessed."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from post_office import Loop

from vocative.deliver.channels.smtp import Smtp, SmtpSettings
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.errors import ProviderError

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FINE = {
    "RSET": "250 2.0.0 ok",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "BDAT": "250 2.0.0 ok",
}


class Chunks(Loop):
    """A server that takes messages by BDAT, answers late, and as it is told for each message.

    `answers` maps the number of a message to its replies by verb; `hang up` ends the conversation
    instead of a reply.
    """

    def __init__(
        self, answers: dict[int, dict[str, str]] | None = None, *, late: float = 0
    ) -> None:
        self.answers = answers or {}
        self.late = late
        self.taken: list[int] = []
        self.verbs: list[str] = []
        super().__init__(lambda _: asyncio.start_server(self._talk, "127.0.0.1", 0))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            try:
                writer.write(b"220 chunks\r\n")
                await self._follow(reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, stopped = -1, False
        while line := (await reader.readline()).decode():
            verb = line[:4].upper().strip()
            self.verbs.append(verb)
            if verb == "EHLO":
                await asyncio.sleep(self.late)
                writer.write(b"250-chunks\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
                continue
            if verb == "RCPT":
                number = int(line.partition("person")[2].partition("@")[0])
            if verb == "MAIL":
                stopped = False
            # The recipient comes after MAIL: what is said to MAIL is looked up by the next number.
            told = self.answers.get(number + 1 if verb in ("RSET", "MAIL") else number, {})
            answer = told.get(verb, FINE.get(verb, "250 ok"))
            if verb == "BDAT":
                await reader.readexactly(int(line.split()[1]))
                if stopped and answer.startswith("2"):
                    answer = "503 5.5.1 nobody to send it to"
            stopped = stopped or not answer.startswith("2")
            if answer == "hang up":
                return
            if verb == "BDAT" and answer.startswith("2"):
                self.taken.append(number)
            await asyncio.sleep(self.late)
            writer.write(answer.encode() + b"\r\n")
            if answer.startswith("421"):
                return


def message(number: int, **changes: object) -> OutgoingMessage:
    fields = {
        "message_id": f"{number:032x}", "subject": "Hello", "html": "<p>.\n.\n..</p>",
        "text": "Hello", "from_email": "hello@shop.example",
        "to": f"person{number}@people.example", "at": AT,
    }  # fmt: skip
    return OutgoingMessage(**{**fields, **changes})


def send(server: Chunks, number: int = 5, **changes: object) -> dict[int, Receipt]:
    stated = {"host": "127.0.0.1", "port": server.port, "security": "none", "timeout_seconds": 5}
    with Smtp(SmtpSettings(**stated), state_dir=Path()) as channel:
        messages = [message(one, **changes) for one in range(number)]
        sent = list(channel.hand_over_many(messages))
    return {int(one.message_id, 16): receipt for one, receipt in sent}


@pytest.fixture
def serving() -> Iterator[list[Chunks]]:
    servers: list[Chunks] = []
    yield servers
    for server in servers:
        server.close()


def outcomes(receipts: dict[int, Receipt]) -> list[str]:
    return [receipts[number].outcome for number in sorted(receipts)]


def test_everybody_gets_theirs_by_chunks(serving: list[Chunks]) -> None:
    serving.append(server := Chunks())
    assert outcomes(send(server, 6)) == ["accepted"] * 6
    assert server.taken == list(range(6))
    assert "DATA" not in server.verbs
    assert server.verbs.count("BDAT") == 6


def test_a_far_server_has_several_under_way(serving: list[Chunks]) -> None:
    serving.append(server := Chunks(late=0.02))
    pulled, ahead = 0, []
    stated = {"host": "127.0.0.1", "port": server.port, "security": "none"}

    def messages() -> Iterator[OutgoingMessage]:
        nonlocal pulled
        for number in range(12):
            pulled += 1
            yield message(number)

    with Smtp(SmtpSettings(**stated), state_dir=Path()) as channel:
        for answered, _ in enumerate(channel.hand_over_many(messages())):
            ahead.append(pulled - answered)
    # The first goes alone; from then on others are under way before it is answered.
    assert ahead[0] == 1
    assert max(ahead) > 3
    assert server.taken == list(range(12))


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, "bounced", "smtp_5.1.1"),
        ({"RCPT": "450 4.2.1 later"}, "deferred", "smtp_4.2.1"),
        ({"MAIL": "451 4.3.0 later"}, "deferred", "smtp_4.3.0"),
        ({"BDAT": "554 5.7.1 spam"}, "failed", "smtp_5.7.1"),
        ({"BDAT": "452 4.3.1 full"}, "deferred", "smtp_4.3.1"),
    ],
)
def test_a_refusal_is_for_one_message(
    serving: list[Chunks], said: dict[str, str], outcome: str, reason: str
) -> None:
    serving.append(server := Chunks({2: said}))
    receipts = send(server)
    assert outcomes(receipts) == ["accepted", "accepted", outcome, "accepted", "accepted"]
    assert receipts[2].reason == reason
    assert server.taken == [0, 1, 3, 4]


def test_a_server_that_hangs_up_leaves_what_was_under_way_ambiguous(serving: list[Chunks]) -> None:
    serving.append(server := Chunks({2: {"BDAT": "hang up"}}))
    receipts = send(server)
    assert outcomes(receipts)[:3] == ["accepted", "accepted", "ambiguous"]
    for number, receipt in receipts.items():
        assert (receipt.outcome == "accepted") == (number in server.taken)


def test_nothing_behind_a_421_has_left(serving: list[Chunks]) -> None:
    serving.append(server := Chunks({2: {"RCPT": "421 4.3.2 closing"}}, late=0.005))
    receipts = send(server, 8)
    assert receipts[2].outcome == "deferred"
    assert {one.outcome for one in receipts.values()} <= {"accepted", "deferred"}
    assert sorted(n for n, one in receipts.items() if one.outcome == "accepted") == server.taken


def test_a_refused_sender_stops_everything_and_nothing_is_lost(serving: list[Chunks]) -> None:
    serving.append(server := Chunks({2: {"MAIL": "550 5.7.1 not yours"}}, late=0.002))
    stated = {"host": "127.0.0.1", "port": server.port, "security": "none"}
    sent: dict[str, Receipt] = {}

    def send_all(channel: Smtp) -> None:
        for one, receipt in channel.hand_over_many([message(n) for n in range(5)]):
            sent[one.message_id] = receipt

    with Smtp(SmtpSettings(**stated), state_dir=Path()) as channel, pytest.raises(ProviderError):
        send_all(channel)
    assert {receipt.outcome for receipt in sent.values()} == {"accepted"}
    assert sorted(int(one, 16) for one in sent) == server.taken


def test_a_server_that_offers_what_it_cannot_do_gets_data(serving: list[Chunks]) -> None:
    serving.append(server := Chunks({0: {"BDAT": "502 5.5.1 what?"}}))
    receipts = send(server, 1)
    assert (receipts[0].outcome, receipts[0].reason) == ("deferred", "no_chunking")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.integers(0, 7),
        st.fixed_dictionaries(
            {},
            optional={
                "RCPT": st.sampled_from(
                    ["550 5.1.1 no", "450 4.2.1 later", "421 4.3.2 bye", "hang up"]
                ),
                "BDAT": st.sampled_from(["554 5.7.1 spam", "421 4.3.2 bye", "hang up"]),
                "MAIL": st.sampled_from(["451 4.3.0 later", "hang up"]),
            },
        ),
        max_size=4,
    )
)
def test_whatever_it_says_nobody_is_told_what_is_not_so(answers: dict[int, dict[str, str]]) -> None:
    server = Chunks(answers)
    try:
        receipts = send(server, 8)
    finally:
        server.close()
    assert len(receipts) == 8
    for number, receipt in receipts.items():
        if receipt.outcome == "accepted":
            assert number in server.taken
        elif receipt.outcome != "ambiguous":
            assert number not in server.taken
    assert len(server.taken) == len(set(server.taken))
