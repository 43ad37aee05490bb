"""What a form's file may say, and how it is refused: with the place of what is wrong."""

import re

import pytest

from formed import NEWSLETTER, SURVEY, write_form
from vocative.collect.forms.definition import check_definitions, read_form
from vocative.errors import AuthorError, UnknownName
from vocative.workspace import Workspace


def one_question(text: str) -> str:
    return f"title: T\nsteps:\n  - questions:\n      - {{name: q, label: Q, {text}}}\n"


def test_a_form_is_read(workspace: Workspace) -> None:
    write_form(workspace, "newsletter", NEWSLETTER)
    write_form(workspace, "survey", SURVEY)
    form = read_form(workspace, "newsletter")
    assert form.languages == ("en", "de")
    assert form.address is not None
    assert [question.name for question in form.questions] == ["email", "first_name", "news"]
    before = form.version
    write_form(workspace, "newsletter", NEWSLETTER + "describe: changed\n")
    assert read_form(workspace, "newsletter").version != before


@pytest.mark.parametrize(
    ("old", "new", "message", "at"),
    [
        ("kind: email", "kind: emial", r"did you mean 'email'", "7:29"),
        ("purpose: marketing", "purpose: marketin", r"did you mean 'marketing'", "12:18"),
        ("first_name, label: First name", "email, label: First name", "asked twice", "8:16"),
        ("required: true}", "}", "a consent needs an e-mail address", None),
        ("wording: 2026-11", "describe: x", "unknown field `describe`", "13:9"),
        ("        wording: 2026-11\n", "", "a consent needs a wording", "9:9"),
        ("sites: [", "site: [", "unknown field `site`", "3:1"),
        ("https://shop.example", "https://shop.example/", "not the origin of a site", "3:10"),
        ("https://shop.example", "shop.example", "not the origin of a site", "3:10"),
        ("{en: Our newsletter, de", "{de: U, fr", "missing in the form's language, en", "1:8"),
        ("de: Unser", "nl: Unser", "unknown language 'nl'", "1:29"),
        ("min_seconds: 0", "within: soon", "no length of time", "4:17"),
        ("trait: first_name}", "when: email = 'a'}", "unknown", None),
        ("name: news", "name: News", "cannot be a question's name", None),
        ("trait: first_name}", "choices: {a: A}}", "has no choices", None),
        ("trait: first_name}", "pattern: '(?=a)'}", "this is no pattern", None),
        ("trait: first_name}", "pattern: '('}", "this is no pattern", None),
        ("trait: first_name}", "max_length: 900}", "at most 500", None),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    workspace: Workspace, old: str, new: str, message: str, at: str | None
) -> None:
    assert old in NEWSLETTER
    write_form(workspace, "newsletter", NEWSLETTER.replace(old, new, 1))
    with pytest.raises(
        AuthorError, match=re.escape(message) if "'" in message else message
    ) as told:
        check_definitions(workspace)
    place = str(told.value.where)
    assert place.startswith("forms/newsletter.yaml:")
    assert at is None or place.startswith(f"forms/newsletter.yaml:{at}\n"), place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: choice", "needs choices"),
        ("kind: postcode", "needs a country"),
        ("kind: postcode, country: XX", "no country"),
        ("kind: phone, country: Germany", "no country"),
        ("kind: postcode, country_question: other", "a question of kind choice"),
        ("kind: number, min: many", "must be a number"),
        ("kind: date, min: 1.5.2020", "this is no date"),
        ("kind: hidden, required: true", "nobody can be made to answer"),
        ("kind: consent, purpose: marketing, wording: '1'", "for sure"),
        ("kind: consent, wording: '1'", "needs a purpose"),
        ("kind: text, purpose: marketing", "has no purpose"),
    ],
)
def test_a_question_needs_what_its_kind_needs(
    workspace: Workspace, text: str, message: str
) -> None:
    write_form(workspace, "form", one_question(text))
    with pytest.raises(AuthorError, match=message):
        check_definitions(workspace)


@pytest.mark.parametrize(
    ("redirect", "is_right"),
    [
        ("https://shop.example/thanks?a=1", True),
        ("http://127.0.0.1:8750/x", True),
        ("https://evil.example/", False),
        ("https://shop.example.evil.example/", False),
        ("https://shop.example@evil.example/", False),
        ("https:shop.example", False),
        ("//shop.example/", False),
        ("javascript:alert(1)", False),
        ("https://shop.example\\\\@evil.example", False),
        ("/thanks", False),
    ],
)
def test_a_form_leads_to_its_own_sites_only(
    workspace: Workspace, redirect: str, is_right: bool
) -> None:
    text = f'{NEWSLETTER}thanks: {{redirect: "{redirect}"}}\n'
    write_form(workspace, "newsletter", text)
    if is_right:
        check_definitions(workspace)
    else:
        with pytest.raises(AuthorError, match="leads to a site of nobody's"):
            check_definitions(workspace)


@pytest.mark.parametrize(
    "brand",
    [
        "color: red",
        "color: '#12345'",
        "font: 'x; } body { display: none'",
        "font: '</style>'",
        "logo: 'javascript:alert(1)'",
        "logo: 'https://a.example/\"onload=x'",
    ],
)
def test_a_look_brings_no_code(workspace: Workspace, brand: str) -> None:
    write_form(workspace, "newsletter", f"{NEWSLETTER}brand: {{{brand}}}\n")
    with pytest.raises(AuthorError):
        check_definitions(workspace)


def test_conditions_see_earlier_steps_only(workspace: Workspace) -> None:
    text = SURVEY.replace("contains(topics, 'shoes')", "children > 2")
    write_form(workspace, "survey", text)
    with pytest.raises(UnknownName, match="children"):
        check_definitions(workspace)
    write_form(workspace, "survey", SURVEY.replace("when: has_children", "when: topics"))
    with pytest.raises(AuthorError, match="list of text"):
        check_definitions(workspace)


def test_an_unknown_form_names_the_nearest(workspace: Workspace) -> None:
    write_form(workspace, "newsletter", NEWSLETTER)
    with pytest.raises(UnknownName, match="newsletter"):
        read_form(workspace, "newsleter")
