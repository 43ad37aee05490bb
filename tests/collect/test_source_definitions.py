"""Definitions of sources of every kind: what they may say, where their secrets are."""

import contextlib
from pathlib import Path

import msgspec
import pytest

from vocative.collect.sources._http import Secret
from vocative.collect.sources.base import Source
from vocative.collect.sourcing.definitions import (
    check_definitions,
    find_source,
    read_source,
    read_tracking,
)
from vocative.collect.sourcing.listing import list_kinds
from vocative.collect.sourcing.opening import fingerprint, opened_source
from vocative.collect.sourcing.secrets import check_references, with_values
from vocative.collect.sourcing.starters import new_source
from vocative.errors import AuthorError, UnknownName
from vocative.workspace import Definition, Workspace
from vocative.workspace.yaml_text import parse_yaml

REST = """\
kind: rest
base_url: https://api.shop.example
auth: {bearer: env:SHOP_TOKEN}
resources: {orders: {path: orders, mapping: orders}}
"""


class Login(msgspec.Struct, frozen=True):
    """A part of a definition that holds a secret."""

    user: str
    password: Secret


class Options(msgspec.Struct, frozen=True):
    """Secrets in every place where they can be."""

    token: Secret
    also: Secret | None = None
    login: Login | None = None
    headers: dict[str, Secret] = {}
    keys: list[Secret] = []
    plain: str = ""


def options(text: str) -> tuple[Options, Definition]:
    read = parse_yaml(text, "sources/x.yaml")
    return msgspec.convert(read.value, Options), Definition("source", "x", read.value, read)


def write(workspace: Workspace, name: str, text: str) -> None:
    folder = workspace.root / "sources"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def test_secrets_are_read_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONE", "first")
    (tmp_path / "two.txt").write_text("\ufeffsecond\n", encoding="utf-8")
    given, definition = options(
        "token: env:ONE\nalso: file:two.txt\nlogin: {user: me, password: env:ONE}\n"
        f"headers: {{X-Key: env:ONE}}\nkeys: [env:ONE, 'file:{tmp_path}/two.txt']\nplain: env:ONE\n"
    )
    check_references(given, definition)
    assert with_values(given, definition, tmp_path) == Options(
        token="first",
        also="second",
        login=Login(user="me", password="first"),
        headers={"X-Key": "first"},
        keys=["first", "second"],
        plain="env:ONE",
    )


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("token: hunter2\n", 8),
        ("token: env:ONE\nlogin: {user: me, password: 'hunter2'}\n", 30),
        ("token: env:ONE\nheaders: {X-Key: hunter2}\n", 18),
        ("token: env:ONE\nkeys: [env:ONE, hunter2]\n", 17),
        ("token: env:not a name hunter2\n", 8),
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_shown(text: str, column: int) -> None:
    with pytest.raises(AuthorError) as refused:
        check_references(*options(text))
    assert refused.value.where is not None
    assert refused.value.where.column == column
    assert "env:NAME" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in str(refused.value.as_json())


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NOT_THERE_AT_ALL", "NOT_THERE_AT_ALL is not set"),
        ("file:none.txt", "cannot be read"),
        ("file:.", "cannot be read"),
        ("file:empty.txt", "is empty"),
        ("file:binary.bin", "no text"),
    ],
)
def test_a_secret_that_is_not_there_is_told(tmp_path: Path, reference: str, told: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AuthorError, match=told):
        with_values(*options(f"token: {reference}\n"), tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: trakcing\n", "did you mean 'tracking'?"),
        ("base_url: https://x.example\n", "kind"),
        (f"{REST}every: soon\n", "no length of time"),
        (f"{REST}every: 0s\n", "no length of time"),
        (f"{REST}since: yesterday\n", "no day"),
        (f"{REST}evry: 5min\n", "did you mean 'every'?"),
        (f"{REST}base_uri: x\n", "did you mean 'base_url'?"),
        (
            REST.replace("api.shop", "FILL_IN").replace("https://FILL_IN.example", "FILL_IN"),
            "filled",
        ),
        ("kind: tracking\nwrite_key: abcdefgh\nevery: 5min\n", "sends by itself"),
        (REST.replace("env:SHOP_TOKEN", "sk_live_hunter2"), "must not be written"),
    ],
)
def test_a_wrong_definition_is_pointed_at(workspace: Workspace, text: str, told: str) -> None:
    write(workspace, "shop", text)
    with pytest.raises(AuthorError) as refused:
        find_source(workspace, "shop")
    assert told in str(refused.value)
    assert "sources/shop.yaml" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_source_that_is_not_there_is_told_with_the_nearest(workspace: Workspace) -> None:
    write(workspace, "shop", REST)
    with pytest.raises(UnknownName, match="did you mean 'shop'"):
        find_source(workspace, "shob")


def test_clients_can_send_while_the_definition_of_a_shop_is_wrong(workspace: Workspace) -> None:
    new_source(workspace, "web")
    write(workspace, "shop", REST.replace("base_url", "base_uri"))
    assert [one.name for one in read_tracking(workspace)] == ["web"]


def test_a_fingerprint_changes_with_the_definition_and_with_its_secrets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> str:
        return fingerprint(workspace, find_source(workspace, "shop"))

    write(workspace, "shop", REST)
    monkeypatch.setenv("SHOP_TOKEN", "old")
    first = taken()
    assert first == taken()
    monkeypatch.setenv("SHOP_TOKEN", "new")
    second = taken()
    write(workspace, "shop", f"{REST}every: 1h\n")
    assert len({first, second, taken()}) == 3


def test_a_mapping_that_is_not_there_is_pointed_at(workspace: Workspace) -> None:
    write(workspace, "shop", REST)
    with pytest.raises(UnknownName) as refused:
        check_definitions(workspace)
    assert "unknown mapping 'orders'" in str(refused.value)
    assert "sources/shop.yaml:4" in str(refused.value)
    (workspace.root / "mappings").mkdir()
    (workspace.root / "mappings" / "orders.yaml").write_text("people: {user_id: id}\n")
    check_definitions(workspace)


def test_a_fingerprint_changes_with_a_mapping(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace, "shop", REST)
    monkeypatch.setenv("SHOP_TOKEN", "t")
    source = find_source(workspace, "shop")
    before = fingerprint(workspace, source)
    (workspace.root / "mappings").mkdir()
    (workspace.root / "mappings" / "orders.yaml").write_text("people: {user_id: id}\n")
    assert fingerprint(workspace, source) != before


def test_a_source_is_given_its_secrets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace, "shop", REST)
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    with opened_source(workspace, find_source(workspace, "shop")) as source:
        assert source.options.auth.bearer == "hunter2"
        assert source.place is not None
        assert source.place.source == "shop"


KINDS = [kind.kind for kind in list_kinds() if kind.usable]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_source_of_every_kind_can_be_filled_in(workspace: Workspace, kind: str) -> None:
    made = new_source(workspace, "mine", kind=kind)
    text = (workspace.root / made.file).read_text()
    assert f"kind: {kind}\n" in text
    for name in made.to_fill_in:
        assert f"\n{name}: FILL_IN\n" in text
    for reference in made.secrets:
        assert f": {reference}\n" in text
    if made.to_fill_in:
        with pytest.raises(AuthorError, match="filled in"):
            find_source(workspace, "mine")
    else:  # Some need one of several fields, of which none is required alone.
        with contextlib.suppress(AuthorError):
            find_source(workspace, "mine")


def test_sources_of_other_packages_are_checked_like_ours(workspace: Workspace) -> None:
    # What `Kind` hands out for an installed plug-in is a class like this one.
    assert Source.faults(None) == ()
    read = parse_yaml("kind: tracking\nwrite_key: abcdefgh\n", "sources/web.yaml")
    found = read_source("web", Definition("source", "web", read.value, read))
    assert (found.every_seconds, found.since, found.can_be_pulled) == (900, None, False)
