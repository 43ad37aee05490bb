"""Opens and clicks: the invisible picture and the tracked links of mails."""

import asyncio
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vocative.collect.tracking.pixel import PICTURE
from vocative.deliver import feedback
from vocative.deliver.links import Link
from vocative.deliver.pages.answers import PRIVATE, Answers
from vocative.errors import VocativeError
from vocative.workspace import Workspace

_LOG = logging.getLogger(__name__)


def visit_routes(workspace: Workspace) -> list[Route]:
    """The routes of opens and clicks."""
    pages = _Pages(Answers(workspace))
    return [
        Route("/o/{token}.gif", pages.opened, methods=["GET"], name="open"),
        Route("/c/{token}", pages.clicked, methods=["GET"], name="click"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._workspace = answers.workspace
        self._settler = _Settler(answers.workspace)

    async def opened(self, request: Request) -> Response:
        """The invisible picture."""
        link = self._answers.link(request, "open")
        if link is None:
            return Response(status_code=404, headers=PRIVATE)
        await self._record(request, link)
        return Response(PICTURE, media_type="image/gif", headers=PRIVATE)

    async def clicked(self, request: Request) -> Response:
        """A tracked link: to where its signed token says, and nowhere else."""
        link = self._answers.link(request, "click", "trap")
        if link is None:
            return self._answers.invalid(request)
        await self._record(request, link)
        if link.url is None:
            return Response(status_code=204, headers=PRIVATE)
        return RedirectResponse(link.url, status_code=302, headers=PRIVATE)

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
