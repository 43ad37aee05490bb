"""The kind of mail program behind a user agent."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.deliver.mail_program import MAIL_PROGRAMS, mail_program

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE}"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE}"
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 8"
PROXY = "via ggpht.com GoogleImageProxy"


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (f"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 ({PROXY})", "Gmail"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "Yahoo Mail"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "Outlook"),
        ("Mozilla/4.0 (compatible; MSIE 7.0; Microsoft Outlook 16.0.5266)", "Outlook"),
        ("Outlook-iOS/723.4027091.prod.iphone (4.15.0)", "Outlook on a phone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Thunderbird/128.5.0", "Thunderbird"),
        (f"{IPHONE} Mobile/15E148", "Apple Mail on a phone"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "browser on a phone"),
        (MAC, "Apple Mail"),
        (f"{MAC} Version/18.5 Safari/605.1.15", "browser"),
        (f"{ANDROID}; wv) {WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36", "app on Android"),
        (f"{ANDROID}) {WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36", "browser on a phone"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64) {WEBKIT} Chrome/138 Safari/537.36", "browser"),
        ("Mozilla/5.0", "other"),
        ("", "other"),
    ],
)
def test_the_kind_of_a_user_agent(agent: str, kind: str) -> None:
    assert mail_program(agent) == kind


def test_picture_proxies_among_real_agents_are_told_from_crawlers(shared_data: Path) -> None:
    crawlers = json.loads((shared_data / "user_agents" / "crawler-user-agents.json").read_text())
    agents = [agent for crawler in crawlers for agent in crawler["instances"]]
    found = {agent: mail_program(agent) for agent in agents}
    assert len(agents) > 2_000
    assert set(found.values()) <= set(MAIL_PROGRAMS)
    for kind, mark in (("Gmail", "GoogleImageProxy"), ("Yahoo Mail", "YahooMailProxy")):
        assert {agent for agent, told in found.items() if told == kind} == {
            agent for agent in agents if mark in agent
        }


@given(st.text(max_size=300))
def test_whatever_an_agent_says_only_a_kind_comes_out(agent: str) -> None:
    assert mail_program(agent) in MAIL_PROGRAMS
