"""Requests to providers, judged by what the providers publish about their interfaces."""

import json
from pathlib import Path
from typing import Any

import pytest
from http_channels import CASES, bench_for

from http_provider import provider
from vocative.workspace import Workspace

FOLDER = Path(__file__).resolve().parents[2] / ".setup/vendors/api"
DESCRIBED = {
    "sendgrid": ("sendgrid.com.json", "https://api.sendgrid.com/v3", "/mail/send"),
    "postmark": ("postmarkapp.com/server.json", "https://api.postmarkapp.com", "/email"),
    "ses": (
        "amazonaws.com/sesv2.json",
        "https://email.eu-west-1.amazonaws.com",
        "/v2/email/outbound-emails",
    ),
    "sms_twilio": (
        "twilio.com/api.json",
        "https://api.twilio.com",
        "/2010-04-01/Accounts/{AccountSid}/Messages.json",
    ),
    "push_fcm": (
        "googleapis.com/fcm.json",
        "https://fcm.googleapis.com",
        "/v1/{parent}/messages:send",
    ),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_providers_would_take_our_requests(name: str, workspace: Workspace) -> None:
    openapi_core = pytest.importorskip("openapi_core", reason="no openapi-core: make vendors")
    file, address, path = DESCRIBED[name]
    if not (FOLDER / file).exists():
        pytest.skip("the provider's description is not here: make vendors")
    from jsonschema_path import SchemaPath
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest

    described = json.loads((FOLDER / file).read_text())
    described["paths"] = {path: described["paths"][path]}
    # Some name no scheme, or plain http; and OAuth is nothing that openapi-core can judge.
    described["servers"] = [{"url": address}]
    described["paths"][path]["post"].pop("security", None)
    config = openapi_core.Config(spec_validator_cls=None)
    openapi = openapi_core.OpenAPI(SchemaPath.from_dict(described), config)

    with provider(lambda _: CASES[name].usual) as told:
        bench = bench_for(name, workspace, told)
        message, permit = bench.permitted(
            unsubscribe_url="https://shop.example/u/1",
            reply_to="ask@shop.example",
            text="Back in stock https://shop.example/1",
        )
        with bench.channel as channel:
            channel.send(message, permit)
    seen = told.requests[-1]

    def judge(content: bytes, headers: dict[str, str]) -> None:
        request = MockRequest(
            address.removesuffix("/v3"),
            "post",
            seen.path.replace("projects/shop/", "projects%2Fshop/"),
            headers=headers,
            content_type=headers["content-type"],
            data=content,
        )
        openapi.validate_request(request)

    judge(seen.body, seen.headers)
    with pytest.raises(OpenAPIError):
        judge(_spoilt(name, seen.body), seen.headers)


def _spoilt(name: str, content: bytes) -> bytes:
    """The same with one thing of a wrong type, or missing."""
    if name == "sms_twilio":
        return content.replace(b"To=", b"Too=")
    body: Any = json.loads(content)
    match name:
        case "sendgrid":
            del body["from"]
        case "postmark":
            body["To"] = 7
        case "ses":
            del body["Content"]
        case _:
            body["message"]["token"] = 7
    return json.dumps(body).encode()
