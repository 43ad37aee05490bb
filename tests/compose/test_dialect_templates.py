"""Real templates of other systems: all are read, all can be rendered, nothing crashes."""

import html
import importlib
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from vocative.clock import FixedClock
from vocative.compose import Rendered, compile_template

BENCH = Path(__file__).resolve().parents[2] / "bench"
PEOPLE = 2
"""`vocative bench dialects` renders each for 100."""


@pytest.fixture(scope="module")
def importing() -> ModuleType:
    sys.path.append(str(BENCH))
    return importlib.import_module("_dialect_templates")


def test_real_templates_are_imported_and_rendered(importing: ModuleType, shared_data: Path) -> None:
    imported = list(importing.import_all(shared_data / "templates", PEOPLE))
    assert len(imported) > 40
    assert [f"{one.file.name}: {one.error}" for one in imported if one.error] == []
    for one in imported:
        assert len(one.rendered) == PEOPLE
        # Nothing of the foreign language is left for people to read.
        assert not re.search(r"\*\|[A-Z_:]+\|\*|\{%|\{\{ *[a-z$]", one.rendered[0].text)


MAILS = ("email_activation", "password_reset", "welcome_email")
ADDRESS = "1234 Elm Street, Suite 567, City, • 12345"


@pytest.mark.parametrize("dialect", ["mailchimp", "klaviyo"])
@pytest.mark.parametrize("mail", MAILS)
def test_the_same_mail_says_the_same_in_every_dialect(
    importing: ModuleType, shared_data: Path, mail: str, dialect: str
) -> None:
    folder = shared_data / "templates" / "email_template_pack_3dialects" / mail
    plain = folder / "html" / f"{mail}.html"
    first_words = _first_words(plain.read_text(encoding="utf-8"))
    expected = _render(importing, plain, "liquid", first_words)
    found = _render(importing, folder / dialect / f"{mail}.html", dialect, first_words)
    assert _seen(found.html) == _seen(expected.html)
    assert _words(found.text) == _words(expected.text)


def _first_words(layout: str) -> str:
    """What the inbox shows; in Mailchimp it is a setting of the campaign, not of the template."""
    shown = re.search(r"<div style=\"display:none[^>]*>(.*?)</div>", layout, re.DOTALL)
    return html.unescape(shown[1]).strip() if shown else ""


def _render(importing: ModuleType, file: Path, dialect: str, preheader: str) -> Rendered:
    converted = importing.convert(file, dialect)
    source = importing.source_of(converted, ".html")
    template = compile_template(source, clock=FixedClock(datetime(2025, 6, 1, tzinfo=UTC)))
    links = dict.fromkeys(("activation_link", "reset_link"), "https://shop.example/go")
    person = {**dict.fromkeys(importing.catalog_of(converted)), **links}
    data = {**importing.MESSAGE, "postal_address": ADDRESS, "person": person}
    if source.preheader is not None:
        data["preheader"] = preheader
    parts = template.render(data)
    return Rendered(
        subject=parts.subject,
        preheader=parts.preheader,
        html=parts.html.replace(importing.PREHEADER, preheader),
        text=parts.text,
        branches=(),
    )


def _seen(page: str) -> list[str]:
    """The words of a page, its comments, styles and title aside."""
    page = re.sub(r"<!--.*?-->|<(style|title)\b.*?</\1>", "", page, flags=re.DOTALL)
    return _words(html.unescape(re.sub(r"<[^>]*>", " ", page)))


def _words(text: str) -> list[str]:
    """The words of a text, the addresses of links aside."""
    text = re.sub(r"<[^>]*>|https?://\S+", " ", text)
    return re.sub(r"[\u034f\u200c]|(?<=Unsubscribe):", " ", text).split()
