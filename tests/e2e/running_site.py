"""What the browser tests share: the running server and what may go wrong in front of it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from vocative.workspace import prepare_state

CAMPAIGN = "weekly_picks"
API_KEY = "a key for the browser tests"
# The made-up catalog has its pictures at the address where a server usually stands.
PICTURES = "localhost:8750"


def make_workspace(root: Path) -> None:
    """A folder that is a workspace, with nothing in it."""
    root.mkdir()
    (root / "vocative.yaml").write_text(
        "workspace: empty\nsender: {email: hello@shop.example, name: The Shop}\n"
        "postal_address: 1 High Street\n"
    )
    prepare_state(root)


@dataclass(frozen=True)
class Site:
    """A running server, what it prints, and what its API says."""

    url: str
    log: Path

    def printed(self) -> str:
        """What the server and its worker printed: nothing much, unless something failed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def api(self, path: str, **query: str) -> Any:
        """The API's answer, to compare a page with."""
        address = f"{self.url}/api{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        with urlopen(address, timeout=30) as answer:
            return json.load(answer)

    def person_with(self, state: str) -> dict[str, Any]:
        """Somebody whose message of the campaign is in a state."""
        page = self.api(f"/campaigns/{CAMPAIGN}/messages", state=state, limit="1")
        found: dict[str, Any] = page["messages"][0]
        return found


@dataclass
class Troubles:
    """What a page did that it should not have done."""

    console: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
