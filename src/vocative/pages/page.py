"""A page as HTML, with the headers that belong to it.

Texts are escaped where they are put in. A visitor's browser is told to load nothing besides the
logo, to run nothing but what stands here, and to let none but named sites show the page in a frame.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path

from vocative.pages.brand import (
    DARK_PAPER,
    DEFAULT_COLOR,
    DEFAULT_FONT,
    LIGHT_PAPER,
    Brand,
    is_seen_on,
    on_color,
    origin_of,
)
from vocative.pages.words import in_language

_STYLE = Path(__file__).with_name("page.css")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, and the headers that belong to it."""

    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What pages have in common."""

    brand: Brand = field(default_factory=Brand)
    language: str = "en"
    otherwise: str = "en"
    """The language of texts of the brand that are not there in `language`."""
    imprint: str = ""
    """Who they are from and where they live, as text."""
    sites: Sequence[str] = ()
    """Who may show them in a frame, and be led to."""
    framed: bool = False
    form: str = ""
    done: bool = False
    """Whether the form has been sent."""


def page(look: Look, title: str, body: str, scripts: Sequence[str] = ()) -> Page:
    """A whole page.

    Args:
        look: How it looks.
        title: As text.
        body: As HTML.
        scripts: The text of each script that runs in it.
    """
    nonce = secrets.token_urlsafe(16)
    script = "\n".join(f'<script nonce="{nonce}">{text}</script>' for text in scripts)
    attributes = f' data-form="{escape(look.form)}"' if look.form else ""
    attributes += " data-done" if look.done else ""
    html = f"""<!doctype html>
<html lang="{look.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style nonce="{nonce}">{_colors(look.brand)}{_style()}</style>
</head>
<body{' class="framed"' if look.framed else ""}{attributes}>
<main>
{_head(look.brand)}
{body}
</main>
{_foot(look)}
{script}
</body>
</html>
"""
    return Page(html=html, headers=_headers(look, nonce, has_scripts=bool(scripts)))


def words_page(look: Look, title: str, texts: Iterable[str], more: str = "") -> Page:
    """A page that says something.

    Args:
        look: How it looks.
        title: As text.
        texts: Paragraphs, as text.
        more: HTML below them.
    """
    paragraphs = "\n".join(f"<p>{escape(text)}</p>" for text in texts)
    return page(look, title, f"<h1>{escape(title)}</h1>\n{paragraphs}\n{more}")


def _colors(brand: Brand) -> str:
    color = brand.color or DEFAULT_COLOR
    light, dark = (
        color if is_seen_on(color, paper) else "var(--ink)" for paper in (LIGHT_PAPER, DARK_PAPER)
    )
    return (
        f":root {{ --brand: {color}; --on-brand: {on_color(color)};"
        f" --edge: light-dark({light}, {dark}); --font: {brand.font or DEFAULT_FONT}; }}\n"
    )


def _head(brand: Brand) -> str:
    if brand.logo:
        return f'<img class="logo" src="{escape(brand.logo)}" alt="{escape(brand.name or "")}">'
    return f'<p class="name">{escape(brand.name)}</p>' if brand.name else ""


def _foot(look: Look) -> str:
    if look.framed:
        return ""  # The page around it has its own.
    links = " · ".join(
        f'<a href="{escape(link.url)}" rel="noopener">'
        f"{escape(in_language(link.text, look.language, look.otherwise))}</a>"
        for link in look.brand.links
    )
    parts = [escape(look.imprint), links]
    lines = "".join(f"<p>{part}</p>" for part in parts if part)
    return f"<footer>{lines}</footer>" if lines else ""


def _headers(look: Look, nonce: str, *, has_scripts: bool) -> dict[str, str]:
    sites = " ".join(look.sites)
    pictures = (origin_of(look.brand.logo) if look.brand.logo else None) or "'none'"
    scripts = f"'nonce-{nonce}'" if has_scripts else "'none'"
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src {pictures};"
        f" script-src {scripts}; base-uri 'none'; form-action 'self' {sites};"
        f" frame-ancestors 'self' {sites}"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")
