"""A form that was sent, as events: who, what was answered, which consents.

An answer that tells who somebody is reaches history as little as any trait does: it stands in the
event's context, which stays in the encrypted log. Where the owner of the address is still to
confirm, so does everything that is said of the person, and the address itself: it leads to whoever
has it, and becomes nobody's.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from vocative.collect.forms.definition import Form
from vocative.collect.forms.kinds import Answer, Answers, is_personal

SUBMITTED = "Form Submitted"
VIEWED = "Form Viewed"
STEP_COMPLETED = "Form Step Completed"
CONFIRMED = "Form Confirmed"


class AskedConsent(msgspec.Struct, frozen=True, kw_only=True):
    """A box that was ticked."""

    purpose: str
    channel: str
    wording: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a person once the owner of the address confirms it: in an event's context."""

    email: str
    traits: dict[str, Answer]
    consents: list[AskedConsent]
    proof: dict[str, str]
    """The form, its version, the submission's id, the language, and where it came from."""
    anonymous_id: str | None = None
    moves_from: str | None = None
    """Who is written to no more when this is confirmed: the person's profile at another address."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of one."""

    visit: str
    answers: Answers
    """To what was asked in the end."""
    language: str
    at: datetime
    anonymous_id: str | None = None
    network: str | None = None
    """Where it came from, as a keyed hash."""
    site: str | None = None
    """The origin of the page that it was sent from, when that is another site."""

    @property
    def digest(self) -> bytes:
        """The same for the same answers."""
        return hashlib.sha256(msgspec.json.encode(self.answers, order="sorted")).digest()


def events_of(form: Form, sent: Submission) -> list[dict[str, Any]]:
    """The events of a submission, in the order in which they are to be applied."""
    email = _email(form, sent.answers)
    waiting = _waiting(form, sent, email)
    # Whose browser it was is said when the address is confirmed: until then it may be a stranger's.
    who = _who(email, None if waiting else sent.anonymous_id)
    common = {"timestamp": sent.at.isoformat(), **who}
    found: list[dict[str, Any]] = []
    stated = _stated(form, sent.answers, email) if waiting is None else {}
    if stated and "nobody" not in who["context"]:
        message_id = f"form-{sent.visit}-who"
        found.append({**common, "type": "identify", "messageId": message_id, "traits": stated})
    found.append(_submitted(form, sent, waiting, common))
    found += [
        {
            **common,
            "type": "track",
            "event": "Consent Requested" if waiting else "Consent Given",
            "messageId": f"form-{sent.visit}-asked-{consent.purpose}",
            "properties": consent_properties(consent, _proof(form, sent)),
        }
        for consent in _consents(form, sent.answers)
    ]
    return found


def _submitted(
    form: Form, sent: Submission, waiting: Waiting | None, common: dict[str, Any]
) -> dict[str, Any]:
    open_answers: dict[str, Answer] = {}
    personal: dict[str, Answer] = {}
    for question in form.questions:
        if question.name in sent.answers:
            kept = personal if is_personal(question) else open_answers
            kept[question.name] = sent.answers[question.name]
    # The log keeps these, encrypted; nothing else does.
    log_only = {"formAnswers": personal, "formWaiting": msgspec.to_builtins(waiting)}
    return {
        **common,
        "type": "track",
        "event": SUBMITTED,
        "messageId": f"form-{sent.visit}",
        "context": {**common["context"], **log_only},
        "properties": {
            "form": form.name,
            "version": form.version,
            "submission": sent.visit,
            "language": sent.language,
            "site": sent.site,
            "waits": waiting is not None,
            "answers": open_answers,
        },
    }


def _waiting(form: Form, sent: Submission, email: str | None) -> Waiting | None:
    consents = _consents(form, sent.answers)
    if not (form.body.double_opt_in and consents and email):
        return None
    return Waiting(
        email=email,
        traits=_traits(form, sent.answers),
        consents=consents,
        anonymous_id=sent.anonymous_id,
        proof=_proof(form, sent),
    )


def _proof(form: Form, sent: Submission) -> dict[str, str]:
    return {
        "form": form.name,
        "version": form.version,
        "submission": sent.visit,
        "language": sent.language,
        **({"network_hash": sent.network} if sent.network else {}),
    }


def consent_properties(consent: AskedConsent, proof: Mapping[str, str]) -> dict[str, Any]:
    """A consent that a form asked for, with what proves it."""
    return {
        "purpose": consent.purpose,
        "channel": consent.channel,
        "wording": consent.wording,
        "source": f"form {proof['form']}",
        "evidence": dict(proof),
    }


def step_event(form: Form, name: str, *, visit: str, step: int, at: datetime) -> dict[str, Any]:
    """Somebody came this far in a form; nobody in particular.

    Args:
        form: Which.
        name: `VIEWED` or `STEP_COMPLETED`.
        visit: Whose.
        step: The place of the step, from 0.
        at: When.
    """
    return {
        "type": "track",
        "event": name,
        "messageId": f"form-{visit}-{'viewed' if name == VIEWED else 'step'}-{step}",
        "timestamp": at.isoformat(),
        "context": {"nobody": True},
        "properties": {
            "form": form.name,
            "version": form.version,
            "visit": visit,
            "step": step + 1,
        },
    }


def _who(email: str | None, anonymous_id: str | None) -> dict[str, Any]:
    """Whose the events are; an address leads to its owner without becoming anybody's."""
    who: dict[str, Any] = {"context": {"traits": {"email": email}} if email else {}}
    if anonymous_id:
        who["anonymousId"] = anonymous_id
    if not email and not anonymous_id:
        who["context"] = {"nobody": True}
    return who


def _email(form: Form, answers: Answers) -> str | None:
    question = form.address
    answer = answers.get(question.name) if question else None
    return answer if isinstance(answer, str) else None


def _stated(form: Form, answers: Answers, email: str | None) -> dict[str, Answer]:
    return {**({"email": email} if email else {}), **_traits(form, answers)}


def _traits(form: Form, answers: Answers) -> dict[str, Answer]:
    return {
        question.trait: answers[question.name]
        for question in form.questions
        if question.trait and question.name in answers and question.kind != "email"
    }


def _consents(form: Form, answers: Answers) -> list[AskedConsent]:
    """What was ticked, each purpose once."""
    found: dict[str, AskedConsent] = {}
    for question in form.questions:
        if question.kind == "consent" and answers.get(question.name) is True:
            purpose, wording = question.purpose or "", question.wording or ""
            found[purpose] = AskedConsent(
                purpose=purpose, channel=question.channel, wording=wording
            )
    return list(found.values())
