"""Any JSON API: how it pages, what it asks for, how it signs in, and what it refuses."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asked_shop import MAPPING, QUICK
from called import place
from hypothesis import given
from hypothesis import strategies as st

from scripted_server import Asked, ScriptedServer, Told, scripted_server
from vocative.clock import FixedClock
from vocative.collect.sources._http import Answer, SourceRefused
from vocative.collect.sources._paging import Paging, next_place
from vocative.collect.sources.base import Page
from vocative.collect.sources.rest import Options, Rest
from vocative.errors import AuthorError, DataError

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PEOPLE = "people: {user_id: id}\nevents: {name: \"'Seen'\", at: \"'2026-01-01T00:00:00Z'\"}\n"


def rest(folder: Path, url: str, *, auth: Any = None, **resource: Any) -> Rest:
    given_resource = {"path": "things", "mapping": "things", **resource}
    options = {"base_url": url, "auth": auth, "resources": {"things": given_resource}}
    where = place(folder, things=PEOPLE, orders=MAPPING)
    return Rest(
        msgspec.convert(options, Options), connect=QUICK, clock=FixedClock(NOW), place=where
    )


def pulled(source: Rest, cursor: str | None = None) -> tuple[list[Page], str | None]:
    pages = list(source.pull("things", cursor))
    kept = [page.cursor for page in pages if page.cursor is not None]
    return pages, kept[-1] if kept else cursor


def people(pages: list[Page]) -> list[str]:
    return [event["userId"] for page in pages for event in page.events if event["type"] == "track"]


def by_time(records: list[dict[str, Any]], read: Callable[[str], Any]) -> Callable[[Asked], Told]:
    """Records that changed since a time, which the request says in its way."""

    def answer(asked: Asked) -> Told:
        since = asked.query.get("since")
        if since is None:
            return Told(json=records)
        return Told(json=[one for one in records if one["t"] >= read(since)])

    return answer


@pytest.mark.parametrize(
    ("form", "values", "asked_for"),
    [
        ("iso", ["2026-02-01T00:00:00Z", "2026-02-01T02:00:00+01:00"], "2026-02-01T00:59:00Z"),
        ("iso", ["2026-02-01 00:00:00", "2026-02-01T01:00:00.5"], "2026-02-01T00:59:00.500000Z"),
        ("unix", [1_770_000_000, 1_770_003_600], "1770003540"),
        ("unix_ms", [1_770_000_000_000, 1_770_003_600_000], "1770003540000"),
        ("number", [7, 12], "12"),
        ("number", ["7", "12"], "12"),
    ],
)
def test_only_news_are_asked_for(
    tmp_path: Path, form: str, values: list[Any], asked_for: str
) -> None:
    records = [{"id": str(number), "t": value} for number, value in enumerate(values)]
    with scripted_server(lambda _: Told(json=records)) as server:
        source = rest(
            tmp_path, server.url, incremental={"field": "t", "param": "since", "format": form}
        )
        _, cursor = pulled(source)
        _, again = pulled(source, cursor)
        assert "since" not in server.asked[0].query
        assert server.asked[1].query["since"] == asked_for
        assert again == cursor


def test_a_time_in_the_future_does_not_stop_the_news(tmp_path: Path) -> None:
    with scripted_server(lambda _: Told(json=[{"id": "1", "t": "2099-01-01"}])) as server:
        source = rest(
            tmp_path, server.url, incremental={"field": "t", "param": "since", "overlap": "0"}
        )
        _, cursor = pulled(source)
        pulled(source, cursor)
        assert server.asked[1].query["since"] == "2026-03-02T09:30:00Z"


@pytest.mark.parametrize(
    ("answer", "at", "seen"),
    [
        ({"data": {"list": [{"id": "1"}]}}, "data.list", ["1"]),
        ({"data": [{"id": "1"}, 7, None, "x"]}, "data", ["1"]),
        ({"data": None}, "data", []),
        ({}, "data", []),
        ([], "", []),
        ({"id": "1"}, "", ["1"]),
        ([{"id": 1}, {"id": 1.0}, {"id": "é"}], "", ["1", "1.0", "é"]),
    ],
)
def test_where_records_are(tmp_path: Path, answer: Any, at: str, seen: list[str]) -> None:
    with scripted_server(lambda _: Told(json=answer)) as server:
        pages, _ = pulled(rest(tmp_path, server.url, records=at))
        assert people(pages) == seen
        lost = sum(sum(page.rejected.values()) for page in pages)
        assert lost == (3 if seen == ["1"] and at == "data" else 0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("text", "no list of records"),
        (7, "no list of records"),
        ([{"id": "1"}], "does not say at 't'"),
        ([{"id": "1", "t": None}], "does not say at 't'"),
        ([{"id": "1", "t": "soon"}], "does not say at 't'"),
        ([{"id": "1", "t": True}], "does not say at 't'"),
        ([{"id": "1", "t": 1e300}], "does not say at 't'"),
    ],
)
def test_what_cannot_be_understood_is_told(tmp_path: Path, answer: Any, told: str) -> None:
    with scripted_server(lambda _: Told(json=answer)) as server:
        source = rest(tmp_path, server.url, incremental={"field": "t", "param": "since"})
        with pytest.raises(DataError, match=told):
            pulled(source)


def test_a_page_that_follows_itself_ends_the_pull(tmp_path: Path) -> None:
    with scripted_server(lambda _: Told(json={"next": "a", "data": []})) as server:
        paging = {"by": "cursor", "at": "next", "param": "after"}
        with pytest.raises(DataError, match="followed by itself"):
            pulled(rest(tmp_path, server.url, records="data", paging=paging))
        assert len(server.asked) == 2


def test_a_link_to_another_host_is_not_followed(tmp_path: Path) -> None:
    told = {"next": "https://elsewhere.example/things?page=2", "data": []}
    with scripted_server(lambda _: Told(json=told)) as server:
        paging = {"by": "next_link", "at": "next"}
        source = rest(tmp_path, server.url, records="data", paging=paging, auth={"bearer": "t"})
        with pytest.raises(SourceRefused, match="another place"):
            pulled(source)


def test_what_is_sent_with_every_request(tmp_path: Path) -> None:
    with scripted_server(lambda _: Told(json=[])) as server:
        paging = {"by": "page", "param": "page", "first": 0, "size_param": "per_page", "size": 50}
        pulled(rest(tmp_path, server.url, paging=paging, params={"status": "any", "all": True}))
        assert server.asked[0].query == {
            "status": "any",
            "all": "true",
            "page": "0",
            "per_page": "50",
        }


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"bearer": "t0k"}, "authorization", "Bearer t0k"),
        (
            {"basic": {"user": "me", "password": "pw"}},
            "authorization",
            f"Basic {base64.b64encode(b'me:pw').decode()}",
        ),
        ({"header": {"name": "X-Api-Key", "value": "k3y"}}, "x-api-key", "k3y"),
        (None, "authorization", None),
    ],
)
def test_how_it_signs_in(tmp_path: Path, auth: Any, header: str, value: str | None) -> None:
    with scripted_server(lambda _: Told(json=[])) as server:
        pulled(rest(tmp_path, server.url, auth=auth))
        assert server.asked[0].headers.get(header) == value


class Issuer:
    """Gives out tokens, each good for some requests."""

    def __init__(self, good_for: int = 100, **told: Any) -> None:
        self.given = 0
        self.left = 0
        self.good_for = good_for
        self.told = told

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/token":
            self.given += 1
            self.left = self.good_for
            return Told(json={"access_token": f"t{self.given}", "token_type": "x", **self.told})
        self.left -= 1
        if asked.headers.get("authorization") != f"Bearer t{self.given}" or self.left < 0:
            return Told(401)
        page = int(asked.query["page"])
        return Told(json=[{"id": str(page)}] if page < 5 else [])


def signed_in(folder: Path, server: ScriptedServer, **more: Any) -> Rest:
    client = {"client_id": "me", "client_secret": "pw", **more}
    auth = {"oauth2": {"token_url": f"{server.url}/token", **client}}
    paging = {"by": "page", "param": "page"}
    return rest(folder, server.url, auth=auth, paging=paging)


def test_a_token_is_asked_for_and_again_when_it_is_refused(tmp_path: Path) -> None:
    issuer = Issuer(good_for=2, expires_in=3600)
    with scripted_server(issuer.answer) as server:
        pages, _ = pulled(signed_in(tmp_path, server, scope="read", params={"audience": "api"}))
        assert people(pages) == ["1", "2", "3", "4"]
        assert issuer.given == 3
        asked = server.asked[0]
        sent = sorted(asked.body.split(b"&"))
        assert sent == [b"audience=api", b"grant_type=client_credentials", b"scope=read"]
        assert base64.b64decode(asked.headers["authorization"][6:]) == b"me:pw"


def test_a_token_that_ends_soon_is_renewed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vocative.collect.sources import _sign_in

    now = [0.0]
    monkeypatch.setattr(_sign_in._Tokens.__init__, "__defaults__", (lambda: now[0],))
    issuer = Issuer(expires_in="100")  # some say it as text
    with scripted_server(issuer.answer) as server:
        source = signed_in(tmp_path, server)
        pages = source.pull("things", None)
        next(pages)
        now[0] = 39.0
        next(pages)
        assert issuer.given == 1
        now[0] = 41.0
        next(pages)
        assert issuer.given == 2
        pages.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("told", [b"{}", b"[]", b"<html>", b'{"access_token": 7}', b"\xff"])
def test_an_answer_that_holds_no_token_is_told(tmp_path: Path, told: bytes) -> None:
    with (
        scripted_server(lambda _: Told(body=told)) as server,
        pytest.raises(DataError, match="holds none"),
    ):
        pulled(signed_in(tmp_path, server))


def test_one_that_never_lets_us_in_is_asked_twice(tmp_path: Path) -> None:
    with scripted_server(Issuer(good_for=0).answer) as server:
        with pytest.raises(SourceRefused, match="401"):
            pulled(signed_in(tmp_path, server))
        assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"base_url": "shop.example"}, "no web address"),
        ({"auth": {}}, "one way to sign in"),
        ({"auth": {"bearer": "a", "basic": {"user": "b", "password": "c"}}}, "one way to sign in"),
        ({"resources": {}}, "nothing to ask for"),
        ({"per_second": 0}, "more than 0"),
        ({"paging": {"by": "cursor", "param": "after"}}, "needs `at:`"),
        ({"paging": {"by": "cursor", "at": "next"}}, "needs `param:`"),
        ({"paging": {"by": "next_link"}}, "needs `at:`"),
        ({"paging": {"by": "page"}}, "needs `param:`"),
        ({"paging": {"by": "link_header", "size": 0}}, "at least 1"),
        ({"incremental": {"field": "t", "param": "s", "overlap": "soon"}}, "no length of time"),
    ],
)
def test_options_that_do_not_fit_together(stated: dict[str, Any], told: str) -> None:
    inner = {name: stated.pop(name) for name in ("paging", "incremental") if name in stated}
    resources = {"things": {"path": "x", "mapping": "y", **inner}}
    options = {"base_url": "https://shop.example", "resources": resources, **stated}
    messages = [message for _, message, _ in Rest.faults(msgspec.convert(options, Options))]
    assert len(messages) == 1
    assert told in messages[0]


@pytest.mark.parametrize("cursor", ["x", "[]", '{"since": []}', ""])
def test_a_cursor_of_something_else_is_told(tmp_path: Path, cursor: str) -> None:
    with (
        scripted_server(lambda _: Told(json=[])) as server,
        pytest.raises(DataError, match="--again"),
    ):
        pulled(rest(tmp_path, server.url), cursor)


def test_it_needs_its_mapping(tmp_path: Path) -> None:
    with scripted_server(lambda _: Told(json=[])) as server:
        source = rest(tmp_path, server.url, mapping="nothing")
        with pytest.raises(AuthorError):
            pulled(source)


@given(
    header=st.one_of(
        st.text(alphabet='<>;,= "relnxtpv/?é', max_size=60),
        st.just('<https://x/?a=1,2>; rel="next"'),
    )
)
def test_any_link_header_can_be_read(header: str) -> None:
    answer = Answer(200, {"link": header}, b"")
    found = next_place(Paging(by="link_header"), None, answer, [], 1)
    assert found is None or isinstance(found, str)


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://x/a?b=1>; rel="next"', "https://x/a?b=1"),
        ('<https://x/1>; rel="prev", <https://x/3>; rel="next"', "https://x/3"),
        ('<https://x/3>; title="more"; rel=next', "https://x/3"),
        ('<https://x/3>; rel="first next"', "https://x/3"),
        ('<https://x/1>; rel="prev"', None),
        ("", None),
    ],
)
def test_links_in_headers(header: str, link: str | None) -> None:
    answer = Answer(200, {"link": header}, b"")
    assert next_place(Paging(by="link_header"), None, answer, [], 1) == link


@pytest.mark.parametrize("told", [None, "", False, 5, "x"])
def test_a_next_page_may_be_told_in_many_ways(told: Any) -> None:
    paging = Paging(by="cursor", at="a.next", param="p")
    found = next_place(paging, None, Answer(200, {}, b""), {"a": {"next": told}}, 1)
    assert found == (None if told in (None, "", False) else str(told))
    with pytest.raises(DataError):
        next_place(paging, None, Answer(200, {}, b""), {"a": {"next": [1]}}, 1)


def test_an_order_that_changes_comes_in_once(tmp_path: Path) -> None:
    order = {
        "id": "1",
        "at": "2026-02-01T10:00:00Z",
        "total": "5",
        "customer": {"id": "c", "email": "c@example.com"},
    }
    with scripted_server(lambda _: Told(json=[order])) as server:
        source = rest(tmp_path, server.url, mapping="orders")
        (first,), _ = pulled(source)
        order["note"] = "changed"
        (second,), _ = pulled(source)
    assert json.dumps(list(first.events)) == json.dumps(list(second.events))
