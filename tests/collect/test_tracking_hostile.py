"""Bodies that nobody should send: each is answered clearly, and all that is taken in is counted."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asked import ask, basic
from hypothesis import given, settings
from hypothesis import strategies as st
from tracked import WRITE_KEY, make_workspace

from vocative.collect.tracking import TrackingFace
from vocative.collect.tracking.paths import endpoint_of
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

ME = basic(WRITE_KEY)
PATHS = ["/v1/batch", "/v1/track", "/v1/i", "/v1/alias", "/v1/m"]
KEYS = (
    "type event anonymousId previousId messageId timestamp originalTimestamp sentAt"
    " receivedAt properties traits context integrations name clockSkew tooLargeFor email revenue"
    " products writeKey batch"
).split()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["track", "identify", "alias", "2026-03-02T08:00:00Z", "u-1", ""]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner)
    ),
    max_leaves=12,
)
events = st.fixed_dictionaries(
    {"userId": st.sampled_from(["u-1", 5, ""]) | json_values},
    optional=dict.fromkeys(KEYS, json_values),
)
batches = st.fixed_dictionaries(
    {"batch": st.lists(events | json_values, max_size=5)},
    optional=dict.fromkeys(("sentAt", "context", "integrations", "writeKey"), json_values),
)


class Place:
    """A workspace that lives through all the examples, and what it has answered."""

    def __init__(self, workspace: Workspace) -> None:
        async def nothing(*_: object) -> None:
            raise AssertionError("this is for the tracking API")

        self.workspace = workspace
        self.app = TrackingFace(workspace, nothing)
        self.taken = 0

    def send(self, path: str, body: bytes, **headers: str) -> None:
        """Send a body; whatever it is, the answer is one of the few there are."""
        before = self._waiting()
        answer = ask(self.app, path, body, **ME, **headers)
        came = self._waiting() - before
        assert answer.status in (200, 400, 413), answer
        if answer.status == 200:
            assert answer.body == b'{"success":true}'
        else:
            assert answer.json["success"] is False
            assert answer.json["message"]
            assert came == 0
        self.taken += came

    def _waiting(self) -> int:
        return self.workspace.log.waiting(0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """In the end, everything that was taken in is applied, a duplicate or refused for a reason."""
    root = make_workspace(tmp_path_factory.mktemp("hostile") / "workspace")
    with Workspace(root) as workspace:
        found = Place(workspace)
        yield found
        apply_log(workspace)
        with workspace.store.read() as tx:
            totals = "SELECT sum(applied), sum(duplicates), sum(rejected) FROM applied_batches"
            counted = sum(int(number or 0) for number in tx.tuples(totals)[0])
        assert counted == found.taken > 0


@given(body=st.binary(max_size=300), path=st.sampled_from(PATHS))
@settings(deadline=None, max_examples=100)
def test_any_bytes(place: Place, body: bytes, path: str) -> None:
    place.send(path, body)


@given(body=st.binary(max_size=100), encoding=st.sampled_from(["gzip", "deflate", "br", "x"]))
@settings(deadline=None, max_examples=50)
def test_any_bytes_that_claim_to_be_packed(place: Place, body: bytes, encoding: str) -> None:
    place.send("/v1/batch", body, content_encoding=encoding)
    place.send("/v1/batch", b"\x1f\x8b" + body)


@given(body=batches | json_values, path=st.sampled_from(PATHS))
@settings(deadline=None, max_examples=200)
def test_any_json(place: Place, body: Any, path: str) -> None:
    plain = json.dumps(body).encode("utf-8", "surrogatepass")
    place.send(path, plain)
    place.send(path, gzip.compress(plain))


@given(event=events, path=st.sampled_from(["/v1/track", "/v1/i", "/v1/g"]))
@settings(deadline=None, max_examples=200)
def test_any_event(place: Place, event: Any, path: str) -> None:
    place.send(path, json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(event=events, data=st.data())
@settings(deadline=None, max_examples=100)
def test_one_wrong_byte(place: Place, event: Any, data: st.DataObject) -> None:
    plain = bytearray(json.dumps({"batch": [event, event]}).encode())
    at = data.draw(st.integers(0, len(plain) - 1))
    plain[at] = data.draw(st.integers(0, 255))
    place.send("/v1/batch", bytes(plain))


@given(path=st.text(max_size=40).map(lambda text: f"/{text}"))
def test_any_path(path: str) -> None:
    assert endpoint_of(path) is None or "/v1/" in path or "sourceConfig" in path


def test_a_long_path_takes_no_time() -> None:
    assert endpoint_of("/v1" * 20_000) is None
    assert endpoint_of("/v1/" * 20_000 + "!") is None


def test_deep_events_do_not_reach_the_worker_as_a_fault(place: Place, tmp_path: Path) -> None:
    for depth in (100, 400, 900, 990):
        deep = b"[" * depth + b"]" * depth
        place.send("/v1/track", b'{"event":"Deep","userId":"u","properties":{"a":' + deep + b"}}")
