"""A canary person goes through the whole job; her identifiers may be in the vault and nowhere else.

Searched: every file under .vocative (Parquet decoded, SQLite files and their journals as bytes),
everything the commands print, and every error. Not searched: the outbox, which holds the mails.
"""

import base64
import csv
import json
import socket
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from vocative.simulate import generate
from vocative.stores import open_store
from vocative.workspace import Workspace
from vocative.workspace.history import History

Run = Callable[..., "subprocess.CompletedProcess[str]"]
END = datetime(2026, 3, 1, 7, tzinfo=UTC)
CANARY = {
    "customer_id": "canary.user.7719@mail.example.net",
    "email": "quillfeather.zanzibari@post.example.net",
    "first_name": "Quillfeather",
    "last_name": "Zanzibari-Okonkwo",
    "phone": "+447700900942",
    "city": "Wolverthornby",
}


def forms_of(value: str) -> Iterator[bytes]:
    """The ways in which a value may lie in a file."""
    for text in {value, value.lower(), value.upper(), urllib.parse.quote(value)}:
        yield text.encode()
        yield text.encode("utf-16-le")
    for shift in range(3):
        # Base64 of a text inside a longer one, at each of the three alignments.
        inner = base64.b64encode(b"\0" * shift + value.encode())
        yield inner[4 : 4 + (len(value) // 3 - 2) * 4]


NEEDLES = {name: list(forms_of(value)) for name, value in CANARY.items()}


class Grumbler:
    """A mail server that refuses everybody and repeats the address while it does."""

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        return f"550 5.1.1 <{envelope.rcpt_tos[0]}> no such user {envelope.rcpt_tos[0]}"


@pytest.fixture
def grumbler() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Grumbler(), hostname="127.0.0.1", port=port)
    controller.start()
    yield f"127.0.0.1:{port}"
    controller.stop()


def with_canary(store: Path) -> None:
    """Add the canary to the made-up store's files."""
    customers = store / "customers.csv"
    with customers.open(newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    row = dict.fromkeys(columns, "") | CANARY
    row |= {
        "country": "Norway",
        "timezone": "Europe/Oslo",
        "email_consent": "yes",
        "signup_at": "2025-10-01T10:00:00Z",
        "consent_at": "2025-10-01T10:00:00Z",
    }
    with customers.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, columns).writerow(row)
    common = {"type": "track", "userId": CANARY["customer_id"]}
    order = {
        "order_id": "canary-1",
        "revenue": 300,
        "customer_name": CANARY["last_name"],
        "Email Address": CANARY["email"],
        "gift_note_for": f"to {CANARY['email']}, thanks",
        "page": f"https://shop.example/thanks?mail={urllib.parse.quote(CANARY['email'])}",
        "phone": CANARY["phone"],
        "products": [
            {"product_id": "x", "price": 300, "quantity": 1, "recipient": CANARY["last_name"]}
        ],
    }
    events = [
        {
            **common,
            "event": "Order Completed",
            "properties": order,
            "messageId": "canary-order",
            "timestamp": (END - timedelta(days=2)).isoformat(),
            "context": {"ip": "203.0.113.77", "traits": {"email": CANARY["email"]}},
        },
        {
            **common,
            "event": "Product Viewed",
            "messageId": "canary-view",
            "timestamp": "nonsense",
            "properties": {"email": CANARY["email"]},
        },
        {
            "type": "identify",
            "userId": CANARY["customer_id"],
            "messageId": "canary-identify",
            "timestamp": (END - timedelta(days=3)).isoformat(),
            "traits": {
                "email": CANARY["email"],
                "nickname": CANARY["first_name"],
                "address": {"city": CANARY["city"]},
            },
        },
    ]
    (store / "canary.jsonl").write_text("\n".join(json.dumps(event) for event in events))


def test_identifiers_have_one_home(tmp_path: Path, vocative: Run, grumbler: str) -> None:
    world = generate(tmp_path / "store", end=END, people=250, months=8, seed=5)
    with_canary(tmp_path / "store")
    shop = tmp_path / "shop"
    env = {"VOCATIVE_NOW": END.isoformat()}
    printed: list[str] = []

    def run(*arguments: str, fails: bool = False) -> None:
        done = vocative(*arguments, cwd=shop, env=env)
        assert (done.returncode != 0) == fails, done.stderr
        printed.extend([done.stdout, done.stderr])

    vocative("init", str(shop), env=env)
    campaign = shop / "campaigns" / "weekly_picks.yaml"
    campaign.write_text(
        campaign.read_text()
        .replace("segment: engaged", "where: orders_total > 0")
        .replace("holdout: 10%", "holdout: 0%")
    )
    run("import", str(world.items), "--map", "mappings/items.yaml")
    run("import", str(world.customers), "--map", "mappings/customers.yaml")
    run("import", str(world.events), "--source", "shop")
    run("import", str(tmp_path / "store" / "canary.jsonl"), "--source", "shop")
    run("apply")
    with Workspace(shop) as workspace:
        workspace.history.flush(workspace.store)
    run("train", "purchase_30d")
    run("train", "for_you")
    run("recommend", "for_you")
    run("campaign", "send", "weekly_picks")
    run("campaign", "send", "weekly_picks", "--occurrence", "2", "--smtp", grumbler)
    run("report", "weekly_picks")
    # The search terms themselves hold identifiers; what comes back must not repeat them.
    run("explain", "nobody." + CANARY["email"], "--campaign", "weekly_picks", fails=True)

    outbox = [p.read_bytes() for p in (shop / ".vocative" / "outbox").rglob("*") if p.is_file()]
    assert any(CANARY["email"].encode() in mail for mail in outbox), "the canary got her mail"
    contents = {str(path.relative_to(shop)): data for path, data in files_of(shop / ".vocative")}
    assert any(name.endswith(".parquet") for name in contents)
    contents["what was printed"] = "\n".join(printed).encode()
    found = [
        (place, name)
        for place, data in contents.items()
        for name, needles in NEEDLES.items()
        if any(needle in data for needle in needles)
    ]
    assert found == []


def files_of(state: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of the state but the mails; Parquet and the tail of history also decoded."""
    for path in sorted(state.rglob("*")):
        if not path.is_file() or "outbox" in path.relative_to(state).parts:
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if path.name == "store.db":
            # A long value lies on several pages: only read out is it in one piece.
            with open_store(f"sqlite:///{path}") as store, store.read() as tx:
                for rows in History(state).tail(tx).values():
                    data += json.dumps(rows.to_pylist(), default=str).encode()
        yield path, data


def test_the_search_would_find_her() -> None:
    """The needles are found in the forms they are meant for."""
    for name, value in CANARY.items():
        for hidden in (
            f"a {value} b".encode(),
            base64.b64encode(f"xx{value}yy".encode()),
            base64.b64encode(f"x{value}yy".encode()),
            urllib.parse.quote(f"a {value}").encode(),
        ):
            assert any(needle in hidden for needle in NEEDLES[name]), (name, hidden)
