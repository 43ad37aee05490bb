"""Every channel there is keeps the laws; settings are checked by name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from http_channels import CASES, bench_for
from post_office import Mailbox, set_channels

from http_provider import provider
from vocative.deliver.channels import CHANNELS, channel_for
from vocative.deliver.channels.outbox_folder import OutboxFolder
from vocative.errors import AuthorError, UnknownName
from vocative.testing.channel_laws import LAWS, ChannelBench
from vocative.workspace import Workspace


# What hands over to others has tests of its own: test_failover.py.
@pytest.fixture(params=[name for name in CHANNELS.names() if name != "failover"])
def bench(request: pytest.FixtureRequest) -> Iterator[ChannelBench]:
    """Every channel with a real provider; a new channel without one here fails."""
    if request.param in CASES:
        shared = request.getfixturevalue("shared_workspace")
        with provider(lambda _: CASES[request.param].usual) as told:
            yield bench_for(request.param, shared, told)
        return
    workspace = request.getfixturevalue("workspace")
    makers = {"outbox_folder": outbox_bench, "smtp": smtp_bench}
    yield makers[request.param](request, workspace)


def outbox_bench(_: pytest.FixtureRequest, workspace: Workspace) -> ChannelBench:
    channel = channel_for(workspace, "outbox_folder")
    assert isinstance(channel, OutboxFolder)

    def carried(message_id: str) -> list[bytes]:
        return [path.read_bytes() for path in channel.files() if path.name.startswith(message_id)]

    return ChannelBench(channel=channel, workspace=workspace, carried=carried)


def smtp_bench(request: pytest.FixtureRequest, workspace: Workspace) -> ChannelBench:
    mailbox: Mailbox = request.getfixturevalue("mailbox")
    set_channels(workspace, f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none}}}}")
    return ChannelBench(
        channel=channel_for(workspace, "smtp"), workspace=workspace, carried=mailbox.of
    )


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_channels_keep_the_laws(law: Callable[[ChannelBench], None], bench: ChannelBench) -> None:
    law(bench)


@pytest.mark.parametrize(
    ("settings", "words", "line"),
    [
        ("{smtp: {}}", "channels.smtp: .*`host`", None),
        ("{smtp: {host: h, prot: 25}}", "channels.smtp.*prot", "did you mean 'port'"),
        ("{smtp: {host: h, port: 99999}}", "channels.smtp.port: .*65535", None),
        ("{smtp: {host: h, port: yes}}", "channels.smtp.port: ", None),
        ("{smtp: {host: h, security: ssl}}", "channels.smtp.security: .*ssl", None),
        ("{smtp: {host: h, timeout_seconds: 0}}", "channels.smtp.timeout_seconds: ", None),
        ("{outbox_folder: {fsync: maybe}}", "channels.outbox_folder.fsync: ", None),
    ],
)
def test_a_bad_setting_is_named(
    workspace: Workspace, settings: str, words: str, line: str | None
) -> None:
    set_channels(workspace, settings)
    name = settings[1:].partition(":")[0]
    with pytest.raises(AuthorError, match=words) as caught:
        channel_for(workspace, name)
    assert "vocative.yaml" in str(caught.value)
    assert caught.value.hint
    assert line is None or line in caught.value.hint


def test_secrets_come_from_the_environment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_channels(workspace, "{smtp: {host: h, username: ana, password: env:SHOP_PASSWORD}}")
    with pytest.raises(AuthorError, match=r"channels\.smtp\.password .*SHOP_PASSWORD"):
        channel_for(workspace, "smtp")
    monkeypatch.setenv("SHOP_PASSWORD", "secret")
    assert channel_for(workspace, "smtp").settings.password == "secret"


def test_an_unknown_channel_is_named_with_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="did you mean 'smtp'"):
        channel_for(workspace, "smpt")


def test_the_outbox_can_be_elsewhere_and_flushed(workspace: Workspace, tmp_path: Path) -> None:
    set_channels(workspace, f"{{outbox_folder: {{folder: '{tmp_path}/mail', fsync: true}}}}")
    channel = channel_for(workspace, "outbox_folder")
    assert isinstance(channel, OutboxFolder)
    bench = ChannelBench(channel=channel, workspace=workspace, carried=lambda _: [])
    message, permit = bench.permitted()
    with channel:
        channel.send(message, permit)
        channel.flush()
    assert [path.parent for path in channel.files()] == [tmp_path / "mail" / "new"]
    assert channel.read(message.message_id)


def test_a_mail_that_was_read_is_still_found(workspace: Workspace) -> None:
    channel = channel_for(workspace, "outbox_folder")
    assert isinstance(channel, OutboxFolder)
    bench = ChannelBench(channel=channel, workspace=workspace, carried=lambda _: [])
    message, permit = bench.permitted()
    with channel:
        channel.send(message, permit)
        [path] = channel.files()
        path.rename(channel.folder / "cur" / f"{path.name}:2,FS")
        assert channel.lookup(message.message_id)
        assert len(channel.files()) == 1


def test_a_file_in_the_way_of_the_outbox_is_said(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")
    set_channels(workspace, f"{{outbox_folder: {{folder: '{tmp_path}/mail'}}}}")
    with pytest.raises(AuthorError, match=r"channels\.outbox_folder\.folder"):
        channel_for(workspace, "outbox_folder").open()
