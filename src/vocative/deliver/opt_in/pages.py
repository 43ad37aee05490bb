"""The pages behind the link of a confirmation mail: looking asks, pressing the button confirms."""

import logging
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from vocative.collect.forms.definition import Form, read_forms
from vocative.deliver.links import LinkSigner
from vocative.deliver.opt_in.confirming import Request, confirm, find_request
from vocative.deliver.pages.answers import answer, page_language, workspace_look
from vocative.errors import AuthorError, DataError, VocativeError
from vocative.pages.page import Look, Page, words_page
from vocative.pages.words import word
from vocative.privacy.networks import network_hash
from vocative.workspace import Workspace

log = logging.getLogger("vocative.forms")


def opt_in_routes(workspace: Workspace) -> list[Route]:
    """The routes of confirmations."""
    pages = _Pages(workspace)
    return [
        Route("/confirm/{token}", pages.asked, methods=["GET"], name="confirm"),
        Route("/confirm/{token}", pages.confirmed, methods=["POST"], name="confirm now"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._signer = LinkSigner(workspace.key.sign, workspace.settings.base_url)

    async def asked(self, request: HttpRequest) -> Response:
        """Asks; changes nothing."""
        return await self._guarded(request, press=False)

    async def confirmed(self, request: HttpRequest) -> Response:
        """Confirms."""
        return await self._guarded(request, press=True)

    async def _guarded(self, request: HttpRequest, *, press: bool) -> Response:
        try:
            return await run_in_threadpool(self._answer, request, press=press)
        except VocativeError as error:
            log.warning("a confirmation has to wait: %s", error.message)
            language = self._language(request)
            page = words_page(
                workspace_look(self._workspace, language), word("not_now", language), []
            )
            return answer(page, status=503)

    def _answer(self, request: HttpRequest, *, press: bool) -> Response:
        found = self._find(request)
        if found is None:
            return answer(self._said("invalid", self._language(request)), status=404)
        if found.state == "open" and press:
            ip = request.client.host if request.client else None
            network = network_hash(self._workspace.vault, ip)
            if not confirm(self._workspace, found, network=network):
                return self._expired(found)
            return answer(self._said("confirmed", found.decision.language, found))
        if found.state == "open":
            return answer(self._question(found))
        if found.state == "confirmed":
            return answer(self._said("confirmed", found.decision.language, found))
        return self._expired(found)

    def _find(self, request: HttpRequest) -> Request | None:
        try:
            link = self._signer.read(request.path_params["token"], "confirm")
        except DataError:
            return None
        return find_request(self._workspace, link.message_id)

    def _question(self, found: Request) -> Page:
        language = found.decision.language
        sender = self._workspace.settings.sender.name
        button = f'<form method="post"><button>{word("confirm_button", language)}</button></form>'
        title = word("confirm_subject", language)
        text = word("confirm_question", language, sender=sender)
        return words_page(self._look(found), title, [text], button)

    def _expired(self, found: Request) -> Response:
        more = ""
        language = found.decision.language
        if self._form(found) is not None:
            address = f"/f/{found.decision.form}"
            more = f'<a class="button" href="{address}">{word("go_on", language)}</a>'
        return answer(self._said("expired", language, found, more), status=410)

    def _said(self, what: str, language: str, found: Request | None = None, more: str = "") -> Page:
        look = self._look(found) if found else workspace_look(self._workspace, language)
        title, text = word(f"{what}_title", language), word(f"{what}_text", language)
        return words_page(look, title, [text], more)

    def _look(self, found: Request) -> Look:
        form, look = self._form(found), workspace_look(self._workspace, found.decision.language)
        # A link in a mail is opened on its own: no site has to show it in a frame.
        return look if form is None else replace(look, brand=form.brand, form=form.name)

    def _form(self, found: Request) -> Form | None:
        try:
            return read_forms(self._workspace).get(found.decision.form)
        except AuthorError:
            return None  # It is being written; the plain look does as well.

    def _language(self, request: HttpRequest) -> str:
        return page_language(self._workspace, request)
