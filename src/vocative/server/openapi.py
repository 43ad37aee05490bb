"""The API's description, OpenAPI 3.1, derived from the operations table."""

import re
from datetime import datetime
from typing import Any

import msgspec

from vocative import __version__
from vocative.operations import OPERATIONS, Operation
from vocative.server.api import documented

_REF = "#/components/schemas/{name}"


class ErrorPlace(msgspec.Struct):
    """Where something is wrong: a file, and the line and column in it."""

    file: str
    line: int | None
    column: int | None
    source_line: str | None


class ErrorBody(msgspec.Struct):
    """What is wrong, where, and what to do next."""

    kind: str
    message: str
    where: ErrorPlace | None
    hint: str | None


class ErrorAnswer(msgspec.Struct):
    """The one shape of every error."""

    error: ErrorBody


def describe() -> dict[str, Any]:
    """The whole description."""
    routed = [operation for operation in OPERATIONS.values() if operation.route is not None]
    types = [operation.returns for operation in routed]
    schemas, components = msgspec.json.schema_components([*types, ErrorAnswer], ref_template=_REF)
    error_schema = schemas[-1]
    paths: dict[str, Any] = {}
    for operation, schema in zip(routed, schemas, strict=False):
        method, _, path = (operation.route or "").partition(" ")
        paths.setdefault(f"/api{path}", {})[method.lower()] = _described(
            operation, method, path, schema, error_schema
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vocative",
            "version": __version__,
            "description": "Everything the web app can do, by the same routes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _described(
    operation: Operation, method: str, path: str, schema: Any, error_schema: Any
) -> dict[str, Any]:
    in_path = set(re.findall(r"{(\w+)}", path))
    parameters, body = [], {}
    required = []
    for parameter in operation.parameters:
        kind = msgspec.json.schema(parameter.type)
        if parameter.type is datetime:
            kind = {**kind, "format": "date-time"}
        if parameter.default is not None:
            kind = {**kind, "default": parameter.default}
        if method == "POST" and parameter.name not in in_path:
            body[parameter.name] = {**kind, "description": parameter.help}
            if parameter.required:
                required.append(parameter.name)
            continue
        parameters.append(
            {
                "name": parameter.name,
                "in": "path" if parameter.name in in_path else "query",
                "required": parameter.required or parameter.name in in_path,
                "description": parameter.help,
                "schema": kind,
            }
        )
    found: dict[str, Any] = {
        "operationId": operation.name.replace(" ", "_"),
        "summary": operation.summary,
        "description": documented(operation),
        "parameters": parameters,
        "responses": {
            str(operation.status): _answer("The result.", schema),
            "default": _answer("What went wrong.", error_schema),
        },
    }
    if method == "POST":
        content = {
            "type": "object",
            "properties": body,
            "required": required,
            "additionalProperties": False,
        }
        found["requestBody"] = {
            "required": bool(required),
            "content": {"application/json": {"schema": content}},
        }
    return found


def _answer(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
