"""Where providers call: `POST /feedback/NAME`. Refused before anything is read unless genuine.

Answered with 200 once what a call says is durable, 403 when it is not signed, 400 when it cannot be
understood, and 503 when it may come right later: providers call again.
"""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vocative.deliver.feedback.providers import provider_for
from vocative.deliver.feedback.providers.base import Call, NotGenuine
from vocative.deliver.feedback.settings import feedback_settings
from vocative.deliver.feedback.taking_in import take_in
from vocative.errors import DataError, VocativeError
from vocative.workspace import Workspace

MAX_BODY = 5_000_000
_LOG = logging.getLogger(__name__)


def feedback_routes(workspace: Workspace) -> list[Route]:
    """The route that providers call."""

    async def called(request: Request) -> Response:
        name = request.path_params["provider"]
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return PlainTextResponse("too large", 413)
        headers = {key.lower(): value for key, value in request.headers.items()}
        call = Call(headers=headers, body=body, at=workspace.clock.now())
        return await run_in_threadpool(_answer, workspace, name, call)

    return [Route("/feedback/{provider}", called, methods=["POST"], name="feedback")]


def _answer(workspace: Workspace, name: str, call: Call) -> Response:
    try:
        settings = feedback_settings(workspace)
        provider = provider_for(name, settings)
        if provider is None:
            return PlainTextResponse("nobody calls here", 404)
        take_in(workspace, provider.read(call), source=name, soft=settings.soft)
    except NotGenuine as error:
        _LOG.warning("a call of %s is refused: %s", name, error.message)
        return PlainTextResponse("not genuine", 403)
    except DataError as error:
        _LOG.warning("a call of %s is not readable: %s", name, error.message)
        return PlainTextResponse("not readable", 400)
    except VocativeError as error:
        _LOG.warning("a call of %s waits: %s", name, error.message)
        return PlainTextResponse("not now", 503)
    return PlainTextResponse("thank you")
