"""Templates looked at before they are sent, their versions, and what a person got."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import vocative.workspace
from vocative.campaign import send
from vocative.campaign.preview import diff_template, list_templates, preview_template
from vocative.cli.definitions import apply
from vocative.collect.door import accept
from vocative.compose.authoring.languages import read_template
from vocative.compose.kept import keep_version, list_versions
from vocative.compose.markup.schemes import in_scheme
from vocative.errors import AuthorError, StateError, UnknownName
from vocative.identify.apply import apply_log
from vocative.server.messages import show_message
from vocative.workspace import Workspace

STARTER = Path(vocative.workspace.__file__).parent / "starter"


STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
on_both_stores = pytest.mark.parametrize("shop", STORES, indirect=True)


@pytest.fixture
def shop(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace with templates and two people, of whom one reads German."""
    shutil.copytree(STARTER / "templates", workspace.root / "templates")
    (workspace.root / "traits.yaml").write_text(
        "first_name: {personal: true}\nemail: {personal: true}\nlanguage: {}\ntimezone: {}\n"
        "favourite_category: {}\n"
    )
    folder = workspace.root / "templates"
    for name, words in (("news", "Hello"), ("news.de", "Guten Tag")):
        (folder / f"{name}.mjml").write_text(
            "<mj-section><mj-column><mj-text>"
            f'{words} {{{{ person.first_name | default: "there" }}}}'
            '{% assign more = "nobodys" | product %}{% if more %}{{ more.title }}{% endif %}'
            "</mj-text></mj-column></mj-section>"
        )
        (folder / f"{name}.yaml").write_text(f"subject: {words}\nlayout: plain\n")
    (folder / "blocks" / "footer.mjml").write_text(
        '<mj-section><mj-column><mj-text><a href="{{ unsubscribe_url }}">Leave</a>'
        " {{ postal_address }}</mj-text></mj-column></mj-section>"
    )
    for name in ("welcome", "weekly_picks"):
        (folder / f"{name}.mjml").unlink()
        (folder / f"{name}.yaml").unlink()
    (workspace.root / "campaigns").mkdir()
    (workspace.root / "campaigns" / "all.yaml").write_text(
        "hello: {template: news, where: 'true', purpose: service}\n"
    )
    settings = workspace.root / "vocative.yaml"
    settings.write_text(settings.read_text() + "purposes: {service: {consent: opt_out}}\n")
    if getattr(request, "param", "sqlite") == "postgres":
        store = request.getfixturevalue("postgres_url")
        settings.write_text(f'{settings.read_text()}store: "{store}"\n')
    with Workspace(workspace.root, clock=workspace.clock) as reopened:
        tell_of_two_people(reopened)
        yield reopened


def tell_of_two_people(workspace: Workspace) -> None:
    people = [("ana", "de-AT", "Ana"), ("bob", None, "Bob")]
    accept(
        workspace,
        [
            {
                "type": "identify",
                "userId": user,
                "messageId": f"m-{user}",
                "traits": {
                    "email": f"{user}@example.com",
                    "first_name": name,
                    "timezone": "Mars/Phobos",
                    **({"language": language} if language else {}),
                },
            }
            for user, language, name in people
        ],
        source="shop",
    )
    apply_log(workspace)


def test_a_preview_as_a_person_as_nobody_and_made_up(shop: Workspace):
    ana = preview_template(shop, "news", person="ana@example.com")
    assert (ana.subject, ana.language) == ("Guten Tag", "de")
    assert "Guten Tag Ana" in ana.text
    bob = preview_template(shop, "news", person="bob")
    assert "Hello Bob" in bob.text
    assert "Guten Tag Bob" in preview_template(shop, "news", person="bob", language="de-CH").text
    assert "Hello there" in preview_template(shop, "news", nobody=True).text
    assert "Hello Sample first_name" in preview_template(shop, "news").text
    assert "Hello there" in preview_template(shop, "news", person="bob", nobody=True).text
    with pytest.raises(UnknownName):
        preview_template(shop, "news", person="nobody@example.com")


@pytest.mark.parametrize(
    ("liquid", "message"),
    [
        ("{% assign x = 'nobodys' | recommend: 2 %}", "there is no such recommender"),
        ("{% skip_message 'not for you' %}", "not for you"),
        ("{{ persn.first_name }}", "prints a name that does not exist"),
        ("{% for a in (1..1000) %}{% for b in (1..1000) %}{% endfor %}{% endfor %}", "too much"),
    ],
)
def test_a_preview_that_does_not_come_out_says_why(shop: Workspace, liquid: str, message: str):
    page = shop.root / "templates" / "news.mjml"
    page.write_text(page.read_text().replace("Hello", liquid))
    with pytest.raises(AuthorError, match=message):
        preview_template(shop, "news", nobody=True)


def test_a_preview_in_light_and_dark(shop: Workspace):
    dark = preview_template(shop, "news", scheme="dark").html
    light = preview_template(shop, "news", scheme="light").html
    assert "prefers-color-scheme" not in dark + light
    assert "(min-width:0)" in dark
    assert "(max-width:0)" in light
    asked = "@media screen and ( Prefers-Color-Scheme : LIGHT )"
    assert in_scheme(asked, "light") == "@media screen and (min-width:0)"


@on_both_stores
def test_versions_are_kept_by_content(shop: Workspace):
    first = list_templates(shop)[0].version
    assert [(one.version, one.accepted_at) for one in list_versions(shop, "news")] == [
        (first, None)
    ]
    apply(shop, recompute=False, author="ana")
    apply(shop, recompute=False, author="bob")
    assert [(one.version, one.author) for one in list_versions(shop, "news")] == [(first, "ana")]
    page = shop.root / "templates" / "news.mjml"
    before = page.read_text()
    page.write_text(before.replace("Hello", "Good day"))
    apply(shop, recompute=False, author="bob")
    second, oldest = list_versions(shop, "news")
    assert (second.current, oldest.version) == (True, first)

    found = diff_template(shop, "news", first[:6])
    assert "-<mj-section><mj-column><mj-text>Hello" in found.written
    assert found.written.startswith("--- body\n+++ body\n")
    assert "-Hello Sample first_name\n+Good day Sample first_name" in found.rendered
    assert "Hello there" in preview_template(shop, "news", version=first, nobody=True).text
    assert diff_template(shop, "news", first, first).written == ""

    page.write_text(before)
    apply(shop, recompute=False, author="bob")
    assert [one.current for one in list_versions(shop, "news")] == [False, True]
    with pytest.raises(UnknownName, match="unknown version of 'news' 'abcd'"):
        preview_template(shop, "news", version="abcd")
    with pytest.raises(UnknownName):
        list_versions(shop, "nws")


def test_a_change_of_a_block_is_a_version(shop: Workspace):
    first = list_templates(shop)[0].version
    apply(shop, recompute=False)
    footer = shop.root / "templates" / "blocks" / "footer.mjml"
    footer.write_text(footer.read_text().replace("Leave", "Go"))
    (shop.root / "templates" / "blocks" / "other.mjml").write_text("x")
    assert list_templates(shop)[0].version != first
    written = diff_template(shop, "news", first).written
    assert "--- block footer" in written
    assert "--- de: block footer" in written
    assert "other" not in written


def test_the_ledger_says_what_a_person_got_and_shows_it_again(shop: Workspace):
    report = send(shop, "hello")
    assert report.counts.get("accepted") == 2, report
    with shop.store.read() as tx:
        rows = tx.rows("SELECT message_id, person_id, decision FROM messages ORDER BY message_id")
    sent = list_versions(shop, "news")[0]
    decisions = {row["message_id"]: json.loads(row["decision"]) for row in rows}
    assert {one["version"] for one in decisions.values()} == {sent.version}
    assert {one["language"] for one in decisions.values()} == {"de", "en"}
    assert sent.accepted_at is not None
    page = shop.root / "templates" / "news.mjml"
    page.write_text(page.read_text().replace("Hello", "Changed"))
    shutil.rmtree(shop.state_dir / "outbox")
    for row in rows:
        again = show_message(shop, row["message_id"])
        assert not again.exact
        assert "Changed" not in again.text
        assert "Hello Bob" in again.text or "Guten Tag Ana" in again.text


@on_both_stores
def test_a_version_is_kept_once_whoever_else_keeps_one(shop: Workspace):
    source = read_template(shop, "news")
    now = shop.clock.now()
    for author in ("a", "b"):
        with shop.store.transaction() as tx:
            keep_version(tx, source, author=author, at=now)
    assert [one.author for one in list_versions(shop, "news")] == ["a"]


def offering(shop: Workspace, codes: list[str]) -> None:
    (shop.root / "codes").mkdir(exist_ok=True)
    (shop.root / "codes" / "spring.txt").write_text("\n".join(codes))
    (shop.root / "campaigns" / "all.yaml").write_text(
        "hello:\n  template: news\n  where: 'true'\n  purpose: service\n"
        "  offers:\n    - {name: ten, when: 'true', title: Ten off, codes: spring}\n"
    )
    for name in ("news", "news.de"):
        page = shop.root / "templates" / f"{name}.mjml"
        if "offer.code" not in page.read_text():
            code = "{% if offer.code %} Code {{ offer.code }}{% endif %}</mj-text>"
            page.write_text(page.read_text().replace("</mj-text>", code))


def given(shop: Workspace) -> list[str]:
    with shop.store.read() as tx:
        rows = tx.rows("SELECT decision FROM messages ORDER BY occurrence, message_id")
    return [json.loads(row["decision"])["code"] for row in rows]


@on_both_stores
def test_every_code_is_given_once(shop: Workspace):
    offering(shop, ["A1", "A2", "", " A3 "])
    preview_template(shop, "news", person="bob")
    assert send(shop, "hello").counts.get("accepted") == 2
    assert sorted(given(shop)) == ["A1", "A2"]
    send(shop, "hello")
    mails = [path.read_bytes() for path in (shop.state_dir / "outbox" / "new").iterdir()]
    assert sum(b"Code A1" in mail for mail in mails) == 1
    assert sum(b"Code A2" in mail for mail in mails) == 1
    with pytest.raises(StateError, match=r"codes left in codes/spring\.txt"):
        send(shop, "hello", occurrence="2")
    assert len(given(shop)) == 2
    offering(shop, ["A3", "A2", "A4", "A1"])
    send(shop, "hello", occurrence="2")
    assert sorted(given(shop)) == ["A1", "A2", "A3", "A4"]
    with shop.store.read() as tx:
        message_id = tx.value("SELECT min(message_id) FROM messages WHERE occurrence = '2'")
    shutil.rmtree(shop.state_dir / "outbox")
    shown = show_message(shop, str(message_id))
    assert f"Code {shown.decision['code']}" in shown.text


@pytest.mark.parametrize(
    ("codes", "more", "message"),
    [
        (["A", "B", "A"], "", "stands there twice"),
        (["x" * 101], "", "is too long"),
        (["A"], ", code: SAME", "either code: or codes:"),
    ],
)
def test_mistakes_with_codes(shop: Workspace, codes: list[str], more: str, message: str):
    offering(shop, codes)
    campaign = shop.root / "campaigns" / "all.yaml"
    campaign.write_text(campaign.read_text().replace("codes: spring", f"codes: spring{more}"))
    with pytest.raises(AuthorError, match=message):
        send(shop, "hello")
    campaign.write_text(campaign.read_text().replace("codes: spring", "codes: ../spring"))
    with pytest.raises(AuthorError):
        send(shop, "hello")
