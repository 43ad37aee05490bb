"""What all pages share: every word in every language, and colours that can be read."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.errors import AuthorError
from vocative.pages.brand import (
    DARK_PAPER,
    LEAST_CONTRAST,
    LIGHT_PAPER,
    Brand,
    BrandLink,
    contrast,
    on_color,
)
from vocative.pages.page import Look, page, words_page
from vocative.pages.words import LANGUAGES, WORDS, in_language, spoken
from vocative.workspace.settings import read_settings

COLORS = st.text("0123456789abcdefABCDEF", min_size=6, max_size=6).map("#{}".format)
SETTINGS = """\
workspace: test
sender: {email: hello@shop.example, name: The Shop}
postal_address: "1 High Street"
"""


def test_four_languages_at_least() -> None:
    assert {"en", "de", "fr", "es"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_in_every_language(language: str) -> None:
    assert list(WORDS[language]) == list(WORDS["en"])
    for name, text in WORDS[language].items():
        assert text.strip() == text != ""
        braces = [sorted(re.findall(r"\{\w+\}", one)) for one in (text, WORDS["en"][name])]
        assert braces[0] == braces[1], name


@given(COLORS)
def test_any_color_can_be_read_and_seen(color: str) -> None:
    assert contrast(color, on_color(color)) >= 4.5
    html = page(Look(brand=Brand(color=color)), "Title", "").html
    [(light, dark)] = re.findall(r"--edge: light-dark\(([^,]+), ([^;]+)\);", html)
    for edge, paper in ((light, LIGHT_PAPER), (dark, DARK_PAPER)):
        assert edge == "var(--ink)" or contrast(edge, paper) >= LEAST_CONTRAST


def test_papers_are_those_of_the_style_sheet() -> None:
    style = Path(__file__).parents[2] / "src" / "vocative" / "pages" / "page.css"
    [found] = re.findall(r"--paper: light-dark\((#\w+), (#\w+)\)", style.read_text())
    full = ["#" + "".join(c * 2 for c in one[1:]) if len(one) == 4 else one for one in found]
    assert full == [LIGHT_PAPER, DARK_PAPER]


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(LANGUAGES))
@settings(max_examples=40)
def test_nothing_that_is_stated_breaks_out_of_a_page(text: str, name: str, language: str) -> None:
    hostile = f'{text}"><script>alert(1)</script>'
    brand = Brand(
        name=hostile,
        links=[BrandLink(text=hostile, url="https://shop.example/?a=1&b=2")],
    )
    look = Look(brand=brand, language=language, imprint=name)
    html = words_page(look, hostile, [hostile]).html
    assert "<script" not in html
    assert 'href="https://shop.example/?a=1&amp;b=2"' in html


def test_a_page_loads_its_logo_and_nothing_else() -> None:
    shown = page(Look(brand=Brand(logo="https://cdn.example/logo.png", name="Shop")), "T", "")
    assert 'alt="Shop"' in shown.html
    policy = shown.headers["Content-Security-Policy"]
    assert "img-src https://cdn.example;" in policy
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy


@given(st.text(string.ascii_letters + "-_ ", max_size=12))
def test_any_language_tag_is_understood(tag: str) -> None:
    assert spoken(tag) in (None, *LANGUAGES)
    assert in_language({"pt": "Olá"}, tag, "en") == "Olá"


@pytest.mark.parametrize(
    ("more", "where", "message"),
    [
        ("brand: {color: red}", "4:16", "no color"),
        ('brand: {logo: "javascript:alert(1)"}', "4:16", "no web address"),
        ('brand: {font: "x;} body {"}', "4:16", "no list of fonts"),
        ('brand: {links: [{text: A, url: "data:x"}]}', "4:33", "no web address"),
        ("brand: {colour: red}", "4:9", "unknown field"),
        ('purposes: {news: {title: {tlh: "x", en: "y"}}}', "4:27", "do not speak"),
        ('purposes: {news: {describe: {de: "x"}}}', "4:29", "missing in en"),
        ("pages: {view_days: 0}", "4:20", ">= 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, more: str, where: str, message: str
) -> None:
    (tmp_path / "vocative.yaml").write_text(f"{SETTINGS}{more}\n")
    with pytest.raises(AuthorError) as caught:
        read_settings(tmp_path)
    assert message in caught.value.message
    found = caught.value.where
    assert f"{found.line}:{found.column}" == where  # type: ignore[union-attr]
