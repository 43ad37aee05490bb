"""Whatever is sent to a form: an answer in words, no failure, and nothing of it run."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from formed import NEWSLETTER, SURVEY, Visit, visitor, write_form
from vocative.collect.forms import guard, state
from vocative.collect.forms.state import State
from vocative.workspace import Workspace, prepare_state

NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' OR 1=1 --",
            "{{7*7}}",
            "%(x)s {x}",
            "\ud7ff\x00\x1b[31m",
            "a" * 5_000,
            "../../etc/passwd",
            "=cmd|' /C calc'!A0",
        ]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        ["email", "first_name", "news", "_go", "_website", "_anonymous", "topics", "children"]
    ),
    st.text(max_size=20),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("hostile")
    (root / "vocative.yaml").write_text(
        "workspace: t\nsender: {email: a@shop.example, name: Shop}\npostal_address: 1 Street\n"
    )
    prepare_state(root)
    patch = pytest.MonkeyPatch()
    patch.setattr(guard, "MOST_REQUESTS", 10**9)
    with Workspace(root) as workspace:
        write_form(workspace, "newsletter", NEWSLETTER)
        write_form(workspace, "survey", SURVEY)
        yield visitor(workspace)
    patch.undo()


def check(answer: Any) -> None:
    assert answer.status_code < 500
    text = re.sub(r'<(style|script) nonce="[\w-]+">.*?</\1>', "", answer.text, flags=re.DOTALL)
    for tag in re.findall(r"<(/?[a-z]\w*)", text):
        assert tag.strip("/") in ALLOWED, tag
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', text))


ALLOWED = frozenset(
    "html head meta title body main h1 h2 p form input div label span fieldset legend select"
    " option button ul li a".split()
)


@given(
    form=st.sampled_from(["newsletter", "survey"]),
    fields=st.dictionaries(NAMES, st.one_of(NASTY, st.lists(NASTY, max_size=3)), max_size=8),
    keeps_state=st.booleans(),
    as_json=st.booleans(),
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_answers(
    client: TestClient,
    form: str,
    fields: dict[str, Any],
    keeps_state: bool,
    as_json: bool,
) -> None:
    visit = Visit(client, form)
    body = {**fields, **(visit.hidden() if keeps_state else {})}
    headers = {"origin": "https://shop.example", "accept": "application/json" if as_json else "*/*"}
    if as_json:
        answer = client.post(f"/f/{form}", json=body, headers=headers)
        assert answer.status_code < 500
    else:
        check(client.post(f"/f/{form}", data=body, headers=headers))
    query = {name: value for name, value in fields.items() if isinstance(value, str)}
    check(client.get(f"/f/{form}", params=query))


@given(body=st.binary(max_size=300), kind=st.sampled_from(["application/json", "", "text/plain",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]))  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_body(client: TestClient, body: bytes, kind: str) -> None:
    headers = {"origin": "https://shop.example", "content-type": kind}
    answer = client.post("/f/newsletter", content=body, headers=headers)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("name", ["_state", "_website", "_anonymous", "_proof", "email", "news"])
@pytest.mark.parametrize("origin", [{}, {"origin": "https://shop.example"}])
def test_a_field_without_any_value_was_not_sent(
    client: TestClient, name: str, origin: dict[str, str]
) -> None:
    answer = client.post("/f/newsletter", json={name: []}, headers=origin)
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "body",
    [b"a=" + b"b" * 300_000, b"&".join([b"a=b"] * 5_000), b"[" * 100_000, b'{"a": ' * 50_000],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_too_much(client: TestClient, body: bytes, kind: str) -> None:
    headers = {"origin": "https://shop.example", "content-type": kind}
    answer = client.post("/f/newsletter", content=body, headers=headers)
    assert answer.status_code in (400, 422)


def test_a_state_is_opened_only_with_the_key() -> None:
    opened = State(form="f", version="1", visit="v", began_at=0, language="en")
    token = state.sealed(b"k" * 32, opened)
    assert state.opened(b"k" * 32, token) == opened
    for wrong in (token[:-1], token + "A", "", "é", token[::-1], token.swapcase()):
        assert state.opened(b"k" * 32, wrong) is None
    assert state.opened(b"x" * 32, token) is None
