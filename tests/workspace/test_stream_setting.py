"""The setting `stream` is checked like every other, and its secrets come from the environment."""

from pathlib import Path

import pytest

from vocative.errors import AuthorError, UnknownName
from vocative.streams.outside import STREAMS, Stream
from vocative.workspace import Workspace


def opened(workspace: Workspace, text: str) -> Stream | None:
    path = workspace.root / "vocative.yaml"
    path.write_text(f"{path.read_text()}{text}\n")
    with Workspace(workspace.root) as again:
        return again.stream


def test_there_is_no_stream_unless_one_is_named(workspace: Workspace) -> None:
    assert workspace.stream is None
    assert "kafka" in STREAMS.names()


def test_a_stream_has_its_settings_and_its_secrets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "secret")
    stream = opened(
        workspace,
        "stream: {kind: kafka, servers: 'a:1,b:2', topic: shop, timeout_seconds: 3,"
        " options: {sasl.password: 'env:KAFKA_PASSWORD', enable.ssl.certificate.verification: true,"
        " session.timeout.ms: 6000}}",
    )
    assert stream is not None
    assert stream.name == "kafka:shop"
    assert stream.settings.timeout_seconds == 3
    assert stream.settings.options == {  # type: ignore[attr-defined]
        "sasl.password": "secret",
        "enable.ssl.certificate.verification": True,
        "session.timeout.ms": 6000,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stream: {servers: 'a:1', topic: t}", "stream.kind is missing"),
        ("stream: {kind: kafka, topic: t}", "`servers`"),
        ("stream: {kind: kafka, servers: 'a:1', topic: t, serverz: x}", "serverz"),
        ("stream: {kind: kafka, servers: 'a:1', topic: t, most_event_bytes: 5}", "1000000"),
        ("stream: {kind: kafka, servers: 'a:1', topic: t, options: {acks: 1}}", "cannot set acks"),
        ("stream: {kind: kafka, servers: 'env:NOT_SET_HERE', topic: t}", "stream.servers"),
        ("stream: {kind: kafka, servers: 'a:1', topic: t, options: {x: 'env:NOT_SET'}}", "NOT_SET"),
    ],
)
def test_a_wrong_setting_is_told(workspace: Workspace, text: str, says: str) -> None:
    with pytest.raises(AuthorError, match=says) as refused:
        opened(workspace, text)
    assert "vocative.yaml" in str(refused.value.where or "vocative.yaml")


def test_the_nearest_stream_is_offered(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="kafka"):
        opened(workspace, "stream: {kind: kafak, servers: 'a:1', topic: t}")


def test_an_option_that_librdkafka_does_not_know_is_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    stream = opened(
        workspace, "stream: {kind: kafka, servers: 'a:1', topic: t, options: {no.such: 1}}"
    )
    assert stream is not None
    with pytest.raises(AuthorError, match="no\\.such"):
        stream.rewind(None)
