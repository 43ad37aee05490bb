"""What `forms/NAME.yaml` says: steps, questions, consents, the look, and who may embed it.

A definition comes in, a checked `Form` goes out. Refused, with file, line and column: names used
twice, questions without what their kind needs, conditions on answers that are not known yet,
patterns that cannot be matched in linear time, consents that nobody could confirm, and places to
lead people to that the form does not name as its own.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.collect.forms.kinds import KINDS, Answer, Answers, Fault
from vocative.collect.forms.questions import Question
from vocative.errors import AuthorError, unknown_name
from vocative.pages.brand import Brand, brand_faults, filled, origin_of
from vocative.pages.words import LANGUAGES, Text, in_language
from vocative.sql import Catalog, Field, Type, check, in_document, parse
from vocative.sql.python import event_function
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.known import KnownByName
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlPath

_FORM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_QUESTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_QUESTIONS = 100

log = logging.getLogger("vocative.forms")


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked on one page."""

    questions: list[Question]
    title: Text = ""
    intro: Text = ""
    when: str | None = None


class Thanks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people see when they have sent a form."""

    title: Text = ""
    text: Text = ""
    redirect: str | None = None


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail of double opt-in."""

    subject: Text = ""
    text: Text = ""
    button: Text = ""
    within: str = "7d"
    per_day: int = 3
    """How many such mails an address gets in 24 hours."""


class Guard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a submission must be like to be taken for a person's."""

    min_seconds: float = 2.0
    within: str = "24h"
    per_network: int = 10
    """Submissions of one network in ten minutes."""
    per_address: int = 5
    """Submissions with one e-mail address in an hour."""
    proof_of_work: bool = False
    """Whether the visitor's browser has to do a little work, for which it needs scripts."""


class FormBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a form."""

    steps: list[Step]
    title: Text = ""
    intro: Text = ""
    button: Text = ""
    language: str = "en"
    describe: str = ""
    double_opt_in: bool = True
    confirmation: Confirmation = Confirmation()
    thanks: Thanks = Thanks()
    brand: Brand = Brand()
    sites: list[str] = []
    guard: Guard = Guard()


Asked = Callable[[Answers], bool]


@dataclass(frozen=True, kw_only=True)
class CheckedStep:
    """A step, and when it and its questions are asked."""

    body: Step
    asked: Asked
    questions: Sequence[tuple[Question, Asked]]

    def open_questions(self, answers: Answers) -> list[Question]:
        """What it asks somebody who gave these answers before; nothing when it is skipped."""
        if not self.asked(answers):
            return []
        return [question for question, asked in self.questions if asked(answers)]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A checked form."""

    name: str
    body: FormBody
    version: str
    """Changes with every change of its file."""
    steps: Sequence[CheckedStep]
    brand: Brand
    """Its own, its gaps filled by the workspace's."""
    within_seconds: int
    """How long a page of it may stay open."""
    confirm_seconds: int
    """How long the link of its confirmation mail works."""

    @property
    def questions(self) -> Iterator[Question]:
        """Every question, in order."""
        return (question for step in self.body.steps for question in step.questions)

    @property
    def address(self) -> Question | None:
        """The question for the e-mail address."""
        return next((one for one in self.questions if one.kind == "email"), None)

    @property
    def languages(self) -> tuple[str, ...]:
        """In which it can be shown, its own first."""
        title = self.body.title
        others = [one for one in title if one != self.body.language] if _by_language(title) else []
        return (self.body.language, *others)

    def text(self, text: Text, language: str) -> str:
        """An author's text in a language."""
        return in_language(text, language, self.body.language)

    def may_frame(self, origin: str) -> bool:
        """Whether pages of an origin may embed it and post to it."""
        return origin in self.body.sites


def _by_language(text: Text) -> bool:
    return isinstance(text, dict)


def check_definitions(workspace: Workspace) -> None:
    """Check every form.

    Raises:
        AuthorError: one is wrong.
    """
    read_forms(workspace)


def read_forms(workspace: Workspace) -> dict[str, Form]:
    """Every form of the folder, by name, checked.

    Raises:
        AuthorError: one is wrong.
    """
    return {
        name: _Reader(workspace, definition).form()
        for name, definition in workspace.definitions("form").items()
    }


def known_forms(workspace: Workspace) -> KnownByName[Form]:
    """The forms as the folder has them now, for a server."""
    return KnownByName(
        workspace, "form", read_forms, log=log, otherwise="forms go on as they were before"
    )


def read_form(workspace: Workspace, name: str) -> Form:
    """One form.

    Raises:
        UnknownName: there is none of this name.
        AuthorError: a form is wrong.
    """
    forms = read_forms(workspace)
    if name not in forms:
        raise unknown_name("form", name, forms)
    return forms[name]


class _Reader:
    """Checks one definition."""

    def __init__(self, workspace: Workspace, definition: Definition) -> None:
        self._workspace = workspace
        self._definition = definition
        self._body = convert(definition.text, (), definition.body, FormBody)
        self._known: dict[str, Field] = {}
        """What conditions may name: the answers of earlier steps."""

    def form(self) -> Form:
        """The form."""
        body, name = self._body, self._definition.name
        if not _FORM_NAME.fullmatch(name):
            raise self._wrong((), f"{name!r} cannot be the name of a form", "use newsletter.yaml")
        self._check_texts()
        self._check_look()
        self._check_questions()
        steps = [self._step(index, step) for index, step in enumerate(body.steps)]
        text = self._definition.text.text
        return Form(
            name=name,
            body=body,
            version=hashlib.sha256(text.encode()).hexdigest()[:10],
            steps=steps,
            brand=filled(body.brand, self._workspace.settings.brand),
            within_seconds=self._seconds(("guard", "within"), body.guard.within),
            confirm_seconds=self._seconds(("confirmation", "within"), body.confirmation.within),
        )

    def _wrong(self, path: YamlPath, message: str, hint: str | None = None) -> AuthorError:
        return AuthorError(message, where=self._definition.where(*path), hint=hint)

    def _seconds(self, path: YamlPath, written: str) -> int:
        seconds = seconds_of(written)
        if seconds is None:
            raise self._wrong(path, f"{written!r} is no length of time", "write 7d or 24h")
        return seconds

    def _step(self, index: int, step: Step) -> CheckedStep:
        asked = self._condition(("steps", index, "when"), step.when)
        questions = [
            (question, self._condition(("steps", index, "questions", place, "when"), question.when))
            for place, question in enumerate(step.questions)
        ]
        # From the next step on.
        for question in step.questions:
            kind = KINDS[question.kind].type
            self._known[question.name] = Field(name=question.name, kind="column", type=kind)
        return CheckedStep(body=step, asked=asked, questions=questions)

    def _condition(self, path: YamlPath, written: str | None) -> Asked:
        if written is None:
            return lambda _: True
        text = self._definition.text
        place = in_document(
            written, file=text.file, document=text.text, start=self._definition.where(*path)
        )
        catalog = Catalog(
            fields=dict(self._known), now=False, about="somebody who answered the steps before"
        )
        node = check(parse(written, place), catalog, wanted={Type.BOOLEAN}).node
        names = list(self._known)
        holds = event_function(node, names, "", truth=True)
        kinds = {one.name: KINDS[one.kind] for one in self._questions_of(names)}

        def asked(answers: Answers) -> bool:
            return bool(holds(tuple(_compared(kinds[name], answers.get(name)) for name in names)))

        return asked

    def _questions_of(self, names: Sequence[str]) -> list[Question]:
        return [
            question
            for step in self._body.steps
            for question in step.questions
            if question.name in names
        ]

    def _check_questions(self) -> None:
        body, seen = self._body, set[str]()
        if not body.steps:
            raise self._wrong(("steps",), "a form needs a step")
        for index, step in enumerate(body.steps):
            if not step.questions:
                raise self._wrong(("steps", index), "a step needs a question")
            for place, question in enumerate(step.questions):
                path = ("steps", index, "questions", place)
                if not _QUESTION_NAME.fullmatch(question.name):
                    hint = "use small letters, digits and _"
                    raise self._wrong((*path, "name"), "this cannot be a question's name", hint)
                if question.name in seen:
                    raise self._wrong((*path, "name"), f"{question.name!r} is asked twice")
                seen.add(question.name)
                self._check_question(path, question)
        if len(seen) > MOST_QUESTIONS:
            raise self._wrong(("steps",), f"a form has at most {MOST_QUESTIONS} questions")
        self._check_address()

    def _check_question(self, path: YamlPath, question: Question) -> None:
        if question.kind not in KINDS:
            where = self._definition.where(*path, "kind")
            raise unknown_name("kind of question", question.kind, KINDS, where=where)
        for name in question.unfitting(KINDS[question.kind].takes):
            message = f"a question of kind {question.kind} has no {name}"
            raise self._wrong((*path, name, "@key"), message)
        try:
            KINDS[question.kind].check(question)
        except Fault as fault:
            raise self._wrong((*path, fault.about), fault.message, fault.hint) from None
        if question.country_question is not None:
            self._check_country_question(path, question.country_question)
        purposes = self._workspace.settings.purposes
        if question.purpose is not None and question.purpose not in purposes:
            where = self._definition.where(*path, "purpose")
            raise unknown_name("purpose", question.purpose, purposes, where=where)

    def _check_country_question(self, path: YamlPath, name: str) -> None:
        for question in self._questions_of([name]):
            if question.kind == "choice":
                return
        hint = "its answers are two letters of a country each, such as DE"
        raise self._wrong(
            (*path, "country_question"), "this must name a question of kind choice", hint
        )

    def _check_address(self) -> None:
        """A consent needs somebody who gives it, and an address to be confirmed."""
        addresses = [
            (step, question)
            for step in self._body.steps
            for question in step.questions
            if question.kind == "email"
        ]
        if len(addresses) > 1:
            raise self._wrong(("steps",), "a form asks for one e-mail address at most")
        asks_consent = any(
            question.kind == "consent" for step in self._body.steps for question in step.questions
        )
        if not asks_consent:
            return
        sure = any(
            question.required and question.when is None and step.when is None
            for step, question in addresses
        )
        if not sure:
            hint = "add a question of kind email with `required: true` and without `when`"
            raise self._wrong(("steps",), "a consent needs an e-mail address for sure", hint)

    def _check_texts(self) -> None:
        if self._body.language not in LANGUAGES:
            where = self._definition.where("language")
            raise unknown_name("language", self._body.language, LANGUAGES, where=where)
        for path, text in _texts(msgspec.to_builtins(self._body), ()):
            for language in text:
                if language not in LANGUAGES:
                    where = self._definition.where(*path, language, "@key")
                    raise unknown_name("language", language, LANGUAGES, where=where)
            if self._body.language not in text:
                message = f"this text is missing in the form's language, {self._body.language}"
                raise self._wrong(path, message)

    def _check_look(self) -> None:
        body = self._body
        for path, message, hint in brand_faults(body.brand):
            raise self._wrong(("brand", *path), message, hint)
        for index, site in enumerate(body.sites):
            if origin_of(site) != site:
                hint = "write https://shop.example, without a path"
                raise self._wrong(("sites", index), "this is not the origin of a site", hint)
        redirect = body.thanks.redirect
        if redirect is None:
            return
        own = origin_of(self._workspace.settings.base_url)
        if origin_of(redirect) not in (own, *body.sites):
            hint = "name its origin under `sites`"
            raise self._wrong(("thanks", "redirect"), "this leads to a site of nobody's", hint)


def _compared(kind: Any, answer: Answer) -> Any:
    return None if answer is None else kind.compared(answer)


def _texts(value: Any, path: YamlPath) -> Iterator[tuple[YamlPath, Mapping[str, str]]]:
    """Every text of a form that is written by language, and where."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from _texts(element, (*path, index))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "choices":
                for choice, text in inner.items():
                    if isinstance(text, dict):
                        yield (*path, name, choice), text
            elif name in _TEXTS and isinstance(inner, dict):
                yield (*path, name), inner
            else:
                yield from _texts(inner, (*path, name))


_TEXTS = ("title", "intro", "button", "label", "help", "text", "subject")
