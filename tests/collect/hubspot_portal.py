"""An account of HubSpot on this machine: lists, searches with their limits, statuses, deals."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scripted_server import Asked, ScriptedServer, Told, scripted_server

TOKEN = "pat-eu1-0000-token"
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "GTE": lambda mine, asked: mine >= asked,
    "LTE": lambda mine, asked: mine <= asked,
    "GT": lambda mine, asked: mine > asked,
}
_SEARCHED = {"filterGroups", "sorts", "properties", "limit", "after"}


@dataclass
class Portal:
    """What the account knows, and how it behaves."""

    records: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"contacts": {}, "deals": {}}
    )
    """Properties by object and id."""
    contacts_of: dict[str, list[int]] = field(default_factory=dict)
    """Of a deal."""
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By address."""
    troubles: list[Told] = field(default_factory=list)
    """Answers to the next requests, instead of what they ask for."""
    before_search: Callable[[], None] = lambda: None
    """Called before each search: somebody changes records meanwhile."""
    most_results: int = 10_000
    """Of one search."""
    most_found: int = 0
    """The most results that one search had."""

    def add(self, kind: str, record_id: int, changed_at: str, **properties: Any) -> None:
        changed_by = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        stated = {"hs_object_id": str(record_id), changed_by: changed_at, **properties}
        self.records[kind][str(record_id)] = stated

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _fault(401, "Authentication credentials not found")
        if self.troubles:
            return self.troubles.pop(0)
        parts = asked.path.strip("/").split("/")
        match parts:
            case ["crm", "v3", "objects", kind] if asked.method == "GET":
                return self._list(kind, asked)
            case ["crm", "v3", "objects", kind, "search"]:
                return self._search(kind, asked)
            case ["communication-preferences", "v4", "statuses", "batch", "read"]:
                return self._statuses(asked)
            case ["crm", "v4", "associations", "deals", "contacts", "batch", "read"]:
                return self._associations(asked)
        return _fault(404, "no such path")

    def _list(self, kind: str, asked: Asked) -> Told:
        limit = int(asked.query.get("limit", 10))
        if limit > 100:
            return _fault(400, "limit is over 100")
        begin = int(asked.query.get("after", 0))
        wanted = asked.query.get("properties", "").split(",")
        ids = sorted(int(one) for one in self.records[kind] if int(one) > begin)
        found = [self._shown(kind, str(one), wanted) for one in ids[:limit]]
        told: dict[str, Any] = {"results": found}
        if len(ids) > limit:
            after = str(ids[limit - 1])
            told["paging"] = {"next": {"after": after, "link": "https://api.hubapi.com/x"}}
        return Told(json=told)

    def _search(self, kind: str, asked: Asked) -> Told:
        self.before_search()
        body = asked.json()
        begin, limit = int(body.get("after", 0)), body["limit"]
        if body.keys() - _SEARCHED or limit > 200 or begin + limit > self.most_results:
            return _fault(400, "search is over its limits")
        [group] = body["filterGroups"]
        [sort] = body["sorts"]
        assert sort["direction"] == "ASCENDING"
        found = [
            record_id
            for record_id, stated in self.records[kind].items()
            if all(
                _TESTS[one["operator"]](_value(stated[one["propertyName"]]), _value(one["value"]))
                for one in group["filters"]
            )
        ]
        # Of equal ones the order is not promised: the newest first is as good as any.
        found.sort(key=int, reverse=True)
        found.sort(key=lambda one: _value(self.records[kind][one][sort["propertyName"]]))
        self.most_found = max(self.most_found, len(found))
        shown = [self._shown(kind, one, body["properties"]) for one in found[begin : begin + limit]]
        told: dict[str, Any] = {"total": len(found), "results": shown}
        if len(found) > begin + limit:
            told["paging"] = {"next": {"after": str(begin + limit)}}
        return Told(json=told)

    def _shown(self, kind: str, record_id: str, wanted: list[str]) -> dict[str, Any]:
        stated = self.records[kind][record_id]
        shown = {name: stated.get(name) for name in wanted}
        times = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
        return {"id": record_id, "properties": shown, **times, "archived": False}

    def _statuses(self, asked: Asked) -> Told:
        emails = asked.json()["inputs"]
        if asked.query != {"channel": "EMAIL"} or len(emails) > 100:
            return _fault(400, "channel is missing, or too many inputs")
        found = [
            {"subscriberIdString": email.lower(), "statuses": self.statuses[email]}
            for email in emails
            if email in self.statuses
        ]
        times = {"startedAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:00Z"}
        return Told(207, json={"status": "COMPLETE", "results": found, **times})

    def _associations(self, asked: Asked) -> Told:
        found = [
            {"from": one, "to": [{"toObjectId": to, "associationTypes": []} for to in contacts]}
            for one in asked.json()["inputs"]
            if (contacts := self.contacts_of.get(one["id"]))
        ]
        times = {"startedAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:00Z"}
        return Told(207, json={"status": "COMPLETE", "results": found, **times})


@contextmanager
def hubspot(portal: Portal) -> Iterator[ScriptedServer]:
    """Serve an account until the block ends."""
    with scripted_server(portal.answer) as server:
        yield server


def _value(stated: Any) -> int:
    """Ids and times as numbers; times come in two forms."""
    if str(stated).isdigit():
        return int(stated)
    return round(datetime.fromisoformat(stated).astimezone(UTC).timestamp() * 1000)


def _fault(status: int, message: str) -> Told:
    return Told(status, json={"status": "error", "message": message, "category": "X"})
