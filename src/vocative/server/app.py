"""The application: the API, the pages that recipients see, and the web app's files."""

import hmac
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from vocative.collect.forms.site import form_routes
from vocative.collect.tracking import TrackingFace
from vocative.deliver.feedback.hooks import feedback_routes
from vocative.deliver.opt_in import opt_in_routes
from vocative.deliver.pages import routes as recipient_routes
from vocative.errors import PrivacyError, UnknownName
from vocative.server.api import api_routes, error_response, json_response
from vocative.server.messages import html_of_message, view_in_browser
from vocative.server.pictures import item_picture
from vocative.workspace import Workspace

STATIC = Path(__file__).parent / "static"
API_KEY = "VOCATIVE_API_KEY"
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver"}
_APP_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src * data:; style-src 'self'"
    " 'unsafe-inline'; font-src 'self' data:; frame-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(workspace: Workspace) -> ASGIApp:
    """The ASGI application over an open workspace."""

    async def openapi(_: Request) -> Response:
        from vocative.server.openapi import describe

        return json_response(describe())

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def message_html(request: Request) -> Response:
        return html_of_message(workspace, request.path_params["message_id"])

    async def no_such_route(request: Request) -> Response:
        return error_response(UnknownName(f"there is no {request.method} {request.url.path}"))

    routes: list[BaseRoute] = [
        Route("/api/openapi.json", openapi),
        Route("/api/messages/{message_id}/html", message_html),
        Mount("/api", routes=[*api_routes(workspace), Route("/{rest:path}", no_such_route)]),
        Route("/health", health),
        Route("/demo/items/{item_id}.svg", _picture(workspace)),
        *form_routes(workspace),
        *opt_in_routes(workspace),
        *feedback_routes(workspace),
        *recipient_routes(workspace, lambda message_id: view_in_browser(workspace, message_id)),
        *_web_app(),
    ]
    middleware = [
        Middleware(Guard, base_url=workspace.settings.base_url),
        Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6),
    ]
    site = Starlette(
        routes=routes, middleware=middleware, exception_handlers={HTTPException: _http_error}
    )
    # Events come in before everything else: what a page needs would cost them as much again.
    return TrackingFace(workspace, site)


async def _http_error(request: Request, error: Exception) -> Response:
    """What no route answers; below /api in the one shape of errors."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these only
    if not request.url.path.startswith("/api"):
        return PlainTextResponse(error.detail, error.status_code, headers=error.headers)
    told = UnknownName(f"there is no {request.method} at this address")
    told.status = error.status_code
    return error_response(told)


class Guard:
    """Lets a request in only if it is meant for this server, and to /api only with the key.

    Without a key the API answers on loopback names alone, so that neither another machine nor a
    web page that rebinds its name can read people's data.
    """

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._own_host = (urlsplit(base_url).hostname or "").lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request) if request.url.path.startswith("/api") else None
        if refusal is not None:
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> PrivacyError | None:
        key = os.environ.get(API_KEY)
        if key:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if hmac.compare_digest(given.encode(), key.encode()):
                return None
            return PrivacyError("the API key is missing or wrong", hint="send it as a Bearer token")
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        if host.lower() in _LOOPBACK:
            return None
        return PrivacyError(
            "this server answers on this machine only",
            hint=f"set {API_KEY} to let others in with a key",
        )


def _picture(workspace: Workspace) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        svg = item_picture(workspace, request.path_params["item_id"])
        return Response(
            svg,
            media_type="image/svg+xml",
            headers={
                "Cache-Control": "max-age=3600",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            },
        )

    return answer


def _web_app() -> list[BaseRoute]:
    index = STATIC / "index.html"

    async def page(_: Request) -> Response:
        if not index.exists():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(index, headers={**_APP_HEADERS, "Cache-Control": "no-cache"})

    routes: list[BaseRoute] = []
    if (STATIC / "assets").is_dir():
        routes.append(Mount("/assets", _Assets(directory=STATIC / "assets")))
    return [*routes, Route("/favicon.svg", _favicon), Route("/{path:path}", page)]


async def _favicon(_: Request) -> Response:
    path = STATIC / "favicon.svg"
    return FileResponse(path) if path.exists() else PlainTextResponse("", status_code=404)


class _Assets(StaticFiles):
    """Files whose names hold a hash of their content: kept by browsers for good."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file with a long life."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


_NOT_BUILT = """<!doctype html><title>Vocative</title>
<p>The web app is not built. Run <code>make web</code> in the source folder; the API answers under
<a href="/api/openapi.json">/api</a> all the same."""
