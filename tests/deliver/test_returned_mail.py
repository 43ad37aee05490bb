"""What mails that come back say: delivery reports, complaints, words for people, answers."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.deliver.feedback.replies import BLOCK, HARD, classify
from vocative.deliver.feedback.returned_mail import Report, read_returned

MESSAGE_ID = "0123456789abcdef0123456789abcdef"
ORIGINAL = f"Message-ID: <{MESSAGE_ID}@shop.example>\nTo: ana@example.com\nSubject: News\n"


def mail(headers: str, body: str) -> bytes:
    return f"{headers}\nMIME-Version: 1.0\n{body}".replace("\n", "\r\n").encode()


def report_mail(fields: str, *, kind: str = "message/delivery-status", text: str = "") -> bytes:
    return mail(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nSubject: Undelivered Mail",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n{text or 'It could not be delivered.'}\n\n"
        f"--b\nContent-Type: {kind}\n\nReporting-MTA: dns; mx.example\n\n{fields}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{ORIGINAL}\n--b--\n",
    )


def only(raw: bytes) -> Report:
    [found] = read_returned(raw)
    return found


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        ("550 5.1.1 <a@b.example>: User unknown", "hard", "unknown_address"),
        ("550-5.1.1 The account does not exist.", "hard", "unknown_address"),
        ("550 5.1.10 Recipient not found", "hard", "unknown_address"),
        ("Host or domain name not found. Name service error", "hard", "unknown_domain"),
        ("556 5.1.10 Domain does not accept mail (nullMX)", "hard", "no_mail_there"),
        ("551 5.1.6 User has moved to another place", "hard", "moved"),
        ("552 5.2.2 The account is over quota", "soft", "mailbox_full"),
        ("550 5.1.1 mailbox is full, User unknown to others", "hard", "unknown_address"),
        ("450 4.2.1 mailbox temporarily disabled", "soft", "disabled"),
        ("554 5.7.1 Client host [192.0.2.1] blocked using a list", "block", "blocked"),
        ("550 5.7.26 This mail is blocked: it is unauthenticated", "block", "authentication"),
        ("421 4.7.28 An unusual rate; too many messages", "block", "rate_limited"),
        ("554 5.7.1 Relay access denied", "block", "relaying"),
        ("552 5.3.4 message size exceeds fixed limit", "soft", "too_large"),
        ("451 4.7.1 Greylisting in action, please come back later", "soft", "not_reached"),
        ("5.1.1", "hard", "unknown_address"),
        ("4.1.1 something", "soft", "not_reached"),
        ("", "soft", "unclear"),
    ],
)  # fmt: skip
def test_what_answers_mean(said: str, kind: str, reason: str) -> None:
    found = classify(said, stage="rcpt")
    assert (found.kind, found.reason) == (kind, reason)
    assert found.rule


def test_an_unknown_user_is_certain_where_the_recipient_is_refused() -> None:
    said = "550 User unknown"
    assert classify(said, stage="rcpt").kind == "hard"
    assert classify(said, stage="data").kind == "soft"
    assert classify(f"{said} 5.1.1", stage="data").kind == "hard"
    assert classify(said).kind == "soft"
    assert classify("550 unknown user", stage="mail").kind == "block"


@given(st.text(max_size=300), st.sampled_from([None, "mail", "rcpt", "data"]))
def test_any_words_get_an_answer(text: str, stage: str | None) -> None:
    found = classify(text, stage=stage)
    expected = "hard" if found.reason in HARD else "block" if found.reason in BLOCK else "soft"
    assert found.kind == expected


def test_a_delivery_report_names_our_message() -> None:
    fields = (
        "Final-Recipient: rfc822; forward@example.com\nOriginal-Recipient: rfc822;ana@example.com\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"
    )
    found = only(report_mail(fields))
    assert (found.kind, found.reason, found.status) == ("hard", "unknown_address", "5.1.1")
    assert (found.recipient, found.message_id) == ("ana@example.com", MESSAGE_ID)


def test_international_reports_are_read() -> None:
    fields = "Final-Recipient: utf-8; jürgen@bücher.example\nAction: failed\nStatus: 5.1.1\n"
    found = only(report_mail(fields, kind="message/global-delivery-status"))
    assert (found.kind, found.recipient) == ("hard", "jürgen@bücher.example")


@pytest.mark.parametrize(("action", "kinds"), [("delayed", ["delayed"]), ("delivered", [])])
def test_only_failures_are_bounces(action: str, kinds: list[str]) -> None:
    fields = f"Final-Recipient: rfc822; ana@example.com\nAction: {action}\nStatus: 4.4.1\n"
    assert [one.kind for one in read_returned(report_mail(fields))] == kinds


def test_each_recipient_has_a_report() -> None:
    group = "Final-Recipient: rfc822; {}@example.com\nAction: failed\nStatus: {}\n"
    fields = group.format("ana", "5.1.1") + "\n" + group.format("bo", "5.2.2")
    found = [(one.recipient, one.kind) for one in read_returned(report_mail(fields))]
    assert found == [("ana@example.com", "hard"), ("bo@example.com", "soft")]


def test_words_for_people_are_read() -> None:
    raw = mail(
        "From: MAILER-DAEMON@mx.example\nTo: bounces@shop.example\nSubject: failure notice",
        "\nHi. This is the qmail-send program.\nI've given up. Sorry.\n\n"
        "<ana@example.com>:\n192.0.2.1 does not like recipient.\n"
        "Remote host said: 550 5.1.1 no such user\n\n"
        "<bo@example.com>:\nSorry, the mailbox is full. (#5.2.2)\n\n"
        f"--- Below this line is a copy of the message.\n\n{ORIGINAL}\n",
    )
    found = [(one.recipient, one.kind, one.message_id) for one in read_returned(raw)]
    assert found == [
        ("ana@example.com", "hard", MESSAGE_ID),
        ("bo@example.com", "soft", MESSAGE_ID),
    ]


@pytest.mark.parametrize(
    ("told", "kind"), [("abuse", "complaint"), ("fraud", "complaint"), ("not-spam", "other")]
)
def test_complaints(told: str, kind: str) -> None:
    raw = mail(
        "From: <fbl@provider.example>\nSubject: FW: News",
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nThis is a report.\n\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {told}\nVersion: 1\n"
        "Original-Rcpt-To: <ana@example.com>\n\n"
        f"--b\nContent-Type: message/rfc822\n\n{ORIGINAL}\nHello\n--b--\n",
    )
    found = only(raw)
    assert (found.kind, found.reason) == (kind, told)
    assert (found.recipient, found.message_id) == ("ana@example.com", MESSAGE_ID)


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ("Subject: Out of office: News", "I am back on Monday.", "auto_reply"),
        ("Subject: Re: News\nAuto-Submitted: auto-replied", "Thank you for writing.", "auto_reply"),
        ("Subject: Automatische Antwort: News", "Ich bin nicht da.", "auto_reply"),
        ("Subject: Please confirm", "Click here to confirm that you are a person.", "challenge"),
        ("Subject: Re: News", "How nice, thank you!", "other"),
        ("Subject: Re: News", "", "other"),
    ],
)
def test_answers_are_no_bounces(headers: str, body: str, kind: str) -> None:
    raw = mail(
        f"From: Ana <ana@example.com>\nIn-Reply-To: <{MESSAGE_ID}@shop.example>\n{headers}",
        f"\n{body}\n",
    )
    found = only(raw)
    assert (found.kind, found.message_id) == (kind, MESSAGE_ID)


@given(st.binary(max_size=600))
def test_no_mail_raises(junk: bytes) -> None:
    read_returned(junk)
    read_returned(report_mail("Final-Recipient: rfc822; a@b.example\n").replace(b"dns", junk))


def test_a_hostile_mail_takes_no_time() -> None:
    nested = "Content-Type: message/rfc822\n\n" * 2_000
    read_returned(mail("Subject: x", nested))
    read_returned(b"Subject: failure notice\r\n\r\n" + b"<a@b.example> " * 60_000)
    read_returned(b"Subject: failure notice\r\n\r\n" + b"account " * 100_000)


def test_real_bounces_are_hard_or_not_as_labelled(shared_data: Path) -> None:
    folder = shared_data / "bounce_emails"
    with (folder / "shared_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    right = 0
    for row in rows:
        found = read_returned((folder / "shared" / row["file"]).read_bytes())
        one = found[min(int(row["recipient_index"]), len(found) - 1)] if found else None
        hard = one is not None and one.kind == "hard"
        missed = one is None or (one.kind == "other" and not re.match("feed|vac", row["reason"]))
        right += hard == (row["hardbounce"] == "1") and not missed
    assert right / len(rows) >= 0.98
