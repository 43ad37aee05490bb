"""The pages of a form as HTML: they need no script, and nothing from anywhere else.

Texts of authors and answers of visitors are escaped where they are put in. A visitor's browser is
told to load nothing besides the logo, and to let none but the form's own sites show it in a frame.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from vocative.collect.forms.answers import Posted, previous_step
from vocative.collect.forms.definition import Form
from vocative.collect.forms.guard import PROOF_BITS
from vocative.collect.forms.kinds import Answer, Answers
from vocative.collect.forms.questions import Question
from vocative.pages.page import Look, Page
from vocative.pages.page import page as plain_page
from vocative.pages.words import Text, word

HONEYPOT = "_website"
PROOF = "_proof"
STATE = "_state"
GO = "_go"
"""The field of the pressed button: `next` or `back`."""
_FOLDER = Path(__file__).parent
_MOST_RADIOS = 6
"""From more choices one list is made."""
_INPUTS = {"email": "email", "phone": "tel", "number": "text", "date": "date"}
_AUTOCOMPLETE = {"email": "email", "phone": "tel", "postcode": "postal-code"}
_AUTOCOMPLETE_OF_TRAITS = {
    "first_name": "given-name",
    "last_name": "family-name",
    "name": "name",
    "city": "address-level2",
    "country": "country",
    "birthday": "bday",
    "company": "organization",
}


def look_of(form: Form, language: str, *, framed: bool, done: bool = False) -> Look:
    """How pages of a form look."""
    return Look(
        brand=form.brand,
        otherwise=form.body.language,
        sites=form.body.sites,
        language=language,
        framed=framed,
        form=form.name,
        done=done,
    )


def page(look: Look, title: str, body: str, scripts: Sequence[str] = ()) -> Page:
    """A page of a form.

    Args:
        look: Of the form.
        title: As text.
        body: As HTML.
        scripts: Files of this folder that run in it.
    """
    files = [*scripts, *(["frame.js"] if look.framed else [])]
    return plain_page(look, title, body, [_file(name) for name in files])


def step_page(
    form: Form,
    step: int,
    *,
    visit: str,
    token: str,
    answers: Answers,
    given: Posted,
    language: str,
    framed: bool = False,
    posted: Posted | None = None,
    faults: Mapping[str, str] | None = None,
    notice: str = "",
) -> Page:
    """A page that asks the questions of a step.

    Args:
        form: Which.
        step: Its place, from 0.
        visit: Whose.
        token: The sealed state.
        answers: What was answered so far, also in this step when somebody comes back to it.
        given: What questions begin with that were not answered yet.
        language: Of the texts.
        framed: Whether it is shown within a page of another site.
        posted: What was sent and could not be used as it is.
        faults: Why, by question.
        notice: What else there is to say, as text.
    """
    body, faults = form.body, faults or {}
    stated = body.steps[step]

    def text(written: Text) -> str:
        return escape(form.text(written, language))

    fields = _Fields(form, language, faults)
    questions = form.steps[step].open_questions(answers)
    parts = []
    if step == 0 or not stated.title:
        parts.append(f"<h1>{text(body.title)}</h1>" if body.title else "")
    if step == 0 and body.intro:
        parts.append(f'<p class="intro">{text(body.intro)}</p>')
    parts.append(_place(form, step, language))
    if stated.title:
        level = "h2" if step == 0 and body.title else "h1"
        parts.append(f"<{level}>{text(stated.title)}</{level}>")
    if stated.intro:
        parts.append(f'<p class="intro">{text(stated.intro)}</p>')
    parts.append(_summary(fields, questions, notice, language))
    parts.append(
        f'<form method="post" action="/f/{escape(form.name)}" novalidate accept-charset="utf-8">'
    )
    parts.append(f'<input type="hidden" name="{STATE}" value="{escape(token)}">')
    for question in questions:
        typed = _typed(question, answers, given, posted)
        parts.append(fields.question(question, typed))
    parts.append(_unseen(language))
    needs_proof = form.body.guard.proof_of_work
    if needs_proof:
        parts.append(
            f'<input type="hidden" name="{PROOF}" value="" data-visit="{visit}"'
            f' data-bits="{PROOF_BITS}">'
        )
    has_back = previous_step(form, step, answers) is not None
    parts.append(_buttons(form, step, language, has_back=has_back))
    parts.append("</form>")
    title = form.text(body.title, language) or form.name
    if faults:
        title = f"{word('faults_title', language)}: {title}"
    look = look_of(form, language, framed=framed)
    scripts = ["proof.js"] if needs_proof else []
    return page(look, title, "\n".join(part for part in parts if part), scripts)


def thanks_page(form: Form, language: str, *, framed: bool = False) -> Page:
    """What people see when they have sent a form; the same for everybody."""
    body = form.body
    thanks = body.thanks
    title = form.text(thanks.title, language) or word("thanks_title", language)
    text = form.text(thanks.text, language) or word("thanks_text", language)
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="intro">{escape(text)}</p>']
    asks_consent = any(question.kind == "consent" for question in form.questions)
    if body.double_opt_in and asks_consent:
        parts.append(f"<p>{word('check_mail', language)}</p>")
    if thanks.redirect and framed:
        label = word("go_on", language)
        parts.append(
            f'<a class="button" target="_top" href="{escape(thanks.redirect)}">{label}</a>'
        )
    return page(look_of(form, language, framed=framed, done=True), title, "\n".join(parts))


class _Fields:
    """The fields of one page."""

    def __init__(self, form: Form, language: str, faults: Mapping[str, str]) -> None:
        self._form = form
        self._language = language
        self._faults = faults

    def text(self, written: Text) -> str:
        """An author's text as HTML."""
        return escape(self._form.text(written, self._language))

    def fault(self, question: Question) -> str:
        """Why an answer could not be used, as HTML; empty when it could."""
        return escape(self._faults.get(question.name, ""))

    def question(self, question: Question, typed: Sequence[str]) -> str:
        """A question with what was answered so far."""
        if question.kind == "hidden":
            value = escape(typed[0] if typed else "")
            return f'<input type="hidden" name="{question.name}" value="{value}">'
        if question.kind == "consent":
            return self._consent(question, typed)
        if question.kind in ("choice", "many", "yes_no"):
            if question.kind == "choice" and len(question.choices) > _MOST_RADIOS:
                return self._list(question, typed)
            return self._boxes(question, typed)
        return self._line(question, typed)

    def _line(self, question: Question, typed: Sequence[str]) -> str:
        kind = _INPUTS.get(question.kind, "text")
        value = escape(typed[0] if typed else "")
        filled_by = _AUTOCOMPLETE.get(question.kind) or _AUTOCOMPLETE_OF_TRAITS.get(
            question.trait or ""
        )
        more = f' autocomplete="{filled_by}"' if filled_by else ""
        if question.kind == "number":
            more += ' inputmode="decimal"'
        if question.kind == "email":
            more += ' autocapitalize="none" spellcheck="false"'
        if question.max_length:
            more += f' maxlength="{question.max_length}"'
        if question.kind == "date":
            more += _limits(question)
        return self._labelled(
            question,
            f'<input id="q-{question.name}" name="{question.name}" type="{kind}" value="{value}"'
            f"{more}{self._described(question)}>",
        )

    def _list(self, question: Question, typed: Sequence[str]) -> str:
        options = [f'<option value="">{word("choose", self._language)}</option>']
        for choice, text in question.choices.items():
            chosen = " selected" if choice in typed else ""
            options.append(f'<option value="{escape(choice)}"{chosen}>{self.text(text)}</option>')
        return self._labelled(
            question,
            f'<select id="q-{question.name}" name="{question.name}"{self._described(question)}>'
            + "".join(options)
            + "</select>",
        )

    def _labelled(self, question: Question, control: str) -> str:
        return (
            f'<div class="question"><label for="q-{question.name}">{self._label(question)}</label>'
            f"{self._help(question)}{self._fault(question)}{control}</div>"
        )

    def _boxes(self, question: Question, typed: Sequence[str]) -> str:
        kind = "checkbox" if question.kind == "many" else "radio"
        role = ' role="radiogroup"' if kind == "radio" else ""
        choices: Mapping[str, Text] = question.choices
        if question.kind == "yes_no":
            choices = {name: word(name, self._language) for name in ("yes", "no")}
        rows = []
        for number, (choice, text) in enumerate(choices.items()):
            # A link of the list of faults leads to the first one.
            name = f"q-{question.name}" + (f"-{number}" if number else "")
            chosen = " checked" if choice in typed else ""
            rows.append(
                f'<div class="choice"><input id="{name}" name="{question.name}" type="{kind}"'
                f' value="{escape(choice)}"{chosen}>'
                f'<label for="{name}">{self.text(text)}</label></div>'
            )
        described = self._described(question, is_group=kind == "checkbox")
        return (
            f'<fieldset class="question"{role}{described}>'
            f"<legend>{self._label(question)}</legend>{self._help(question)}"
            f"{self._fault(question)}{''.join(rows)}</fieldset>"
        )

    def _consent(self, question: Question, typed: Sequence[str]) -> str:
        chosen = " checked" if "yes" in typed else ""
        return (
            f'<div class="question">{self._fault(question)}<div class="choice">'
            f'<input id="q-{question.name}" name="{question.name}" type="checkbox" value="yes"'
            f"{chosen}{self._described(question)}>"
            f'<label for="q-{question.name}">{self._label(question)}</label></div>'
            f"{self._help(question)}</div>"
        )

    def _label(self, question: Question) -> str:
        label = self.text(question.label)
        if question.required:
            return label
        return f'{label} <span class="optional">({word("optional", self._language)})</span>'

    def _help(self, question: Question) -> str:
        if not question.help:
            return ""
        return f'<p class="help" id="h-{question.name}">{self.text(question.help)}</p>'

    def _fault(self, question: Question) -> str:
        fault = self.fault(question)
        return f'<p class="fault" id="f-{question.name}">{fault}</p>' if fault else ""

    def _described(self, question: Question, *, is_group: bool = False) -> str:
        described = [f"h-{question.name}"] if question.help else []
        found = ""
        if self.fault(question):
            described.append(f"f-{question.name}")
            found = "" if is_group else ' aria-invalid="true"'
        if question.required and not is_group:
            found += ' aria-required="true"'
        if described:
            found += f' aria-describedby="{" ".join(described)}"'
        return found


def _summary(fields: _Fields, questions: Sequence[Question], notice: str, language: str) -> str:
    """What is to be looked at again, first on the page and with the focus."""
    wrong = [question for question in questions if fields.fault(question)]
    if not wrong and not notice:
        return ""
    rows = "".join(
        f'<li><a href="#q-{question.name}">{_named(fields, question)}</a></li>'
        for question in wrong
    )
    listed = f"<h2>{word('faults_title', language)}</h2><ul>{rows}</ul>" if rows else ""
    said = f"<p>{escape(notice)}</p>" if notice else ""
    return f'<div class="faults" role="alert" tabindex="-1" autofocus>{said}{listed}</div>'


def _named(fields: _Fields, question: Question) -> str:
    """A fault and what it is about; the text of a consent would be too long for that."""
    if question.kind == "consent":
        return fields.fault(question)
    return f"{fields.text(question.label)}: {fields.fault(question)}"


def _place(form: Form, step: int, language: str) -> str:
    """How far somebody has come; not where conditions decide how far it is."""
    steps = form.body.steps
    if len(steps) == 1 or any(one.when for one in steps):
        return ""
    return f'<p class="place">{word("step", language, step=step + 1, steps=len(steps))}</p>'


def _buttons(form: Form, step: int, language: str, *, has_back: bool) -> str:
    is_last = step == len(form.steps) - 1
    label = word("send" if is_last else "next", language)
    if is_last and form.body.button:
        label = escape(form.text(form.body.button, language))
    # The first button is the one that the enter key presses.
    back = (
        f'<button class="quiet" name="{GO}" value="back">{word("back", language)}</button>'
        if has_back
        else ""
    )
    return f'<div class="go"><button name="{GO}" value="next">{label}</button>{back}</div>'


def _unseen(language: str) -> str:
    """A field that people never see and programs fill in."""
    return (
        f'<div class="unseen" aria-hidden="true"><label>{word("leave_empty", language)}'
        f'<input name="{HONEYPOT}" tabindex="-1" autocomplete="off"></label></div>'
    )


def _typed(
    question: Question, answers: Answers, given: Posted, posted: Posted | None
) -> Sequence[str]:
    if posted is not None:
        return posted.get(question.name, ())
    if question.name in answers:
        return as_typed(answers[question.name])
    # A box that somebody else ticked would be no consent.
    return () if question.kind == "consent" else given.get(question.name, ())


def as_typed(answer: Answer) -> list[str]:
    """An answer as a browser would send it.

    >>> as_typed(2.0), as_typed(True), as_typed(["a", "b"])
    (['2'], ['yes'], ['a', 'b'])
    """
    if answer is None:
        return []
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    if isinstance(answer, list):
        return answer
    return [f"{answer:.15g}" if isinstance(answer, int | float) else answer]


def _limits(question: Question) -> str:
    stated = {"min": question.min, "max": question.max}
    return "".join(f' {key}="{value}"' for key, value in stated.items() if value is not None)


@cache
def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
