"""The page behind the unsubscribe link: looking asks, the button or a mailbox's request does it."""

from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vocative.deliver.pages.answers import Answers, page_language, small_body
from vocative.deliver.unsubscribe import Source, Standing, resubscribe, standing, unsubscribe
from vocative.errors import VocativeError
from vocative.pages.words import word
from vocative.workspace import Workspace


def leaving_routes(workspace: Workspace) -> list[Route]:
    """The routes of unsubscribing."""
    pages = _Pages(Answers(workspace))
    return [
        Route("/u/{token}", pages.asked, methods=["GET"], name="unsubscribe"),
        Route("/u/{token}", pages.done, methods=["POST"], name="unsubscribe_now"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._workspace = answers.workspace

    async def asked(self, request: Request) -> Response:
        """Asks; changes nothing."""
        link = self._answers.link(request, "unsubscribe")
        if link is None:
            return self._answers.invalid(request)
        try:
            found = await run_in_threadpool(standing, self._workspace, link.message_id)
        except VocativeError as error:
            return self._answers.later(request, error)
        if found is None:
            return self._answers.gone(request)
        language = self._language(request, found)
        if found.unsubscribed:
            return self._unsubscribed(language, link.message_id)
        button = _button("unsubscribe_button", "leave", language)
        return self._answers.said(
            language,
            "unsubscribe_title",
            ["unsubscribe_question"],
            more=button + self._preferences(language, link.message_id),
        )

    async def done(self, request: Request) -> Response:
        """Does it: for the button, and for the one-click request of a mailbox (RFC 8058)."""
        link = self._answers.link(request, "unsubscribe")
        if link is None:
            return self._answers.invalid(request)
        body = await small_body(request)
        action = parse_qs(body.decode("latin-1")).get("action", [""])[0]
        try:
            found = await run_in_threadpool(self._change, action, link.message_id)
        except VocativeError as error:
            return self._answers.later(request, error)
        if found is None:
            return self._answers.gone(request)
        language = self._language(request, found)
        if action == "undo":
            return self._answers.said(language, "resubscribed_title", ["resubscribed_text"])
        return self._unsubscribed(language, link.message_id)

    def _change(self, action: str, message_id: str) -> Standing | None:
        if action == "undo":
            return resubscribe(self._workspace, message_id)
        source: Source = "unsubscribe page" if action == "leave" else "one-click"
        return unsubscribe(self._workspace, message_id, source=source)

    def _language(self, request: Request, found: Standing) -> str:
        return page_language(self._workspace, request, found.recipient.language)

    def _unsubscribed(self, language: str, message_id: str) -> Response:
        button = _button("resubscribe_button", "undo", language, look=' class="quiet"')
        return self._answers.said(
            language,
            "unsubscribed_title",
            ["unsubscribed_text", "resubscribe_question"],
            more=button + self._preferences(language, message_id),
        )

    def _preferences(self, language: str, message_id: str) -> str:
        address = self._answers.beside("preferences", message_id)
        return (
            f'\n<p class="alone"><a href="{address}">{word("rather_preferences", language)}</a></p>'
        )


def _button(name: str, action: str, language: str, *, look: str = "") -> str:
    return (
        f'<form method="post"><button{look} name="action" value="{action}">'
        f"{word(name, language)}</button></form>"
    )
