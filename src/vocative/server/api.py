"""REST from the operations table: one route per operation that has one.

Path and query parameters (and the JSON body of a POST) become the function's keyword arguments,
checked against its annotations. Results go out as JSON, errors in the one shape of `errors.py`.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vocative.errors import AuthorError, DataError, VocativeError, nearest, places
from vocative.operations import OPERATIONS, Operation
from vocative.workspace import Workspace

MAX_BODY_BYTES = 1_000_000

log = logging.getLogger("vocative.server")


def api_routes(workspace: Workspace) -> list[Route]:
    """The routes below /api."""
    return [
        Route(path, _endpoint(operation, workspace), methods=[method], name=operation.name)
        for operation in OPERATIONS.values()
        if operation.route is not None
        for method, path in [operation.route.split(" ", 1)]
    ]


def error_response(error: VocativeError) -> Response:
    """An error as every route answers it."""
    return json_response(error.as_json(), status=error.status)


def json_response(value: Any, *, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _endpoint(
    operation: Operation, workspace: Workspace
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            arguments = _arguments(operation, await _given(operation, request))
            if operation.needs_workspace:
                result = await run_in_threadpool(operation.call, workspace, **arguments)
            else:
                result = await run_in_threadpool(operation.call, **arguments)
        except VocativeError as error:
            if error.status >= 500:
                _note(operation, error)
            return error_response(error)
        return json_response(result, status=operation.status)

    return answer


def _note(operation: Operation, error: VocativeError) -> None:
    """Tell whoever runs the server what failed, and where."""
    log.error("%s answered %d: %s\n%s", operation.route, error.status, error, places(error))


async def _given(operation: Operation, request: Request) -> dict[str, Any]:
    given: dict[str, Any] = {**request.query_params, **request.path_params}
    for parameter in operation.parameters:
        if parameter.is_list and parameter.name in request.query_params:
            given[parameter.name] = request.query_params.getlist(parameter.name)
    if request.method == "POST":
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            # A form of another site can post anything but JSON.
            raise DataError("the body must be JSON", hint="send Content-Type: application/json")
        body = await request.body()
        if len(body) > MAX_BODY_BYTES:
            raise DataError(f"the body is larger than {MAX_BODY_BYTES:,} bytes")
        try:
            given |= msgspec.json.decode(body or b"{}", type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError("the body is not a JSON object") from error
    return given


def _arguments(operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
    parameters = {parameter.name: parameter for parameter in operation.parameters}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in parameters:
            guess = nearest(name, parameters)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(parameters)}"
            raise DataError(f"unknown parameter {name!r}", hint=hint)
        wanted = parameters[name].type
        try:
            found[name] = msgspec.convert(
                value, str if wanted is Path else wanted, strict=not isinstance(value, str)
            )
        except msgspec.ValidationError as error:
            raise DataError(f"the parameter {name!r} does not fit: {error}") from error
        if isinstance(found[name], datetime) and found[name].tzinfo is None:
            found[name] = found[name].replace(tzinfo=UTC)
    for parameter in parameters.values():
        if parameter.required and parameter.name not in found:
            raise AuthorError(f"the parameter {parameter.name!r} is missing")
    return found


def documented(operation: Operation) -> str:
    """The first paragraph of an operation's docstring."""
    return (inspect.getdoc(operation.call) or operation.summary).partition("\n\n")[0]
