"""Templates in several languages: who gets which, how numbers are written, what is missing."""

import pytest
from mails import data, text_block

from vocative.compose import load_template
from vocative.compose.checking.check import check_definitions
from vocative.compose.plain_file import check_plain_file, derive_text
from vocative.compose.template import read_source
from vocative.errors import AuthorError, StateError
from vocative.workspace import Workspace

BODY = "{% render 'price' %}" + text_block("TEXT {{ locale }}")


@pytest.fixture
def shop(starter: Workspace) -> Workspace:
    folder = starter.root / "templates"
    for ending, words in (("", "English"), (".de", "Deutsch"), (".pt-br", "Português")):
        page = "<mjml><mj-body>" + BODY.replace("TEXT", words) + "</mj-body></mjml>"
        (folder / f"news{ending}.mjml").write_text(page, encoding="utf-8")
        (folder / f"news{ending}.yaml").write_text(f"subject: {words}", encoding="utf-8")
    price = "{{ 1234.5 | money: 'EUR', locale }}"
    (folder / "blocks" / "price.mjml").write_text(text_block("Price " + price))
    (folder / "blocks" / "price.de.mjml").write_text(text_block("Preis " + price), encoding="utf-8")
    return starter


@pytest.mark.parametrize(
    ("language", "subject", "text"),
    [
        (None, "English", "Price €1,234.50\n\nEnglish en\n"),
        ("en-GB", "English", "Price €1,234.50\n\nEnglish en-gb\n"),
        ("fr", "English", "Price €1,234.50\n\nEnglish en\n"),
        ("de", "Deutsch", "Preis 1.234,50\xa0€\n\nDeutsch de\n"),
        ("de_AT", "Deutsch", "Preis €\xa01.234,50\n\nDeutsch de-at\n"),
        ("de-ZZ-x", "Deutsch", "Preis 1.234,50\xa0€\n\nDeutsch de-zz-x\n"),
        ("PT-br", "Português", "Price €\xa01.234,50\n\nPortuguês pt-br\n"),
        ("pt", "English", "Price €1,234.50\n\nEnglish en\n"),
        ("{{ x }}", "English", "Price €1,234.50\n\nEnglish en\n"),
        (7, "English", "Price €1,234.50\n\nEnglish en\n"),
    ],
)
def test_everybody_gets_the_language_nearest_to_theirs(shop: Workspace, language, subject, text):
    rendered = load_template(shop, "news").render(data(person={"language": language}))
    assert (rendered.subject, rendered.text) == (subject, text)


def test_a_message_says_which_language_and_version_it_is(shop: Workspace):
    template = load_template(shop, "news")
    german = template.render(data(person={"language": "de"}))
    english = template.render(data())
    assert (german.language, english.language) == ("de", "en")
    assert german.version == english.version == template.version
    (shop.root / "templates" / "blocks" / "price.de.mjml").write_text(text_block("Nur heute"))
    assert load_template(shop, "news").version != template.version
    assert template.with_subject("All").render(data(person={"language": "de"})).subject == "All"


def check_news(shop: Workspace) -> list[str]:
    folder = shop.root / "templates"
    footer = (
        '<mj-section><mj-column><mj-text><a href="{{ unsubscribe_url }}">Out</a>'
        " {{ postal_address }}</mj-text></mj-column></mj-section></mj-body>"
    )
    for path in folder.glob("*.mjml"):
        if not path.stem.startswith("news"):
            path.unlink()
            path.with_suffix(".yaml").unlink()
        elif footer not in path.read_text(encoding="utf-8"):
            text = path.read_text(encoding="utf-8").replace("</mj-body>", footer)
            path.write_text(text, encoding="utf-8")
    return [finding.code for finding in check_definitions(shop)]


def test_missing_languages_are_told(shop: Workspace):
    settings = shop.root / "vocative.yaml"
    assert check_news(shop) == []
    settings.write_text(settings.read_text() + "languages: [en, de-CH, pt-BR]\n")
    with Workspace(shop.root) as again:
        assert check_news(again) == []
    settings.write_text(settings.read_text().replace("[en,", "[fr, it,"))
    with Workspace(shop.root) as again:
        assert check_news(again) == ["missing_language"]


@pytest.mark.parametrize(
    ("name", "message"), [("news.xx-yy", "is no language"), ("newsy.de", "but of none")]
)
def test_names_that_look_like_languages_and_are_none(shop: Workspace, name: str, message: str):
    check_news(shop)
    folder = shop.root / "templates"
    for ending in (".mjml", ".yaml"):
        (folder / f"{name}{ending}").write_text(
            (folder / f"news{ending}").read_text(encoding="utf-8"), encoding="utf-8"
        )
    with pytest.raises(AuthorError, match=message):
        check_news(shop)


def test_plain_text_in_a_file_is_derived_once_and_then_its_authors(shop: Workspace):
    folder = shop.root / "templates"
    assert derive_text(shop, "news").state == "derived"
    assert not (folder / "news.txt").exists()
    written = derive_text(shop, "news", write=True)
    assert (written.state, written.file) == ("written", "templates/news.txt")
    derived = load_template(shop, "news").render(data()).text
    assert derived == "Price €1,234.50\n\nEnglish en\n"
    assert check_plain_file(read_source(shop, "news")) == []

    page = folder / "news.mjml"
    page.write_text(page.read_text().replace("English", "British"))
    assert "--write" in check_plain_file(read_source(shop, "news"))[0].fix
    assert derive_text(shop, "news", write=True).state == "written"
    assert "British" in load_template(shop, "news").render(data()).text

    file = folder / "news.txt"
    file.write_text(file.read_text() + "Yours, {{ sender_name }}\n")
    assert check_plain_file(read_source(shop, "news")) == []
    assert derive_text(shop, "news", write=True).state == "kept"
    assert load_template(shop, "news").render(data()).text.endswith("Yours, The Shop\n")
    page.write_text(page.read_text().replace("British", "Scottish"))
    assert "--accept" in check_plain_file(read_source(shop, "news"))[0].fix
    assert derive_text(shop, "news", accept=True).state == "kept"
    assert check_plain_file(read_source(shop, "news")) == []
    assert "Yours" in file.read_text()
    assert "British" in file.read_text()


def test_plain_text_is_written_in_one_place(shop: Workspace):
    folder = shop.root / "templates"
    (folder / "news.yaml").write_text("subject: x\ntext: Hello")
    with pytest.raises(StateError, match="in the YAML"):
        derive_text(shop, "news", write=True)
    (folder / "news.txt").write_text("Hello")
    with pytest.raises(AuthorError, match="written twice"):
        load_template(shop, "news")
