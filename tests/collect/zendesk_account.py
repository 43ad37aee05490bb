"""An account of Zendesk on this machine: incremental exports, ratings, and their limits."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scripted_server import Asked, ScriptedServer, Told, scripted_server

URL = "https://shop.zendesk.com"
"""As it calls itself."""
EMAIL = "admin@shop.example"
API_TOKEN = "zendesk-api-token"
OAUTH_TOKEN = "zendesk-oauth-token"
_BASIC = base64.b64encode(f"{EMAIL}/token:{API_TOKEN}".encode()).decode()


@dataclass
class Account:
    """What the account knows, and how it behaves."""

    users: list[dict[str, Any]] = field(default_factory=list)
    """In the order in which they last changed, like the tickets."""
    tickets: list[dict[str, Any]] = field(default_factory=list)
    ratings: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By ticket."""
    page_size: int = 2
    lists_by: str = "created_at"
    """What `start_time` of ratings is compared with."""
    troubles: list[Told] = field(default_factory=list)
    """Answers to the next requests, instead of what they ask for."""

    def answer(self, asked: Asked) -> Told:
        right = (f"Basic {_BASIC}", f"Bearer {OAUTH_TOKEN}")
        if asked.headers.get("authorization") not in right:
            return Told(401, json={"error": "Couldn't authenticate you"})
        if self.troubles:
            return self.troubles.pop(0)
        match asked.path.removesuffix(".json").strip("/").split("/"):
            case ["api", "v2", "incremental", ("users" | "tickets") as what, "cursor"]:
                return self._export(what, asked)
            case ["api", "v2", "satisfaction_ratings"]:
                return self._ratings(asked)
        return Told(404, json={"error": "InvalidEndpoint"})

    def _export(self, what: str, asked: Asked) -> Told:
        records = self.users if what == "users" else self.tickets
        if "cursor" in asked.query:
            begin = int(base64.b64decode(asked.query["cursor"]))
        elif asked.query.get("start_time", "").isdigit():
            begin = 0
        else:
            return Told(400, json={"error": "start_time is missing"})
        page = records[begin : begin + self.page_size]
        end = begin + len(page)
        cursor = base64.b64encode(str(end).encode()).decode()
        told: dict[str, Any] = {
            what: page,
            "after_cursor": cursor,
            "after_url": f"{URL}/api/v2/incremental/{what}/cursor.json?cursor={cursor}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": end == len(records),
        }
        included = asked.query.get("include", "").split(",")
        if "users" in included:
            wanted = {ticket["requester_id"] for ticket in page}
            told["users"] = [user for user in self.users if user["id"] in wanted]
        if "metric_sets" in included:
            ids = [ticket["id"] for ticket in page]
            told["metric_sets"] = [self.metrics[one] for one in ids if one in self.metrics]
        return _json(told)

    def _ratings(self, asked: Asked) -> Told:
        since = int(asked.query.get("start_time", 0))
        found = [
            rating
            for rating in self.ratings
            if _epoch(rating[self.lists_by]) >= since
            and (asked.query.get("score") != "received" or rating["score"] in ("good", "bad"))
        ]
        begin = int(asked.query.get("page[after]", 0))
        page = found[begin : begin + min(self.page_size, int(asked.query.get("page[size]", 100)))]
        end = begin + len(page)
        meta = {"has_more": end < len(found), "after_cursor": str(end), "before_cursor": None}
        return _json({"satisfaction_ratings": page, "meta": meta, "links": {"next": None}})


@contextmanager
def zendesk(account: Account) -> Iterator[ScriptedServer]:
    """Serve an account until the block ends."""
    with scripted_server(account.answer) as server:
        yield server


def _json(told: dict[str, Any]) -> Told:
    return Told(json=told, headers={"content-type": "application/json; charset=utf-8"})


def _epoch(stated: str) -> float:
    try:
        return datetime.fromisoformat(stated).timestamp()
    except ValueError:
        return 0.0
