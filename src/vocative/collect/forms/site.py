"""Forms over HTTP: hosted at `/f/NAME`, embedded by `/f.js`, or posted to by other sites' pages.

No cookie is set or looked at, so a page of another site can do nothing in a visitor's name. What a
form remembers from page to page is sealed into its pages. What is sent is durable before anybody
is thanked.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.collect.forms import state as states
from vocative.collect.forms.answers import Posted, next_step, previous_step, read_step, still_asked
from vocative.collect.forms.definition import Form, known_forms
from vocative.collect.forms.guard import FormGuard
from vocative.collect.forms.held import hold
from vocative.collect.forms.kinds import MOST_CHARACTERS, Answer
from vocative.collect.forms.page import (
    GO,
    HONEYPOT,
    PROOF,
    STATE,
    as_typed,
    look_of,
    step_page,
    thanks_page,
)
from vocative.collect.forms.posted import Unreadable, read_posted
from vocative.collect.forms.state import State
from vocative.collect.forms.submission import (
    STEP_COMPLETED,
    VIEWED,
    Submission,
    events_of,
    step_event,
)
from vocative.errors import VocativeError
from vocative.pages.page import Look, Page, words_page
from vocative.pages.words import LANGUAGES, chosen_language, word
from vocative.privacy.networks import network_hash
from vocative.workspace import Workspace

log = logging.getLogger("vocative.forms")
SCRIPT = Path(__file__).with_name("embed.js")
_SCRIPT_SECONDS = 3_600
_MOST_ID = 200
_MOST_GIVEN = 20_000
"""Characters."""
replace = msgspec.structs.replace
Answering = Callable[[Request, Form], Awaitable[Response]]


def form_routes(workspace: Workspace) -> list[Route]:
    """The routes of forms."""
    site = _Site(workspace)
    return [
        Route("/f.js", _script, methods=["GET"], name="form script"),
        Route("/f/{name}", site.of_form(site.shown), methods=["GET"], name="form"),
        Route("/f/{name}", site.of_form(site.sent), methods=["POST"], name="form sent"),
        Route("/f/{name}", site.of_form(site.asked), methods=["OPTIONS"], name="form preflight"),
        Route("/f/{name}/thanks", site.of_form(site.thanked), methods=["GET"], name="form thanks"),
    ]


async def _script(_: Request) -> Response:
    headers = {
        "Cache-Control": f"public, max-age={_SCRIPT_SECONDS}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(script(), media_type="text/javascript; charset=utf-8", headers=headers)


@cache
def script() -> bytes:
    """What `/f.js` answers: without indents and lines that only comment."""
    lines = (line.strip() for line in SCRIPT.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")).encode()


class _Site:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._forms = known_forms(workspace)
        self._guard = FormGuard()

    def of_form(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that finds the form of its path first."""

        async def endpoint(request: Request) -> Response:
            try:
                name = request.path_params["name"]
                form = await run_in_threadpool(self._forms.find, name)
            except VocativeError as error:
                log.warning("forms cannot be read: %s", error)
                return _plain(request, "not_now", status=503)
            if form is None:
                return _plain(request, "form_gone", status=404)
            return await answer(request, form)

        return endpoint

    # Endpoints

    async def shown(self, request: Request, form: Form) -> Response:
        """The first page of a form."""
        query = request.query_params
        state = State(
            form=form.name,
            version=form.version,
            visit=states.new_visit(),
            began_at=self._now(),
            language=_language(request, form),
            anonymous_id=_plain_id(query.get("anonymous")),
            step=next_step(form, -1, {}) or 0,
            given=_given(form, {name: query.getlist(name) for name in query}),
            framed="framed" in query,
        )
        if request.method == "GET" and not self._guard.is_flood(self._network(request)):
            await self._note(form, VIEWED, state)
        return _html(self._step(form, state))

    async def sent(self, request: Request, form: Form) -> Response:
        """One page of a form, or a whole one from another site."""
        language = _language(request, form)
        if self._guard.is_flood(self._network(request)):
            return self._said(request, form, "too_many", language, status=429)
        try:
            posted = await read_posted(request)
        except Unreadable as error:
            return _answer(request, form, {"error": str(error)}, status=400)
        except ClientDisconnect:
            return Response(status_code=400)
        token = posted.get(STATE, [""])[0]
        if not token:
            return await self._from_elsewhere(request, form, posted, language)
        state = states.opened(self._workspace.key.link, token)
        if state is None or state.form != form.name or not self._is_current(form, state):
            return self._anew(request, form, posted, state, language)
        return await self._continue(request, form, state, posted)

    async def asked(self, request: Request, form: Form) -> Response:
        """Whether a script of another site may send the form."""
        headers = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "content-type",
            "Access-Control-Max-Age": "600",
            **_cross_origin(request, form),
        }
        return Response(status_code=204, headers=headers)

    async def thanked(self, request: Request, form: Form) -> Response:
        """What people see when they have sent a form."""
        framed = "framed" in request.query_params
        return _html(thanks_page(form, _language(request, form), framed=framed))

    # The way through a form

    async def _continue(
        self, request: Request, form: Form, state: State, posted: Posted
    ) -> Response:
        before = _before(form, state)
        if posted.get(GO) == ["back"]:
            place = previous_step(form, state.step, state.answers)
            if place is not None:
                return _html(self._step(form, replace(state, step=place)))
        reading = read_step(form, state.step, posted, before=before, language=state.language)
        if reading.faults:
            shown = self._step(form, state, posted=posted, faults=reading.faults)
            return _html(shown, status=422)
        own = {one.name for one in form.body.steps[state.step].questions}
        kept = {name: answer for name, answer in state.answers.items() if name not in own}
        state = replace(state, answers={**kept, **reading.answers})
        following = next_step(form, state.step, state.answers)
        if following is not None:
            await self._note(form, STEP_COMPLETED, state)
            return _html(self._step(form, replace(state, step=following)))
        seconds = (self._now() - state.began_at) / 1_000_000
        return await self._finish(request, form, state, posted, seconds=seconds)

    async def _from_elsewhere(
        self, request: Request, form: Form, posted: Posted, language: str
    ) -> Response:
        """All answers at once, from a page of a site that the form names."""
        origin = request.headers.get("origin", "")
        if not (form.may_frame(origin) or origin == _own_origin(request)):
            told = {"error": "forms are taken from the sites that their definition names"}
            return _answer(request, form, told, status=403)
        answers: dict[str, Answer] = {}
        state = State(
            form=form.name,
            version=form.version,
            visit="",
            began_at=self._now(),
            language=language,
            anonymous_id=_plain_id(posted.get("_anonymous", [None])[0]),
        )
        for place in range(len(form.steps)):
            reading = read_step(form, place, posted, before=answers, language=language)
            if reading.faults:
                state = replace(state, step=place, answers=answers)
                return self._faulty(request, form, state, posted, reading.faults)
            answers |= reading.answers
        # The same answers from the same network within an hour are one submission.
        hour = self._now() // 3_600_000_000
        stated = f"{form.name}|{hour}|{self._network(request)}|{sorted(answers.items())}"
        visit = self._workspace.vault.lookup_hash("form visit", stated)
        state = replace(state, answers=answers, visit=visit)
        return await self._finish(request, form, state, posted, seconds=None)

    def _faulty(
        self,
        request: Request,
        form: Form,
        state: State,
        posted: Posted,
        faults: Mapping[str, str],
    ) -> Response:
        """What came from elsewhere is gone through here, from where it went wrong."""
        if _wants_json(request):
            return _answer(request, form, {"faults": dict(faults)}, status=422)
        state = replace(state, visit=states.new_visit(), given=_given(form, posted))
        return _html(self._step(form, state, posted=posted, faults=faults), status=422)

    def _anew(
        self, request: Request, form: Form, posted: Posted, state: State | None, language: str
    ) -> Response:
        """A page that is too old, or of a form that has changed: it begins again, filled in."""
        if _wants_json(request):
            return _answer(request, form, {"error": word("too_old", language)}, status=422)
        given = dict(posted)
        fresh = State(
            form=form.name,
            version=form.version,
            visit=states.new_visit(),
            began_at=self._now(),
            language=language,
            step=next_step(form, -1, {}) or 0,
        )
        if state is not None and state.form == form.name:
            given = {**{name: as_typed(one) for name, one in state.answers.items()}, **given}
            fresh = replace(fresh, anonymous_id=state.anonymous_id, framed=state.framed)
            if state.language in form.languages:
                fresh = replace(fresh, language=state.language)
        fresh = replace(fresh, given=_given(form, given))
        notice = word("too_old", fresh.language)
        return _html(self._step(form, fresh, notice=notice), status=422)

    async def _finish(
        self, request: Request, form: Form, state: State, posted: Posted, *, seconds: float | None
    ) -> Response:
        """Keep what was sent; then thank."""
        answers = still_asked(form, state.answers)
        sent = Submission(
            visit=state.visit,
            answers=answers,
            language=state.language,
            at=from_micros(self._now()),
            anonymous_id=state.anonymous_id,
            network=network_hash(self._workspace.vault, _ip(request)),
            site=_site(request, form),
        )
        try:
            await run_in_threadpool(self._keep, form, sent, posted, seconds)
        except VocativeError as error:
            log.warning("a submission of the form %s is not kept: %s", form.name, error.message)
            return self._said(request, form, "not_now", state.language, status=503)
        return self._thanks(request, form, state)

    def _keep(self, form: Form, sent: Submission, posted: Posted, seconds: float | None) -> None:
        question = form.address
        email = sent.answers.get(question.name) if question else None
        vault = self._workspace.vault
        reason = self._guard.suspicion(
            form.body.guard,
            honeypot=posted.get(HONEYPOT, [""])[0],
            seconds=seconds,
            proof=posted.get(PROOF, [""])[0],
            visit=sent.visit,
            digest=sent.digest,
            network=sent.network or "",
            address=vault.lookup_hash("email", email) if isinstance(email, str) else None,
        )
        if reason is None:
            accept(self._workspace, events_of(form, sent), source=OWN_SOURCE)
            return
        # Released, it must not be taken for the one that was sent first.
        aside = replace(sent, visit=f"{sent.visit}-{sent.digest.hex()[:8]}")
        hold(self._workspace, form.name, aside.visit, reason, events_of(form, aside))

    def _thanks(self, request: Request, form: Form, state: State) -> Response:
        redirect = form.body.thanks.redirect
        if _wants_json(request):
            thanks = form.text(form.body.thanks.text, state.language)
            text = thanks or word("thanks_text", state.language)
            return _answer(request, form, {"sent": True, "text": text, "redirect": redirect})
        query = {"lang": state.language, **({"framed": "1"} if state.framed else {})}
        own = f"/f/{form.name}/thanks?{urlencode(query)}"
        where = own if state.framed or redirect is None else redirect
        return RedirectResponse(where, status_code=303, headers={"Cache-Control": "no-store"})

    # Pieces

    def _step(self, form: Form, state: State, **more: Any) -> Page:
        token = states.sealed(self._workspace.key.link, state)
        return step_page(
            form,
            state.step,
            visit=state.visit,
            token=token,
            answers=state.answers,
            given=state.given,
            language=state.language,
            framed=state.framed,
            **more,
        )

    def _is_current(self, form: Form, state: State) -> bool:
        age = (self._now() - state.began_at) / 1_000_000
        return state.version == form.version and age <= form.within_seconds

    async def _note(self, form: Form, name: str, state: State) -> None:
        """Tell how far somebody came; that this fails is no visitor's trouble."""
        at = from_micros(self._now())
        event = step_event(form, name, visit=state.visit, step=state.step, at=at)
        try:
            await run_in_threadpool(accept, self._workspace, [event], source=OWN_SOURCE)
        except VocativeError as error:
            log.warning("a step of the form %s is not told: %s", form.name, error.message)

    def _said(
        self, request: Request, form: Form, what: str, language: str, *, status: int
    ) -> Response:
        text = word(what, language)
        if _wants_json(request):
            return _answer(request, form, {"error": text}, status=status)
        look = look_of(form, language, framed=False)
        title = form.text(form.body.title, language) or form.name
        answer = _html(words_page(look, title, [text]), status=status)
        answer.headers["Retry-After"] = "60"
        return answer

    def _now(self) -> int:
        return to_micros(self._workspace.clock.now())

    def _network(self, request: Request) -> str:
        return network_hash(self._workspace.vault, _ip(request)) or ""


def _plain(request: Request, what: str, *, status: int) -> Response:
    """A page that belongs to no form."""
    language = chosen_language(request.headers.get("accept-language", ""), LANGUAGES) or "en"
    return _html(words_page(Look(language=language), word(what, language), []), status=status)


def _given(form: Form, stated: Posted) -> dict[str, list[str]]:
    """What questions of a form begin with, as far as it is small."""
    found: dict[str, list[str]] = {}
    left = _MOST_GIVEN
    for question in form.questions:
        values = [value[:MOST_CHARACTERS] for value in stated.get(question.name, ())]
        left -= sum(map(len, values))
        if values and left >= 0:
            found[question.name] = values
    return found


def _before(form: Form, state: State) -> dict[str, Answer]:
    """The answers of the steps before."""
    names = {one.name for step in form.body.steps[: state.step] for one in step.questions}
    return {name: answer for name, answer in state.answers.items() if name in names}


def _html(shown: Page, status: int = 200) -> Response:
    return HTMLResponse(shown.html, status_code=status, headers=dict(shown.headers))


def _answer(request: Request, form: Form, told: Any, status: int = 200) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **_cross_origin(request, form),
    }
    return JSONResponse(told, status_code=status, headers=headers)


def _cross_origin(request: Request, form: Form) -> dict[str, str]:
    origin = request.headers.get("origin", "")
    allowed = {"Access-Control-Allow-Origin": origin} if form.may_frame(origin) else {}
    return {**allowed, "Vary": "Origin"}


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _language(request: Request, form: Form) -> str:
    offered = form.languages
    stated = request.query_params.get("lang", "")
    if stated in offered:
        return stated
    accepted = request.headers.get("accept-language", "")
    return chosen_language(accepted, offered) or form.body.language


def _plain_id(stated: str | None) -> str | None:
    if not stated or len(stated) > _MOST_ID or not stated.isprintable():
        return None
    return stated


def _ip(request: Request) -> str | None:
    return request.client.host if request.client else None


def _own_origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _site(request: Request, form: Form) -> str | None:
    origin = request.headers.get("origin", "")
    return origin if form.may_frame(origin) else None
