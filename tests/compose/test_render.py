"""A template becomes a message: Liquid around MJML, headers, plain text, branches, lines."""

import re
from email import message_from_bytes

import pytest
from mails import data, product, text_block

from vocative.clock import FixedClock
from vocative.compose import TemplateSource, compile_template, load_template
from vocative.errors import AuthorError, UnknownName
from vocative.workspace import Workspace

CARDS = """
<mj-section>
  {% for product in products %}
    <mj-column width="50%">
      <mj-image src="{{ product.image_url }}" alt="{{ product.title }}" href="{{ product.url }}" />
      <mj-text>{{ forloop.index }}. {{ product.title }}</mj-text>
    </mj-column>
  {% endfor %}
</mj-section>
"""


def balanced(html: str) -> bool:
    """Whether the tables and cells of HTML, Outlook's among them, open and close alike."""
    return all(
        len(re.findall(rf"<{name}\b", html)) == html.count(f"</{name}>")
        for name in ("table", "tbody", "tr", "td", "div")
    )


def test_loops_repeat_columns_with_what_outlook_sees(render):
    two = render(CARDS, data={"products": [product(1), product(2)]}).html
    none = render(CARDS, data={"products": []}).html
    assert "1. Copper Watering Can No. 1" in two
    assert "2. Copper Watering Can No. 2" in two
    assert two.count('class="mj-outlook-group-fix') == 2
    assert "Watering" not in none
    assert balanced(two)
    assert balanced(none)


@pytest.mark.parametrize("offer", [None, {"title": "Ten off"}])
def test_conditions_hold_whole_sections(render, offer):
    body = "{% if offer %}" + text_block("{{ offer.title }}") + "{% endif %}" + text_block("Bye")
    html = render(body, data={"offer": offer}).html
    assert ("Ten off" in html) == (offer is not None)
    assert balanced(html)


def test_loops_repeat_sections_in_a_wrapper(render):
    body = (
        "<mj-wrapper>{% for p in products %}"
        + text_block("{{ p.id }}")
        + "{% endfor %}</mj-wrapper>"
    )
    html = render(body).html
    assert [f"sku-{n}" in html for n in range(1, 6)] == [True] * 4 + [False]
    assert balanced(html)
    for comment in re.findall(r"<!--(.*?)-->", html, re.DOTALL):
        assert "<!--" not in comment


def test_loops_repeat_rows_of_a_table(render):
    rows = "{% for p in products %}<tr><td>{{ p.id }}</td></tr>{% endfor %}"
    table = f"<mj-table><tr><th>What</th></tr>{rows}</mj-table>"
    body = f"<mj-section><mj-column>{table}</mj-column></mj-section>"
    rendered = render(body)
    found = re.search(r"<tbody><tr><th>What</th></tr>(.*?)</tbody>", rendered.html, re.DOTALL)
    assert found is not None
    assert re.findall(r"<td>(.*?)</td>", found[1]) == ["sku-1", "sku-2", "sku-3", "sku-4"]
    assert "What\nsku-1\nsku-2\n" in rendered.text


def test_liquid_lives_in_attributes_styles_and_titles(render):
    rendered = render(
        '<mj-section background-color="{{ offer.color }}"><mj-column>'
        """<mj-text css-class="a {% if variant == 'a' %}b{% endif %}">"""
        """x &amp; y & z<br>{{ "<" }}</mj-text>"""
        "</mj-column></mj-section>",
        head="<mj-title>{{ campaign.name }}</mj-title>"
        "<mj-style>.a { color: {{ offer.color }} } .a:hover { color: blue }"
        " @media (prefers-color-scheme: dark) { .a { color: white !important } }</mj-style>",
        data={"offer": {"color": "#123456"}},
    )
    assert "<title>Weekly picks</title>" in rendered.html
    assert 'class="a b"' in rendered.html
    assert "background-color:#123456" in rendered.html.replace(" ", "")
    assert re.search(r'style="color:\s*#123456', rendered.html)
    assert ".a:hover" in rendered.html
    assert "@media (prefers-color-scheme: dark)" in rendered.html
    assert "x &amp; y &amp; z<br>" in rendered.html


def test_a_quote_in_a_tag_does_not_end_an_attribute(render):
    html = render(
        text_block('<a href="{{ offer.url | default: "https://x.example/?a=1&b=2" }}">x</a>')
    ).html
    assert 'href="https://x.example/?a=1&b=2"' in html


def test_comments_and_raw_parts(render):
    html = render(
        text_block(
            "a{% comment %}{{ nothing }}{% endcomment %}{% # note %}b"
            "{% raw %}{{ c }}{% endraw %}<!-- {{ d }} -->"
        )
    ).html
    assert "ab{{ c }}<" in html


def test_the_subject_is_one_line_of_text(render):
    rendered = render(
        text_block("x"),
        subject="Hi {{ person.first_name }}\r\nBcc: all@shop.example",
        preheader="{{ person.first_name }}\n\tagain",
        data={"person": {"first_name": "Ann\r\nX-Evil: 1\x00\u2028 <b>"}},
    )
    assert rendered.subject == "Hi Ann X-Evil: 1 <b> Bcc: all@shop.example"
    assert rendered.preheader == "Ann X-Evil: 1 <b> again"
    assert "Ann X-Evil: 1 &lt;b&gt; again" in rendered.html
    message = message_from_bytes(f"Subject: {rendered.subject}\r\n\r\n".encode())
    assert message.keys() == ["Subject"]


def test_an_empty_subject_is_refused(render):
    with pytest.raises(AuthorError, match="subject came out empty"):
        render(
            text_block("x"),
            subject="{{ person.first_name }}",
            data={"person": {"first_name": None}},
        )


def test_another_subject(render):
    template = compile_template(
        TemplateSource.of("t", mjml="<mjml><mj-body></mj-body></mjml>", subject="One")
    )
    other = template.with_subject("Two for {{ person.first_name }}")
    assert template.render(data()).subject == "One"
    assert other.render(data()).subject == "Two for Ann"
    with pytest.raises(AuthorError):
        template.with_subject("{{ person.first_name")


def test_branches_are_named_with_their_lines(render):
    body = text_block(
        "\n{% if offer %}a{% elsif person.spend_180d > 50 %}b{% else %}c{% endif %}"
        "\n{% unless offer %}d{% endunless %}"
        "\n{% case variant %}{% when 'a', 'b' %}e{% else %}f{% endcase %}"
        "\n{% for p in products %}{% if p.price %}g{% endif %}{% endfor %}"
    )
    assert render(
        body, subject="{% if person.first_name %}Hi{% else %}Hello{% endif %}"
    ).branches == (
        "t.subject:1 if person.first_name",
        "t.mjml:2 elsif person.spend_180d > 50",
        "t.mjml:3 unless offer",
        "t.mjml:4 when 'a', 'b' of case variant",
        "t.mjml:5 if p.price",
    )
    taken = render(
        body, data={"person": {"first_name": None, "spend_180d": 1}, "variant": "z"}
    ).branches
    assert "t.mjml:2 else of if offer" in taken
    assert "t.mjml:4 else of case variant" in taken


def test_plain_text_keeps_links_loops_and_conditions(render):
    body = (
        text_block("<h1>Hello {{ person.first_name }}</h1><p>Two<br>lines</p>")
        + CARDS
        + "{% if offer %}"
        + text_block("{{ offer.title }}")
        + "{% endif %}"
        + text_block(
            '<a href="https://shop.example/?a=1&amp;b=2">Shop</a> '
            '<a href="mailto:hi@shop.example">Write</a> '
            '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'
        )
    )
    text = render(body, data={"products": [product(1), product(2)]}).text
    assert text == (
        "Hello Ann\n\nTwo\nlines\n\n"
        "Copper Watering Can No. 1 <https://shop.example/p/sku-1?ref=mail&n=1>\n"
        "1. Copper Watering Can No. 1\n\n"
        "Copper Watering Can No. 2 <https://shop.example/p/sku-2?ref=mail&n=2>\n"
        "2. Copper Watering Can No. 2\n\n"
        "Shop <https://shop.example/?a=1&b=2> Write (hi@shop.example)"
        " Unsubscribe: https://shop.example/u/token\n"
    )
    assert "Ten off" in render(body, data={"offer": {"title": "Ten off"}}).text


def test_the_authors_own_plain_text_wins(render):
    own = "Hi {{ person.first_name | escape }}\n{% for p in products %}* {{ p.id }}\n{% endfor %}"
    assert render(text_block("x"), text=own).text == "Hi Ann\n* sku-1\n* sku-2\n* sku-3\n* sku-4\n"


def test_names_that_do_not_exist_are_errors_that_quote_no_data(render):
    with pytest.raises(AuthorError, match="name that does not exist") as refused:
        render("\n" + text_block("{{ person.frist_name }}"))
    assert refused.value.where.line == 2
    assert refused.value.where.source_line.lstrip().startswith("<mj-section>")
    assert "Ann" not in str(refused.value)
    with pytest.raises(AuthorError) as refused:
        render(text_block("{{ person.first_name | divided_by: 0 }}{{ person.first_name | money }}"))
    assert "Ann" not in str(refused.value)


def test_missing_names_are_false_and_have_defaults(render):
    html = render(
        text_block("{% if offer.code %}a{% else %}b{% endif %}{{ offer.code | default: 'c' }}")
    ).html
    assert ">bc<" in html


@pytest.mark.parametrize("name", ["Łukasz " * 400, "é" * 3000, "x " * 2000])
def test_no_line_is_longer_than_mail_allows(render, name):
    rendered = render(text_block("{{ person.first_name }}"), data={"person": {"first_name": name}})
    for body in (rendered.html, rendered.text):
        long = [line for line in body.split("\n") if len(line.encode()) > 998]
        assert not any(" " in line.replace("[if mso", "") for line in long)
        assert not long or name.startswith("é")
    assert not re.search(r"\[if[^\]]*\n", rendered.html)


def test_blocks_have_a_scope_of_their_own(render):
    blocks = {
        "card": "<mj-text>{{ item.title }} {{ shade }} {% if hidden %}leak{% endif %}"
        " {{ sender_name }}</mj-text>",
        "list": "{% render 'card' for products as item, shade: shade %}",
    }
    body = (
        "{% assign hidden = true %}<mj-section><mj-column>"
        "{% render 'list', shade: 'green' %}{% render 'card' with products.first as item %}"
        "</mj-column></mj-section>"
    )
    with pytest.raises(AuthorError, match="does not exist"):
        render(body, blocks=blocks)
    blocks["card"] = blocks["card"].replace("{{ shade }}", "{{ shade | default: 'grey' }}")
    text = render(body, blocks=blocks, data={"products": [product(1), product(2)]}).text
    assert re.findall(r"No\. (\d) (\w+) The Shop", " ".join(text.split())) == [
        ("1", "green"),
        ("2", "green"),
        ("1", "grey"),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{% render 'nothing' %}", "unknown block 'nothing'"),
        ("{% render 'foter' %}", "did you mean 'footer'"),
        ("{% render '../../etc/passwd' %}", "unknown block"),
        ("{% render footer %}", "name of a block in quotes"),
        ("{% include 'footer' %}", "include is not supported"),
        ("{% render 'loop' %}", "contains itself"),
        ("<mj-include path='/etc/passwd' />", "not allowed"),
    ],
)
def test_blocks_that_are_refused(render, body, message):
    blocks = {
        "footer": text_block("x"),
        "loop": "{% render 'pool' %}",
        "pool": "{% render 'loop' %}",
    }
    with pytest.raises(AuthorError, match=re.escape(message)):
        render(body, blocks=blocks)


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("\n<mj-section><mj-colum></mj-colum></mj-section>", 2, 13, "no MJML component"),
        ("\n<mj-section>\n</mj-column>", 3, 1, "closes nothing here"),
        ("\n<mj-section>\n<mj-column>", 3, 12, "closes nothing here"),
        ("<mj-section>\n  hello</mj-section>", 2, 3, "text cannot stand directly"),
        ("<mj-section>\n {{ campaign.name }}</mj-section>", 2, 2, "text cannot stand directly"),
        ("\n<mj-text a='>", 2, 1, "not closed"),
        (text_block("\n<script>alert(1)</script>"), 2, 1, "<script> is not allowed"),
        ("\n\n{% if offer %}", None, None, "Liquid"),
        ("\n {{ person.first_name | upcaes }}", 2, 25, "unknown filter"),
        ("\n {{ person.first_name ", 2, 2, "never closed"),
        ("\n{% for product products %}{% endfor %}", 2, 16, "Liquid"),
    ],
)
def test_mistakes_are_shown_where_they_are(body, line, column, message):
    mjml = f"<mjml><mj-body>{body}</mj-body></mjml>"
    with pytest.raises(AuthorError, match=message) as refused:
        compile_template(TemplateSource.of("t", mjml=mjml, subject="x"))
    where = refused.value.where
    assert where.file == "t.mjml"
    if line is not None:
        assert (where.line, where.column) == (line, column)


def test_a_mistake_in_a_block_is_shown_in_the_block(render):
    with pytest.raises(AuthorError, match="name that does not exist") as refused:
        render("{% render 'hi' %}", blocks={"hi": "\n\n" + text_block("{{ persn.x }}")})
    assert (refused.value.where.file, refused.value.where.line) == ("blocks/hi.mjml", 3)


def test_dates_come_from_the_workspace_clock(starter: Workspace, clock: FixedClock):
    (starter.root / "templates" / "today.mjml").write_text(
        "<mjml><mj-body>"
        + text_block("{{ 'now' | date: '%d.%m.%Y %H:%M', 'Europe/London' }}")
        + "</mj-body></mjml>"
    )
    (starter.root / "templates" / "today.yaml").write_text("subject: x")
    template = load_template(starter, "today")
    assert template.render(data()).text == "02.03.2026 09:30\n"


def test_templates_are_found_by_name(starter: Workspace):
    assert load_template(starter, "welcome").name == "welcome"
    with pytest.raises(UnknownName, match="did you mean 'weekly_picks'"):
        load_template(starter, "weekly_pick")
    for name in ("../vocative", "blocks/footer", "/etc/passwd"):
        with pytest.raises(UnknownName):
            load_template(starter, name)


@pytest.mark.parametrize(
    ("yaml", "message", "line"),
    [
        ("preheader: x", "has no subject", 1),
        ("subject: x\nsubjct: y", "unknown key 'subjct'", 2),
        ("subject: 3", "must be text", 1),
        ("subject: x\npreheader: >-\n  one\n  two {{ person.first_name", "never closed", 4),
        ("subject: x\ntext: |\n  one\n\n  two {% if %}", "Liquid", 5),
    ],
)
def test_mistakes_beside_the_layout(starter: Workspace, yaml: str, message: str, line: int):
    (starter.root / "templates" / "welcome.yaml").write_text(yaml)
    with pytest.raises(AuthorError, match=message) as refused:
        load_template(starter, "welcome")
    assert refused.value.where.line == line
    assert refused.value.where.file == "templates/welcome.yaml"


def test_real_layouts_compile(shared_data):
    files = sorted((shared_data / "templates" / "mjml").glob("*.mjml"))
    assert files
    for file in files:
        source = TemplateSource.of(file.stem, mjml=file.read_text(encoding="utf-8"), subject="x")
        rendered = compile_template(source).render({})
        assert len(rendered.text) > 100
        assert max(len(line.encode()) for line in rendered.html.split("\n")) <= 998
        assert balanced(rendered.html), file.name


def test_a_style_written_over_several_lines_is_kept(render):
    body = text_block('<p style="\n  color: #112233;\n  margin: 0;\n">Hello</p>')
    html = render(body).html
    assert re.search(r'<p\s+style="\s*color: #112233; margin: 0;\s*">Hello', html), html
