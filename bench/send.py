"""How fast a campaign of personal mails leaves with all that makes it sure, and what it costs.

In: nothing; a shop is drawn, with people who consented, items, and six recommended items for each.
A mail of some 60 KB in HTML with its text (`_mail.py`) goes to a server that counts (`_sink.py`),
by the way every campaign goes: ledger, vault, permits before rendering and again at the hand-over,
tracked links, SMTP. Two processes share the run. Planning and getting ready are not in it. Beside
it, in the same run, a plain pipeline sends mails of the same template to the same server: Jinja2,
`email.message`, `smtplib`, data from memory, no ledger, no permits, no tracking.
Out: messages_per_second (from the start to the last answer), cpu_us_per_message of the sending
processes alone, the same of the plain pipeline and their ratio, what one connection carries when
the server is 20 ms away and back, and bytes_per_message of the ledger, indexes included.
"""

import json
import random
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jinja2

import _mail
import vocative.workspace
from _sink import Peer
from vocative.campaign.audience import planned_messages
from vocative.campaign.definitions import read_campaign
from vocative.campaign.rendering import Renderer
from vocative.clock import to_micros
from vocative.compose import load_template
from vocative.compose.language import filters
from vocative.deliver import ledger
from vocative.deliver.channels import channel_for
from vocative.deliver.sender import deliver
from vocative.ids import person_id_for
from vocative.privacy import consent
from vocative.workspace import Workspace, prepare_state

PEOPLE = 20_000
SENDERS = 2
"""How many processes share the run, as many `vocative campaign send` beside each other would."""
PLAIN = 300
FAR = 2_000
"""How many messages go over the long wire."""
MILLISECONDS = 10
"""How long the wire is, each way."""
SHOWN = 6
SEED = 7
CAMPAIGN = "spring"
_STARTER = Path(vocative.workspace.__file__).parent / "starter"
_TRAITS = """
points: {type: integer, describe: Points}
voucher: {type: number, describe: What they are worth}
joined_at: {type: instant, describe: When they joined}
"""
_CAMPAIGN = """spring:
  where: country is not null
  template: spring
  recommender: for_you
  products: 6
"""
_SUBJECT = """subject: "Hello {{ person.first_name | default: 'you' }}"
"""


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many people; 20,000 unless told.
    """
    people = size or PEOPLE
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder, Peer() as sink:
        root = Path(folder) / "shop"
        _draw(root, people, sink.port)
        near = _send(root, sink, occurrence="1", senders=SENDERS)
        with Peer(sink.port, MILLISECONDS) as wire:
            _settings(root, wire.port, connections=1)
            far = _send(root, sink, occurrence="2", senders=1, at_most=FAR)
        plain = _send_plain(root, sink, min(PLAIN, people))
        bytes_per_message = _kept(root)
    return {
        "people": people,
        "messages_per_second": round(near["messages"] / near["seconds"]),
        "cpu_us_per_message": round(1e6 * near["cpu_seconds"] / near["messages"]),
        "mail_bytes": round(near["bytes"] / near["messages"]),
        "accepted": near["accepted"],
        "doubled": near["doubled"],
        "plain_cpu_us_per_message": round(1e6 * plain["cpu_seconds"] / plain["messages"]),
        "plain_messages_per_second": round(plain["messages"] / plain["seconds"]),
        "plain_mail_bytes": round(plain["bytes"] / plain["messages"]),
        "ratio_cpu_plain_to_ours": round(
            plain["cpu_seconds"] / plain["messages"] / (near["cpu_seconds"] / near["messages"]), 1
        ),
        "one_connection_20ms_per_second": round(far["messages"] / far["seconds"]),
        "bytes_per_message": bytes_per_message,
    }


def _send(
    root: Path, sink: Peer, *, occurrence: str, senders: int, at_most: int | None = None
) -> dict[str, Any]:
    """Plan a run and let processes send it; what it took, and what the server counted."""
    with Workspace(root) as workspace:
        campaign = read_campaign(workspace, CAMPAIGN)
        with workspace.store.read() as tx:
            people = [one for (one,) in tx.tuples("SELECT person_id FROM profiles")][:at_most]
        planned = list(planned_messages(workspace, campaign, occurrence, people))
        with workspace.store.transaction() as tx:
            ledger.plan(tx, planned, at=workspace.clock.now())
    sink.counted()
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(root), occurrence],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(senders)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    began = time.perf_counter()
    answers = [process.communicate()[0] for process in _told(processes)]
    seconds = time.perf_counter() - began
    reports = [json.loads(answer) for answer in answers]
    counted = sink.counted()
    return {
        "seconds": seconds,
        "cpu_seconds": sum(report["cpu_seconds"] for report in reports),
        "accepted": sum(report["accepted"] for report in reports),
        "messages": counted["messages"],
        "bytes": counted["bytes"],
        "doubled": counted["messages"] - counted["recipients"],
    }


def _told(processes: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    """Let all of them start at once."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    return processes


def _send_share(root: Path, occurrence: str) -> dict[str, float]:
    """One sending process: get ready, wait for the start, send until nothing is left."""
    with Workspace(root) as workspace:
        campaign = read_campaign(workspace, CAMPAIGN)
        renderer = Renderer(workspace, campaign, None)
        channel = channel_for(workspace, "smtp")
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.process_time()
        report = deliver(workspace, CAMPAIGN, occurrence, renderer.compose, channel)
        return {"cpu_seconds": time.process_time() - began, "accepted": report.accepted}


def _kept(root: Path) -> float:
    """Bytes of the ledger's table and indexes per message."""
    with Workspace(root) as workspace, workspace.store.read() as tx:
        pages: int = tx.value(
            "SELECT sum(pgsize) FROM dbstat WHERE name IN"
            " (SELECT name FROM sqlite_master WHERE tbl_name = 'messages')"
        )
        rows: int = tx.value("SELECT count(*) FROM messages")
    return round(pages / rows, 1)


# The plain pipeline


def _send_plain(root: Path, sink: Peer, messages: int) -> dict[str, Any]:
    """The same mails as a script would send them that has everything in memory."""
    environment = jinja2.Environment(autoescape=True)
    environment.filters["money"] = filters.money
    environment.filters["date"] = _jinja_date
    with Workspace(root) as workspace:
        source = load_template(workspace, CAMPAIGN)
        html = environment.from_string(_as_jinja(source.html.parsed.nodes[0].token.source))
        text = environment.from_string(_as_jinja(source.text.parsed.nodes[0].token.source))
        drawn = list(_plain_data(messages))
    sink.counted()
    began, cpu = time.perf_counter(), time.process_time()
    with smtplib.SMTP("127.0.0.1", sink.port) as server:
        for number, data in enumerate(drawn):
            mail = EmailMessage()
            mail["From"] = "The Shop <hello@shop.example>"
            mail["To"] = data["person"]["email"]
            mail["Subject"] = f"Hello {data['person']['first_name']}"
            mail["Message-ID"] = f"<{number}@shop.example>"
            mail["List-Unsubscribe"] = f"<{data['unsubscribe_url']}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            mail.set_content(text.render(data))
            mail.add_alternative(html.render(data), subtype="html")
            server.send_message(mail)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    counted = sink.counted()
    return {"seconds": seconds, "cpu_seconds": cpu, **counted}


def _jinja_date(value: str, pattern: str) -> str:
    return datetime.fromisoformat(value).strftime(pattern)


def _as_jinja(liquid: str) -> str:
    """The few things in which Jinja2 is not Liquid, of those that the mail uses."""
    text = re.sub(r'\|\s*(money|date|default):\s*("[^"]*"|[\w.]+)', r"| \1(\2)", liquid)
    text = re.sub(r"default\(([^)]+)\)", r"default(\1, true)", text)
    text = text.replace("forloop.", "loop.").replace("elsif", "elif")
    return text.replace("| upcase", "| upper")


def _plain_data(messages: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(SEED)
    items = [item for item, _ in _items()]
    for number in range(messages):
        traits, personal = _person(chance, number)
        products = [
            {"title": item[1], "category": item[2], "price": item[3], "currency": item[4],
             "url": item[5], "image_url": item[6], "reason": "like others you chose"}
            for item in chance.sample(items, SHOWN)
        ]  # fmt: skip
        yield {
            **_mail.CONSTANTS,
            "currency": "GBP",
            "person": {**traits, **personal},
            "products": products,
            "offer": None,
            "preheader": "",
            "view_url": f"https://shop.example/v/{number}",
            "unsubscribe_url": f"https://shop.example/u/{number}",
            "preferences_url": f"https://shop.example/p/{number}",
        }


# The shop


def _draw(root: Path, people: int, port: int) -> None:
    root.mkdir()
    shutil.copytree(_STARTER / "models", root / "models")
    shutil.copytree(_STARTER / "features", root / "features")
    shutil.copytree(_STARTER / "segments", root / "segments")
    (root / "traits.yaml").write_text((_STARTER / "traits.yaml").read_text() + _TRAITS)
    (root / "campaigns").mkdir()
    (root / "campaigns" / "spring.yaml").write_text(_CAMPAIGN)
    (root / "templates").mkdir()
    (root / "templates" / "spring.mjml").write_text(_layout(), encoding="utf-8")
    (root / "templates" / "spring.yaml").write_text(_SUBJECT)
    _settings(root, port, connections=1)
    prepare_state(root)
    chance = random.Random(SEED)
    items = _items()
    with Workspace(root) as workspace:
        now = workspace.clock.now()
        with workspace.store.transaction() as tx:
            tx.run(
                "INSERT INTO items (item_id, title, category, price, currency, url, image_url,"
                " stock, active, updated_at) VALUES (:item_id, :title, :category, :price,"
                " :currency, :url, :image_url, :stock, 1, 0)",
                [item for item, _ in items],
            )
        for start in range(0, people, 5_000):
            profiles, lists, fields, given = [], [], {}, []
            for number in range(start, min(start + 5_000, people)):
                person_id = person_id_for(workspace.key.lookup, "user_id", f"u{number}")
                traits, fields[person_id] = _person(chance, number)
                at = to_micros(now)
                profiles.append((person_id, at, at, json.dumps(traits)))
                shown = [
                    {"item_id": item[0], "reason": "like others you chose"}
                    for item, _ in chance.sample(items, SHOWN)
                ]
                lists.append((person_id, "for_you", json.dumps(shown), at))
                given.append(
                    consent.Consent(person_id=person_id, purpose="marketing", channel="email",
                                    status="given", at=now, source="bench")
                )  # fmt: skip
            with workspace.store.transaction() as tx:
                tx.run(
                    "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                    " VALUES (:person_id, :first, :updated, :traits)",
                    profiles,
                )
                tx.run(
                    "INSERT INTO recommendations (person_id, recommender, items, version, made_at)"
                    " VALUES (:person_id, :recommender, :items, 'v1', :at)",
                    lists,
                )
                workspace.vault.put_many(tx, fields)
                consent.record(tx, given)


def _settings(root: Path, port: int, *, connections: int) -> None:
    (root / "vocative.yaml").write_text(
        "workspace: bench\nbase_url: https://news.shop.example\ncurrency: GBP\n"
        "sender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street, London\n"
        "purposes:\n  marketing: {consent: opt_in, max_per_week: 3}\n"
        f"channels:\n  smtp: {{host: 127.0.0.1, port: {port}, security: none,"
        f" connections: {connections}}}\n",
        encoding="utf-8",
    )


def _layout() -> str:
    """The mail without the parts for which a campaign has no data."""
    text = _mail.LAYOUT
    text = text[: text.index("{% if order %}")] + text[text.index("{% if offer %}") :]
    text = (
        text[: text.index("{% if offer %}")]
        + text[text.index("<mj-section><mj-column><mj-social") :]
    )
    for taken, put in (
        ("{% if p.was %}<s>{{ p.was | money: p.currency }}</s> {% endif %}\n", ""),
        ('{{ p.label | default: "Have a look" }}', "Have a look"),
        ("{{ p.stock }} left", "Chosen"),
        ("person.currency", "currency"),
        ("{{ campaign.headline }}", "{{ campaign.name }}"),
        ("?u={{ person.id }}", ""),
    ):
        text = text.replace(taken, put)
    more = "".join(
        f'<mj-section><mj-column><mj-text font-size="15px" line-height="1.6">'
        f"<b>Thought {number}.</b> {_WORDS}</mj-text></mj-column></mj-section>\n"
        for number in range(4)
    )
    at = text.index("<mj-section><mj-column><mj-social")
    return text[:at] + more + text[at:]


_WORDS = " ".join(["What grows in spring grows for everybody who has a window and a pot."] * 8)


def _person(chance: random.Random, number: int) -> tuple[dict[str, Any], dict[str, str | None]]:
    """Traits, and what is personal."""
    traits = {
        "country": chance.choice(("France", "Spain", "Japan")),
        "points": chance.choice((0, chance.randrange(2_000))),
        "voucher": chance.randrange(500, 9_000) / 100,
        "joined_at": f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02d}"
        f"-{chance.randrange(1, 29):02d}T{chance.randrange(24):02d}:30:00+00:00",
    }
    first_name = chance.choice(("Ann", "Bob", "Zoë", "Chloé", "Jürgen", "María", "O'Neill"))
    return traits, {
        "email": f"person{number}@mail.example",
        "first_name": first_name,
        "city": chance.choice(("London", "München", "Kraków", "Århus", "Sevilla")),
    }


def _items() -> list[tuple[tuple[Any, ...], int]]:
    chance = random.Random(SEED)
    found = []
    for number in range(_mail.ITEMS):
        title = f"{chance.choice(_STYLES)} {chance.choice(_THINGS)} {number}"
        price = chance.randrange(300, 30_000) / 100
        url = f"https://shop.example/p/{number}?ref=mail&n={number}"
        picture = f"https://shop.example/i/{number}.jpg"
        row = (f"i{number}", title, "kitchen & bath", price, "GBP", url, picture, 10)
        found.append((row, number))
    return found


_STYLES = ("Copper", "Oak & Linen", "'Nordic'", "Café", 'The 12" one', "Hand-blown")
_THINGS = "Lamp Kettle Chair Blanket Clock Basket Vase Candle Mirror Bowl Tray Rug".split()

if __name__ == "__main__":
    print(json.dumps(_send_share(Path(sys.argv[1]), sys.argv[2])))
