"""Pages for recipients in a real browser: for everybody, on a phone, without scripts."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from post_office import CAMPAIGN, RUN, add_people, compose, plan

from chromium import AXE, chromium
from formed import NEWSLETTER, Visit, visitor, write_form
from vocative.clock import SystemClock
from vocative.deliver.channels import channel_for
from vocative.deliver.links import LinkSigner
from vocative.deliver.opt_in.planning import plan_confirmations
from vocative.deliver.sender import deliver
from vocative.identify.apply import apply_log
from vocative.pages.words import LANGUAGES, word
from vocative.server.app import create_app
from vocative.workspace import Workspace, prepare_state

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE = {"viewport": {"width": 320, "height": 640}}
SETTINGS = """\
workspace: test
sender: {email: hello@shop.example, name: The Shop}
postal_address: "The Shop, 1 High Street, London"
languages: [de, fr, es]
brand:
  name: The Shop
  color: "#ffd400"
  links:
    - text: {en: Imprint, de: Impressum, fr: Mentions légales, es: Aviso legal}
      url: https://shop.example/imprint
purposes:
  marketing:
    title: {en: Offers, de: Angebote, fr: Offres, es: Ofertas}
    describe: {en: What is new in the shop, de: Was es Neues gibt, fr: Les nouveautés,
      es: Las novedades}
  service: {title: {en: Orders, de: Bestellungen, fr: Commandes, es: Pedidos}, consent: opt_out}
"""


class Recipients:
    """A running server, and the links of somebody's mails."""

    def __init__(self, workspace: Workspace, url: str) -> None:
        self.url = url
        self._signer = LinkSigner(workspace.key.sign, url)
        with workspace.store.read() as tx:
            found = tx.tuples("SELECT campaign, message_id FROM messages ORDER BY campaign")
        self._messages = dict(found)

    def page(self, kind: Any, campaign: str = CAMPAIGN) -> str:
        return self._signer.url(kind, self._messages[campaign])

    def every_page(self) -> list[str]:
        return [
            self.page("unsubscribe"),
            self.page("preferences"),
            self.page("confirm", "opt_in_confirmation"),
            self.page("view")[:-3] + "AAA",
            f"{self.url}/f/newsletter",
        ]


@pytest.fixture(scope="module")
def recipients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipients]:
    """The whole application over a workspace with one recipient."""
    root = tmp_path_factory.mktemp("recipients") / "workspace"
    root.mkdir()
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "traits.yaml").write_text("language: {type: text}\n")
    prepare_state(root)
    with Workspace(root, clock=SystemClock()) as workspace:
        plan(workspace, add_people(workspace, 1))
        deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
        _wait_for_confirmation(workspace)
        app = create_app(workspace)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Recipients(workspace, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join()


def _wait_for_confirmation(workspace: Workspace) -> None:
    """Somebody fills in a form, and the mail that asks for confirmation is planned."""

    write_form(workspace, "newsletter", NEWSLETTER)
    Visit(visitor(workspace), "newsletter").send(email="ana@shop.example", news="yes")
    apply_log(workspace)
    assert plan_confirmations(workspace) == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh tab whose pages must break none of their own rules."""
    context = browser.new_context(**getattr(request, "param", {}))
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: "Content Security" in said.text and errors.append(said.text))
    yield page
    context.close()
    assert errors == []


@pytest.mark.parametrize(
    "tab",
    [{**PHONE, "locale": one, "color_scheme": "light"} for one in LANGUAGES]
    + [{"locale": "en-GB", "color_scheme": "dark"}],
    indirect=True,
    ids=[*LANGUAGES, "dark"],
)
def test_everybody_can_use_every_page(tab: Any, recipients: Recipients) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    language = tab.evaluate("navigator.language").partition("-")[0]
    for address in recipients.every_page():
        tab.goto(address)
        if "/f/" not in address and "/confirm/" not in address:  # these speak their form's language
            assert tab.evaluate("document.documentElement.lang") == language
        wide = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, address
        if language != "en" and "/p/" not in address:
            continue  # Only words differ.
        tab.evaluate(AXE.read_text())
        found = tab.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("tab", [{"java_script_enabled": False, **PHONE}], indirect=True)
def test_preferences_without_scripts(tab: Any, recipients: Recipients) -> None:
    tab.goto(recipients.page("unsubscribe"))
    tab.get_by_role("link", name=word("rather_preferences", "en")).click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(word("preferences_title", "en"))
    tab.get_by_label("How often at most: Offers").select_option("7")
    tab.get_by_label("A break").select_option("30")
    tab.get_by_role("button", name=word("save", "en")).click()
    expect(tab.get_by_role("status")).to_have_text(word("saved", "en"))
    expect(tab.get_by_label("How often at most: Offers")).to_have_value("7")
    tab.get_by_label("New e-mail address").fill("no address")
    tab.get_by_role("button", name=word("address_button", "en")).click()
    expect(tab.get_by_label("New e-mail address")).to_have_attribute("aria-invalid", "true")
    tab.get_by_role("button", name=word("leave_button", "en")).click()
    expect(tab.get_by_role("status")).to_contain_text("You get nothing from The Shop")
    expect(tab.get_by_label("Offers", exact=True)).not_to_be_checked()
    tab.get_by_label("Offers", exact=True).check()
    tab.get_by_role("button", name=word("save", "en")).click()
    expect(tab.get_by_label("Offers", exact=True)).to_be_checked()
    tab.reload()
    expect(tab.get_by_label("Offers", exact=True)).to_be_checked()
