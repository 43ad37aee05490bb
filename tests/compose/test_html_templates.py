"""Templates written in HTML: kept as they are, their Liquid and their styles put right."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import data

from vocative.compose import TemplateSource, check_template, compile_template, load_template
from vocative.errors import AuthorError
from vocative.sql import Field
from vocative.workspace import Workspace

FOOTER = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ postal_address }}</p>'


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}{FOOTER}</body></html>"


def rendered(html: str, **changes):
    source = TemplateSource.of("t", html=html, subject="Hello", preheader="Look")
    return compile_template(source).render(data(**changes))


def test_liquid_may_stand_anywhere():
    body = """<!-- {% if person.first_name %} --><TABLE width=600><tr>
      {% for p in products limit: 2 %}
      <td {% if forloop.first %}class="a"{% endif %} title='{{ p.id }}'>
      {{ p.title }}</td>{% endfor %}</tr></TABLE><!-- {% endif %} -->"""
    html = rendered(page(body, "<style>.a > b, td { color: red }</style>")).html
    cells = re.findall(r"<td[^>]*>", html)
    assert len(cells) == 2
    assert 'class="a"' in cells[0]
    assert "class" not in cells[1]
    assert all("color: red" in cell for cell in cells)
    assert "Copper Watering Can No. 2" in html
    assert "lqz" not in html
    assert "{%" not in html


def test_a_condition_may_reach_over_an_attribute_without_a_value():
    html = rendered(page("<td{% if offer %} nowrap{% endif %}><b>x</b></td>")).html
    assert "nowrap" not in html
    html = rendered(page("<p{% if variant %} nowrap{% endif %}>x</p>")).html
    assert re.search(r"<p\s+nowrap", html)


def test_outlook_and_dark_parts_stay():
    head = """<meta name="color-scheme" content="light dark"><style>
      p { margin: 0 } @media (prefers-color-scheme: dark) { p { color: #fff !important } }
      </style><!--[if mso]><style>td { width: 1px }</style><![endif]-->"""
    body = """<!-- a note --><!--[if mso]><table><tr><td>{{ person.first_name }}<![endif]-->
      <![if !mso]><p>new</p><![endif]><!--[if mso]></td></tr></table><![endif]-->"""
    html = rendered(page(body, head)).html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "<!--[if mso]><table><tr><td>Ann<![endif]-->" in html
    assert "<!--[if mso]><style>td { width: 1px }</style><![endif]-->" in html
    assert "<!--[if !mso]><!-->" in html
    assert "a note" not in html
    assert 'style="margin: 0;"' in html


def test_a_style_with_a_condition_is_left_where_it_is():
    style = "<style>{% if variant == 'a' %}p { color: red }{% endif %}</style>"
    html = rendered(page("<p>x</p>", style)).html
    assert "<style>p { color: red }</style>" in html
    assert "<p>x</p>" in html


def test_what_stands_before_the_page_works_for_all_of_it():
    html = "{% capture title %}For {{ person.first_name }}{% endcapture %}\n" + page(
        "<h1>{{ title }}</h1>", "<title>{{ title }}</title>"
    )
    found = rendered(html)
    assert "<h1>For Ann</h1>" in found.html
    assert "<title>For Ann</title>" in found.html
    assert "For Ann\n" in found.text


def test_a_piece_of_a_page_becomes_a_page():
    found = rendered("<p>Hi {{ person.first_name }}</p>" + FOOTER)
    assert found.html.lower().startswith("<!doctype html>")
    assert found.html.count("<body") == 1
    assert "Look" in found.html
    assert found.text.startswith("Hi Ann\n")


def test_its_plain_text_follows_layout_tables_and_lists_data_in_lines():
    body = """<table><tr><td><h1>News</h1></td></tr><tr><td>For you</td></tr></table>
      <table><tr><th>What</th><th>Price</th></tr><tr><td>Can</td><td>3</td></tr></table>"""
    text = rendered(page(body)).text
    assert "News\n" in text
    assert re.search(r"Can +3\n", text)
    assert "Unsubscribe: https://shop.example/u/token" in text


@pytest.mark.parametrize(
    ("html", "message", "column"),
    [
        ("<p><script>x()</script>", "<script> is not allowed", 4),
        ("<IFRAME src='x'></IFRAME>", "<iframe> is not allowed", 1),
        ('<p onClick="x()">', "onClick runs a script", 13),
        ("<{{ variant }}>", "cannot write the name of an element", 1),
        ("<h{{ variant }}>", "cannot write the name of an element", 1),
    ],
)
def test_what_a_mail_cannot_hold_is_refused(html: str, message: str, column: int):
    with pytest.raises(AuthorError, match=message) as refused:
        rendered(html)
    place = refused.value.where
    assert (place.file, place.line, place.column) == ("t.html", 1, column)


@pytest.mark.parametrize("part", ["<a ", '<a "', "<!--", "</a", "<!", "<a b='", "<a {% if x %}"])
def test_markup_that_never_ends_is_refused_at_once(part: str):
    before = time.thread_time()
    with pytest.raises(AuthorError):
        rendered(part * (200_000 // len(part)))
    assert time.thread_time() - before < 2


PARTS = ["<p>", "</p>", "<", ">", '"', "'", "<!--", "-->", "<style>", "</style>", "<td ", "a=b"]
LIQUID = ["{{ variant }}", "{% if offer %}", "{% endif %}", "{% assign x = 1 %}", "{{ x }}"]


@given(st.lists(st.sampled_from([*PARTS, *LIQUID, " ", "é", "<html>", "<body>"]), max_size=25))
def test_any_page_is_rendered_or_refused(parts: list[str]):
    try:
        found = rendered("".join(parts))
    except AuthorError:
        return
    assert "lqz" not in found.html + found.text


def test_the_check_reads_it(catalog: dict[str, Field]):
    source = TemplateSource.of("t", html=page("<p>{{ person.frist_name }}</p>"), subject="x")
    found = check_template(source, catalog)
    assert [(one.code, one.where.file) for one in found] == [("unknown_field", "t.html")]
    assert check_template(TemplateSource.of("t", html=page("<p>x</p>"), subject="x"), catalog) == []
    plain = TemplateSource.of("t", html="<p><img src='https://a.example/b'></p>", subject="x")
    codes = {one.code for one in check_template(plain, catalog)}
    assert {"no_unsubscribe_link", "no_postal_address", "image_without_alt"} <= codes


def test_a_workspace_has_templates_and_blocks_in_both(starter: Workspace):
    folder = starter.root / "templates"
    (folder / "news.html").write_text("<p>News</p>{% render 'footer' %}", encoding="utf-8")
    (folder / "news.yaml").write_text("subject: News", encoding="utf-8")
    (folder / "blocks" / "footer.html").write_text(FOOTER, encoding="utf-8")
    assert "https://shop.example/u/token" in load_template(starter, "news").render(data()).html
    assert "View in browser" in load_template(starter, "welcome").render(data()).html
    assert {"footer", "footer.html"} <= set(starter.definitions("block"))
    (folder / "welcome.html").write_text("<p>Hi</p>", encoding="utf-8")
    with pytest.raises(AuthorError, match="written twice"):
        load_template(starter, "welcome")


def test_real_pages_compile(shared_data):
    files = sorted((shared_data / "templates" / "mailchimp_blueprints").rglob("*.html"))
    assert files
    for file in files[::4]:
        source = TemplateSource.of(file.stem, html=file.read_text(encoding="utf-8"), subject="x")
        found = compile_template(source).render(data())
        assert len(found.text) > 100
        assert found.html.count("<table") == found.html.count("</table>")
