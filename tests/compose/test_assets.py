"""Pictures of a workspace: named in templates, served under their content for good."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mails import data
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vocative.compose import load_template
from vocative.compose.authoring.assets import MAX_BYTES
from vocative.compose.kept import list_versions, load_to_send, load_version
from vocative.deliver.pages import routes
from vocative.errors import AuthorError
from vocative.workspace import Workspace

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
BODY = """<mj-section background-url="asset:back.png"><mj-column>
<mj-image src="asset:logo.png" alt="Logo" /></mj-column></mj-section>"""


@pytest.fixture
def shop(starter: Workspace) -> Workspace:
    folder = starter.root / "templates"
    (folder / "assets").mkdir()
    (folder / "assets" / "logo.png").write_bytes(PNG)
    (folder / "assets" / "back.png").write_bytes(PNG + b"1")
    (folder / "news.mjml").write_text(f"<mjml><mj-body>{BODY}</mj-body></mjml>")
    (folder / "news.yaml").write_text("subject: News")
    return starter


@pytest.fixture
def client(shop: Workspace) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(shop, lambda _: None))) as opened:
        yield opened


def address(html: str) -> str:
    return re.findall(r'<img[^>]*src="([^"]*)"', html)[0]


def test_a_picture_is_served_under_its_content(shop: Workspace, client: TestClient):
    html = load_template(shop, "news").render(data()).html
    assert "asset:" not in html
    assert "back.png" in html
    url = address(html)
    assert url.startswith(f"{shop.settings.base_url}/a/")
    assert url.endswith("/logo.png")
    found = client.get(url.removeprefix(shop.settings.base_url))
    assert (found.content, found.headers["content-type"]) == (PNG, "image/png")
    assert "immutable" in found.headers["cache-control"]


def test_what_was_sent_shows_what_it_showed(shop: Workspace, client: TestClient):
    first = load_to_send(shop, "news")
    old = address(first.render(data()).html)
    (shop.root / "templates" / "assets" / "logo.png").write_bytes(PNG + b"new")
    second = load_template(shop, "news")
    assert second.version != first.version
    assert address(second.render(data()).html) != old
    assert client.get(old.removeprefix(shop.settings.base_url)).content == PNG
    assert [one.current for one in list_versions(shop, "news")] == [True, False]
    assert address(load_version(shop, "news", first.version).render(data()).html) == old


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("large.png", bytes(MAX_BYTES + 1), "may have 1,000,000 bytes"),
        ("drawing.svg", b"<svg/>", "do not show this kind"),
        ("lgoo.png", None, "unknown asset 'lgoo.png'; did you mean 'logo.png'"),
    ],
)
def test_pictures_that_no_mail_can_show(shop: Workspace, name: str, content, message: str):
    folder = shop.root / "templates"
    if content is not None:
        (folder / "assets" / name).write_bytes(content)
    page = (folder / "news.mjml").read_text()
    (folder / "news.mjml").write_text(page.replace("logo.png", name))
    with pytest.raises(AuthorError, match=message):
        load_template(shop, "news")


@pytest.mark.parametrize(
    "path",
    [
        "x",
        "../vocative.yaml",
        "0" * 24 + "/logo.png",
        "0" * 24 + "/../../vocative.yaml",
        "%2e%2e/key",
        "0" * 24 + "/logo.yaml",
    ],
)
def test_nothing_else_is_served(shop: Workspace, client: TestClient, path: str):
    (shop.state_dir / "assets").mkdir(parents=True, exist_ok=True)
    assert client.get(f"/a/{path}").status_code == 404


def test_files_outside_the_folder_are_none_of_it(shop: Workspace, tmp_path: Path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    (shop.root / "templates" / "assets" / "logo.png").unlink()
    (shop.root / "templates" / "assets" / "logo.png").symlink_to(secret)
    with pytest.raises(AuthorError, match="unknown asset"):
        load_template(shop, "news")
