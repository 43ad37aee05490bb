"""The static check finds what is wrong, says where and how to repair it, and nothing else."""

import re

import pytest
from mails import layout, text_block

from vocative.compose import TemplateSource, check_line, check_template
from vocative.compose.checking.check import check_definitions
from vocative.errors import AuthorError, Where
from vocative.sql import Field

FOOTER = text_block('<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ postal_address }}')


def check(catalog, body, *, footer=FOOTER, subject="Hello", **more):
    source = TemplateSource.of("t", mjml=layout(body + footer), subject=subject, **more)
    return check_template(source, catalog)


def codes(findings) -> list[str]:
    return [found.code for found in findings]


@pytest.mark.parametrize(
    "body",
    [
        "{{ person.spend_180d | money: 'GBP' }}",
        "{{ person.first_name | default: 'there' }}",
        "{{ person.first_name | upcase | default: 'there' }}",
        "{% if person.first_name %}{{ person.first_name }}{% endif %}",
        (
            "{% if person.first_name and person.country %}"
            "{{ person.first_name }}{{ person.country }}{% endif %}"
        ),
        "{% if person.first_name != blank %}{{ person.first_name }}{% endif %}",
        "{% if person.first_name == blank %}x{% else %}{{ person.first_name }}{% endif %}",
        (
            "{% if person.first_name == nil %}x"
            "{% elsif variant == 'a' %}{{ person.first_name }}{% endif %}"
        ),
        "{% unless person.first_name == nil %}{{ person.first_name }}{% endunless %}",
        "{% if person.country == 'GB' %}{{ person.country }}{% endif %}",
        "{% case person.country %}{% when 'GB', 'IE' %}{{ person.country }}{% endcase %}",
        "{% assign name = person.first_name | default: 'you' %}{{ name }}",
        "{% assign name = person.first_name %}{% if name %}{{ name }}{% endif %}",
        (
            "{% if person.first_name %}{% assign name = person.first_name %}"
            "{% else %}{% assign name = 'you' %}{% endif %}{{ name }}"
        ),
        (
            "{% for p in products %}{{ p.title }}{{ forloop.index }}"
            "{% if p.price %}{{ p.price | money: p.currency }}{% endif %}{% endfor %}"
        ),
        "{% if products.size > 1 %}{{ products.first.title }}{{ products[1].title }}{% endif %}",
        "{% if offer %}{{ offer.title }}{% if offer.text %}{{ offer.text }}{% endif %}{% endif %}",
        "{% if offer.code %}{{ offer.code }}{% endif %}",
        (
            "{% assign kinds = products | map: 'category' | compact | uniq %}"
            "{{ kinds | join: ', ' }}{% if kinds.size > 0 %}{{ kinds[0] }}{% endif %}"
        ),
        (
            "{% assign one = person.country | product %}{% assign same = one %}"
            "{% if same %}{{ same.title }}{% endif %}"
        ),
        "{% capture a %}x{% endcapture %}{{ a }}{{ a | size }}{% increment n %}{{ n }}",
        "{{ campaign.name }} {{ sender_name }} {{ view_url }}",
    ],
)
def test_sound_templates_have_no_findings(catalog, body):
    assert check(catalog, text_block(body)) == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("{{ person.first_name }}", "person.first_name"),
        ("{{ person.first_name | upcase }}", "person.first_name"),
        ("{{ 'Dear ' | append: person.first_name }}", "person.first_name"),
        ("{% if person.country %}{{ person.first_name }}{% endif %}", "person.first_name"),
        (
            "{% if person.first_name or person.country %}{{ person.first_name }}{% endif %}",
            "person.first_name",
        ),
        ("{% if person.first_name != '' %}{{ person.first_name }}{% endif %}", "person.first_name"),
        ("{% if person.first_name %}x{% endif %}{{ person.first_name }}", "person.first_name"),
        ("{% assign n = person.first_name %}{{ n }}", "person.first_name"),
        ("{% assign n = person.first_name | upcase %}{{ n }}", "person.first_name"),
        (
            (
                "{% if offer %}{% assign n = person.first_name %}"
                "{% else %}{% assign n = 'you' %}{% endif %}{{ n }}"
            ),
            "person.first_name",
        ),
        ("{% for p in products %}{{ p.reason }}{% endfor %}", "product.reason"),
        ("{{ products.first.title }}", "products.first"),
        ("{% if products.size > 0 %}{{ products[1].title }}{% endif %}", "products.1"),
        ("{% if products.size < 9 %}{{ products[0].title }}{% endif %}", "products.0"),
        ("{{ offer.title }}", "offer"),
        ("{% if offer %}{{ offer.code }}{% endif %}", "offer.code"),
        (
            "{% case person.country %}{% when 'GB' %}x{% else %}{{ person.country }}{% endcase %}",
            "person.country",
        ),
    ],
)
def test_values_that_may_be_missing(catalog, body, name):
    found = check(catalog, text_block("\n" + body))
    assert codes(found) == ["may_be_missing"]
    assert found[0].message.startswith(f"{name} may be missing")
    assert found[0].severity == "error"
    assert "default" in found[0].fix
    assert found[0].where.line == 2


@pytest.mark.parametrize(
    ("body", "name", "fix"),
    [
        ("{{ person.frist_name }}", "person.frist_name", "did you mean person.first_name?"),
        (
            "{{ person.spend_18d | default: 1 }}",
            "person.spend_18d",
            "did you mean person.spend_180d?",
        ),
        ("{% if first_name %}x{% endif %}", "first_name", "did you mean person.first_name?"),
        ("{% for p in product %}{% endfor %}", "product", "did you mean products?"),
        ("{% for p in products %}{{ p.titel }}{% endfor %}", "p.titel", "did you mean p.title?"),
        ("{% if offer.coed %}x{% endif %}", "offer.coed", "did you mean offer.code?"),
        ("{{ campaign.id }}", "campaign.id", "did you mean campaign.name?"),
        ("{{ person.country.code | default: 'x' }}", "person.country.code", None),
        ("{{ 'x' | append: unsubscribe_link }}", "unsubscribe_link", None),
        ("{% case varient %}{% when 'a' %}{% endcase %}", "varient", "did you mean variant?"),
    ],
)
def test_names_that_do_not_exist(catalog, body, name, fix):
    found = check(catalog, text_block(f"\n  {body}"))
    assert codes(found)[0] == "unknown_field"
    assert found[0].message == f"there is no {name}"
    assert fix is None or found[0].fix == fix
    column = body.rindex(name) + 3
    assert (found[0].where.line, found[0].where.column) == (2, column)
    assert str(found[0]).splitlines()[3].index("^") == column + 1


def test_findings_point_into_blocks_subjects_and_texts(catalog):
    found = check(
        catalog,
        "{% render 'hi', name: person.first_name %}",
        blocks={"hi": "\n" + text_block("{{ name }}{{ nothing }}")},
        subject="{{ person.first_name }}",
        preheader="{{ person.nothing }}",
        text="\n{{ offer.title }} {{ unsubscribe_url }}",
    )
    assert {(one.code, one.where.file, one.where.line) for one in found} == {
        ("may_be_missing", "blocks/hi.mjml", 2),
        ("unknown_field", "blocks/hi.mjml", 2),
        ("may_be_missing", "t.subject", 1),
        ("unknown_field", "t.preheader", 1),
        ("may_be_missing", "t.text", 2),
    }


@pytest.mark.parametrize(
    ("footer", "expected"),
    [
        ("", {"no_unsubscribe_link", "no_postal_address"}),
        (text_block("{{ unsubscribe_url }} {{ postal_address }}"), {"no_unsubscribe_link"}),
        (text_block('<a href="{{ unsubscribe_url }}">x</a>'), {"no_postal_address"}),
        ("{% if offer %}" + FOOTER + "{% endif %}", {"no_unsubscribe_link", "no_postal_address"}),
        (
            text_block("{% comment %}{{ unsubscribe_url }}{% endcomment %}"),
            {"no_unsubscribe_link", "no_postal_address"},
        ),
        (FOOTER, set()),
    ],
)
def test_everybody_can_leave_and_sees_who_wrote(catalog, footer, expected):
    assert set(codes(check(catalog, text_block("x"), footer=footer))) == expected


def test_a_footer_block_that_is_handed_its_link(catalog):
    blocks = {"foot": text_block('<a href="{{ leave }}">Leave</a> {{ postal_address }}')}
    body = "{% render 'foot', leave: unsubscribe_url %}"
    assert check(catalog, body, footer="", blocks=blocks) == []
    blocks = {"foot": text_block("{{ leave }} {{ postal_address }}")}
    assert codes(check(catalog, body, footer="", blocks=blocks)) == ["no_unsubscribe_link"]


@pytest.mark.parametrize(
    ("body", "code", "severity"),
    [
        (text_block('<a href="javascript:alert(1)">x</a>'), "unsafe_link", "error"),
        (text_block('<a href="/sale">x</a>'), "incomplete_link", "error"),
        (text_block('<a href="www.shop.example">x</a>'), "incomplete_link", "error"),
        (text_block('<a href="">x</a>'), "incomplete_link", "error"),
        (text_block('<img src="https://shop.example/a.png">'), "image_without_alt", "warning"),
        (
            "<mj-section><mj-column><mj-image src='https://x.example' /></mj-column></mj-section>",
            "image_without_alt",
            "warning",
        ),
        (
            (
                '<mj-section><mj-column><mj-social><mj-social-element name="x">us'
                "</mj-social-element></mj-social></mj-column></mj-section>"
            ),
            "foreign_picture",
            "warning",
        ),
        ("<mj-section><mj-colunm></mj-colunm></mj-section>", "mjml", "error"),
        ("{% if offer %}", "liquid", "error"),
        (text_block("{{ campaign.name | uppercase }}"), "unknown_filter", "error"),
        (text_block("{{ person.spend_180d | divided_by: 0 }}"), "render", "error"),
        (text_block("<p>" + "many words " * 12_000 + "</p>"), "too_large", "warning"),
    ],
)
def test_other_findings(catalog, body, code, severity):
    found = check(catalog, body)
    assert code in codes(found)
    assert next(one for one in found if one.code == code).severity == severity


def test_links_and_images_that_are_right(catalog):
    body = text_block(
        '<a href="mailto:hi@shop.example">a</a><a href="tel:+44123">b</a><a href="#top">c</a>'
        '<a href="{{ view_url }}?x=1">d</a><a href="https://shop.example">e</a>'
        '<img src="https://shop.example/a.png" alt="">'
    )
    assert check(catalog, body) == []


def test_errors_come_before_warnings_and_read_well(catalog):
    found = check(
        catalog,
        text_block('\n<img src="https://x.example"><a href="/x">{{ person.frist_name }}</a>'),
    )
    assert [one.severity for one in found] == ["error", "error", "warning"]
    shown = str(found[0])
    assert shown.startswith("error: there is no person.frist_name [unknown_field]\n  at t.mjml:2:")
    assert shown.endswith("fix: did you mean person.first_name?")
    assert found[0].as_json()["where"]["line"] == 2
    assert isinstance(found[0].as_error(), AuthorError)


def test_a_variants_subject(catalog):
    where = Where(file="campaigns/a.yaml", line=3, column=9)
    assert check_line("Hi {{ person.first_name | default: 'you' }}", catalog, where=where) == []
    assert codes(check_line("{{ person.first_name }}", catalog, where=where)) == ["may_be_missing"]
    found = check_line("{{ person.first_name", catalog, where=where)
    assert (found[0].code, found[0].where) == ("liquid", where)


def test_a_plain_text_without_a_way_out(catalog):
    assert codes(check(catalog, text_block("x"), text="Hello")) == ["text_without_unsubscribe"]


def test_people_without_fields_can_still_be_greeted():
    assert check({}, text_block("{{ person.anything | default: 'x' }}"))[0].fix is None
    empty: dict[str, Field] = {}
    assert check(empty, text_block("Hello")) == []


def test_all_errors_of_a_template_are_told_at_once(starter):
    (starter.root / "templates" / "weekly_picks.mjml").unlink()
    (starter.root / "templates" / "weekly_picks.yaml").unlink()
    layout_file = starter.root / "templates" / "welcome.mjml"
    layout_file.write_text(layout_file.read_text().replace("{{ sender_name }}", "{{ sender_nam }}"))
    with pytest.raises(AuthorError) as refused:
        check_definitions(starter)
    told = str(refused.value)
    # This workspace knows of no first names, either.
    assert told.count("there is no sender_nam") == 2
    assert "there is no person.first_name" in told
    assert re.search(r"templates/welcome\.mjml:\d+:\d+ there is no", told)
