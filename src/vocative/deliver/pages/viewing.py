"""The mail in a browser, and the pictures of mails."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from vocative.compose.authoring.assets import ROUTE as ASSETS
from vocative.compose.authoring.assets import find_asset
from vocative.deliver.pages.answers import PRIVATE, Answers, page_language
from vocative.errors import VocativeError
from vocative.workspace import Workspace

View = Callable[[str], str | None]
# A mail has pictures and styles from elsewhere, and never scripts or forms.
_MAIL_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src *;"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none';"
    " sandbox allow-popups allow-top-navigation"
)


def viewing_routes(workspace: Workspace, view: View) -> list[Route]:
    """The routes of mails as pages.

    Args:
        workspace: Whose.
        view: Renders a message again, by its id; None when it cannot be shown any more.
    """
    pages = _Pages(Answers(workspace), view)
    return [
        Route("/v/{token}", pages.viewed, methods=["GET"], name="view"),
        Route(f"{ASSETS}/{{path:path}}", pages.picture, methods=["GET"], name="asset"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, answers: Answers, view: View) -> None:
        self._answers = answers
        self._workspace = answers.workspace
        self._view = view

    async def viewed(self, request: Request) -> Response:
        """The message as a page."""
        link = self._answers.link(request, "view")
        if link is None:
            return self._answers.invalid(request)
        try:
            shown = await run_in_threadpool(self._view, link.message_id)
        except VocativeError as error:
            return self._answers.later(request, error)
        if shown is None:
            language = page_language(self._workspace, request)
            return self._answers.said(language, "view_gone_title", ["view_gone_text"], status=410)
        return HTMLResponse(shown, headers={**PRIVATE, "Content-Security-Policy": _MAIL_POLICY})

    async def picture(self, request: Request) -> Response:
        """A picture of a mail: what is under an address never changes."""
        workspace, path = self._workspace, request.path_params["path"]
        found = await run_in_threadpool(find_asset, workspace.root, workspace.state_dir, path)
        if found is None:
            return Response(status_code=404, headers=PRIVATE)
        file, kind = found
        headers = {**PRIVATE, "Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(file, media_type=kind, headers=headers)
