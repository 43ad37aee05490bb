"""Nothing a person's data holds becomes markup, a header or a link, whatever the template does."""

import html
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from mails import data, layout, product, text_block

from vocative.compose import TemplateSource, compile_template, rewrite_links
from vocative.compose.language.environments import HtmlEnvironment, environment

MARKER = "vqz"
ATTACKS = (
    f"<script>{MARKER}</script>",
    f"</title><script>{MARKER}",
    f'"><script>{MARKER}',
    f"' onmouseover='{MARKER}",
    f"%3Cscript%3E{MARKER}",
    f"&lt;script&gt;{MARKER}",
    f"PHNjcmlwdD52cXo8L3NjcmlwdD4={MARKER}",
    f"{{{{ person }}}}<script>{MARKER}",
    f"--><script>{MARKER}",
    f"]]><script>{MARKER}",
)
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=40),
    st.text(alphabet="<>\"'&;/=!-%{}\\\r\n\x00 scriptalh", max_size=60),
)
TEMPLATE = compile_template(
    TemplateSource.of(
        "t",
        mjml=layout(
            "<mj-section><mj-column>"
            '<mj-image src="{{ person.url }}" alt="{{ person.name }}" href="{{ person.url }}" />'
            '<mj-text><p title="{{ person.name }}" class="{{ person.name }}">{{ person.name }}</p>'
            '<a href="https://shop.example/?q={{ person.name | url_encode }}">{{ person.name }}</a>'
            "{% capture held %}{{ person.name }}{% endcapture %}{{ held }}"
            "</mj-text></mj-column></mj-section>",
            head="<mj-title>{{ person.name }}</mj-title>",
        ),
        subject="{{ person.name }}!",
        preheader="{{ person.name }}",
    )
)
SHAPE = re.compile(r"<(/?[a-zA-Z][\w:]*|!--|!)")
TAGS = [
    match[1].lower()
    for match in SHAPE.finditer(
        TEMPLATE.render(data(person={"name": "x", "url": "https://x"})).html
    )
]


@given(name=hostile, url=hostile)
def test_data_never_writes_a_tag(name, url):
    rendered = TEMPLATE.render(data(person={"name": name, "url": url}))
    assert [match[1].lower() for match in SHAPE.finditer(rendered.html)] == TAGS
    assert "<script" not in rendered.html.lower()
    assert not re.search(r"[\r\n\x00-\x1f]", rendered.subject)
    text = TEMPLATE.render(data(person={"name": name, "url": "https://x"})).text
    assert not re.search(r"<(?!https://(?:x|shop\.example)\b)[a-zA-Z/!?]", text)


@given(url=hostile)
def test_data_never_makes_a_link_that_runs_code(url):
    body = TEMPLATE.render(data(person={"name": "x", "url": url})).html
    for link in re.findall(r'href="([^"]*)"', body):
        assert re.match(r"(?:https?|mailto|tel|sms):|#|$", html.unescape(link), re.IGNORECASE)


FILTERS = sorted(
    set(environment(HtmlEnvironment).filters) - {"date", "money", "map", "where", "sort", "html"}
)
ARGUMENTS = {
    "replace": ("'&lt;', '<'", "'lt', '<'", "'a', '<script>'", "person.name, '<'"),
    "replace_first": ("'&lt;', '<'",),
    "replace_last": ("'&lt;', '<'",),
    "append": ("'&'", "person.name"),
    "prepend": ("'&'", "person.name"),
    "join": ("'&'", "person.name"),
    "split": ("''", "'&'", "'s'"),
    "slice": ("0, 20", "1, 9"),
    "truncate": ("12", "9, person.name"),
    "truncatewords": ("3, person.name",),
    "default": ("person.name",),
    "remove": ("'&'", "'amp;'"),
    "remove_first": ("';'",),
    "remove_last": ("';'",),
    "concat": ("parts",),
}


@st.composite
def chains(draw):
    names = draw(st.lists(st.sampled_from(FILTERS), min_size=1, max_size=4))
    return "".join(
        f" | {name}" + (f": {draw(st.sampled_from(ARGUMENTS[name]))}" if name in ARGUMENTS else "")
        for name in names
    )


@settings(max_examples=300)
@given(chain=chains(), name=st.sampled_from(ATTACKS), held=st.booleans())
def test_no_chain_of_filters_undoes_the_escaping(chain, name, held):
    source = "held" if held else "person.name"
    template = compile_template(
        TemplateSource.of(
            "t",
            mjml=layout(
                text_block(
                    "{% assign parts = 'a,b' | split: ',' %}"
                    "{% capture held %}{{ person.name }}{% endcapture %}"
                    f"{{{{ {source}{chain} }}}}"
                )
            ),
            subject="x",
            text="x",
        )
    )
    try:
        body = template.render(data(person={"name": name})).html
    except ValueError:
        return  # a filter that cannot use the value says so
    assert "<script" not in body.lower()
    assert MARKER not in "".join(re.findall(r"<[^<>]*>", body))


def test_filters_that_opt_out_of_escaping_do_not_exist():
    assert not {"safe", "escapejs"} & set(environment(HtmlEnvironment).filters)


def test_data_plants_no_tracked_link_in_plain_text():
    template = compile_template(
        TemplateSource.of(
            "t",
            mjml=layout(text_block('{{ person.name }} <a href="https://shop.example">Shop</a>')),
            subject="x",
        )
    )
    for name in (
        "https://evil.example",
        "<https://evil.example>",
        '<a href="https://evil.example">',
    ):
        text = template.render(data(person={"name": name})).text
        seen: list[str] = []
        rewrite_links(text, lambda url, seen=seen: seen.append(url) or url)
        assert seen == ["https://shop.example"]


def test_products_are_escaped_everywhere():
    body = (
        '<mj-section><mj-column><mj-image src="{{ products[0].image_url }}"'
        ' alt="{{ products[0].title }}" /></mj-column></mj-section>'
    )
    template = compile_template(TemplateSource.of("t", mjml=layout(body), subject="x"))
    title = '6" <Pan> & lid'
    rendered = template.render(data(products=[product(1, title=title)]))
    assert 'alt="6&#34; &lt;Pan&gt; &amp; lid"' in rendered.html
    assert rendered.text == '6" < Pan> & lid\n'
