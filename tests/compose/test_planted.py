"""Faults planted in good templates are all found, and good templates raise no alarm."""

import sys
from collections import Counter
from types import ModuleType

import pytest
from mails import layout, text_block

from vocative.cli.bench import FOLDER
from vocative.compose import TemplateSource, check_template

EACH = 3
FOOTER = (
    text_block('<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ postal_address }}')
    .replace("<mj-section>", '<mj-section background-color="#ffffff">')
    .replace("<mj-text>", '<mj-text color="#222222">')
)
# What is wrong with layouts that their makers publish; each was read and is so.
PUBLISHED = {
    "alert": {"incomplete_link": 2, "low_contrast": 5, "image_without_alt": 1},
    "arturia": {"broken_link": 1, "low_contrast": 6},
    "austin": {"low_contrast": 2, "foreign_picture": 4},
    "basic": {"incomplete_link": 2, "low_contrast": 2, "image_without_alt": 4},
    "black-friday": {"image_without_alt": 2},
    "card": {"incomplete_link": 6, "low_contrast": 6},
    "christmas": {"image_without_alt": 7, "foreign_picture": 3},
    "delivery": {"image_without_alt": 5},
    "happy-new-year": {"image_without_alt": 2},
    "loyalty-client": {"incomplete_link": 3, "image_without_alt": 2, "foreign_picture": 3},
    "newsletter": {"low_contrast": 6, "image_without_alt": 4, "foreign_picture": 2},
}


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    """bench/_planted.py."""
    sys.path.append(str(FOLDER))
    import _planted

    return _planted


def test_good_templates_raise_no_alarm(planted):
    for good in planted.good_templates():
        assert planted.check(good) == []


def test_every_planted_fault_is_found(planted):
    some = planted.some_faults(EACH)
    assert len(some) >= 100
    missed = [
        (fault.rule, fault.template.name, fault.file)
        for fault in some
        if not planted.is_found(fault)
    ]
    assert missed == []


def test_published_layouts_have_the_faults_they_have(shared_data):
    for name, expected in PUBLISHED.items():
        mjml = (shared_data / "templates" / "mjml" / f"{name}.mjml").read_text()
        # The postal address and the way out are ours to add.
        source = TemplateSource.of(
            name, mjml=mjml.replace("</mj-body>", FOOTER + "</mj-body>"), subject="x"
        )
        found = check_template(source, {})
        assert Counter(one.code for one in found) == expected, name
        assert all(one.where.line and one.fix for one in found)


def test_a_style_that_cannot_be_known_says_nothing():
    body = (
        '<mj-section background-url="https://shop.example/b.png"><mj-column>'
        '<mj-text color="#eeeeee">On a picture</mj-text></mj-column></mj-section>'
        + text_block('<a href="https://shop.example">As blue as you like</a>')
        + text_block('<div style="display:none;color:#fff">Hidden</div>')
    )
    source = TemplateSource.of("t", mjml=layout(body + FOOTER), subject="x")
    assert check_template(source, {}) == []
