"""What a recipient sees: unsubscribe page, tracked links, the message in a browser.

Tokens come in by URL; small pages without JavaScript go out. A GET never changes anything a
person decided: mail scanners follow every link. Forged links are refused.
"""

import asyncio
import html
import logging
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from vocative.collect.tracking.pixel import PICTURE
from vocative.compose.authoring.assets import ROUTE as ASSETS
from vocative.compose.authoring.assets import find_asset
from vocative.deliver import feedback
from vocative.deliver.links import Kind, Link, LinkSigner
from vocative.deliver.unsubscribe import Source, resubscribe, standing, unsubscribe
from vocative.errors import DataError, VocativeError
from vocative.workspace import Workspace

View = Callable[[str], str | None]
MAX_BODY = 16_384
TEXTS = {
    "unsubscribe_title": "Unsubscribe",
    "unsubscribe_question": "Do you want to stop getting these mails from {sender}?",
    "unsubscribe_button": "Unsubscribe",
    "done_title": "You are unsubscribed",
    "done_text": "{sender} will not send you these mails any more.",
    "undo_text": "That was a mistake?",
    "undo_button": "Subscribe me again",
    "undone_title": "You are subscribed again",
    "undone_text": "{sender} may send you these mails again. You can unsubscribe at any time.",
    "invalid_title": "This link does not work",
    "invalid_text": "It may have been cut off. Use the link as it stands in the mail.",
    "gone_title": "Nothing here any more",
    "gone_text": "We keep nothing about this mail, and will not write to you because of it.",
    "view_gone_text": "This mail can no longer be shown.",
}
"""Every text of these pages."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# A mail has pictures and styles from elsewhere, and never scripts or forms.
_MAIL_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src *;"
    " form-action 'none'; base-uri 'none'; sandbox allow-popups allow-top-navigation"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.6 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid;
  place-items: center; background: light-dark(#f4f4f6, #16161a);
  color: light-dark(#1d1d22, #ececf0); }}
main {{ background: light-dark(#fff, #222228); padding: 2.5rem; margin: 1rem; max-width: 30rem;
  border-radius: 1rem; box-shadow: 0 1px 12px rgb(0 0 0 / 10%); }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }}
p {{ margin: 0 0 1.25rem; }}
button {{ font: inherit; font-weight: 600; padding: .7rem 1.4rem; border-radius: .6rem;
  border: 2px solid #3b4cca; background: #3b4cca; color: #fff; cursor: pointer; }}
button.quiet {{ background: transparent; color: inherit; }}
button:focus-visible {{ outline: 3px solid #f0a020; outline-offset: 2px; }}
footer {{ font-size: .85rem; opacity: .75; margin-top: 2rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
<footer>{footer}</footer>
</main>
</body>
</html>
"""
_LOG = logging.getLogger(__name__)


def routes(workspace: Workspace, view: View) -> list[Route]:
    """The routes of recipient pages.

    Args:
        workspace: Whose.
        view: Renders a message again, by its id; None when it cannot be shown any more.
    """
    pages = _Pages(workspace, view)
    return [
        Route("/o/{token}.gif", pages.opened, methods=["GET"], name="open"),
        Route("/c/{token}", pages.clicked, methods=["GET"], name="click"),
        Route("/u/{token}", pages.unsubscribing, methods=["GET"], name="unsubscribe"),
        Route("/u/{token}", pages.unsubscribed, methods=["POST"], name="unsubscribe_now"),
        Route("/v/{token}", pages.viewed, methods=["GET"], name="view"),
        Route(f"{ASSETS}/{{path:path}}", pages.picture, methods=["GET"], name="asset"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, workspace: Workspace, view: View) -> None:
        self._workspace = workspace
        self._view = view
        self._signer = LinkSigner(workspace.key.sign, workspace.settings.base_url)
        self._settler = _Settler(workspace)

    async def opened(self, request: Request) -> Response:
        """The invisible picture."""
        link = self._link(request, "open")
        if link is None:
            return Response(status_code=404, headers=_HEADERS)
        await self._record(request, link)
        return Response(PICTURE, media_type="image/gif", headers=_HEADERS)

    async def picture(self, request: Request) -> Response:
        """A picture of a mail: what is under an address never changes."""
        workspace, path = self._workspace, request.path_params["path"]
        found = await run_in_threadpool(find_asset, workspace.root, workspace.state_dir, path)
        if found is None:
            return Response(status_code=404, headers=_HEADERS)
        file, kind = found
        headers = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(file, media_type=kind, headers=headers)

    async def clicked(self, request: Request) -> Response:
        """A tracked link: to where its signed token says, and nowhere else."""
        link = self._link(request, "click", "trap")
        if link is None:
            return self._page("invalid_title", ["invalid_text"], status=404)
        await self._record(request, link)
        if link.url is None:
            return Response(status_code=204, headers=_HEADERS)
        return RedirectResponse(link.url, status_code=302, headers=_HEADERS)

    async def unsubscribing(self, request: Request) -> Response:
        """Asks; changes nothing."""
        link = self._link(request, "unsubscribe")
        if link is None:
            return self._page("invalid_title", ["invalid_text"], status=404)
        found = await run_in_threadpool(standing, self._workspace, link.message_id)
        if found is None:
            return self._page("gone_title", ["gone_text"])
        if found.unsubscribed:
            return self._done()
        return self._page(
            "unsubscribe_title", ["unsubscribe_question"], button=("unsubscribe_button", "leave")
        )

    async def unsubscribed(self, request: Request) -> Response:
        """Does it: for the button, and for the one-click request of a mailbox (RFC 8058)."""
        link = self._link(request, "unsubscribe")
        if link is None:
            return self._page("invalid_title", ["invalid_text"], status=404)
        body = await _small_body(request)
        action = parse_qs(body.decode("latin-1")).get("action", [""])[0]
        if action == "undo":
            found = await run_in_threadpool(resubscribe, self._workspace, link.message_id)
            if found is not None:
                return self._page("undone_title", ["undone_text"])
        else:
            source: Source = "unsubscribe page" if action == "leave" else "one-click"
            found = await run_in_threadpool(
                unsubscribe, self._workspace, link.message_id, source=source
            )
            if found is not None:
                return self._done()
        return self._page("gone_title", ["gone_text"])

    async def viewed(self, request: Request) -> Response:
        """The message as a page."""
        link = self._link(request, "view")
        if link is None:
            return self._page("invalid_title", ["invalid_text"], status=404)
        shown = await run_in_threadpool(self._view, link.message_id)
        if shown is None:
            return self._page("gone_title", ["view_gone_text"], status=410)
        headers = {**_HEADERS, "Content-Security-Policy": _MAIL_POLICY}
        return HTMLResponse(shown, headers=headers)

    def _link(self, request: Request, *kinds: Kind) -> Link | None:
        try:
            return self._signer.read(request.path_params["token"], *kinds)
        except DataError:
            return None

    async def _record(self, request: Request, link: Link) -> None:
        """Make the visit durable; a person is led on even when that fails."""
        try:
            await run_in_threadpool(
                lambda: feedback.record_visit(
                    self._workspace,
                    link,
                    at=self._workspace.clock.now(),
                    user_agent=request.headers.get("user-agent", ""),
                    ip=request.client.host if request.client else None,
                    method=request.method,
                )
            )
        except VocativeError as error:
            _LOG.warning("a visit of message %s is lost: %s", link.message_id, error.message)
        else:
            self._settler.wake()

    def _done(self) -> Response:
        return self._page(
            "done_title", ["done_text", "undo_text"], button=("undo_button", "undo"), quiet=True
        )

    def _page(
        self,
        title: str,
        texts: list[str],
        *,
        button: tuple[str, str] | None = None,
        quiet: bool = False,
        status: int = 200,
    ) -> Response:
        settings = self._workspace.settings
        sender = html.escape(settings.sender.name)
        body = "\n".join(f"<p>{TEXTS[name].format(sender=sender)}</p>" for name in texts)
        if button is not None:
            label, action = button
            look = ' class="quiet"' if quiet else ""
            body += (
                f'\n<form method="post"><button{look} name="action" value="{action}">'
                f"{TEXTS[label]}</button></form>"
            )
        page = _PAGE.format(
            title=TEXTS[title],
            body=body,
            footer=f"{sender}, {html.escape(settings.postal_address)}",
        )
        headers = {**_HEADERS, "Content-Security-Policy": _PAGE_POLICY}
        return HTMLResponse(page, status_code=status, headers=headers)


async def _small_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            break
    return body[:MAX_BODY]


class _Settler:
    """Lets visits be judged a little after they came, one timer for all of them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._more = False

    def wake(self) -> None:
        """There is a new visit."""
        self._more = True
        loop = asyncio.get_running_loop()
        running = self._loop is loop and self._task is not None and not self._task.done()
        if not running:
            self._loop = loop
            self._task = loop.create_task(self._run())

    async def _run(self) -> None:
        while self._more:
            self._more = False
            await asyncio.sleep(feedback.HOLD.total_seconds() + 0.2)
            try:
                await run_in_threadpool(feedback.settle, self._workspace)
            except VocativeError as error:
                _LOG.warning("visits wait to be judged: %s", error.message)
