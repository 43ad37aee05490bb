"""Campaigns by text message and push, and one under a warm-up plan, sent as the server does."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from conducted import add_people, conduct, sent, stands, write_shop

from http_provider import Provider, Reply, provider
from vocative.campaign import send
from vocative.clock import FixedClock
from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.settings import read_settings

CAMPAIGNS = """\
stock: {template: short, where: "true", purpose: service, channel: sms}
news: {template: hello, where: "true", purpose: service}
"""
SETTINGS = """\
channels:
  outbox_folder: {warm_up: {start: 2026-03-02, daily: [3, 4]}}
  sms_twilio: {account: AC00000000000000000000000000000000, auth_token: t,
    from_number: "+15005550006", base_url: "URL"}
"""


@pytest.fixture
def twilio() -> Iterator[Provider]:
    with provider(lambda _: Reply(status=201, body=b'{"sid": "SM1"}')) as started:
        yield started


@pytest.fixture
def shop(workspace: Workspace, twilio: Provider) -> Workspace:
    root = workspace.root
    write_shop(root, CAMPAIGNS, settings=SETTINGS.replace("URL", twilio.url))
    (root / "templates" / "short.html").write_text((root / "templates/hello.html").read_text())
    (root / "templates" / "short.yaml").write_text(
        "subject: It is back\ntext: \"Hello {{ person.city | default: 'you' }},"
        ' it is back: https://shop.example/blue"\n'
    )
    workspace.settings = read_settings(root)
    return workspace


def test_text_messages_go_to_who_has_a_phone(shop: Workspace, twilio: Provider) -> None:
    people = {f"u{n}": {"phone": f"+44770090012{n}", "city": "York"} for n in range(3)}
    add_people(shop, {**people, "none": {}, "odd": {"phone": "12"}})
    report = send(shop, "stock", channel="sms_twilio")
    assert report.counts == {"accepted": 3, "failed": 1, "skipped: no_address": 1}
    told = [parse_qs(seen.body.decode()) for seen in twilio.requests]
    assert sorted(one["To"][0] for one in told) == [f"+44770090012{n}" for n in range(3)]
    assert told[0]["Body"] == ["Hello York, it is back: https://shop.example/blue"]


def test_nobody_is_texted_by_a_channel_for_mail(shop: Workspace) -> None:
    add_people(shop, {"u1": {"phone": "+447700900121"}})
    with pytest.raises(AuthorError, match="carries email, the campaign is for sms"):
        send(shop, "stock", channel="outbox_folder")


def test_a_run_under_warm_up_goes_on_each_day_and_says_why_it_waits(
    shop: Workspace, clock: FixedClock
) -> None:
    add_people(shop, {f"u{n}": {} for n in range(9)})
    send(shop, "news")
    assert len(sent(shop)) == 3
    conduct(shop)
    assert len(sent(shop)) == 3
    assert "used up" in str(stands(shop))
    for accepted in (7, 9):
        clock.advance(timedelta(days=1))
        conduct(shop)
        assert len(sent(shop)) == accepted
