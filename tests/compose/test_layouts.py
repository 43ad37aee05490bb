"""Layouts, blocks with parameters, and the blocks and the layout that come along."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from mails import data, text_block

from vocative.compose import TemplateSource, check_template, compile_template, load_template
from vocative.compose.authoring.source import SharedPieces
from vocative.errors import AuthorError
from vocative.sql import Field
from vocative.workspace import Workspace

LAYOUT = """<mjml>
<mj-head>{% slot 'head' %}<mj-title>Shop</mj-title>{% endslot %}</mj-head><mj-body>
{% assign greeting = "Hello" %}
{% slot 'top' %}
  <mj-section><mj-column><mj-text>Usual top</mj-text></mj-column></mj-section>
{% endslot %}
{% slot 'content' %}{% endslot %}
</mj-body></mjml>"""


def text_of(body: str, **more) -> str:
    source = TemplateSource.of("t", mjml=body, subject="x", layout=LAYOUT, **more)
    return compile_template(source).render(data()).text


def test_a_body_fills_the_slots_of_its_layout():
    body = (
        "{% fill 'top' %}" + text_block("Own top") + "{% endfill %}" + text_block("{{ greeting }}")
    )
    assert text_of(body) == "Own top\n\nHello\n"
    assert text_of(text_block("Only this")) == "Usual top\n\nOnly this\n"


def test_a_slot_and_a_block_may_stand_in_each_other():
    blocks = {"hi": text_block("Hi {{ who }}")}
    body = (
        "{% fill 'top' %}{% render 'hi', who: greeting %}{% endfill %}{% render 'hi', who: 'you' %}"
    )
    assert text_of(body, blocks=blocks) == "Hi Hello\n\nHi you\n"


@pytest.mark.parametrize(
    ("body", "message", "line"),
    [
        ("\n{% fill 'tpo' %}x{% endfill %}", "unknown slot 'tpo'", 2),
        ("{% fill 'top' %}x", "fill 'top' is never closed", 1),
        ("{% fill top %}x{% endfill %}", "fill needs a name in quotes", 1),
        ("{% fill 'top' %}{% fill 'head' %}{% endfill %}{% endfill %}", "fill stands in a fill", 1),
        ("x\n{% endfill %}", "endfill closes nothing", 2),
        ("{% slot 'a' %}{% endslot %}", "in a template with a layout only", 1),
    ],
)
def test_mistakes_with_slots_are_shown_where_they_are(body: str, message: str, line: int):
    with pytest.raises(AuthorError, match=message) as refused:
        text_of(body)
    assert (refused.value.where.file, refused.value.where.line) == ("t.mjml", line)


def test_a_fill_without_a_layout_says_what_to_do():
    with pytest.raises(AuthorError, match="with a layout only") as refused:
        compile_template(TemplateSource.of("t", mjml="{% fill 'a' %}{% endfill %}", subject="x"))
    assert "layout: NAME" in refused.value.hint


def test_a_workspace_names_its_layouts(starter: Workspace):
    folder = starter.root / "templates"
    (folder / "layouts").mkdir()
    (folder / "layouts" / "shop.mjml").write_text(LAYOUT)
    (folder / "news.mjml").write_text(text_block("News"))
    (folder / "news.yaml").write_text(
        "subject: News\nlayout: shop\nfrom_name: '{{ sender_name }} UK'"
    )
    rendered = load_template(starter, "news").render(data())
    assert rendered.text == "Usual top\n\nNews\n"
    assert rendered.from_name == "The Shop UK"
    assert "shop" in starter.definitions("layout")
    (folder / "news.yaml").write_text("subject: News\nlayout: shpo")
    with pytest.raises(AuthorError, match="did you mean 'shop'") as refused:
        load_template(starter, "news")
    assert refused.value.where.line == 2


BLOCK = "{% parameters who: 'you', from: nil %}" + text_block(
    "Hi {{ who }}{% if from %} from {{ from }}{% endif %}"
)


def test_a_block_says_what_its_parameters_are_otherwise(render, catalog: dict[str, Field]):
    assert render("{% render 'hi' %}", blocks={"hi": BLOCK}).text == "Hi you\n"
    told = "{% render 'hi', from: sender_name, who: person.first_name %}"
    assert render(told, blocks={"hi": BLOCK}).text == "Hi Ann from The Shop\n"
    with pytest.raises(AuthorError, match="parameter of 'hi' 'form'"):
        render("{% render 'hi', form: 'me' %}", blocks={"hi": BLOCK})
    with pytest.raises(AuthorError, match="only a block has parameters"):
        render("{% parameters a: 1 %}")


ALL = """{% render 'call_to_action', title: 'Spring', url: 'https://shop.example/x' %}
{% render 'carousel' %}{% render 'recommendations', title: "For you" %}"""


@pytest.mark.parametrize("products", [0, 2, 4])
def test_what_comes_along_is_sound(catalog: dict[str, Field], products: int):
    pieces = SharedPieces(Path("/nowhere"))
    source = replace(
        TemplateSource.of("t", mjml=ALL, subject="Hi"),
        blocks=pieces.blocks("mjml"),
        layout=pieces.layouts("mjml")["plain"],
    )
    assert [found for found in check_template(source, catalog) if found.severity == "error"] == []
    shown = data()["products"][:products]
    rendered = compile_template(source, language="de").render(data(products=shown))
    assert "https://shop.example/u/token" in rendered.text
    assert "1 High Street, London" in rendered.html
    asked = set(re.findall(r"https?://([^/\"'\s)]+)", rendered.html))
    assert asked <= {"shop.example", "www.w3.org"}, "nothing may be fetched from elsewhere"
    assert rendered.html.count("49,00") == (products > 1)
    assert "@media (prefers-color-scheme: dark)" in rendered.html


def test_a_workspace_goes_before_what_comes_along(starter: Workspace):
    folder = starter.root / "templates"
    (folder / "blocks" / "footer.mjml").unlink()
    (folder / "news.mjml").write_text("{% render 'call_to_action', button: 'Buy' %}")
    (folder / "news.yaml").write_text("subject: News\nlayout: plain")
    assert "Buy" in load_template(starter, "news").render(data()).text
    (folder / "blocks" / "call_to_action.mjml").write_text(text_block("Mine: {{ button }}"))
    assert "Mine: Buy" in load_template(starter, "news").render(data()).text
