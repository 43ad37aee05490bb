"""The preference centre: looking asks, a button decides.

The address of the page is the key to it, so no page of another site can send what its forms send;
a browser that says that another site did so is refused besides. What is sent must name the text
that was seen: whoever saw an older one looks at the page again.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vocative.collect.forms.guard import Counter
from vocative.deliver.pages.answers import Answers, answer, page_language, small_body
from vocative.deliver.pages.preferences_html import (
    ACTION,
    EMAIL,
    LANGUAGE,
    OFTEN,
    PAUSE,
    VERSION,
    WANT,
    PreferencePage,
)
from vocative.deliver.preferences.address import ask_new_address
from vocative.deliver.preferences.changing import Choice, Proof, leave_all, save
from vocative.deliver.preferences.standing import Preferences, find_preferences
from vocative.deliver.preferences.wording import version_of
from vocative.errors import VocativeError
from vocative.privacy.addresses import normal_email
from vocative.privacy.networks import network_hash
from vocative.workspace import Workspace

_MOST_FIELDS = 500
_ADDRESSES_A_DAY = 5
"""So many other addresses the holder of a link may have asked."""
_LONGEST_ADDRESS = 320
Posted = Mapping[str, list[str]]


def preference_routes(workspace: Workspace) -> list[Route]:
    """The routes of the preference centre."""
    pages = _Pages(Answers(workspace))
    return [
        Route("/p/{token}", pages.shown, methods=["GET"], name="preferences"),
        Route("/p/{token}", pages.decided, methods=["POST"], name="preferences_now"),
    ]


class _Pages:
    """The endpoints; Starlette answers HEAD where it answers GET."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._workspace = answers.workspace
        self._asked = Counter(86_400)

    async def shown(self, request: Request) -> Response:
        """The page; changes nothing."""
        return await self._guarded(request, {})

    async def decided(self, request: Request) -> Response:
        """What one of its buttons does."""
        body = await small_body(request)
        try:
            posted = parse_qs(
                body.decode("utf-8", "replace"),
                keep_blank_values=True,
                max_num_fields=_MOST_FIELDS,
            )
        except ValueError:  # Too many fields: no page of ours sent that.
            posted = {}
        if request.headers.get("sec-fetch-site") == "cross-site":
            posted = {}
        return await self._guarded(request, posted)

    async def _guarded(self, request: Request, posted: Posted) -> Response:
        link = self._answers.link(request, "preferences")
        if link is None:
            return self._answers.invalid(request)
        try:
            return await run_in_threadpool(self._answer, request, link.message_id, posted)
        except VocativeError as error:
            return self._answers.later(request, error)

    def _answer(self, request: Request, message_id: str, posted: Posted) -> Response:
        found = find_preferences(self._workspace, message_id)
        if found is None:
            return self._answers.gone(request)
        language = page_language(self._workspace, request, found.recipient.language)
        ip = request.client.host if request.client else None
        proof = Proof(language=language, network=network_hash(self._workspace.vault, ip))
        action = _one(posted, ACTION)
        if action == "save":
            return self._saved(found, posted, proof)
        if action == "leave":
            done = leave_all(self._workspace, message_id, proof)
            if done is None:
                return self._answers.gone(request)
            return answer(self._page(done.preferences, language).page(done=["left_all"]))
        if action == "address":
            return self._address(found, posted, proof)
        return answer(self._page(found, language).page())

    def _saved(self, found: Preferences, posted: Posted, proof: Proof) -> Response:
        if _one(posted, VERSION) != version_of(self._workspace.settings, proof.language):
            again = self._page(found, proof.language).page(fault="texts_changed")
            return answer(again, status=409)
        choice = _choice(posted, found)
        done = save(self._workspace, found.recipient.message_id, choice, proof)
        if done is None:
            return answer(self._page(found, proof.language).page())
        shown = self._page(done.preferences, proof.language)
        said = "saved" if done.changed else "saved_nothing"
        return answer(shown.page(done=[said], chosen_language=choice.language))

    def _address(self, found: Preferences, posted: Posted, proof: Proof) -> Response:
        shown, typed = self._page(found, proof.language), _one(posted, EMAIL).strip()
        address = normal_email(typed) if len(typed) <= _LONGEST_ADDRESS else None
        if address is None:
            again = shown.page(address_fault="email", typed_address=typed[:_LONGEST_ADDRESS])
            return answer(again, status=422)
        recipient = found.recipient
        if self._asked.count(recipient.person_id) <= _ADDRESSES_A_DAY:
            # The same request, sent twice, asks once.
            day = self._workspace.clock.now().date().isoformat()
            stated = f"{recipient.message_id}|{address}|{day}"
            request = self._workspace.vault.lookup_hash("new address", stated)
            ask_new_address(self._workspace, found, address, proof, request=request)
        # The same for every address: nobody learns here which ones are known.
        return answer(shown.page(done=["address_sent"]))

    def _page(self, found: Preferences, language: str) -> PreferencePage:
        return PreferencePage(self._workspace, found, language)


def _choice(posted: Posted, found: Preferences) -> Choice:
    """What was chosen, as far as the page offers it."""
    ticked = set(posted.get(WANT, ()))
    pause = _one(posted, PAUSE)
    language = _one(posted, LANGUAGE)
    return Choice(
        wanted={
            subject.purpose: {
                channel for channel in subject.channels if f"{subject.purpose}/{channel}" in ticked
            }
            for subject in found.listed
        },
        every_days={
            subject.purpose: _number(_one(posted, f"{OFTEN}/{subject.purpose}")) or 0
            for subject in found.listed
        },
        pause_days=_number(pause),
        language=language if language in found.languages else None,
    )


def _one(posted: Posted, name: str) -> str:
    return posted.get(name, [""])[0]


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 5 else None
