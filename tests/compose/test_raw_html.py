"""HTML from data is cleaned, stands between tags alone, and becomes words in plain text."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mails import data, layout, text_block

from vocative.compose import TemplateSource, check_template, compile_template
from vocative.compose.language import raw_html
from vocative.errors import AuthorError

CARE = (
    '<p onclick="x()">Wash at <b>30&deg;</b><script>x()</script>, see '
    '<a href="javascript:x()">here</a> or <a href="https://shop.example/care?a=1&b=2">there</a>.'
    "</p>\n<ul><li>no bleach &amp; no iron</li></ul><img src=//far.example/i.png alt=Wool>"
)
ALLOWED = {"href", "title", "src", "alt", "width", "height", "start", "colspan", "rowspan", "align"}
PRINTED = text_block("<i>before</i>{{ person.note | html }}<i>behind</i>")
CHANGED = compile_template(TemplateSource.of("t", mjml=layout(PRINTED), subject="Hello"))


class Tags(HTMLParser):
    """The tags of a text with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_mail_shows_what_is_harmless(render):
    mail = render(PRINTED, data={"person": {"note": CARE}})
    shown = mail.html.partition("<i>before</i>")[2].partition("<i>behind</i>")[0]
    assert shown == (
        "<p>Wash at <b>30°</b>, see <a>here</a> or"
        ' <a href="https://shop.example/care?a=1&amp;b=2">there</a>.</p>\n'
        '<ul><li>no bleach &amp; no iron</li></ul><img alt="Wool">'
    )


def test_plain_text_and_headers_get_the_words(render):
    mail = render(
        PRINTED, subject="About: {{ person.note | html }}", data={"person": {"note": CARE}}
    )
    assert "Wash at 30°, see here or there.\nno bleach & no iron" in mail.text
    assert mail.subject == "About: Wash at 30°, see here or there. no bleach & no iron"


def test_without_the_filter_it_is_text(render):
    mail = render(text_block("{{ person.note }}"), data={"person": {"note": "<b>bold</b>"}})
    assert "&lt;b&gt;bold&lt;/b&gt;" in mail.html


@given(st.text(alphabet="<>\"'=&;/!-:ab jscriptonhef\n\x00\x01", max_size=80))
@example("<a href='https://x\" onmouseover=alert(1) \"'>x</a>")
@example("</td></table><!--[if mso]><style>")
@example("<svg><style><img src=x onerror=alert(1)>")
def test_nothing_gets_out_of_its_place(note):
    mail = CHANGED.render(data(person={"note": note}))
    before, found, rest = mail.html.partition("<i>before</i>")
    shown, behind, after = rest.partition("<i>behind</i>")
    assert found
    assert behind
    plain = CHANGED.render(data(person={"note": ""})).html
    assert before + found + behind + after == plain
    for tag, attributes in Tags(shown).found:
        assert tag in raw_html.clean(f"<{tag}>")
        assert set(attributes) <= ALLOWED
        for name in ("href", "src"):
            assert (attributes.get(name) or "https:").split(":")[0] in (
                "https",
                "http",
                "mailto",
                "tel",
            )


@pytest.mark.parametrize(
    "content",
    [
        '<a title="{{ person.note | html }}" href="https://shop.example">x</a>',
        '<p class="a{% if person.note %}{{ person.note | html }}{% endif %}">x</p>',
        "<!-- {{ person.note | html }} -->",
        "<!--[if mso]>{{ person.note | html }}<![endif]-->",
    ],
)
def test_inside_a_tag_it_is_refused(render, catalog, content):
    with pytest.raises(AuthorError, match="only stand between tags") as error:
        render(text_block(content))
    assert error.value.where.source_line.count("| html") == 1
    source = TemplateSource.of("t", mjml=layout(text_block(content)), subject="Hello")
    assert "unsafe_context" in [found.code for found in check_template(source, catalog)]


@pytest.mark.parametrize(
    "content",
    [
        "{% assign kept = person.note | html %}{{ kept }}",
        "{% capture kept %}{{ person.note | html }}{% endcapture %}{{ kept }}",
        "{% capture kept %}{% if true %}{{ person.note | html }}{% endif %}{% endcapture %}",
        "{% echo person.note | html %}",
        "{{ person.note | html | upcase }}",
    ],
)
def test_it_is_never_kept_or_changed(render, content):
    with pytest.raises(AuthorError, match="html stands last in what is printed"):
        render(text_block(content))


def test_the_check_warns_of_what_people_write_themselves(catalog):
    body = text_block("{{ person.country | default: 'x' | html }}")
    source = TemplateSource.of("t", mjml=layout(body), subject="Hello")
    found = [one for one in check_template(source, catalog) if one.code == "html_of_a_person"]
    assert [one.severity for one in found] == ["warning"]
