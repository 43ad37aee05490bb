"""How pages behind the links of mails are answered: one look, one choice of language, safe headers.

Their addresses are keys: no page tells them to another site or to a search engine.
"""

import logging
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from vocative.deliver.links import Kind, Link, LinkSigner
from vocative.errors import DataError, VocativeError
from vocative.pages.page import Look, Page, words_page
from vocative.pages.words import LANGUAGES, chosen_language, spoken, word
from vocative.workspace import Workspace

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of everything whose address is a key."""
MAX_BODY = 16_384

log = logging.getLogger(__name__)


def answer(page: Page, status: int = 200) -> Response:
    """A page at an address that is a key."""
    return HTMLResponse(page.html, status_code=status, headers={**page.headers, **PRIVATE})


def page_language(workspace: Workspace, request: Request, person: str | None = None) -> str:
    """What a page speaks: the person's language, else the browser's, else the workspace's."""
    accepted = request.headers.get("accept-language", "")
    return (
        spoken(person) or chosen_language(accepted, LANGUAGES) or workspace.settings.page_language
    )


def workspace_look(workspace: Workspace, language: str) -> Look:
    """How pages of a workspace look."""
    settings = workspace.settings
    return Look(
        brand=settings.brand,
        language=language,
        otherwise=settings.page_language,
        imprint=settings.imprint,
    )


class Answers:
    """What the pages of one workspace have in common."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._signer = LinkSigner(workspace.key.sign, workspace.settings.base_url)
        self._places = LinkSigner(workspace.key.sign, "..")

    def link(self, request: Request, *kinds: Kind) -> Link | None:
        """What the token of a request's path says; None when it is forged or of another kind."""
        try:
            return self._signer.read(request.path_params["token"], *kinds)
        except DataError:
            return None

    def beside(self, kind: Kind, message_id: str) -> str:
        """The address of another page about a message, as a page like it may link to it."""
        return self._places.url(kind, message_id)

    def said(
        self,
        language: str,
        title: str,
        texts: Iterable[str] = (),
        *,
        more: str = "",
        status: int = 200,
    ) -> Response:
        """A page that says something.

        Args:
            language: Which.
            title: The name of a word, like each of `texts`.
            texts: Paragraphs.
            more: HTML below them.
            status: Of the answer.
        """
        sender = self.workspace.settings.sender.name
        look = workspace_look(self.workspace, language)
        paragraphs = [word(name, language, sender=sender) for name in texts]
        return answer(words_page(look, word(title, language), paragraphs, more), status)

    def invalid(self, request: Request) -> Response:
        """The link was not made here, or was cut off."""
        language = page_language(self.workspace, request)
        return self.said(language, "invalid_title", ["invalid_text"], status=404)

    def gone(self, request: Request) -> Response:
        """The message or the person is gone."""
        return self.said(
            page_language(self.workspace, request), "link_gone_title", ["link_gone_text"]
        )

    def later(self, request: Request, error: VocativeError) -> Response:
        """Something failed that may work again in a moment."""
        log.warning("a page for a recipient has to wait: %s", error.message)
        language = page_language(self.workspace, request)
        found = self.said(language, "later_title", ["later_text"], status=503)
        found.headers["Retry-After"] = "60"
        return found


async def small_body(request: Request) -> bytes:
    """The beginning of a request's body: more than that nobody has to say."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            break
    return body[:MAX_BODY]
