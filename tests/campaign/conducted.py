"""A small shop whose campaigns are sent by the server's conductor, on a clock that tests move."""

from collections.abc import Mapping
from pathlib import Path

from vocative.campaign.conducting import Conductor
from vocative.campaign.progress import CampaignRun, show_run
from vocative.collect.door import OWN_SOURCE, accept
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

MAIL = (
    '<html><body>Hello <a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</body></html>'
)


def write_shop(root: Path, campaigns: str, *, settings: str = "") -> None:
    """A template, campaigns, and a purpose that needs no consent."""
    for file, text in (
        ("templates/hello.html", MAIL),
        ("templates/hello.yaml", "subject: Hello\n"),
        ("campaigns/all.yaml", campaigns),
        ("traits.yaml", "email: {personal: true}\ntimezone: {}\ncity: {}\n"),
    ):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(text, encoding="utf-8")
    file = root / "vocative.yaml"
    file.write_text(f"{file.read_text()}purposes: {{service: {{consent: opt_out}}}}\n{settings}")


def add_people(shop: Workspace, people: Mapping[str, Mapping[str, str]]) -> None:
    """People by user id, with traits; each has an address."""
    accept(
        shop,
        [
            {
                "type": "identify",
                "userId": user,
                "messageId": f"m-{user}",
                "traits": {"email": f"{user}@example.com", **traits},
            }
            for user, traits in people.items()
        ],
        source="shop",
    )
    apply_log(shop)


def numbered(count: int) -> dict[str, dict[str, str]]:
    """So many people of whom nothing else is known."""
    return {f"u{number:03}": {} for number in range(count)}


def conduct(shop: Workspace) -> None:
    """What the server does until there is nothing to do, in a conductor that remembers nothing."""
    conductor = Conductor(shop, lambda: False)
    for _ in range(20):
        if not conductor.turn():
            return
    raise AssertionError("the conductor never comes to an end")


def stands(shop: Workspace, campaign: str = "news", occurrence: str = "1") -> CampaignRun:
    """How a run stands."""
    return show_run(shop, campaign, occurrence)


def sent(shop: Workspace, campaign: str = "news", occurrence: str = "1") -> dict[str, str]:
    """Message ids by person, of what left."""
    with shop.store.read() as tx:
        rows = tx.tuples(
            "SELECT person_id, message_id FROM messages WHERE campaign = :campaign"
            " AND occurrence = :occurrence AND state = 'accepted'",
            {"campaign": campaign, "occurrence": occurrence},
        )
    return dict(rows)


def acts(shop: Workspace, event: str, message_ids: Mapping[str, str], **properties: str) -> None:
    """Something that came of messages, by person."""
    accept(
        shop,
        [
            {
                "type": "track",
                "event": event,
                "messageId": f"{event}-{message_id}",
                "timestamp": shop.clock.now().isoformat(),
                "context": {"personId": person_id},
                "properties": {"message_id": message_id, "campaign": "news", **properties},
            }
            for person_id, message_id in message_ids.items()
        ],
        source=OWN_SOURCE,
    )
    apply_log(shop)
