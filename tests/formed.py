"""Workspaces with forms, and visitors who fill them in."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vocative.collect.forms.site import form_routes
from vocative.deliver.opt_in import opt_in_routes
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

NEWSLETTER = """\
title: {en: Our newsletter, de: Unser Newsletter}
intro: {en: "News & offers", de: Neues}
sites: ["https://shop.example"]
guard: {min_seconds: 0}
steps:
  - questions:
      - {name: email, kind: email, label: {en: E-mail, de: E-Mail}, required: true}
      - {name: first_name, label: First name, trait: first_name}
      - name: news
        kind: consent
        label: Send me the newsletter
        purpose: marketing
        wording: 2026-11
        required: true
"""
SURVEY = """\
title: Tell us
double_opt_in: false
guard: {min_seconds: 0}
steps:
  - title: You
    questions:
      - {name: has_children, kind: yes_no, label: "Do you have children?", required: true}
      - name: topics
        kind: many
        label: What do you like
        choices: {shoes: Shoes, bags: Bags}
  - title: Your children
    when: has_children
    questions:
      - {name: children, kind: number, label: "How many?", min: 1, max: 20, required: true}
      - name: shoe_size
        label: Which size?
        when: contains(topics, 'shoes')
        required: true
  - title: Where to write
    questions:
      - {name: email, kind: email, label: E-mail}
      - {name: birthday, kind: date, label: Birthday, trait: birthday}
"""


def write_form(workspace: Workspace, name: str, text: str) -> None:
    """Put a form into the workspace's folder."""
    folder = workspace.root / "forms"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def site_of(workspace: Workspace) -> Starlette:
    """A server of a workspace's forms."""
    return Starlette(routes=[*form_routes(workspace), *opt_in_routes(workspace)])


def visitor(
    workspace: Workspace, ip: str = "203.0.113.7", site: Starlette | None = None, **headers: str
) -> TestClient:
    """A browser without scripts, which goes on where it is led."""
    app = site or site_of(workspace)
    return TestClient(app, headers=headers, client=(ip, 4711), base_url="http://127.0.0.1:8750")


class Visit:
    """One browser on the way through a form."""

    def __init__(self, client: TestClient, name: str, query: str = "") -> None:
        self.client = client
        self.path = f"/f/{name}"
        self.answer = client.get(f"{self.path}{query}")

    @property
    def html(self) -> str:
        return str(self.answer.text)

    @property
    def status(self) -> int:
        return int(self.answer.status_code)

    @property
    def at(self) -> str:
        """Where it has come to."""
        return urlsplit(str(self.answer.url)).path

    def hidden(self) -> dict[str, str]:
        """Hidden fields of the page."""
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', self.html)
        return {name: unescape(value) for name, value in found}

    def send(self, pressed: str = "next", **fields: Any) -> "Visit":
        """Fill in fields and press a button."""
        body = {**self.hidden(), "_website": "", **fields, "_go": pressed}
        self.answer = self.client.post(self.path, data=body)
        return self

    def faults(self) -> dict[str, str]:
        """What the page says is wrong, by question."""
        found = re.findall(r'<p class="fault" id="f-(\w+)">(.*?)</p>', self.html)
        return {name: unescape(text) for name, text in found}


def told(workspace: Workspace, *names: str) -> list[dict[str, Any]]:
    """Events on the log, by name; all of them unless told."""
    found = []
    for batch in workspace.log.read(0):
        for raw in batch.events:
            event = msgspec.json.decode(raw)
            if not names or event.get("event", event["type"]) in names:
                found.append(event)
    return found


def person_with(workspace: Workspace, email: str) -> str | None:
    """Whose an address is, once the log is applied."""
    apply_log(workspace)
    with workspace.store.read() as tx:
        value = tx.value(
            "SELECT person_id FROM identities WHERE namespace = 'email' AND value_hash = :hash",
            {"hash": workspace.vault.lookup_hash("email", email)},
        )
    return None if value is None else str(value)


def vault_of(workspace: Workspace, person_id: str | None) -> dict[str, str]:
    """What the vault has of somebody."""
    with workspace.store.read() as tx:
        return workspace.vault.get(tx, str(person_id))
