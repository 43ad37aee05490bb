"""From MJML, or HTML as its author wrote it, to the HTML that mail programs understand.

In comes a protected layout, out goes HTML with the author's styles inlined, at-rules (`@media`)
and rules that cannot be inlined kept in the head, and no line longer than mail allows. Nothing
is fetched. Refused: what MJML refuses.
"""

import re

from vocative.compose.markup.protect import AUTHOR_STYLE, NOT_INLINED, Protected
from vocative.errors import AuthorError

_POSITION = re.compile(r" at position (\d+):\d+")
_CONDITIONAL = re.compile(r"<!--(\[if [^\]]*\]>)(.*?)<!\[endif\]-->", re.DOTALL)
# Between attributes a line break changes nothing, and only Outlook sees the other place.
_BREAK = re.compile(r' (?=[\w:-]+="[^"]*")|(?<=\[if mso\|IE\]>)')
_LINE_LENGTH = 200
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E"
    "%3Cpath d='{}' fill='none' stroke='%23888' stroke-width='3'/%3E%3C/svg%3E"
)
# MJML's own pictures come from elsewhere, and elsewhere would learn who opens the mail.
_ICONS = {
    "https://i.imgur.com/xTh3hln.png": _ICON.format("M15 5l-7 7 7 7"),
    "https://i.imgur.com/os7o9kz.png": _ICON.format("M9 5l7 7-7 7"),
    "https://i.imgur.com/bIXv1bk.png": _ICON.format("M5 9l7 7 7-7"),
    "https://i.imgur.com/w4uTygT.png": _ICON.format("M5 15l7-7 7 7"),
}
_UNTRACKED = frozenset(("unsubscribe_url", "view_url", "preferences_url"))
_LINK = re.compile(r'<a\b(?:[^<>"]|"[^"]*")*>')
PREHEADER = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;'
    'opacity:0;overflow:hidden">{{ preheader }}' + "&#847;&zwnj;&nbsp;\n" * 40 + "</div>"
)


def to_html(protected: Protected, *, preheader: bool) -> str:
    """The layout as HTML, its placeholders still in place.

    Args:
        protected: The layout.
        preheader: Whether to show the preheader to the inbox's preview.

    Raises:
        AuthorError: MJML cannot make sense of the layout.
    """
    if protected.markup == "mjml":
        # Shorter, and with one place fewer where a long line could be broken wrongly.
        html = _mjml_to_html(protected).replace("[if mso | IE]", "[if mso|IE]")
        html = _split_conditionals(html, protected.word)
        html = _inline(_mark_own_styles(html))
    else:
        html = _inline(protected.text)
    html = _mark_untracked(html, protected)
    if preheader and "<mj-preview" not in protected.text:
        html = re.sub(r"<body\b[^>]*>", lambda body: body[0] + PREHEADER, html, count=1)
    return protected.prologue + _wrap(html)


def _mjml_to_html(protected: Protected) -> str:
    from mjml import mjml2html

    try:
        html: str = mjml2html(protected.text, fonts={})
    except ValueError as error:
        message = str(error)
        at = _POSITION.search(message)
        reason = _POSITION.sub("", message).replace(" in root template", "")
        raise AuthorError(
            f"MJML cannot read the template: {reason}",
            where=protected.where_text(int(at[1]) if at else 0),
            hint="see https://documentation.mjml.io for what may stand where",
        ) from error
    for fetched, drawn in _ICONS.items():
        if fetched not in protected.text:
            html = html.replace(fetched, drawn)
    return html


def _split_conditionals(html: str, word: str) -> str:
    """Take control tags out of Outlook's conditional comments, in which comments cannot nest."""
    nested = re.compile(rf"<!--{word}\d+x-->")

    def split(comment: re.Match[str]) -> str:
        if not nested.search(comment[2]):
            return comment[0]
        parts = []
        at = 0
        for found in [*nested.finditer(comment[2]), None]:
            part = comment[2][at : found.start() if found else None]
            if part:
                parts.append(f"<!--{comment[1]}{part}<![endif]-->")
            if found:
                parts.append(found[0])
                at = found.end()
        return "".join(parts)

    return _CONDITIONAL.sub(split, html)


def _mark_own_styles(html: str) -> str:
    """Leave MJML's own resets in the head: inlined, they would add some 80 bytes to every cell."""
    marked = html.replace("<style", f"<style {NOT_INLINED}")
    return marked.replace(f'<style {NOT_INLINED} {AUTHOR_STYLE}=""', "<style")


def _inline(html: str) -> str:
    """Put the rules of styles into the elements; what cannot be there stays in the head."""
    import css_inline

    inlined: str = css_inline.inline(
        html,
        keep_style_tags=True,
        keep_at_rules=True,
        remove_inlined_selectors=True,
        load_remote_stylesheets=False,
    )
    return inlined.replace(f" {NOT_INLINED}", "")


def _mark_untracked(html: str, protected: Protected) -> str:
    """Mark links that must lead straight to their page: to leave, to see, to choose."""

    def mark(link: re.Match[str]) -> str:
        href = re.search(r'\bhref="([^"]*)"', link[0])
        used = "".join(tag.text for tag in protected.tags_in(href[1])) if href else ""
        if "data-vocative=" in link[0] or not _UNTRACKED.intersection(re.findall(r"\w+", used)):
            return link[0]
        return f'{link[0][:2]} data-vocative="untracked"{link[0][2:]}'

    return _LINK.sub(mark, html)


def _wrap(html: str) -> str:
    """Break long lines where it changes nothing."""
    parts: list[str] = []
    at = line_start = 0
    for found in _BREAK.finditer(html):
        newline = html.rfind("\n", line_start, found.start())
        if newline >= 0:
            line_start = newline + 1
        if found.start() - line_start > _LINE_LENGTH:
            parts += (html[at : found.start()], "\n")
            at = line_start = found.end()
    parts.append(html[at:])
    return "".join(parts)
