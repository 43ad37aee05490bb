"""The words that pages for visitors and recipients need, in the languages that they speak.

An author writes the words of a form or a purpose: one text, or one for each language. What every
page says besides (buttons, faults of answers, what a link does) is in `languages/`, one file per
language: another file is another language.
"""

import tomllib
from collections.abc import Container, Mapping
from datetime import date
from pathlib import Path

Text = str | dict[str, str]
"""A text in its author's language, or one for each language."""
_FOLDER = Path(__file__).with_name("languages")

WORDS: dict[str, dict[str, str]] = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted(_FOLDER.glob("*.toml"))
}
"""By language and name; words in braces are filled in."""
LANGUAGES = tuple(WORDS)


def word(name: str, language: str, **filled: object) -> str:
    """One of the words that every page needs.

    >>> word("step", "de", step=1, steps=3)
    'Schritt 1 von 3'
    """
    return WORDS[language][name].format(**filled)


def in_language(text: Text, language: str, otherwise: str) -> str:
    """An author's text in a language, else in the author's own, else in any.

    >>> in_language({"en": "Name", "fr": "Nom"}, "fr", "en")
    'Nom'
    """
    if isinstance(text, str):
        return text
    return text.get(language) or text.get(otherwise) or next(iter(text.values()), "")


def spoken(tag: str | None) -> str | None:
    """The language that pages speak to somebody who reads `tag`; None when they do not speak it.

    >>> spoken("de-AT"), spoken("tlh")
    ('de', None)
    """
    main = (tag or "").replace("_", "-").partition("-")[0].strip().lower()
    return main if main in WORDS else None


def chosen_language(accepted: str, offered: Container[str]) -> str | None:
    """The first offered language of an Accept-Language header, by its order; None when none is.

    >>> chosen_language("de-AT,de;q=0.9,en;q=0.8", ("en", "de"))
    'de'
    """
    weighted = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            wanted = float(weight) if weight else 1.0
        except ValueError:
            continue
        weighted.append((-wanted, place, tag.strip().partition("-")[0].lower()))
    return next((tag for _, _, tag in sorted(weighted) if tag in offered), None)


def language_name(tag: str) -> str:
    """What a language calls itself.

    >>> language_name("fr")
    'Français'
    """
    from babel import Locale, UnknownLocaleError

    try:
        found = Locale.parse(tag.replace("-", "_")).get_display_name()
    except (UnknownLocaleError, ValueError):
        found = None
    return found[:1].upper() + found[1:] if found else tag


def day_in_words(day: date, language: str) -> str:
    """A day as it is written in a language.

    >>> day_in_words(date(2026, 3, 31), "de")
    '31. März 2026'
    """
    from babel.dates import format_date

    return format_date(day, "long", locale=language)


def missing_languages(text: Text, otherwise: str) -> Mapping[str, str]:
    """What is wrong with the languages of an author's text: by language, in words."""
    if isinstance(text, str):
        return {}
    faults = {one: "pages do not speak this language" for one in text if one not in WORDS}
    if otherwise not in text:
        faults[otherwise] = f"this text is missing in {otherwise}, which stands in for the others"
    return faults
